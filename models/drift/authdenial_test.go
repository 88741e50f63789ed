package drift

import "testing"

func TestIsAuthDenial(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code, text string
		want       bool
	}{
		{"CO-197", "", true},
		{"PR15", "", true},
		{"197", "", true},
		{"co 210", "", true},
		{"0302", "", true},
		{"OA-198", "", true},
		{"243", "", true},
		{"CO-284", "", true},
		{"296", "", true},
		{"AUTH", "", true},
		{"no-auth-01", "", true},
		{"", "Missing Authorization on file", true},
		{"CO-97", "", false},
		{"CO-1970", "", false},
		{"CO-115", "", false},
		{"15A", "", false},
		{"", "", false},
		{"MED", "not medically necessary", false},
	} {
		if got := IsAuthDenial(tc.code, tc.text); got != tc.want {
			t.Errorf("IsAuthDenial(%q, %q) = %v", tc.code, tc.text, got)
		}
	}
}
