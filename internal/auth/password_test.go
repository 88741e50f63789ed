package auth_test

import (
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"upstream/internal/auth"
	"upstream/models"
)

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, password, email string
		codes                 []string
	}{
		{"good", "correct horse battery", "ann@cedar.test", nil},
		{"twelve characters", "abcdefghijkl", "ann@cedar.test", nil},
		{"twelve characters of several bytes", "éééééééééééé", "ann@cedar.test", nil},
		{"eleven characters", "abcdefghijk", "ann@cedar.test", []string{"too_short"}},
		{"empty", "", "ann@cedar.test", []string{"too_short"}},
		{"digits", "123456789012", "ann@cedar.test", []string{"all_digits"}},
		{"few digits", "1234", "ann@cedar.test", []string{"too_short", "all_digits"}},
		{"holds the local part", "my-ANALYST-password", "analyst@cedar.test", []string{"too_similar"}},
		{"short local part counts for nothing", "ab initio forever", "ab@cedar.test", nil},
		{"longest", strings.Repeat("x", 1024), "ann@cedar.test", nil},
		{"too long", strings.Repeat("x", 1025), "ann@cedar.test", []string{"too_long"}},
		{"address without @", "correct horse battery", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := auth.CheckPassword(c.password, c.email)
			if c.codes == nil {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			e := models.AsError(err)
			var codes []string
			for _, f := range e.Fields {
				if f.Path != "password" {
					t.Errorf("blames %q", f.Path)
				}
				codes = append(codes, f.Code)
			}
			if diff := cmp.Diff(c.codes, codes); diff != "" || e.Code != models.CodeValidation {
				t.Errorf("%s, codes (-want +got):\n%s", e.Code, diff)
			}
			if c.password != "" && strings.Contains(e.Error(), c.password) {
				t.Error("the error repeats the password")
			}
		})
	}
}

func TestCheckPasswordNeverAdmitsShortOnes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringN(0, auth.MinPasswordLength-1, -1).Draw(t, "password")
		if auth.CheckPassword(password, "someone@cedar.test") == nil {
			t.Fatalf("admits %q", password)
		}
	})
}

func TestHashPassword(t *testing.T) {
	t.Parallel()
	first, err := auth.HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	second, err := auth.HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Error("two hashes of one password are the same: no salt")
	}
	if !strings.HasPrefix(first, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("costs of %s", first)
	}
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterx": false} {
		got, err := argon2id.ComparePasswordAndHash(password, first)
		if err != nil || got != want {
			t.Errorf("%q matches: %v, %v", password, got, err)
		}
	}
}
