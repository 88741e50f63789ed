package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"upstream/internal/postgres"
)

// Status is how something is.
type Status string

// The states, best first.
const (
	OK      Status = "ok"
	Skipped Status = "skipped" // it could not be looked at
	Warning Status = "warning"
	Failed  Status = "failed"
)

// Finding is what one look at the installation showed.
type Finding struct {
	// Check names what was looked at, in lower-case words.
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Detail is what was found, Advice what to do about it; "" where all is well.
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

// Worst is the worst state of the findings; OK without any.
func Worst(findings []Finding) Status {
	worst, rank := OK, map[Status]int{OK: 0, Skipped: 1, Warning: 2, Failed: 3}
	for _, f := range findings {
		if rank[f.Status] > rank[worst] {
			worst = f.Status
		}
	}
	return worst
}

// Options says what to examine.
type Options struct {
	// URL is the database's, as the program that serves logs in; Role is taken
	// on afterwards, unless it is empty.
	URL, Role string
	// MaxConns is how many connections a serving process may open.
	MaxConns int32
	// Now is this machine's clock; nil for [time.Now].
	Now func() time.Time
}

// patient is an installation under examination.
type patient struct {
	Options

	pool *pgxpool.Pool
	db   *sql.DB
}

// check is one look at a database that can be reached.
type check struct {
	name string
	look func(context.Context, *patient) ([]Finding, error)
}

// checks are all of them, in the order in which they are told.
func checks() []check {
	return []check{
		{"role", lookAtRole},
		{"tenancy", lookAtTenancy},
		{"migrations", lookAtMigrations},
		{"schema", lookAtSchema},
		{"indexes", lookAtIndexes},
		{"durability", lookAtDurability},
		{"encryption", lookAtEncryption},
		{"server log", lookAtServerLog},
		{"connections", lookAtConnections},
		{"transactions", lookAtTransactions},
		{"upkeep", lookAtUpkeep},
		{"clock", lookAtClock},
		{"queue", lookAtQueue},
	}
}

// Examine looks at everything it can. A look that fails by itself is a finding,
// too: there is no error.
func Examine(ctx context.Context, o Options) []Finding {
	if o.Now == nil {
		o.Now = time.Now
	}
	pool, err := postgres.OpenPool(ctx, o.URL, postgres.PoolOptions{MaxConns: 2, Role: o.Role, ApplicationName: "upstream doctor"})
	if err != nil {
		return append([]Finding{unopened(err)}, unseen()...)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	p := &patient{Options: o, pool: pool, db: db}
	var findings []Finding
	if version, err := one[string](ctx, p, `SHOW server_version`); err == nil {
		findings = append(findings, fine("database", "PostgreSQL %s can be reached", version))
	}
	for _, c := range checks() {
		found, err := c.look(ctx, p)
		if err != nil {
			found = append(found, Finding{Check: c.name, Status: Skipped, Detail: "could not be looked at: " + err.Error()})
		}
		findings = append(findings, found...)
	}
	return findings
}

func unopened(err error) Finding {
	if errors.Is(err, postgres.ErrRole) {
		return failed("database", err.Error(), "Run `upstream migrate up`, which creates the role and grants it.")
	}
	return failed("database", err.Error(), "Correct DATABASE_URL, or start the server it names.")
}

// unseen are the checks that need a database when there is none.
func unseen() []Finding {
	var all []Finding
	for _, c := range checks() {
		all = append(all, Finding{Check: c.name, Status: Skipped, Detail: "needs the database"})
	}
	return all
}

func fine(check, detail string, args ...any) Finding {
	return Finding{Check: check, Status: OK, Detail: fmt.Sprintf(detail, args...)}
}

func warning(check, detail, advice string) Finding {
	return Finding{Check: check, Status: Warning, Detail: detail, Advice: advice}
}

func failed(check, detail, advice string) Finding {
	return Finding{Check: check, Status: Failed, Detail: detail, Advice: advice}
}

// one is the single value of a query.
func one[T any](ctx context.Context, p *patient, query string, args ...any) (value T, err error) {
	err = p.pool.QueryRow(ctx, query, args...).Scan(&value)
	return value, err
}
