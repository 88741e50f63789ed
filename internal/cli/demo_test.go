package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/go-cmp/cmp"

	"upstream/internal/demo"
	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// demoNow is a day by which every claim of the bundled file was decided.
func demoNow() time.Time { return factory.Now().AddDate(1, 0, 0) }

// smallDemo is the seeder with a Harbor of two thousand claims.
func smallDemo(t *testing.T, w *factory.World, dir, password string) *seeder {
	t.Helper()
	a, _ := appOn(t)
	a.DataDir = dir
	s, err := newSeeder(a, w.StoreWith(w.DB.App, store.Options{Now: demoNow}), password)
	if err != nil {
		t.Fatal(err)
	}
	s.harbor = demo.Harbor{Seed: demo.HarborSeed, Today: models.DateOf(demoNow()), Claims: 2000, Days: 120, BadRows: 5}
	return s
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	body, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func seed(t *testing.T, s *seeder) []clinicResult {
	t.Helper()
	clinics, err := s.seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return clinics
}

// contents counts what the demo keeps, per clinic.
func contents(t *testing.T, w *factory.World) map[string]map[string]int {
	t.Helper()
	all := map[string]map[string]int{}
	for _, slug := range []string{demo.CedarSlug, demo.HarborSlug} {
		customer, err := w.Store.CustomerBySlug(t.Context(), slug)
		if err != nil {
			t.Fatal(err)
		}
		tenant := &factory.Tenant{World: w, Customer: customer}
		all[slug] = map[string]int{}
		for _, table := range []string{"claims", "uploads", "upload_rejections", "report_runs", "payer_mappings", "alert_rules", "notification_channels"} {
			all[slug][table] = factory.Query[int](tenant, "SELECT count(*) FROM "+table)
		}
	}
	return all
}

func TestSeed_FillsAndThenReuses(t *testing.T) {
	t.Parallel()
	w, dir := factory.New(t), t.TempDir()
	first := seed(t, smallDemo(t, w, dir, ""))
	want := map[string]map[string]int{
		"cedar":  {"claims": 2575, "uploads": 1, "upload_rejections": 0, "report_runs": 1, "payer_mappings": 0, "alert_rules": 2, "notification_channels": 1},
		"harbor": {"claims": 2000, "uploads": 1, "upload_rejections": 5, "report_runs": 1, "payer_mappings": len(demo.PayerAliases()), "alert_rules": 2, "notification_channels": 1},
	}
	if diff := cmp.Diff(want, contents(t, w)); diff != "" {
		t.Errorf("contents (+):\n%s", diff)
	}
	if first[0].Slug != "cedar" || first[1].Slug != "harbor" || first[0].Run.Message == "" || first[0].Run.Tests == 0 {
		t.Errorf("clinics are %+v", first)
	}
	for _, name := range []string{"harbor-claims.csv", "harbor-claims.truth.json", "password"} {
		if _, err := os.Stat(filepath.Join(dir, "demo", name)); err != nil {
			t.Error(err)
		}
	}
	before, err := w.Store.AccountByEmail(t.Context(), "owner@harbor.test")
	if err != nil {
		t.Fatal(err)
	}
	second := seed(t, smallDemo(t, w, dir, ""))
	if diff := cmp.Diff(asJSON(t, first), asJSON(t, second)); diff != "" {
		t.Errorf("the second start shows (+):\n%s", diff)
	}
	if diff := cmp.Diff(want, contents(t, w)); diff != "" {
		t.Errorf("contents after the second start (+):\n%s", diff)
	}
	after, err := w.Store.AccountByEmail(t.Context(), "owner@harbor.test")
	if err != nil || after.User.Version != before.User.Version {
		t.Errorf("the second start touched the users: version %d, then %d (%v)", before.User.Version, after.User.Version, err)
	}
}

func TestSeed_Users(t *testing.T) {
	t.Parallel()
	w, dir := factory.New(t), t.TempDir()
	s := smallDemo(t, w, dir, "a password of my own")
	seed(t, s)
	check := func(password string) {
		t.Helper()
		for _, u := range demoUsers() {
			account, err := w.Store.AccountByEmail(t.Context(), u.Email)
			if err != nil {
				t.Fatal(err)
			}
			if account.User.IsSuperuser != u.Superuser || len(account.Memberships) != map[bool]int{false: 1, true: 0}[u.Superuser] {
				t.Errorf("%s: %+v", u.Email, account)
			}
			if len(account.Memberships) == 1 && account.Memberships[0].Role != u.Role {
				t.Errorf("%s is %s", u.Email, account.Memberships[0].Role)
			}
			if account.User.PasswordHash == s.hash && u.Email != demo.SuperuserEmail {
				continue // one comparison says it for all
			}
			if same, err := argon2id.ComparePasswordAndHash(password, account.User.PasswordHash); err != nil || !same {
				t.Errorf("%s has another password (%v)", u.Email, err)
			}
		}
	}
	check("a password of my own")
	if len(demoUsers()) != 9 {
		t.Errorf("%d users", len(demoUsers()))
	}
	// Another password at the next start is everybody's from then on.
	s = smallDemo(t, w, dir, "another one by now")
	seed(t, s)
	check("another one by now")
}

func TestSeed_CompletesWhatWasInterrupted(t *testing.T) {
	t.Parallel()
	w, dir := factory.New(t), t.TempDir()
	s := smallDemo(t, w, dir, "")
	// As far as: the customer, half of the users, and an ingestion that broke off
	// and left a failed upload of the file's name.
	customer, err := w.Store.CreateCustomer(t.Context(), models.NewCustomer{Slug: demo.CedarSlug, Name: demo.CedarName})
	if err != nil {
		t.Fatal(err)
	}
	tenant := &factory.Tenant{World: w, Customer: customer}
	in := models.NewUpload{Filename: demo.CedarFilename, Source: models.UploadSourceBatch}
	if _, err := w.Store.Ingest(t.Context(), tenant.System(), in, strings.NewReader("no CSV")); err == nil {
		t.Fatal("a broken file was accepted")
	}
	// A run of another upload with almost the same name does not count either.
	in.Filename = "old-" + demo.CedarFilename
	file := claimsHeader + "Aetna,99213,2024-01-05,2024-01-13,PAID,100\n"
	if _, err := w.Store.Ingest(t.Context(), tenant.System(), in, strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.seed(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled start answers %v", err)
	}
	seed(t, s)
	got := contents(t, w)
	if got["cedar"]["claims"] != 2576 || got["cedar"]["report_runs"] != 1 || got["harbor"]["claims"] != 2000 {
		t.Errorf("contents are %v", got)
	}
}

func TestSeed_TwoStartsAtOnce(t *testing.T) {
	t.Parallel()
	w, dir := factory.New(t), t.TempDir()
	s := smallDemo(t, w, dir, "a password of my own")
	seed(t, s)
	customer, err := w.Store.CustomerBySlug(t.Context(), demo.CedarSlug)
	if err != nil {
		t.Fatal(err)
	}
	// The other start stored the same bytes after this one had looked for them.
	clinic := demo.Clinics(factory.Today())[0]
	clinic.Filename = "not-seen.csv"
	if err := s.claims(t.Context(), models.SystemViewer(customer.ID), clinic); err != nil {
		t.Error(err)
	}
	if n := contents(t, w)["cedar"]["uploads"]; n != 1 {
		t.Errorf("%d uploads", n)
	}
}

// Each start prints a key that works, and ends that of the start before.
func TestSeed_APIKey(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	harbor := w.Tenant(demo.HarborSlug)
	harbor.APIKey(models.ScopeAuditRead)
	s := smallDemo(t, w, t.TempDir(), "a password of my own")
	var keys []demoKey
	for range 2 {
		key, err := s.apiKey(t.Context())
		if err != nil || !models.APIKeyText(key.Key).Valid() || key.Customer != demo.HarborSlug {
			t.Fatalf("%+v, %v", key, err)
		}
		keys = append(keys, key)
	}
	if key, err := w.Store.UseAPIKey(t.Context(), models.Viewer{}, models.APIKeyText(keys[1].Key).Hash()); err != nil || key.CustomerID != harbor.Customer.ID {
		t.Errorf("%+v, %v", key, err)
	}
	if _, err := w.Store.UseAPIKey(t.Context(), models.Viewer{}, models.APIKeyText(keys[0].Key).Hash()); models.CodeOf(err) != models.CodeUnauthenticated {
		t.Errorf("the key of the first start: %v", err)
	}
	if n := factory.Query[int](harbor, `SELECT count(*) FROM api_keys WHERE revoked_at IS NULL`); n != 2 {
		t.Errorf("%d keys in use", n)
	}
}

func TestPrintDemo(t *testing.T) {
	t.Parallel()
	clinics := []clinicResult{{Slug: "cedar", Run: runResult{Customer: "Cedar", Tests: 1, Events: []eventResult{}, Message: "Nothing."}}}
	a, out := appOn(t)
	if err := a.printDemo(clinics, "secret", demoKey{Customer: "harbor", Key: "up_live_x"}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "Cedar: ") || !strings.Contains(text, "1 test, 0 findings\n\nNothing.\n") {
		t.Errorf("people read %q", text)
	}
	a, out = appOn(t)
	a.JSON = true
	if err := a.printDemo(clinics, "secret", demoKey{Customer: "harbor", Key: "up_live_x"}); err != nil {
		t.Fatal(err)
	}
	a.printTour("http://127.0.0.1:1", "secret", demoKey{})
	line, rest, _ := strings.Cut(out.String(), "\n")
	var document demoResult
	if err := json.Unmarshal([]byte(line), &document); err != nil || rest != "" {
		t.Fatalf("%v; after the first line: %q", err, rest)
	}
	if document.Password != "secret" || len(document.Users) != 9 || document.Clinics[0].Slug != "cedar" || document.APIKey.Key != "up_live_x" {
		t.Errorf("machines read %+v", document)
	}
}

func TestPrintTour_SurvivesTheShell(t *testing.T) {
	t.Parallel()
	password := `it's "$HOME" \o/ ` + "`id`"
	a, out := appOn(t)
	a.printTour("http://127.0.0.1:1", password, demoKey{Customer: "harbor", Key: "up_live_x"})
	// A curl that prints what it was given to send.
	_, calls, _ := strings.Cut(out.String(), "TOKEN=")
	signIn, _, _ := strings.Cut(calls, ` | sed`)
	script := `curl() { while [ $# -gt 0 ]; do [ "$1" = -d ] && printf '%s' "$2"; shift; done; }` + "\n" +
		"TOKEN=" + signIn + `); printf '%s' "$TOKEN"`
	sent, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	var login map[string]string
	if err := json.Unmarshal(sent, &login); err != nil || login["password"] != password || login["email"] != "analyst@harbor.test" {
		t.Errorf("the shell sends %s (%v)", sent, err)
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"demo", "generate", "--claims=500", "--days=60", "--bad-rows=3", "--today=2026-06-15"}
	first, again, other := filepath.Join(dir, "new", "a.csv"), filepath.Join(dir, "b.csv"), filepath.Join(dir, "c.csv")
	got := decode[map[string]string](t, run(t, "", append(args, "--json", "--out="+first)...).want(t, exitOK))
	truth := filepath.Join(dir, "new", "a.truth.json")
	if diff := cmp.Diff(map[string]string{"claims": first, "truth": truth}, got); diff != "" {
		t.Error(diff)
	}
	run(t, "", append(args, "--out="+again)...).want(t, exitOK, again, "b.truth.json")
	run(t, "", append(args, "--seed=7", "--out="+other)...).want(t, exitOK)
	read := func(path string) string {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if read(first) != read(again) || read(first) == read(other) {
		t.Error("the seed alone must decide what is in the file")
	}
	if n := strings.Count(read(first), "\n"); n != 1+500+3 {
		t.Errorf("%d lines", n)
	}
	var planted demo.Truth
	if err := json.Unmarshal([]byte(read(truth)), &planted); err != nil || planted.Accepted != 500 || planted.Rejected != 3 || len(planted.Shifts) == 0 {
		t.Errorf("the truth is %+v, %v", planted, err)
	}
}

func TestGenerate_Refusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := "--out=" + filepath.Join(dir, "a.csv")
	run(t, "", "demo", "generate").want(t, exitUsage, "--out")
	run(t, "", "demo", "generate", out, "--today=yesterday").want(t, exitUsage, "--today must be a date written YYYY-MM-DD")
	run(t, "", "demo", "generate", out, "--claims=0").want(t, exitUsage, "claims must be between 1 and")
	run(t, "", "demo", "generate", "--out="+filepath.Join(writeTemp(t, "file", ""), "a.csv")).want(t, exitFailure, "not a directory")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	runWith(ctx, strings.NewReader(""), "demo", "generate", out).want(t, exitInterrupted)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

func TestWriteFile_KeepsTheOldOne(t *testing.T) {
	t.Parallel()
	path := writeTemp(t, "a.csv", "old")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := writeHarbor(ctx, demo.NewHarbor(factory.Today()), path); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if body, err := os.ReadFile(path); err != nil || string(body) != "old" {
		t.Errorf("the file holds %q, %v", body, err)
	}
}
