package seed

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"upstream/models"
	"upstream/store"
)

// Target is where customers are stored.
type Target struct {
	// Owner logs in as the owner of the tables, or as somebody with more rights.
	Owner *pgxpool.Pool
	Store *store.Store
}

// Options describe one customer. Claims is required, and of the rest what is
// zero takes its default.
type Options struct {
	// Slug names the customer: "load" by default. One that is there already is
	// completed: what it has is left as it is.
	Slug string
	// Claims is how many, at least one.
	Claims int
	// Payers is over how many payers they spread: 60 by default.
	Payers int
	// Days is over how many days decisions spread, up to the day before Today:
	// 1,000 by default, and fewer, but 150 at least, where a day would have less
	// than 50 claims.
	Days int
	// Today is the day the customer is seen on: that of the clock by default.
	Today models.Date
	// Seed chooses among all customers of this description.
	Seed uint64
	// Runs is how many weekly runs look for drift, the last one today: 4 by
	// default, none when negative.
	Runs int
	// PastRuns is how many weekly runs precede those, with the events of the
	// first of them: 100 by default, none when negative.
	PastRuns int
	// PasswordHash lets users of each role sign in; without one nobody can.
	PasswordHash string
}

func (o Options) withDefaults() (Options, error) {
	if o.Claims < 1 || o.Payers < 0 || o.Days < 0 {
		return o, errors.New("a customer has at least one claim, one payer and one day")
	}
	if o.Slug == "" {
		o.Slug = "load"
	}
	if o.Today == (models.Date{}) {
		o.Today = models.DateOf(time.Now())
	}
	o.Payers = orDefault(o.Payers, 60)
	o.Days = orDefault(o.Days, min(max(o.Claims/50, 150), 1000))
	o.Runs = orDefault(o.Runs, 4)
	o.PastRuns = orDefault(o.PastRuns, 100)
	if o.PasswordHash == "" {
		o.PasswordHash = "not a hash: nobody signs in with it"
	}
	return o, nil
}

func orDefault(value, otherwise int) int {
	if value == 0 {
		return otherwise
	}
	return value
}

// ids makes identifiers, the same for the same seed.
type ids struct {
	random *rand.Rand
	at     time.Time
}

func newIDs(o Options) *ids {
	h := fnv.New64a()
	_, _ = h.Write([]byte(o.Slug))                                                    // never fails
	return &ids{random: rand.New(rand.NewPCG(o.Seed, h.Sum64())), at: o.Today.Time()} //nolint:gosec // the same each time, on purpose
}

// next is a UUID of version 7.
func (s *ids) next() uuid.UUID {
	s.at = s.at.Add(time.Millisecond)
	var id uuid.UUID
	ms := uint64(s.at.UnixMilli()) //nolint:gosec // days of claims are after 1970
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	for i := 6; i < len(id); i++ {
		id[i] = byte(s.random.UintN(256))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Customer makes sure of a customer with these claims, a user of each role, an
// API key, a mapping of each code to its group, runs and drift events. The
// claims are stored all or none; who is interrupted calls it again. [Settle]
// should follow the last customer.
func Customer(ctx context.Context, t Target, o Options) (*Facts, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	customer, err := t.Store.CustomerBySlug(ctx, o.Slug)
	if err != nil && models.CodeOf(err) == models.CodeNotFound {
		customer, err = t.Store.CreateCustomer(ctx, models.NewCustomer{Slug: o.Slug, Name: "Clinic " + o.Slug})
	}
	if err != nil {
		return nil, err
	}
	ids := newIDs(o)
	b := newBook(o.Payers, ids.random)
	facts := &Facts{ID: customer.ID, Slug: o.Slug, Today: o.Today, Payers: b.payers, Codes: b.codes, Users: map[models.Role]string{}}
	for _, step := range []func() error{
		func() error { return o.people(ctx, t, facts) },
		func() error { return o.mappings(ctx, t, customer.ID, b) },
		func() error { return o.claimsOnce(ctx, t, customer.ID, b, ids) },
		func() error { return o.history(ctx, t, customer.ID, ids) },
		func() error { return facts.look(ctx, t.Store) },
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("customer %s: %w", o.Slug, err)
		}
	}
	return facts, nil
}

// claimsOnce writes the claims unless the customer has some.
func (o Options) claimsOnce(ctx context.Context, t Target, customer models.CustomerID, b book, ids *ids) error {
	one := models.List[models.ClaimOrderField]{Page: models.Page{Limit: 1}}
	there, err := t.Store.Claims(ctx, models.SystemViewer(customer), models.ClaimFilter{}, one)
	if err != nil || len(there.Items) > 0 {
		return err
	}
	if err := o.write(ctx, t, customer, b, ids); err != nil {
		return err
	}
	return analyze(ctx, t, "ANALYZE")
}

// people makes users of each role, and an API key that reads and writes.
func (o Options) people(ctx context.Context, t Target, facts *Facts) error {
	for _, name := range models.Role("").Values() {
		role := models.Role(name)
		email := fmt.Sprintf("%s@%s.test", role, o.Slug)
		facts.Users[role] = email
		in := models.NewUser{Email: email, Role: role, PasswordHash: o.PasswordHash}
		if _, err := t.Store.CreateUser(ctx, facts.ID, in); !stored(err) {
			return err
		}
		account, err := t.Store.AccountByEmail(ctx, email)
		if err != nil {
			return err
		}
		if account.User.PasswordHash != o.PasswordHash {
			if err := t.Store.SetPassword(ctx, account.User.ID, o.PasswordHash); err != nil {
				return err
			}
		}
	}
	return facts.newKey(ctx, t.Store)
}

// keyName is that of the key; who seeds again gets another in its place, for
// nobody can read what a key is.
const keyName = "Load"

func (f *Facts) newKey(ctx context.Context, st *store.Store) error {
	v := models.SystemViewer(f.ID)
	inUse, name := false, keyName
	old, err := st.APIKeys(ctx, v, models.APIKeyFilter{Name: &name, Revoked: &inUse, Replaced: &inUse}, models.List[models.APIKeyOrderField]{
		Page: models.Page{Limit: models.MaxPageSize},
	})
	if err != nil {
		return err
	}
	for _, key := range old.Items {
		if _, err := st.RevokeAPIKey(ctx, v, key.ID, nil); err != nil {
			return err
		}
	}
	issued, err := st.CreateAPIKey(ctx, v, models.NewAPIKey{Name: keyName, Scopes: []models.Scope{
		models.ScopeClaimsRead, models.ScopeClaimsWrite, models.ScopeDriftRead, models.ScopeDriftRun, models.ScopeMappingsRead,
	}})
	if err != nil {
		return err
	}
	f.APIKey = string(issued.Text)
	return nil
}

func (o Options) mappings(ctx context.Context, t Target, customer models.CustomerID, b book) error {
	for i, code := range b.codes {
		in := models.NewCPTGroupMapping{CPTCode: code, CPTGroup: b.groups[i]}
		if _, err := t.Store.CreateCPTGroupMapping(ctx, models.SystemViewer(customer), in); !stored(err) {
			return err
		}
	}
	return nil
}

// stored reports whether a row is there now: made, or found.
func stored(err error) bool { return err == nil || models.CodeOf(err) == models.CodeConflict }
