package doctor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"upstream/internal/doctor"
	"upstream/internal/factory"
)

// installation is a database with a customer that has claims.
type installation struct {
	*factory.Tenant
	options doctor.Options
}

func install(t *testing.T) *installation {
	t.Helper()
	w := factory.New(t)
	return &installation{w.Tenant("lakeside"), doctor.Options{URL: w.DB.AppURL, MaxConns: 2}}
}

// as changes the database as the owner of the tables.
func (i *installation) as(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := i.DB.Owner.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// of examines and answers with the findings of one check.
func (i *installation) of(t *testing.T, check string) []doctor.Finding {
	t.Helper()
	all := doctor.Examine(t.Context(), i.options)
	return slices.DeleteFunc(all, func(f doctor.Finding) bool { return f.Check != check })
}

// want demands that a check has a finding in the state and with the text.
func (i *installation) want(t *testing.T, check string, status doctor.Status, text string) {
	t.Helper()
	found := i.of(t, check)
	at := slices.IndexFunc(found, func(f doctor.Finding) bool { return f.Status == status && strings.Contains(f.Detail, text) })
	switch {
	case at < 0, status == doctor.OK && len(found) > 1:
		t.Errorf("%s: %+v; want %s with %q", check, found, status, text)
	case (status == doctor.Warning || status == doctor.Failed) && found[at].Advice == "":
		t.Errorf("%s: no advice", check)
	}
}

func TestExamine_NothingWrong(t *testing.T) {
	t.Parallel()
	i := install(t)
	// What the server of the tests is set to is not for the tests to say.
	ofServer := []string{"durability", "server log", "upkeep", "encryption", "transactions"}
	seen := map[string]bool{}
	for _, f := range doctor.Examine(t.Context(), i.options) {
		seen[f.Check] = true
		quiet := f.Check == "queue" && strings.Contains(f.Detail, "no process works on jobs")
		if f.Status != doctor.OK && !quiet && !slices.Contains(ofServer, f.Check) {
			t.Errorf("%+v", f)
		}
		if f.Status == doctor.Skipped {
			t.Errorf("%s was not looked at: %s", f.Check, f.Detail)
		}
	}
	for _, check := range append(ofServer, "database", "role", "tenancy", "migrations", "schema", "indexes", "connections", "clock", "queue") {
		if !seen[check] {
			t.Errorf("nothing about %s", check)
		}
	}
}

func TestExamine_NoDatabase(t *testing.T) {
	t.Parallel()
	all := doctor.Examine(t.Context(), doctor.Options{URL: "postgres://x:topsecret@127.0.0.1:1/z"})
	if all[0].Status != doctor.Failed || !strings.Contains(all[0].Detail, "cannot be reached") || strings.Contains(all[0].Detail, "topsecret") {
		t.Errorf("%+v", all[0])
	}
	for _, f := range all[1:] {
		if f.Status != doctor.Skipped {
			t.Errorf("%+v", f)
		}
	}
	if doctor.Worst(all) != doctor.Failed || doctor.Worst(nil) != doctor.OK {
		t.Error("the worst of them is not the worst")
	}
}

func TestExamine_Role(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.want(t, "role", doctor.OK, "upstream_app")
	i.options.URL, i.options.Role = i.DB.OwnerURL, "upstream_app"
	if found := i.of(t, "role"); len(found) != 1 || found[0].Status == doctor.OK {
		t.Errorf("a login that owns the tables: %+v", found)
	}
	i.options.Role = ""
	i.want(t, "role", doctor.Failed, "upstream_owner")
}

func TestExamine_Tenancy(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.Drifting()
	i.as(t, `ALTER TABLE claims DISABLE ROW LEVEL SECURITY`)
	i.want(t, "tenancy", doctor.Failed, "in claims")
	i.want(t, "role", doctor.Failed, "claims")
	i.want(t, "schema", doctor.Failed, "missing: ALTER TABLE claims ENABLE ROW LEVEL SECURITY")
}

func TestExamine_Migrations(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.as(t, `INSERT INTO bun_migrations (name, group_id) VALUES ('9999', 1)`)
	i.want(t, "migrations", doctor.Warning, "9999")
	i.want(t, "schema", doctor.Skipped, "other migrations")
	i.as(t, `DELETE FROM bun_migrations WHERE name IN ('9999', '0001')`)
	i.want(t, "migrations", doctor.Failed, "pending: 0001_identity")
}

func TestExamine_Schema(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.as(t, `CREATE TABLE notes (id int)`)
	i.want(t, "schema", doctor.Warning, "CREATE TABLE notes")
	i.as(t, `DROP TABLE notes`, `DROP INDEX uploads_customer_id_uploaded_at_id_idx`, `ALTER TABLE customers ALTER COLUMN name DROP NOT NULL`)
	i.want(t, "schema", doctor.Failed, "missing: CREATE INDEX uploads_customer_id_uploaded_at_id_idx")
	i.want(t, "schema", doctor.Failed, "altered: CREATE TABLE customers")
	i.as(t, `REVOKE UPDATE ON uploads FROM upstream_app`, `DROP POLICY claims_tenant ON claims`, `DROP INDEX claims_customer_id_decided_date_id_idx`, `DROP INDEX claims_customer_id_outcome_decided_date_id_idx`)
	i.want(t, "schema", doctor.Failed, "more")
}

// A trigger that is switched off is as good as gone.
func TestExamine_Triggers(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.as(t, `ALTER TABLE claims DISABLE TRIGGER claims_roll_up`)
	i.want(t, "schema", doctor.Failed, "missing: CREATE TRIGGER claims_roll_up AFTER INSERT")
}

func TestExamine_Indexes(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.World.Tenant("harbor")
	// Two customers in one zone: making the index fails, and leaves it unusable.
	if _, err := i.DB.Owner.Exec(t.Context(), `CREATE UNIQUE INDEX CONCURRENTLY broken ON customers (time_zone)`); err == nil {
		t.Fatal("the index was made")
	}
	i.want(t, "indexes", doctor.Failed, "not usable: broken")
}

func TestExamine_Connections(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.options.MaxConns = 1 << 20
	i.want(t, "connections", doctor.Warning, "a process may want 1048577")
}

func TestExamine_Clock(t *testing.T) {
	t.Parallel()
	i := install(t)
	for _, c := range []struct {
		off    time.Duration
		status doctor.Status
		text   string
	}{
		{5 * time.Second, doctor.Warning, "apart"},
		{-5 * time.Second, doctor.Warning, "apart"},
		{time.Minute, doctor.Failed, "apart"},
		{-time.Hour, doctor.Failed, "apart"},
	} {
		i.options.Now = func() time.Time { return time.Now().Add(c.off) }
		i.want(t, "clock", c.status, c.text)
	}
}

func TestExamine_Queue(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.want(t, "queue", doctor.Warning, "no process works on jobs")
	job := func(state, at, more string) string {
		return `INSERT INTO river.river_job (state, scheduled_at, finalized_at, kind, args, max_attempts)
			VALUES ('` + state + `', ` + at + `, ` + more + `, 'detect', '{}', 1)`
	}
	i.app(t, job("available", `now() - interval '1 hour'`, "NULL"))
	i.want(t, "queue", doctor.Failed, "no process works on jobs; 1 jobs are due, the oldest for 1h")
	i.app(t, `INSERT INTO river.river_leader (elected_at, expires_at, leader_id) VALUES (now(), now() + interval '1 hour', 'x')`)
	i.want(t, "queue", doctor.Failed, "1 jobs are due")
	i.app(t, `UPDATE river.river_job SET scheduled_at = now() - interval '2 minutes'`)
	i.want(t, "queue", doctor.Warning, "1 jobs are due")
	i.app(t, `UPDATE river.river_job SET scheduled_at = now() + interval '1 hour'`)
	i.want(t, "queue", doctor.OK, "none is due")
	i.app(t, job("discarded", "now()", "now()"))
	i.app(t, `INSERT INTO river.river_queue (name, updated_at, paused_at) VALUES ('mail', now(), current_timestamp)`)
	var details []string
	for _, f := range i.of(t, "queue") {
		details = append(details, string(f.Status)+" "+f.Detail)
	}
	if text := strings.Join(details, "\n"); !strings.Contains(text, "warning paused: mail") || !strings.Contains(text, "warning given up after all tries: detect (1)") {
		t.Error(text)
	}
}

// app changes what the serving role may change.
func (i *installation) app(t *testing.T, statement string) {
	t.Helper()
	if _, err := i.DB.App.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestExamine_ATableThatCannotBeRead(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.as(t, `REVOKE ALL ON SCHEMA river FROM upstream_app`)
	found := i.of(t, "queue")
	if len(found) != 1 || found[0].Status != doctor.Skipped || !strings.Contains(found[0].Detail, "permission denied") {
		t.Errorf("%+v", found)
	}
}
