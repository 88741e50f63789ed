package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/internal/config"
)

func TestRetiredSecrets(t *testing.T) {
	t.Parallel()
	one, two := strings.Repeat("a", 32), strings.Repeat("b", 40)
	got, err := config.Serve{RetiredKeys: []string{one, " " + two + " "}}.RetiredSecrets()
	if diff := cmp.Diff([][]byte{[]byte(one), []byte(two)}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := (config.Serve{}).RetiredSecrets(); len(got) != 0 || err != nil {
		t.Errorf("without any: %q, %v", got, err)
	}
	for _, bad := range []string{"", strings.Repeat("a", 31)} {
		if _, err := (config.Serve{RetiredKeys: []string{one, bad}}).RetiredSecrets(); err == nil || strings.Contains(err.Error(), one) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
