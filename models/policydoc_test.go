package models_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"upstream/models"
)

// updateDocs makes TestPolicyIsDocumented write the table instead of comparing it.
var updateDocs = flag.Bool("update", false, "write the table of permissions and the schemas of webhooks anew")

// policyTable is the table of permissions as Markdown.
func policyTable() string {
	var b strings.Builder
	b.WriteString("| permission | roles | scope of a key |\n|---|---|---|\n")
	for _, p := range models.Permissions() {
		var roles []string
		for _, role := range models.Role("").Values() {
			if models.RoleMay(models.Role(role), p) {
				roles = append(roles, role)
			}
		}
		scope, ok := models.ScopeFor(p)
		said := "`" + string(scope) + "`"
		switch {
		case !ok:
			said = "no key may"
		case scope == "":
			said = "every key may"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p, strings.Join(roles, ", "), said)
	}
	return b.String()
}

// The documented table of permissions is the one that decides.
// `go test ./models -run TestPolicyIsDocumented -update` writes it.
func TestPolicyIsDocumented(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../docs/authentication.md", "<!-- policy -->\n", "<!-- /policy -->"
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(body), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	if table == policyTable() {
		return
	}
	if !*updateDocs {
		t.Fatalf("%s says\n%s\nbut the policy is\n%s", path, table, policyTable())
	}
	if err := os.WriteFile(path, []byte(before+begin+policyTable()+end+after), 0o600); err != nil {
		t.Fatal(err)
	}
}
