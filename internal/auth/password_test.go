package auth_test

import (
	"slices"
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
		{"twelve characters", "tulipvxkreef", "ann@cedar.test", nil},
		{"twelve characters of several bytes", "éüößäñçøåæœð", "ann@cedar.test", nil},
		{"eleven characters", "tulipvxkree", "ann@cedar.test", []string{"too_short"}},
		{"common and short", "dragon", "ann@cedar.test", []string{"too_short", "too_common"}},
		{"empty", "", "ann@cedar.test", []string{"too_short"}},
		{"digits", "480275193846", "ann@cedar.test", []string{"all_digits"}},
		{"few digits", "7351", "ann@cedar.test", []string{"too_short", "all_digits"}},
		{"holds the local part", "my-ANALYST-password", "analyst@cedar.test", []string{"too_similar"}},
		{"short local part counts for nothing", "ab initio forever", "ab@cedar.test", nil},
		{"longest", strings.Repeat("x", 1000) + "y and 22 characters more", "ann@cedar.test", nil},
		{"too long", strings.Repeat("x", 1001) + "y and 22 characters more", "ann@cedar.test", []string{"too_long"}},
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

func codesOf(err error) []string {
	if err == nil {
		return nil
	}
	var codes []string
	for _, f := range models.AsError(err).Fields {
		codes = append(codes, f.Code)
	}
	return codes
}

func TestCheckPasswordKnowsCommonOnes(t *testing.T) {
	t.Parallel()
	for _, common := range []string{
		"1Q2W3E4R5T6Y", "1qaz2wsx3edc", "123qweasdzxc", "UNBELIEVABLE", // on the list, in any case
		"password1234", "Password2026!", "!!!sunshine!!!", "2026-charlie-2026", // with something around it
		"P@ssw0rd1234", "5uper$tar1999", // letters replaced
		"qwertyqwerty", "dragondragondragon", // repeated
		"abcdefghijkl", "zyxwvutsrqponm", "aaaaaaaaaaaaa", "abababababab", "x1!.x1!.x1!.x1!.", // runs and patterns
	} {
		if got := codesOf(auth.CheckPassword(common, "someone@clinic.test")); !slices.Contains(got, "too_common") {
			t.Errorf("%q is admitted as uncommon: %v", common, got)
		}
	}
	for _, uncommon := range []string{
		"correct horse battery", "love#8291$773@10", "violet tugboat heron", "Xk3#vv9!mQp2", "the dragon reads slowly", "abcdefgh meadow",
	} {
		if err := auth.CheckPassword(uncommon, "someone@clinic.test"); err != nil {
			t.Errorf("%q: %v", uncommon, err)
		}
	}
}

func TestCheckPasswordComparesWithItsOwner(t *testing.T) {
	t.Parallel()
	for password, similar := range map[string]bool{
		"geraldinewest": true, "xx-Geraldine-xx": true, "the WESTERBERG plan": true, "lakesidehealth!": true,
		"g.westerberg@lakesidehealth.test": true, "g.westerburg@lakesidehealth": true, "geraldini vest": false,
		"violet tugboat heron": false, "lake side by side": false,
	} {
		err := auth.CheckPassword(password, "g.westerberg@lakesidehealth.test", "Geraldine", "Westerberg")
		if got := slices.Contains(codesOf(err), "too_similar"); got != similar {
			t.Errorf("%q similar: %v, want %v (%v)", password, got, similar, err)
		}
	}
}

// Whatever is put around a password of the list to make it long enough, if
// little, leaves it refused.
func TestCheckPasswordSeesThroughPadding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"password", "sunshine", "football", "princess", "superman"}).Draw(t, "word")
		padding := rapid.StringMatching(`[0-9!.#*_-]{4,12}`).Draw(t, "padding")
		for _, password := range []string{word + padding, padding + word, strings.ToUpper(word) + padding} {
			if !slices.Contains(codesOf(auth.CheckPassword(password, "someone@clinic.test")), "too_common") {
				t.Fatalf("admits %q", password)
			}
		}
	})
}
