package claimfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultGroups(t *testing.T) {
	t.Parallel()
	groups, err := DefaultGroups()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Count(rbcsTable, "\n") - 1; len(groups.byCode) != want {
		t.Errorf("%d codes, want one for each of %d rows", len(groups.byCode), want)
	}
	got := map[string]int{}
	for _, group := range groups.byCode {
		got[group]++
	}
	want := map[string]int{
		"ANESTHESIA": 291, "DME": 2450, "E&M": 535, "IMAGING": 916,
		"OTHER": 223, "PROCEDURE": 6258, "TEST": 2351, "TREATMENT": 1448,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes in each group (-want +got):\n%s", diff)
	}
	for code, want := range map[string]string{"99213": "E&M", "80053": "TEST", "27447": "PROCEDURE", "": "OTHER", "nope": "OTHER"} {
		if got := groups.Of(code); got != want {
			t.Errorf("Of(%q) = %q, want %q", code, got, want)
		}
	}
}

func TestDamagedGroupTables(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]string{
		"empty":         "",
		"other header":  "code,group\n1,Test\n",
		"narrow header": "hcpcs_code\n1\n",
		"no code":       "hcpcs_code,rbcs_category\n,Test\n",
		"no category":   "hcpcs_code,rbcs_category\n1,\n",
		"reserved name": "hcpcs_code,rbcs_category\n1,All\n",
		"ragged":        "hcpcs_code,rbcs_category\n1\n",
		"bare quote":    "hcpcs_code,rbcs_category\n1,a\"b\n",
	} {
		if _, err := parseGroups(table); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
