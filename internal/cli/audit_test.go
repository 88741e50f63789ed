package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"upstream/internal/cli"
	"upstream/internal/factory"
	"upstream/models"
)

// verifier runs `upstream audit verify` against a test's database.
func verifier(t *testing.T, w *factory.World) func(args ...string) (code int, out, errs string) {
	t.Helper()
	return func(args ...string) (int, string, string) {
		t.Helper()
		var out, errs bytes.Buffer
		line := append([]string{"audit", "verify", "--database-url=" + w.DB.AppURL, "--migration-url=" + w.DB.OwnerURL}, args...)
		code := cli.Main(t.Context(), line, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, cli.Edges{})
		return code, out.String(), errs.String()
	}
}

type verified struct {
	Customer string
	Intact   bool
	Lines    int64
	Head     *struct {
		Seq  int64
		Hash string
	}
	Broken *struct {
		Seq    int64
		Event  *string
		Reason string
	}
}

func chains(t *testing.T, text string) map[string]verified {
	t.Helper()
	var list []verified
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	all := map[string]verified{}
	for _, c := range list {
		all[c.Customer] = c
	}
	return all
}

// rewrite changes a customer's log as the owner of the tables can.
func rewrite(t *testing.T, tenant *factory.Tenant, statements ...string) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), tenant.DB.Owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT set_config('app.customer_id', $1, true)`, tenant.Customer.ID.UUID().String()); err != nil {
			return err
		}
		for _, s := range append([]string{`ALTER TABLE audit_events DISABLE TRIGGER USER`}, statements...) {
			if _, err := tx.Exec(t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAuditVerify(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	for range 4 {
		cedar.User(models.RoleViewer)
	}
	verify := verifier(t, w)
	code, noted, errs := verify("--json")
	if code != 0 || errs != "" {
		t.Fatalf("code %d: %s", code, errs)
	}
	all := chains(t, noted)
	for slug, lines := range map[string]int64{"": 6, "cedar": 4, "harbor": 0} {
		c, ok := all[slug]
		if !ok || !c.Intact || c.Lines != lines || c.Broken != nil || (c.Head == nil) != (lines == 0) {
			t.Errorf("%q: %+v", slug, c)
		}
	}
	anchors := filepath.Join(t.TempDir(), "anchors.json")
	if err := os.WriteFile(anchors, []byte(noted), 0o600); err != nil {
		t.Fatal(err)
	}
	cedar.User(models.RoleViewer)
	if code, out, _ := verify("--against", anchors); code != 0 || !strings.Contains(out, "(platform)  7      intact") {
		t.Errorf("code %d: %s", code, out)
	}

	// Lines and head are cut alike: only the anchor tells.
	rewrite(t, cedar, `DELETE FROM audit_events WHERE seq > 2`, `DELETE FROM audit_heads`,
		`INSERT INTO audit_heads (customer_id, seq, hash) SELECT customer_id, seq, hash FROM audit_events WHERE seq = 2`)
	if code, out, _ := verify("--customer=cedar"); code != 0 || !strings.Contains(out, "cedar  2      intact, ends in ") {
		t.Errorf("without the anchor: code %d: %s", code, out)
	}
	code, out, errs := verify("--json", "--against", anchors)
	if c := chains(t, out)["cedar"]; code != 1 || c.Intact || c.Broken.Seq != 3 || !strings.Contains(errs, "does not hold") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}

	rewrite(t, cedar, `UPDATE audit_events SET actor = 'somebody' WHERE seq = 1`)
	code, out, errs = verify()
	if code != 1 || !strings.Contains(out, "BROKEN at line 1: its content is not what was hashed") || !strings.Contains(errs, "error: the audit log does not hold") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	if code, out, _ := verify("--customer", harbor.Customer.Slug); code != 0 || strings.Contains(out, "cedar") {
		t.Errorf("another customer's: code %d: %s", code, out)
	}
}

func TestAuditVerify_Refusals(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	verify := verifier(t, w)
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte(`[{"customer": "x", "head": {"seq": 1, "hash": "zz"}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.WriteFile(gone, []byte(`[{"customer": "oak", "head": {"seq": 1, "hash": "00"}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
		said string
	}{
		{[]string{"--customer=oak"}, 3, `no customer "oak"`},
		{[]string{"--against=" + garbage}, 2, "not hexadecimal"},
		{[]string{"--against=" + garbage + ".none"}, 2, "garbage.none"},
		{[]string{"--against=" + gone}, 1, "the customer and its chain are gone"},
	} {
		if code, out, errs := verify(tt.args...); code != tt.code || !strings.Contains(out+errs, tt.said) {
			t.Errorf("%v: code %d: %s%s", tt.args, code, out, errs)
		}
	}
}
