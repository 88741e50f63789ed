package models_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

// matrix is the policy as docs/permissions.md shows it.
func matrix() string {
	var b strings.Builder
	roles := models.Role("").Values()
	fmt.Fprintf(&b, "| permission | superuser | %s | scope of an API key |\n|---|---|%s---|\n", strings.Join(roles, " | "), strings.Repeat("---|", len(roles)))
	for _, p := range models.Permissions() {
		fmt.Fprintf(&b, "| `%s` | yes |", p)
		for _, role := range roles {
			b.WriteString(map[bool]string{true: " yes |", false: " no |"}[models.RoleMay(models.Role(role), p)])
		}
		scope, ok := models.ScopeFor(p)
		switch {
		case !ok:
			b.WriteString(" no key |\n")
		case scope == "":
			b.WriteString(" every key |\n")
		default:
			fmt.Fprintf(&b, " `%s` |\n", scope)
		}
	}
	return b.String()
}

// The documented matrix is that of the policy table.
func TestPermissionDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "<!-- matrix -->\n")
	table, _, closed := strings.Cut(table, "<!-- end of matrix -->")
	if !found || !closed {
		t.Fatal("docs/permissions.md marks no matrix")
	}
	if diff := cmp.Diff(strings.TrimSpace(matrix()), strings.TrimSpace(table)); diff != "" {
		t.Errorf("policy (-) and docs/permissions.md (+):\n%s", diff)
	}
}
