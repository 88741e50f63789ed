package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/google/go-cmp/cmp"

	"upstream/internal/factory"
	"upstream/internal/testdb"
	"upstream/migrations"
	"upstream/models"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	flags := append(flagsOf(testdb.New(t)), "--json")
	steps := decode[[]migrations.Step](t, run(t, "", append(flags, "migrate", "status")...).want(t, exitOK))
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = s.Name
		if s.AppliedAt.IsZero() {
			t.Errorf("%s is pending", s.Name)
		}
	}
	newest := len(names) - 1
	for _, tt := range []struct {
		args []string
		want map[string][]string
	}{
		{[]string{"up"}, map[string][]string{"applied": {}}},
		{[]string{"down"}, map[string][]string{"undone": {names[newest]}}},
		{[]string{"up"}, map[string][]string{"applied": {names[newest]}}},
		{[]string{"down", "--steps=2"}, map[string][]string{"undone": {names[newest], names[newest-1]}}},
		{[]string{"up"}, map[string][]string{"applied": names[newest-1:]}},
		{[]string{"down", "--to=" + names[newest-1]}, map[string][]string{"undone": {names[newest]}}},
		{[]string{"down", "--to=" + names[newest-3][:4]}, map[string][]string{"undone": reversed(names[newest-2 : newest])}},
		{[]string{"up"}, map[string][]string{"applied": names[newest-2:]}},
		{[]string{"down", "--all"}, map[string][]string{"undone": reversed(names)}},
		{[]string{"down"}, map[string][]string{"undone": {}}},
		{[]string{"up"}, map[string][]string{"applied": names}},
	} {
		got := decode[map[string][]string](t, run(t, "", append(append(flags, "migrate"), tt.args...)...).want(t, exitOK))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("migrate %v (+):\n%s", tt.args, diff)
		}
	}
}

func reversed(list []string) []string {
	var out []string
	for _, s := range list {
		out = append([]string{s}, out...)
	}
	return out
}

func TestMigrate_ForPeople(t *testing.T) {
	t.Parallel()
	flags := flagsOf(testdb.New(t))
	run(t, "", append(flags, "migrate", "up")...).want(t, exitOK, "The schema is up to date.")
	run(t, "", append(flags, "migrate", "down", "--all")...).want(t, exitOK, "undone  0001_identity")
	run(t, "", append(flags, "migrate", "down")...).want(t, exitOK, "There is nothing to undo.")
	run(t, "", append(flags, "migrate", "status")...).want(t, exitOK).wantRow(t, "0001_identity", "pending")
	run(t, "", append(flags, "migrate", "up")...).want(t, exitOK, "applied  0001_identity", "migrations applied")
	run(t, "", append(flags, "migrate", "status")...).want(t, exitOK).wantRow(t, "0001_identity", "20")
}

// A version meets the migrations of the next: it shows them and leaves them.
func TestMigrate_OnANewerSchema(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	flags := flagsOf(db)
	execute(t, db, `INSERT INTO bun_migrations (name, group_id) VALUES ('9001', 9001)`)
	run(t, "", append(flags, "migrate", "status")...).want(t, exitOK, "by a newer version").wantRow(t, "9001", "20")
	run(t, "", append(flags, "migrate", "up")...).want(t, exitOK, "The schema is up to date.")
	for _, how := range []string{"--steps=1", "--to=0020", "--all"} {
		run(t, "", append(flags, "migrate", "down", how)...).want(t, exitDatabase, "undo them by the version that made them (9001)")
	}
	run(t, "", append(flags, "migrate", "down", "--to=9000")...).want(t, exitUsage, "no such migration")
	run(t, "", append(flags, "migrate", "down", "--to=0020", "--all")...).want(t, exitUsage)
	s := serve(t, answering("hello"), append(flags, secretFlag)...)
	if status, body := get(t, s.url(t)); status != http.StatusOK || body != "hello" {
		t.Errorf("GET answers %d %q", status, body)
	}
	s.signal()
	s.end().want(t, exitOK)
}

func TestMigrate_NeedsMoreThanTheServingRole(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	run(t, "", "migrate", "up", "--database-url="+db.AppURL).want(t, exitFailure, "upstream_app cannot act as upstream_owner")
}

func TestCustomerCreate(t *testing.T) {
	t.Parallel()
	flags := flagsOf(testdb.New(t))
	create := slices.Concat(flags, []string{"customer", "create", "lakeside", "--name=Lakeside Clinic"})
	got := decode[map[string]string](t, run(t, "", append(create, "--json")...).want(t, exitOK))
	if got["slug"] != "lakeside" || got["name"] != "Lakeside Clinic" || !strings.HasPrefix(got["id"], "cust_") {
		t.Errorf("printed %v", got)
	}
	r := run(t, "", append(create, "--json")...).want(t, exitConflict)
	if f := failure(t, r); f.Code != "CONFLICT" || len(f.Errors) != 1 || f.Errors[0].Path != "slug" || f.Errors[0].Code != "taken" {
		t.Errorf("%+v", f)
	}
	run(t, "", append(flags, "customer", "create", "harbor", "--name=H")...).want(t, exitOK, "harbor  H")
	run(t, "", append(flags, "customer", "create", "Not a slug", "--name=H")...).want(t, exitUsage, "slug must be")
}

func TestUserCreate(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	password := "correct horse battery"
	for name, tt := range map[string]struct {
		stdin string
		args  []string
	}{
		"piped":       {password + "\n", nil},
		"crlf":        {password + "\r\n", nil},
		"no newline":  {password, nil},
		"first line":  {password + "\nand another\n", nil},
		"by variable": {"", []string{"--password=" + password}}, // what UPSTREAM_USER_PASSWORD sets
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email := strings.ReplaceAll(name, " ", "-") + "@lakeside.test"
			args := append([]string{"user", "create", email, "--customer=lakeside", "--role=analyst", "--json"}, tt.args...)
			got := decode[map[string]string](t, c.run(t, tt.stdin, args...).want(t, exitOK))
			account, err := c.Store.AccountByEmail(t.Context(), email)
			if err != nil {
				t.Fatal(err)
			}
			if got["email"] != email || got["id"] != account.User.ID.String() {
				t.Errorf("printed %v", got)
			}
			if len(account.Memberships) != 1 || account.Memberships[0].CustomerID != c.Customer.ID || account.Memberships[0].Role != models.RoleAnalyst {
				t.Errorf("memberships are %+v", account.Memberships)
			}
			if same, err := argon2id.ComparePasswordAndHash(password, account.User.PasswordHash); err != nil || !same {
				t.Errorf("the password was not kept: %v", err)
			}
		})
	}
}

func TestUserCreate_PasswordByTheEnvironment(t *testing.T) {
	c := newClinic(t)
	t.Setenv("UPSTREAM_USER_PASSWORD", "correct horse battery")
	c.run(t, "", "user", "create", "a@lakeside.test", "--customer=lakeside").want(t, exitOK, "a@lakeside.test")
}

func TestUserCreate_Superuser(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.run(t, "correct horse battery", "user", "create", "root@example.test", "--superuser").want(t, exitOK)
	account, err := c.Store.AccountByEmail(t.Context(), "root@example.test")
	if err != nil || !account.User.IsSuperuser || len(account.Memberships) != 0 {
		t.Errorf("account %+v, %v", account, err)
	}
}

func TestUserCreate_Refusals(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	good := "correct horse battery"
	c.run(t, good, "user", "create", "taken@lakeside.test", "--customer=lakeside").want(t, exitOK)
	for name, tt := range map[string]struct {
		stdin string
		args  []string
		code  int
		want  string
	}{
		"no password":      {"", []string{"a@lakeside.test", "--customer=lakeside"}, exitUsage, "password must have at least 12 characters"},
		"digits":           {"123456789012", []string{"a@lakeside.test", "--customer=lakeside"}, exitUsage, "digits alone"},
		"like the address": {"margarethe-12345", []string{"margarethe@lakeside.test", "--customer=lakeside"}, exitUsage, "must not resemble the e-mail address"},
		"unknown customer": {good, []string{"a@lakeside.test", "--customer=nobody"}, exitNotFound, `There is no customer "nobody"`},
		"unknown role":     {good, []string{"a@lakeside.test", "--customer=lakeside", "--role=king"}, exitUsage, "role must be one of"},
		"no address":       {good, []string{"lakeside", "--customer=lakeside"}, exitUsage, "email must be an e-mail address"},
		"taken":            {good, []string{"taken@lakeside.test", "--customer=lakeside"}, exitConflict, "email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.run(t, tt.stdin, append([]string{"user", "create"}, tt.args...)...).want(t, tt.code, tt.want)
			if tt.stdin != "" && strings.Contains(r.out+r.err, tt.stdin) {
				t.Error("the password was repeated")
			}
		})
	}
}

const claimsHeader = "payer,cpt,submitted_date,decided_date,outcome,billed_amount\n"

func TestIngest(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	path := writeTemp(t, "claims.csv", claimsHeader+
		"Aetna,99213,2024-01-05,2024-01-13,PAID,100\n"+
		"Aetna,99213,2024-01-13,2024-01-05,PAID,100\n"+
		"Aetna,99213,2024-01-05,2024-01-13,PAID,-3\n")
	got := decode[uploadResult](t, c.run(t, "", "ingest", path, "--customer=lakeside", "--json").want(t, exitOK))
	if got.Filename != "claims.csv" || got.Status != models.UploadPartial || *got.Rows != 3 || got.Accepted != 1 || got.Rejected != 2 {
		t.Errorf("printed %+v", got)
	}
	want := []rejectionResult{
		{RowNumber: 3, Column: "decided_date", Code: "invalid_value", Message: "must not be before submitted_date"},
		{RowNumber: 4, Column: "billed_amount", Code: "invalid_value", Message: "must not be negative"},
	}
	if diff := cmp.Diff(want, got.Rejections); diff != "" {
		t.Errorf("rejections (+):\n%s", diff)
	}
	if n := factory.Query[int](c.Tenant, "SELECT count(*) FROM claims"); n != 1 {
		t.Errorf("%d claims are stored", n)
	}
	r := c.run(t, "", "ingest", path, "--customer=lakeside", "--json").want(t, exitConflict)
	if f := failure(t, r); f.Code != "CONFLICT" || f.ExistingID != got.ID.String() || r.out != "" {
		t.Errorf("the second time: %+v, printed %q", f, r.out)
	}
}

// A delivery is given up by the setting, whichever command has made it.
func TestDeliveries_AreTriedAsOftenAsTheSettingSays(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.Drifting()
	endpoint := models.NewWebhookEndpoint{Name: "partner", URL: "https://partner.example/hook"}
	if _, err := c.Store.CreateWebhookEndpoint(t.Context(), c.System(), endpoint); err != nil {
		t.Fatal(err)
	}
	attempts := func() string {
		t.Helper()
		return factory.Query[string](c.Tenant, "SELECT array_agg(DISTINCT max_attempts ORDER BY max_attempts)::text FROM webhook_deliveries")
	}
	path := writeTemp(t, "claims.csv", claimsHeader+"Aetna,99213,2024-01-05,2024-01-13,PAID,100\n")
	c.run(t, "", "ingest", path, "--customer=lakeside", "--webhook-retries=1s,2s").want(t, exitOK)
	if got := attempts(); got != "{3}" {
		t.Errorf("an upload's deliveries are tried %s times", got)
	}
	c.run(t, "", "detect", "--customer=lakeside", "--as-of="+factory.Today().String(), "--webhook-retries=1s").want(t, exitOK)
	if got := attempts(); got != "{2,3}" {
		t.Errorf("all deliveries are tried %s times", got)
	}
	for _, command := range []string{"ingest " + path, "detect"} {
		args := append(strings.Fields(command), "--customer=lakeside", "--webhook-retries=0s")
		c.run(t, "", args...).want(t, exitUsage, "--webhook-retries must be at most 20 waits")
	}
}

func TestIngest_ForPeople(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	var bad strings.Builder
	for i := range 12 {
		_, _ = fmt.Fprintf(&bad, "Aetna,99213,2024-01-05,2024-01-13,PAID,-%d\n", i+1)
	}
	c.run(t, claimsHeader+"Aetna,99213,2024-01-05,2024-01-13,PAID,100\n"+bad.String(), "ingest", "-", "--customer=lakeside").
		want(t, exitOK, "stdin.csv", "partial", "accepted", "1 rows", "12 rows", "ROW  COLUMN", "3    billed_amount  must not be negative", "and 2 more")
	r := c.run(t, claimsHeader+"Aetna,99213,2024-02-05,2024-02-13,PAID,100\n", "ingest", "-", "--customer=lakeside", "--name=feb.csv").
		want(t, exitOK, "feb.csv", "success")
	if strings.Contains(r.out, "ROW") {
		t.Error("lists rejections where there are none")
	}
}

func TestIngest_WholeFileRefusals(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	for name, tt := range map[string]struct{ file, want string }{
		"no CSV":         {"\x00\x01\x02", "file"},
		"empty":          {"", "file"},
		"missing column": {"payer,cpt,submitted_date,outcome\nAetna,99213,2024-01-05,PAID\n", "decided_date"},
		"header alone":   {claimsHeader, "has a header but no data rows"},
		"no good row":    {claimsHeader + ",,,,,\n", "has no row to keep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.run(t, tt.file, "ingest", "-", "--customer=lakeside", "--json", "--name="+name).want(t, exitUsage, tt.want)
			if f := failure(t, r); f.Code != "VALIDATION" || len(f.Errors) == 0 {
				t.Errorf("%+v", f)
			}
			// The refused file is on record, and that is printed.
			if u := decode[uploadResult](t, r); u.Status != models.UploadFailed || u.Accepted != 0 || u.Error == nil {
				t.Errorf("printed %+v", u)
			}
		})
	}
	t.Cleanup(func() {
		if n := factory.Query[int](c.Tenant, "SELECT count(*) FROM claims"); n != 0 {
			t.Errorf("%d claims are stored", n)
		}
	})
}

func TestIngest_UnknownCustomer(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.run(t, claimsHeader, "ingest", "-", "--customer=nobody").
		want(t, exitNotFound, `There is no customer "nobody"; `+"`upstream customer create` makes one.")
}

func TestIngest_Interrupted(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	in, writer := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan result, 1)
	go func() { done <- runWith(ctx, in, append(c.flags, "ingest", "-", "--customer=lakeside", "--json")...) }()
	if _, err := io.WriteString(writer, claimsHeader); err != nil {
		t.Fatal(err)
	}
	cancel() // while more of the file is awaited
	r := (<-done).want(t, exitInterrupted)
	if f := failure(t, r); f.Code != "INTERRUPTED" {
		t.Errorf("%+v", f)
	}
	_ = writer.Close()
}

func TestInput_IsKeptNowhere(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	a := &app{Streams: Streams{In: strings.NewReader("a,b\n1,2\n")}}
	file, err := a.openInput(t.Context(), "-")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // ingestion reads twice
		body, err := io.ReadAll(file)
		if err != nil || string(body) != "a,b\n1,2\n" {
			t.Errorf("read %q, %v", body, err)
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
	if _, err := a.openInput(t.Context(), "-"); err == nil || !os.IsNotExist(err) {
		t.Errorf("without a place to keep it: %v", err)
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.Drifting()
	args := []string{"detect", "--customer=lakeside", "--as-of=" + factory.Today().String(), "--signals=denial_rate,DECISION_TIME"}
	got := decode[runResult](t, c.run(t, "", append(args, "--json")...).want(t, exitOK))
	if got.Status != models.RunSuccess || got.Customer != "Clinic lakeside" || got.AsOf != factory.Today() || got.Tests == 0 || got.Message != "" {
		t.Errorf("run is %+v", got)
	}
	if len(got.Events) == 0 || got.Events[0].Payer != "Payer A" || got.Events[0].DriftType != models.DriftDenialRate {
		t.Fatalf("events are %+v", got.Events)
	}
	if e := got.Events[0]; e.Baseline != 0.1 || e.Current != 0.4 || e.Trend != models.TrendDegrading || *e.QValue > 0.05 {
		t.Errorf("event is %+v", e)
	}
	c.run(t, "", args...).want(t, exitOK, "SEVERITY", "Payer A", "DENIAL_RATE", "10.0 % → 40.0 %", "degrading", "1 finding\n", "$6,000.00")
}

func TestDetect_Flags(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.Drifting()
	got := decode[runResult](t, c.run(t, "", "detect", "--customer=lakeside", "--json", "--as-of=2026-06-15", "--method=threshold",
		"--window-by=submitted", "--run-type=custom", "--current-days=20", "--baseline-days=60", "--min-volume=40", "--alpha=0.01").want(t, exitOK))
	day := func(text string) models.Date {
		d, err := models.ParseDate(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if got.Method != models.MethodThreshold ||
		got.Current != [2]models.Date{day("2026-05-26"), day("2026-06-15")} || got.Baseline != [2]models.Date{day("2026-03-27"), day("2026-05-26")} {
		t.Errorf("run is %+v", got)
	}
	run, err := c.Store.ReportRun(t.Context(), c.System(), got.ID)
	if err != nil || run.RunType != models.RunCustom || run.WindowBy != models.WindowBySubmitted || run.MinVolume != 40 || run.Alpha != 0.01 {
		t.Errorf("stored run is %+v, %v", run, err)
	}
}

func TestDetect_Silence(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.run(t, "", "detect", "--customer=lakeside").want(t, exitUsage, "customer has no claims yet")
	c.run(t, "", "detect", "--customer=lakeside", "--signals=DENIAL_RATE,MOOD").want(t, exitUsage, "--signals", "DENIAL_RATE, APPROVAL_RATE")
	c.Ingest(factory.Batch{Payer: "Payer A", CPT: "99213", Outcome: models.OutcomePaid, Count: 1, FirstDay: factory.Today().AddDays(-300)})
	c.run(t, "", "detect", "--customer=lakeside", "--as-of=2020-01-01").want(t, exitOK, "0 tests, 0 findings", "There are no claims in either window.")
	got := decode[runResult](t, c.run(t, "", "detect", "--customer=lakeside", "--as-of=2020-01-01", "--json").want(t, exitOK))
	if got.Status != models.RunSuccess || got.Tests != 0 || got.Events == nil || got.Message == "" {
		t.Errorf("a run without data is %+v", got)
	}
	today, b := factory.Today(), factory.Batch{Payer: "Payer A", CPT: "99213", Wait: 10, Billed: 200}
	for _, window := range []struct {
		first models.Date
		days  int
	}{{today.AddDays(-104), 90}, {today.AddDays(-14), 14}} {
		for outcome, count := range map[models.Outcome]int{models.OutcomePaid: 90, models.OutcomeDenied: 10} {
			b.FirstDay, b.Days, b.Outcome, b.Count = window.first, window.days, outcome, count
			c.Ingest(b)
		}
	}
	args := []string{"detect", "--customer=lakeside", "--as-of=" + today.String()}
	c.run(t, "", args...).want(t, exitOK, "Nothing is significant", "The smallest change it could have seen (80 % power): DENIAL_RATE of Payer A/", " points from 10.0 %.")
	c.run(t, "", append(args, "--method=threshold", "--window-by=decided")...).want(t, exitOK, "comparisons reached its threshold")
}

func TestDetect_Refusals(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.run(t, "", "detect", "--customer=nobody").want(t, exitNotFound, `There is no customer "nobody"`)
	r := c.run(t, "", "detect", "--customer=lakeside", "--json", "--as-of=2026-13-01", "--method=guess", "--window-by=x", "--run-type=y").want(t, exitUsage)
	var paths []string
	for _, f := range failure(t, r).Errors {
		paths = append(paths, f.Path)
	}
	if diff := cmp.Diff([]string{"--as-of", "--method", "--window-by", "--run-type"}, paths); diff != "" {
		t.Errorf("named (+):\n%s", diff)
	}
	c.run(t, "", "detect", "--customer=lakeside", "--as-of=9000-01-01").want(t, exitUsage, "as_of must not be later than today")
	c.run(t, "", "detect", "--customer=lakeside", "--alpha=2").want(t, exitUsage, "alpha")
	if n := factory.Query[int](c.Tenant, "SELECT count(*) FROM report_runs"); n != 0 {
		t.Errorf("%d runs are stored", n)
	}
}
