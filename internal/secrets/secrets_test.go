package secrets_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"upstream/internal/secrets"
	"upstream/models"
	"upstream/store"
)

var _ store.Sealer = (*secrets.Sealer)(nil)

func key(letter string) []byte { return []byte(strings.Repeat(letter, 32)) }

func sealer(t interface {
	Helper()
	Fatal(args ...any)
}, current []byte, retired ...[]byte,
) *secrets.Sealer {
	t.Helper()
	s, err := secrets.New(current, retired...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealer_OpensWhatItSealed(t *testing.T) {
	t.Parallel()
	s := sealer(t, key("a"))
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOf(rapid.Byte()).Draw(t, "plaintext")
		as := models.SealedAs{Table: rapid.String().Draw(t, "table"), Column: rapid.String().Draw(t, "column"), Row: uuid.New()}
		sealed, err := s.Seal(plaintext, as)
		if err != nil {
			t.Fatal(err)
		}
		if len(plaintext) > 7 && bytes.Contains(sealed, plaintext) {
			t.Error("the secret is in its sealed form")
		}
		opened, err := s.Open(sealed, as)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Errorf("opened %q, %v", opened, err)
		}
		if !s.Current(sealed) {
			t.Error("not by the current key")
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		sealed[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := s.Open(sealed, as); err == nil {
			t.Errorf("it opens after byte %d was changed", at)
		}
	})
}

func TestSealer_OpensOnlyAsTheSameValue(t *testing.T) {
	t.Parallel()
	s := sealer(t, key("a"))
	customer := models.CustomerID{}.From(uuid.New())
	as := models.SealedAs{Table: "invitations", Column: "token_sealed", Row: uuid.New(), Customer: customer}
	sealed, err := s.Seal([]byte("secret"), as)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Seal([]byte("secret"), as)
	if err != nil || bytes.Equal(sealed, again) {
		t.Errorf("the same secret is sealed alike twice: %v", err)
	}
	for name, change := range map[string]func(*models.SealedAs){
		"table":    func(a *models.SealedAs) { a.Table = "password_resets" },
		"column":   func(a *models.SealedAs) { a.Column = "other_sealed" },
		"row":      func(a *models.SealedAs) { a.Row = uuid.New() },
		"customer": func(a *models.SealedAs) { a.Customer = models.CustomerID{}.From(uuid.New()) },
		"nobody":   func(a *models.SealedAs) { a.Customer = models.CustomerID{} },
	} {
		other := as
		change(&other)
		if opened, err := s.Open(sealed, other); err == nil || strings.Contains(err.Error(), "secret\"") {
			t.Errorf("another %s opens %q: %v", name, opened, err)
		}
	}
}

func TestSealer_Rotation(t *testing.T) {
	t.Parallel()
	as := models.SealedAs{Table: "t", Column: "c", Row: uuid.New()}
	old, both, fresh := sealer(t, key("a")), sealer(t, key("b"), key("a")), sealer(t, key("b"))
	sealed, err := old.Seal([]byte("secret"), as)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := both.Open(sealed, as); err != nil || string(opened) != "secret" || both.Current(sealed) {
		t.Errorf("with the retired key: %q, %v, current %v", opened, err, both.Current(sealed))
	}
	if _, err := fresh.Open(sealed, as); err == nil {
		t.Error("the new key alone opens what the old one sealed")
	}
	resealed, err := both.Seal([]byte("secret"), as)
	if err != nil || !both.Current(resealed) || !fresh.Current(resealed) || old.Current(resealed) {
		t.Errorf("sealed anew by another key than the current one: %v", err)
	}
	if opened, err := fresh.Open(resealed, as); err != nil || string(opened) != "secret" {
		t.Errorf("without the retired key: %q, %v", opened, err)
	}
	// The same key in another process opens and recognizes it.
	if opened, err := sealer(t, key("a")).Open(sealed, as); err != nil || string(opened) != "secret" {
		t.Errorf("after a restart: %q, %v", opened, err)
	}
}

func TestNew_Refusals(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][][]byte{
		"short":         {key("a")[1:]},
		"empty":         {nil},
		"short retired": {key("a"), []byte("short")},
		"twice":         {key("a"), key("a")},
		"retired twice": {key("a"), key("b"), key("b")},
	} {
		if _, err := secrets.New(keys[0], keys[1:]...); err == nil || strings.Contains(err.Error(), "aaaa") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
