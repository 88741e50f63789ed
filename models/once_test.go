package models_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"upstream/models"
)

func TestParseIdempotencyKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []string
		want   string
		code   string
	}{
		"none":             {},
		"a word":           {values: []string{"k"}, want: "k"},
		"quoted":           {values: []string{`"k"`}, want: `"k"`},
		"every character":  {values: []string{"!~"}, want: "!~"},
		"the longest":      {values: []string{strings.Repeat("k", 255)}, want: strings.Repeat("k", 255)},
		"too long":         {values: []string{strings.Repeat("k", 256)}, code: "invalid"},
		"empty":            {values: []string{""}, code: "invalid"},
		"a blank":          {values: []string{"a b"}, code: "invalid"},
		"a control":        {values: []string{"a\x00"}, code: "invalid"},
		"delete":           {values: []string{"\x7f"}, code: "invalid"},
		"beyond ASCII":     {values: []string{"é"}, code: "invalid"},
		"two, the same":    {values: []string{"k", "k"}, code: "repeated"},
		"two, one of them": {values: []string{"", "k"}, code: "repeated"},
	} {
		got, err := models.ParseIdempotencyKey(c.values)
		if c.code == "" && (err != nil || got != c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if c.code == "" {
			continue
		}
		e := models.AsError(err)
		if got != "" || e.Code != models.CodeValidation || len(e.Fields) != 1 || e.Fields[0].Path != "Idempotency-Key" || e.Fields[0].Code != c.code {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Where one part ends and the next begins is a part of the fingerprint, and who
// sends a key, for what, is a part of its scope.
func TestOnce_Fingerprints(t *testing.T) {
	t.Parallel()
	requests := map[[32]byte]string{}
	for name, parts := range map[string][]string{
		"nothing": {}, "empty": {""}, "two empty": {"", ""}, "ab": {"ab"}, "a b": {"a", "b"}, "b a": {"b", "a"}, "ab and nothing": {"ab", ""},
	} {
		var bytes [][]byte
		for _, part := range parts {
			bytes = append(bytes, []byte(part))
		}
		once := models.NewOnce("k", "op", bytes...)
		if other := requests[once.Request()]; other != "" {
			t.Errorf("%s is the same as %s", name, other)
		}
		requests[once.Request()] = name
	}
	user, key := models.UserID{}.From(uuid.New()), models.APIKeyID{}.From(uuid.New())
	scopes := map[[32]byte]string{}
	for name, scope := range map[string][32]byte{
		"a user":               models.NewOnce("k", "op").Scope(models.Viewer{UserID: user}),
		"a key of the same id": models.NewOnce("k", "op").Scope(models.Viewer{KeyID: models.APIKeyID{}.From(user.UUID())}),
		"a key":                models.NewOnce("k", "op").Scope(models.Viewer{KeyID: key}),
		"another operation":    models.NewOnce("k", "op2").Scope(models.Viewer{UserID: user}),
		"another key":          models.NewOnce("2k", "op").Scope(models.Viewer{UserID: user}),
		"what runs together":   models.NewOnce("pk", "o").Scope(models.Viewer{UserID: user}),
	} {
		if other := scopes[scope]; other != "" {
			t.Errorf("%s has the scope of %s", name, other)
		}
		scopes[scope] = name
	}
	if models.NewOnce("k", "op", []byte("a")).Scope(models.Viewer{UserID: user}) != models.NewOnce("k", "op").Scope(models.Viewer{UserID: user}) {
		t.Error("what is asked is a part of the scope: another request could not be told")
	}
}

func TestOnce_IsTakenOnce(t *testing.T) {
	t.Parallel()
	once := models.NewOnce("k", "op").Streamed()
	if taken, err := once.Take(); err == nil || taken != nil {
		t.Errorf("a request that is known in part is taken: %v", err)
	}
	before := once.Request()
	once.AddContent([]byte("content"))
	if once.Request() == before {
		t.Error("the content is no part of the request")
	}
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if got, err := once.Take(); err != nil {
				t.Error(err)
			} else if got != nil {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n != 1 {
		t.Errorf("it was taken %d times", n)
	}
}

// Without a key there is nothing to take, complete or tell.
func TestOnce_None(t *testing.T) {
	t.Parallel()
	var none *models.Once
	none.AddContent([]byte("content"))
	if taken, err := none.Take(); taken != nil || err != nil || none.Replayed() || none.Refused() != nil {
		t.Errorf("%v, %v", taken, err)
	}
}
