package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"

	"upstream/graph/wire"
	"upstream/models"
	"upstream/store"
)

// Nested fields are loaded for families. A family is all the rows of one kind
// that one read brought: the page of a connection, the pages of a connection
// under many parents together, the objects a list of rows refers to. The first
// member whose nested field is resolved loads that field for the whole family;
// the others find it loaded. The rows loaded become a family in turn, so an
// operation costs as many reads as it has nested fields, however many rows
// there are, at any depth.
//
// gqlgen's batch resolvers stop at `edges { node }`, since they know the items
// of one list only, and loaders that gather keys for some milliseconds delay
// every level and let the number of statements vary with the machine's load.

// loaders holds the families of one request by member.
type loaders struct{ families sync.Map }

// family is rows of one kind that were read together.
type family[T any] struct {
	members []*T
	loads   sync.Map
}

// load is one nested field of a family, loaded once.
type load struct {
	once  sync.Once
	value any
	err   error
}

// adopt makes a family of rows that were read together.
func adopt[T any](ctx context.Context, members []*T) {
	f := &family[T]{members: members}
	families := &requestFrom(ctx).loaders.families
	for _, m := range members {
		families.Store(m, f)
	}
}

// familyOf is the family of a row; a row read alone is one of its own.
func familyOf[T any](ctx context.Context, member *T) *family[T] {
	own := &family[T]{members: []*T{member}}
	f, _ := requestFrom(ctx).loaders.families.LoadOrStore(member, own)
	return f.(*family[T]) //nolint:forcetypeassert // keyed by a *T, so only adopt[T] stored it
}

// loadOnce runs fetch for the first caller with this key and gives its result
// to all. A panic becomes an error, or the members waiting would find nothing.
func loadOnce[P, R any](f *family[P], key string, fetch func([]*P) (R, error)) (R, error) {
	entry, _ := f.loads.LoadOrStore(key, &load{})
	l := entry.(*load) //nolint:forcetypeassert // the map holds nothing else
	l.once.Do(func() {
		defer func() {
			if p := recover(); p != nil {
				l.err = models.Internal(panicked(p))
			}
		}()
		l.value, l.err = fetch(f.members)
	})
	result, _ := l.value.(R)
	return result, l.err
}

// panicError is a panic that was caught, and where it came from.
type panicError struct {
	value any
	stack []byte
}

// Error implements error.
func (p *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

func panicked(p any) error { return &panicError{value: p, stack: debug.Stack()} }

// nested answers a connection below parent: the same page for every member of
// its family, read at once. name tells the connections of a type apart.
func nested[P, C any, K comparable, F models.OrderField](
	ctx context.Context, parent *P, name string, search *string, orderBy []models.Order[F], w window, filter any,
	id func(*P) K, fetch func(models.Viewer, []K, models.List[F]) (map[K]*models.Rows[*C], error),
) (*wire.Connection[*C], error) {
	v, l, err := asked(ctx, search, orderBy, w)
	if err != nil {
		return nil, err
	}
	read := func(parents []*P) (map[K]*models.Rows[*C], error) {
		pages, err := fetch(v, distinct(parents, id), l)
		adopt(ctx, allRows(pages))
		return pages, err
	}
	var pages map[K]*models.Rows[*C]
	if key, unwritable := json.Marshal([]any{name, filter, l}); unwritable == nil {
		pages, err = loadOnce(familyOf(ctx, parent), string(key), read)
	} else {
		// JSON has no word for a bound that is no number, so there is no key to
		// share the read by. The store refuses such a bound and says which it is.
		pages, err = read([]*P{parent})
	}
	if err != nil {
		return nil, err
	}
	return wire.NewConnection(pages[id(parent)]), nil
}

// related answers a reference from row to another object, read for every
// member of its family at once; nil when the row refers to none.
func related[P, C any, K comparable](
	ctx context.Context, row *P, name string, id func(*P) K, fetch func(models.Viewer, []K) (map[K]*C, error),
) (*C, error) {
	v, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	found, err := loadOnce(familyOf(ctx, row), name, func(rows []*P) (map[K]*C, error) {
		found, err := fetch(v, distinct(rows, id))
		adopt(ctx, values(found))
		return found, err
	})
	if err != nil {
		return nil, err
	}
	return found[id(row)], nil
}

// memberBehind answers who did something, by the user that row names: the
// member, or nil when nobody did who is one now.
func memberBehind[P any](ctx context.Context, st *store.Store, row *P, name string, user func(*P) *models.UserID) (*models.Member, error) {
	return related(ctx, row, name, func(r *P) models.UserID { return deref(user(r)) },
		func(v models.Viewer, ids []models.UserID) (map[models.UserID]*models.Member, error) {
			return st.MembersByUserID(ctx, v, ids)
		})
}

// distinct lists the keys of rows in their order, without repetition and
// without the zero key.
func distinct[T any, K comparable](rows []*T, id func(*T) K) []K {
	var zero K
	seen := map[K]bool{zero: true}
	keys := make([]K, 0, len(rows))
	for _, row := range rows {
		if k := id(row); !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	return keys
}

func allRows[K comparable, C any](pages map[K]*models.Rows[*C]) []*C {
	var all []*C
	for _, page := range pages {
		all = append(all, page.Items...)
	}
	return all
}

func values[K comparable, C any](found map[K]*C) []*C {
	all := make([]*C, 0, len(found))
	for _, row := range found {
		all = append(all, row)
	}
	return all
}
