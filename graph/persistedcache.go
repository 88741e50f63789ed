package graph

import (
	"container/list"
	"sync"

	"upstream/models"
)

// Bounds of what is kept: of one query, of one customer, and of all. An entry
// counts as its text and what it takes to find it.
const (
	longestPersisted    = 64 << 10
	persistedOverhead   = 512
	persistedOfOwner    = 1 << 20
	persistedOfAll      = 16 << 20
	persistedOwnEntries = 1000
	persistedAllEntries = 10_000
)

// persistedOwner is who shares persisted queries: the people and programs of
// one customer. A hash that one customer made known is unknown to any other, so
// that nobody can find out by it what others ask. Who has not signed in shares
// with nobody and keeps nothing.
type persistedOwner struct {
	customer models.CustomerID
	none     bool
}

// persistedCache keeps the queries used last, within its bounds.
type persistedCache struct {
	mu     sync.Mutex
	all    usage
	owners map[persistedOwner]*usage
	found  map[persistedKey]*persistedEntry
}

type persistedKey struct {
	owner persistedOwner
	hash  string
}

// persistedEntry is one query, and its places in the two orders of use.
type persistedEntry struct {
	key           persistedKey
	text          string
	inAll, inOwn  *list.Element
	owner         *usage
	bytesWithKeys int
}

// usage is a set of entries in their order of use, the last one first.
type usage struct {
	order list.List
	bytes int
}

// over reports whether the set is beyond its bounds.
func (u *usage) over(bytes, entries int) bool { return u.bytes > bytes || u.order.Len() > entries }

func (u *usage) oldest() *persistedEntry {
	return u.order.Back().Value.(*persistedEntry) //nolint:forcetypeassert // the list holds nothing else
}

func newPersistedCache() *persistedCache {
	return &persistedCache{owners: map[persistedOwner]*usage{}, found: map[persistedKey]*persistedEntry{}}
}

// get finds a query that the owner has made known.
func (c *persistedCache) get(owner persistedOwner, hash string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, known := c.found[persistedKey{owner, hash}]
	if !known {
		return "", false
	}
	c.all.order.MoveToFront(e.inAll)
	e.owner.order.MoveToFront(e.inOwn)
	return e.text, true
}

// add keeps a query, at the cost of those that were not used for longest: of
// the owner's while that has more than its share, then of all.
func (c *persistedCache) add(owner persistedOwner, hash, text string) {
	if owner.none || len(text) > longestPersisted {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := persistedKey{owner, hash}
	if _, known := c.found[key]; known {
		return
	}
	own := c.owners[owner]
	if own == nil {
		own = &usage{}
		c.owners[owner] = own
	}
	e := &persistedEntry{key: key, text: text, owner: own, bytesWithKeys: len(text) + persistedOverhead}
	e.inAll, e.inOwn = c.all.order.PushFront(e), own.order.PushFront(e)
	c.found[key] = e
	c.all.bytes += e.bytesWithKeys
	own.bytes += e.bytesWithKeys
	for own.over(persistedOfOwner, persistedOwnEntries) {
		c.drop(own.oldest())
	}
	for c.all.over(persistedOfAll, persistedAllEntries) {
		c.drop(c.all.oldest())
	}
}

func (c *persistedCache) drop(e *persistedEntry) {
	c.all.order.Remove(e.inAll)
	e.owner.order.Remove(e.inOwn)
	c.all.bytes -= e.bytesWithKeys
	e.owner.bytes -= e.bytesWithKeys
	delete(c.found, e.key)
	if e.owner.order.Len() == 0 {
		delete(c.owners, e.key.owner)
	}
}
