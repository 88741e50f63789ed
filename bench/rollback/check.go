package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"upstream/internal/doctor"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/models/claimfile"
	"upstream/store"
)

const (
	customerSlug = "lakeside"
	userEmail    = "owner@lakeside.test"
	userPassword = "a password for the rollback test"
	// foreignKind is a kind of job that no version here knows, as one of a yet later
	// version: it must wait, whoever works on the queue.
	foreignKind = "of_a_later_version"
	// settlePatience is how long what is queued may take.
	settlePatience = 2 * time.Minute
)

// furnish makes the clinic, by the commands of the version before.
func (s *story) furnish(ctx context.Context, url, receiver string) error {
	if _, err := s.before.run(ctx, "customer", "create", customerSlug, "--name=Lakeside"); err != nil {
		return err
	}
	if _, err := s.before.run(ctx, "user", "create", userEmail, "--customer="+customerSlug, "--role=owner"); err != nil {
		return err
	}
	key, err := ask[struct {
		Key string `json:"key"`
	}](ctx, s.before, "apikey", "create", "rollback", "--customer="+customerSlug,
		"--scopes=claims:read,claims:write,drift:read,drift:run,mappings:read,mappings:write,alerts:read,alerts:write,webhooks:read,webhooks:write")
	if err != nil {
		return err
	}
	patient := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}
	base := client{http: patient, url: url, faults: s.faults}
	s.clinic = &clinic{ledger: s.ledger, base: base, key: base}
	s.clinic.key.token = key.Key
	owner := base
	if _, ok := owner.signIn(ctx); !ok {
		return errors.New("nobody can sign in")
	}
	endpoint, ok := post[struct {
		ID string `json:"id"`
	}](ctx, &owner, http.StatusCreated, "/api/v1/webhook-endpoints/", map[string]string{"name": "Partner", "url": receiver + "/hear"})
	if !ok {
		return errors.New("no webhook endpoint can be made")
	}
	s.clinic.endpoint = endpoint.ID
	(&partner{clinic: s.clinic, source: "A"}).round(ctx, 0) // without claims there is nothing to detect
	_, err = s.pool.Exec(ctx, `INSERT INTO river.river_job (state, scheduled_at, kind, args, max_attempts) VALUES ('available', now(), $1, '{}', 1)`, foreignKind)
	return err
}

// settle waits until the queue is empty and every webhook is delivered.
func (s *story) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		var jobs, deliveries int
		err := s.pool.QueryRow(ctx, `SELECT count(*) FROM river.river_job WHERE kind <> $1
			AND (state IN ('available', 'running', 'retryable', 'pending') OR state = 'scheduled' AND scheduled_at < now() + interval '10 s')`, foreignKind).Scan(&jobs)
		if err != nil {
			return err
		}
		err = s.asClinic(ctx, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM webhook_deliveries WHERE status IN ('pending', 'retrying'))
				+ (SELECT count(*) FROM webhook_events WHERE sequence IS NULL)`).Scan(&deliveries)
		})
		if err != nil {
			return err
		}
		if jobs+deliveries == 0 {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%d jobs and %d webhooks are not done: %w", jobs, deliveries, ctx.Err())
		}
	}
}

// asClinic sees the rows of the clinic.
func (s *story) asClinic(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('app.system', 'on', true)`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT set_config('app.customer_id', (SELECT id::text FROM customers WHERE slug = $1), true)`, customerSlug); err != nil {
			return err
		}
		return fn(tx)
	})
}

// check compares everything with what was acknowledged.
func (s *story) check(ctx context.Context) error {
	err := s.asClinic(ctx, func(tx pgx.Tx) error { return s.compareRows(ctx, tx) })
	if err != nil {
		return err
	}
	if err := s.checkQueue(ctx); err != nil {
		return err
	}
	s.examine(ctx, s.before)
	// Once more to the new version: what was written since is as good to it.
	if _, err := s.after.run(ctx, "migrate", "up"); err != nil {
		return err
	}
	s.compareRollups(ctx)
	s.examine(ctx, s.after)
	return nil
}

// examine lets a version prove the audit log and look at the schema.
func (s *story) examine(ctx context.Context, v version) {
	_, err := v.run(ctx, "audit", "verify")
	s.faults.check("the audit log", err)
	// What else it finds of this database, which is not durable, fails it.
	text, err := v.quiet(ctx, "doctor", "--json")
	var findings []doctor.Finding
	if json.Unmarshal(text, &findings) != nil {
		s.faults.check("the doctor", err)
	}
	for _, f := range findings {
		if slices.Contains([]string{"role", "tenancy", "migrations", "schema", "indexes"}, f.Check) && f.Status != doctor.OK {
			s.faults.addf("%s's doctor: %s: %s %s", v.name, f.Check, f.Status, f.Detail)
		}
	}
}

func (s *story) compareRows(ctx context.Context, tx pgx.Tx) error {
	counts := func(what string, acknowledged map[string]bool, query string) error {
		stored, err := pairs[int](ctx, tx, query)
		compareKeys(s.faults, what, acknowledged, stored)
		return err
	}
	values := func(what string, acknowledged map[string]string, query string) error {
		stored, err := pairs[string](ctx, tx, query)
		compareValues(s.faults, what, acknowledged, stored)
		return err
	}
	l := s.ledger
	if err := counts("claims", l.claims, `SELECT claim_number, count(*) FROM claims GROUP BY 1`); err != nil {
		return err
	}
	if err := counts("files", l.files, `SELECT filename, count(*) FROM uploads WHERE status = 'success' AND filename LIKE 'file-%' GROUP BY 1`); err != nil {
		return err
	}
	if err := values("payer mappings", l.mappings, `SELECT raw_name, normalized_name FROM payer_mappings`); err != nil {
		return err
	}
	if err := values("alert rules", l.rules, `SELECT name, threshold_value::text FROM alert_rules`); err != nil {
		return err
	}
	s.receiverCheck(ctx, tx)
	return s.compareSums(ctx, tx)
}

// sums are numbers that must be equal, by what they are.
var sums = map[string]string{
	"claims and those of each day":         `SELECT (SELECT count(*) FROM claims) - (SELECT coalesce(sum(claims), 0) FROM claim_days)`,
	"claims and those of each payer's day": `SELECT (SELECT count(*) FROM claims) - (SELECT coalesce(sum(paid + denied + other), 0) FROM claim_payer_days)`,
	"claims and those of each month":       `SELECT (SELECT count(*) FROM claims) - (SELECT coalesce(sum(claims), 0) FROM claim_months)`,
	"denials and those of each day":        `SELECT (SELECT count(*) FROM claims WHERE outcome = 'DENIED') - (SELECT coalesce(sum(denied), 0) FROM claim_days)`,
	"uploads that did not end well":        `SELECT count(*) FROM uploads WHERE status <> 'success'`,
	"runs that did not end well":           `SELECT count(*) FROM report_runs WHERE status <> 'success'`,
	"gaps of the feed of events":           `SELECT coalesce(max(sequence) - min(sequence) + 1 - count(*), 0) FROM webhook_events`,
	"webhooks that did not arrive":         `SELECT count(*) FROM webhook_deliveries WHERE status <> 'success'`,
}

func (s *story) compareSums(ctx context.Context, tx pgx.Tx) error {
	for what, query := range sums {
		var difference int64
		if err := tx.QueryRow(ctx, query).Scan(&difference); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if difference != 0 {
			s.faults.addf("%s: %d", what, difference)
		}
	}
	var runs int
	err := tx.QueryRow(ctx, `SELECT count(*) FROM report_runs WHERE status = 'success'`).Scan(&runs)
	if err == nil && runs < len(s.ledger.runs) {
		s.faults.addf("%d runs were asked for, %d are there", len(s.ledger.runs), runs)
	}
	return err
}

// receiverCheck compares what the partner heard with what there is.
func (s *story) receiverCheck(ctx context.Context, tx pgx.Tx) {
	var made, tests int
	err := tx.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE event_type = 'webhook.test') FROM webhook_deliveries`).Scan(&made, &tests)
	s.faults.check("webhooks", err)
	s.receiver.check(made)
	if tests != len(s.ledger.tests) {
		s.faults.addf("%d tests of webhooks were acknowledged, %d are there", len(s.ledger.tests), tests)
	}
}

// checkQueue demands that no job was given up, and that the one which nobody
// knows still waits.
func (s *story) checkQueue(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, `SELECT kind || ' ' || state, count(*) FROM river.river_job 
		WHERE state IN ('discarded', 'cancelled', 'retryable') OR kind = $1 GROUP BY 1`, foreignKind)
	if err != nil {
		return err
	}
	var what string
	var n int
	waits := false
	_, err = pgx.ForEachRow(rows, []any{&what, &n}, func() error {
		if what == foreignKind+" available" {
			waits = true
			return nil
		}
		s.faults.addf("jobs that were not done: %d %s", n, what)
		return nil
	})
	if !waits {
		s.faults.addf("a job of a later version was not left to it")
	}
	return err
}

// compareRollups lets this checkout's store compare the roll-ups with the claims.
func (s *story) compareRollups(ctx context.Context) {
	pool, err := postgres.OpenPool(ctx, s.appURL, postgres.PoolOptions{MaxConns: 2})
	if err != nil {
		s.faults.check("roll-ups", err)
		return
	}
	defer pool.Close()
	differences, err := rollupDifferences(ctx, pool)
	s.faults.check("roll-ups", err)
	for _, d := range differences {
		s.faults.addf("roll-up %s of %s differs", d.Table, d.Key)
	}
}

func rollupDifferences(ctx context.Context, pool *pgxpool.Pool) (found []models.RollupDifference, err error) {
	groups, err := claimfile.DefaultGroups()
	if err != nil {
		return nil, err
	}
	st := store.New(pool, store.Options{Groups: groups})
	defer func() { _ = st.Close() }()
	customer, err := st.CustomerBySlug(ctx, customerSlug)
	if err != nil {
		return nil, err
	}
	return st.RollupDifferences(ctx, models.SystemViewer(customer.ID))
}

// pairs are the rows of a query with two columns.
func pairs[T any](ctx context.Context, tx pgx.Tx, query string) (map[string]T, error) {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	found := map[string]T{}
	var key string
	var value T
	_, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		found[key] = value
		return nil
	})
	return found, err
}
