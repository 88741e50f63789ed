package seed_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/alexedwards/argon2id"

	"upstream/bench/seed"
	"upstream/internal/factory"
	"upstream/models"
)

func target(w *factory.World) seed.Target { return seed.Target{Owner: w.DB.Owner, Store: w.Store} }

func small(slug string) seed.Options {
	return seed.Options{Slug: slug, Claims: 12_000, Today: factory.Today(), Runs: 2, PastRuns: 5, Seed: 7}
}

// tenant is a seeded customer as tests ask about it.
func tenant(w *factory.World, f *seed.Facts) *factory.Tenant {
	return &factory.Tenant{World: w, Customer: &models.Customer{ID: f.ID, Slug: f.Slug}}
}

func TestCustomer(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	ctx := context.Background()
	facts, err := seed.Customer(ctx, target(w), small("load"))
	if err != nil {
		t.Fatal(err)
	}
	v := models.SystemViewer(facts.ID)
	if facts.Claims != 12_000 {
		t.Errorf("%d claims, want 12000", facts.Claims)
	}
	t.Run("roll-ups", func(t *testing.T) {
		differences, err := w.Store.RollupDifferences(ctx, v)
		if err != nil || len(differences) > 0 {
			t.Errorf("%v, %d differences: %v", err, len(differences), differences)
		}
	})
	looksRight(t, tenant(w, facts))
	t.Run("the planted shift is found", func(t *testing.T) {
		events, err := w.Store.ActiveDriftEvents(ctx, v, models.DriftEventFilter{}, models.List[models.DriftEventOrderField]{Page: models.Page{Limit: 100}})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events.Items {
			if e.Payer == facts.Payers[1] && e.DriftType == models.DriftDenialRate {
				return
			}
		}
		t.Errorf("none of %d events is about %s", len(events.Items), facts.Payers[1])
		for _, e := range events.Items {
			t.Logf("%s %s %s %v to %v", e.Payer, e.CPTGroup, e.DriftType, e.BaselineValue, e.CurrentValue)
		}
	})
	t.Run("an interrupted one is completed", func(t *testing.T) {
		again, err := seed.Customer(ctx, target(w), small("load"))
		if err != nil {
			t.Fatal(err)
		}
		if again.APIKey == facts.APIKey {
			t.Error("the key is the same, which nobody can know")
		}
		again.APIKey = facts.APIKey
		if !reflect.DeepEqual(facts, again) {
			t.Errorf("got %+v, want %+v", again, facts)
		}
	})
}

// looksRight counts what was made.
func looksRight(t *testing.T, tenant *factory.Tenant) {
	t.Helper()
	for name, check := range map[string]string{
		"8 to 14 % are denied":             `SELECT avg((outcome = 'DENIED')::int) BETWEEN 0.08 AND 0.14 FROM claims`,
		"each denial has a reason":         `SELECT bool_and((denial_reason_code IS NOT NULL) = (outcome = 'DENIED')) FROM claims`,
		"sixty payers":                     `SELECT count(DISTINCT payer) = 60 FROM claims`,
		"the first has a fifth":            `SELECT max(n) BETWEEN 0.17 * sum(n) AND 0.26 * sum(n) FROM (SELECT count(*) AS n FROM claims GROUP BY payer) p`,
		"fifteen groups of four codes":     `SELECT count(DISTINCT cpt_group) = 15 AND count(DISTINCT cpt) = 60 FROM claims`,
		"days are in the span":             `SELECT max(decided_date) = '2026-06-14' AND min(decided_date) = '2026-06-15'::date - 240 FROM claims`,
		"numbers of rows begin with one":   `SELECT bool_and(n = 1) FROM (SELECT min(source_row_number) AS n FROM claims GROUP BY upload_id) u`,
		"uploads count their claims":       `SELECT bool_and(accepted_row_count = (SELECT count(*) FROM claims c WHERE c.upload_id = u.id)) FROM uploads u`,
		"uploads know their days":          `SELECT bool_and((date_min, date_max) = (SELECT min(decided_date), max(decided_date) FROM claims c WHERE c.upload_id = u.id)) FROM uploads u`,
		"rejections are as many as stated": `SELECT bool_and(rejected_row_count = (SELECT count(*) FROM upload_rejections r WHERE r.upload_id = u.id)) AND sum(rejected_row_count) > 0 FROM uploads u`,
		"identifiers are of version 7":     `SELECT bool_and(id::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8') FROM claims`,
		"and follow the days":              `SELECT bool_and(next IS NULL OR next >= decided_date) FROM (SELECT decided_date, lead(decided_date) OVER (ORDER BY id) AS next FROM claims) c`,
		"seven runs, one a week":           `SELECT count(*) = 7 AND max(as_of) - min(as_of) = 42 FROM report_runs`,
		"as many events as runs say":       `SELECT bool_and(drift_event_count = (SELECT count(*) FROM drift_events e WHERE e.report_run_id = r.id)) AND sum(drift_event_count) > 6 FROM report_runs r`,
		"windows of events are of runs":    `SELECT bool_and(e.current_end = r.as_of AND e.baseline_start = r.baseline_start) FROM drift_events e JOIN report_runs r ON r.id = e.report_run_id`,
		"the newest run is the last":       `SELECT as_of = '2026-06-15' FROM report_runs ORDER BY finished_at DESC, id DESC LIMIT 1`,
	} {
		if !factory.Query[bool](tenant, check) {
			t.Errorf("not so: %s", name)
		}
	}
}

// TestSameSeed makes the same customer in two databases.
func TestSameSeed(t *testing.T) {
	t.Parallel()
	of := func(number uint64) string {
		w := factory.New(t)
		o := small("load")
		o.Claims, o.Runs, o.Seed = 2000, -1, number
		facts, err := seed.Customer(context.Background(), target(w), o)
		if err != nil {
			t.Fatal(err)
		}
		return factory.Query[string](tenant(w, facts), `SELECT md5(string_agg(concat_ws(' ', id, upload_id, payer, cpt, outcome, billed_amount,
			submitted_date, denial_reason_code), ' ' ORDER BY id)) FROM claims`)
	}
	if one, same, other := of(7), of(7), of(8); one != same || one == other {
		t.Errorf("seed 7 makes %s and %s, seed 8 %s", one, same, other)
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	ctx, dir, quiet := context.Background(), t.TempDir(), slog.New(slog.DiscardHandler)
	plan := seed.Plan{Customers: 3, Claims: 8000, Largest: 4000, Seed: 1, Today: factory.Today()}
	made, err := seed.Fill(ctx, target(w), plan, dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if made.Claims() != 8000 || made.Customers[0].Claims != 4000 || made.Customers[1].Claims < made.Customers[2].Claims {
		t.Errorf("sizes are not as planned: %d of %d", made.Customers[0].Claims, made.Claims())
	}
	account, err := w.Store.AccountByEmail(ctx, made.Customers[2].Users[models.RoleAnalyst])
	if err != nil {
		t.Fatal(err)
	}
	if account.User.PasswordHash == "" || made.Password == "" {
		t.Fatal("users cannot sign in")
	}
	if ok, err := argon2id.ComparePasswordAndHash(made.Password, account.User.PasswordHash); err != nil || !ok {
		t.Errorf("the password is another: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, seed.FactsFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the password: %v, %v", info.Mode(), err)
	}
	again, err := seed.Fill(ctx, target(w), plan, dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(made, again) {
		t.Errorf("the second time something was done: %+v, want %+v", again, made)
	}
	for name, other := range map[string]struct {
		to   seed.Target
		plan seed.Plan
	}{
		"another plan":     {target(w), seed.Plan{Customers: 2, Claims: 8000, Largest: 4000, Seed: 1}},
		"another seed":     {target(w), seed.Plan{Customers: 3, Claims: 8000, Largest: 4000, Seed: 2}},
		"another database": {target(factory.New(t)), plan},
	} {
		if _, err := seed.Fill(ctx, other.to, other.plan, dir, quiet); err == nil {
			t.Errorf("%s was taken for the same", name)
		}
	}
}

func TestPlanTooSmall(t *testing.T) {
	t.Parallel()
	for _, plan := range []seed.Plan{
		{Customers: 0, Claims: 10_000, Largest: 5000},
		{Customers: 20, Claims: 10_000, Largest: 5000},
		{Customers: 2, Claims: 10_000, Largest: 500},
		{Customers: 2, Claims: 10_000, Largest: 12_000},
	} {
		dir := t.TempDir()
		if _, err := seed.Fill(context.Background(), seed.Target{}, plan, dir, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%+v was taken", plan)
		}
		if _, err := seed.Read(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: left %v", plan, err)
		}
	}
}
