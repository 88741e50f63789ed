package graph

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"upstream/models"
)

func ownedBy(n byte) persistedOwner {
	return persistedOwner{customer: models.CustomerID{}.From([16]byte{n})}
}

// check demands that the cache is within its bounds, and that its sums are true.
func (c *persistedCache) check(t *rapid.T) {
	total := 0
	for owner, u := range c.owners {
		sum := 0
		for e := u.order.Front(); e != nil; e = e.Next() {
			sum += e.Value.(*persistedEntry).bytesWithKeys
		}
		if sum != u.bytes || u.over(persistedOfOwner, persistedOwnEntries) || u.order.Len() == 0 {
			t.Fatalf("%v has %d entries of %d bytes, says %d", owner, u.order.Len(), sum, u.bytes)
		}
		total += sum
	}
	if total != c.all.bytes || c.all.order.Len() != len(c.found) || c.all.over(persistedOfAll, persistedAllEntries) {
		t.Fatalf("%d entries of %d bytes, says %d of %d", len(c.found), total, c.all.order.Len(), c.all.bytes)
	}
}

func TestPersistedCacheKeepsItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newPersistedCache()
		for i := range rapid.IntRange(1, 400).Draw(t, "queries") {
			owner := ownedBy(byte(rapid.IntRange(0, 40).Draw(t, "owner")))
			text := strings.Repeat("x", rapid.SampledFrom([]int{0, 100, 30_000, longestPersisted, longestPersisted + 1}).Draw(t, "length"))
			c.add(owner, strconv.Itoa(i), text)
			got, known := c.get(owner, strconv.Itoa(i))
			if known != (len(text) <= longestPersisted) || known && got != text {
				t.Fatalf("a query of %d bytes is known: %v", len(text), known)
			}
			if _, known := c.get(ownedBy(99), strconv.Itoa(i)); known {
				t.Fatal("another customer knows it")
			}
		}
		c.check(t)
	})
}

// One customer's queries never push out another's while there is room for all.
func TestPersistedCacheIsShared(t *testing.T) {
	t.Parallel()
	c := newPersistedCache()
	c.add(ownedBy(1), "mine", "{ mine }")
	for i := range 3 * persistedOwnEntries {
		c.add(ownedBy(2), strconv.Itoa(i), "{ x }")
	}
	if _, known := c.get(ownedBy(1), "mine"); !known {
		t.Error("it was pushed out by another customer")
	}
	if n := c.owners[ownedBy(2)].order.Len(); n != persistedOwnEntries {
		t.Errorf("the other customer has %d", n)
	}
	if _, known := c.get(ownedBy(2), strconv.Itoa(3*persistedOwnEntries-1)); !known {
		t.Error("the last one is gone")
	}
	// What is asked for stays, what is not goes.
	c = newPersistedCache()
	for i := range persistedOwnEntries {
		c.add(ownedBy(1), strconv.Itoa(i), "{ x }")
	}
	c.get(ownedBy(1), "0")
	c.add(ownedBy(1), "one more", "{ x }")
	_, first := c.get(ownedBy(1), "0")
	if _, second := c.get(ownedBy(1), "1"); !first || second {
		t.Errorf("the one used is known: %v, the one not used: %v", first, second)
	}
	c.add(persistedOwner{none: true}, "stranger", "{ x }")
	if _, known := c.get(persistedOwner{none: true}, "stranger"); known {
		t.Error("a stranger's query is kept")
	}
}

func TestPersistedCacheAtOnce(t *testing.T) {
	t.Parallel()
	c := newPersistedCache()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 500 {
				c.add(ownedBy(byte(i%3)), strconv.Itoa(j), strings.Repeat("x", j*20))
				c.get(ownedBy(byte(i%2)), strconv.Itoa(j/2))
			}
		})
	}
	wg.Wait()
	rapid.Check(t, c.check)
}
