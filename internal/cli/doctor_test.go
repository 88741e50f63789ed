package cli

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"upstream/internal/doctor"
)

// findingsOf reads what doctor printed, by check.
func findingsOf(t *testing.T, r result) map[string][]doctor.Finding {
	t.Helper()
	all := map[string][]doctor.Finding{}
	for _, f := range decode[[]doctor.Finding](t, r) {
		all[f.Check] = append(all[f.Check], f)
	}
	return all
}

func has(found []doctor.Finding, status doctor.Status, text string) bool {
	for _, f := range found {
		if f.Status == status && strings.Contains(f.Detail, text) {
			return true
		}
	}
	return false
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	r := c.run(t, "", "doctor", "--json", secretFlag)
	found := findingsOf(t, r)
	for check, status := range map[string]doctor.Status{"database": doctor.OK, "role": doctor.OK, "schema": doctor.OK, "throttle": doctor.OK, "clock": doctor.OK} {
		if !has(found[check], status, "") {
			t.Errorf("%s: %+v", check, found[check])
		}
	}
	for check, text := range map[string]string{"settings": "UPSTREAM_PUBLIC_URL", "mail": "SMTP_URL is not set", "queue": "no process works on jobs"} {
		if !has(found[check], doctor.Warning, text) {
			t.Errorf("%s: %+v", check, found[check])
		}
	}
	execute(t, c.DB, `DROP INDEX uploads_customer_id_uploaded_at_id_idx`)
	c.run(t, "", "doctor", secretFlag).want(t, exitFailure,
		"schema", "FAILED", "missing: CREATE INDEX uploads_customer_id_uploaded_at_id_idx", "→ Restore", "something is wrong")
}

func TestDoctor_Settings(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	r := c.run(t, "", "doctor", "--json", "--addr=nonsense", "--throttle-rates=x=y", "--smtp-url=smtp://127.0.0.1:1", "--mail-from=a@b.test",
		"--redis-url=redis://127.0.0.1:1").want(t, exitFailure)
	found := findingsOf(t, r)
	for _, text := range []string{"UPSTREAM_SECRET_KEY is required", "--addr must be", "--throttle-rates"} {
		if !has(found["settings"], doctor.Failed, text) {
			t.Errorf("no %q in %+v", text, found["settings"])
		}
	}
	if !has(found["mail"], doctor.Failed, "127.0.0.1:1 cannot be reached") {
		t.Errorf("%+v", found["mail"])
	}
	r = c.run(t, "", "doctor", "--json", secretFlag, "--redis-url=redis://127.0.0.1:1")
	if found := findingsOf(t, r); !has(found["throttle"], doctor.Warning, "Redis cannot be reached") {
		t.Errorf("%+v", found["throttle"])
	}
	r = c.run(t, "", "doctor", "--json", secretFlag, "--throttle=off")
	if found := findingsOf(t, r); !has(found["throttle"], doctor.Warning, "switched off") {
		t.Errorf("%+v", found["throttle"])
	}
}

// What only the edges can read is told as a setting.
func TestDoctor_SettingsOfTheEdges(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	var out, errs bytes.Buffer
	refuse := func(Deps) (http.Handler, error) { return nil, errors.New("--graphql-limits: depht is no limit") }
	code := Main(t.Context(), append([]string{"doctor", "--json", secretFlag}, c.flags...), Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, Edges{Handler: refuse})
	told := findingsOf(t, result{code, out.String(), errs.String()})["settings"]
	if !has(told, doctor.Failed, "depht is no limit") {
		t.Errorf("%+v", told)
	}
}

func TestDoctor_NothingThereYet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, "", "doctor", "--json", "--data-dir="+dir).want(t, exitOK)
	if found := findingsOf(t, r); !has(found["database"], doctor.Skipped, "no embedded database in the data directory yet") {
		t.Errorf("%+v", found)
	}
}

func TestDoctor_NoDatabase(t *testing.T) {
	t.Parallel()
	run(t, "", "doctor", secretFlag, "--database-url=postgres://x:topsecret@127.0.0.1:1/z").
		want(t, exitFailure, "cannot be reached", "needs the database")
}

func TestDoctor_Strict(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run(t, "", "doctor", "--strict", "--throttle=off", "--data-dir="+dir).want(t, exitFailure, "WARNING")
	run(t, "", "doctor", "--throttle=off", "--data-dir="+dir).want(t, exitOK, "WARNING")
}
