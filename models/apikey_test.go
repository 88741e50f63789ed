package models_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"upstream/models"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func keyText(t *rapid.T) models.APIKeyText {
	return models.APIKeyTextOf([32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "secret")))
}

// The form is a contract with scanners of secrets; these must never change.
func TestAPIKeyText_Form(t *testing.T) {
	t.Parallel()
	for secret, want := range map[[32]byte]models.APIKeyText{
		{}:         "up_live_" + models.APIKeyText(strings.Repeat("0", 43)) + "00W7pt",
		{31: 0x3d}: "up_live_" + models.APIKeyText(strings.Repeat("0", 42)) + "z" + "2krpQJ",
	} {
		if got := models.APIKeyTextOf(secret); got != want || !got.Valid() {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if a, b := models.NewAPIKeyText(), models.NewAPIKeyText(); a == b || !a.Valid() || a.Hash() == b.Hash() {
		t.Errorf("%q and %q", a, b)
	}
	var all [32]byte
	copy(all[:], bytes.Repeat([]byte{0xff}, 32))
	if got := models.APIKeyTextOf(all); len(got) != 57 || !got.Valid() {
		t.Errorf("%q", got)
	}
}

func TestAPIKeyText_ChecksumFindsTypos(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := keyText(t)
		if !key.Valid() || len(key) != 57 {
			t.Fatalf("%q is not valid", key)
		}
		at := rapid.IntRange(0, len(key)-1).Draw(t, "at")
		for _, digit := range base62 + " _é" {
			typo := string(key[:at]) + string(digit) + string(key[at+1:])
			if typo != string(key) && models.APIKeyText(typo).Valid() {
				t.Fatalf("%q passes for %q", typo, key)
			}
		}
		if key[:at].Valid() || (key + key[at:]).Valid() {
			t.Fatalf("a part of %q is valid", key)
		}
	})
}

func TestAPIKeyText_SecretsDiffer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "a"), rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "b")
		x, y := models.APIKeyTextOf([32]byte(a)), models.APIKeyTextOf([32]byte(b))
		if (x == y) != bytes.Equal(a, b) {
			t.Fatalf("%x and %x are %q and %q", a, b, x, y)
		}
	})
}

func TestAPIKeyText_StaysOutOfLogs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	key := models.NewAPIKeyText()
	for name, handler := range map[string]slog.Handler{"text": slog.NewTextHandler(&out, nil), "json": slog.NewJSONHandler(&out, nil)} {
		out.Reset()
		slog.New(handler).Info("made", "message", fmt.Sprintf("%s %v %q", key, key, key), "key", key, "issued", models.IssuedAPIKey{Text: key})
		if text := out.String(); strings.Contains(text, string(key[14:])) || !strings.Contains(text, key.Prefix()) || len(key.Prefix()) != 14 {
			t.Errorf("logged as %s: %s", name, text)
		}
	}
}

func TestAPIKey_Admits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		networks, addr string
		want           bool
	}{
		{"", "192.0.2.7", true},
		{"", "@", true},
		{"192.0.2.0/24", "192.0.2.7", true},
		{"192.0.2.0/24", "192.0.3.7", false},
		{"192.0.2.0/24", "::ffff:192.0.2.7", true},
		{"192.0.2.0/24", "::ffff:192.0.3.7", false},
		{"192.0.2.0/24", "::192.0.2.7", false},
		{"192.0.2.0/24", "", false},
		{"192.0.2.0/24", "@", false},
		{"2001:db8::/32", "2001:db8:1::7", true},
		{"2001:db8::/32", "2001:db9::7", false},
		{"2001:db8::/32", "192.0.2.7", false},
		{"fe80::/10", "fe80::1%eth0", true},
		{"::/0", "192.0.2.7", false},
		{"::/0", "2001:db8::7", true},
		{"0.0.0.0/0", "192.0.2.7", true},
		{"0.0.0.0/0", "2001:db8::7", false},
		{"198.51.100.1/32 2001:db8::/32", "198.51.100.1", true},
		{"198.51.100.1/32 2001:db8::/32", "198.51.100.2", false},
	} {
		key := &models.APIKey{AllowedCIDRs: strings.Fields(c.networks)}
		if got := key.Admits(c.addr); got != c.want {
			t.Errorf("%q from %q: %v", c.networks, c.addr, got)
		}
	}
}

func TestAPIKey_LiveAt(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	key := &models.APIKey{ExpiresAt: &end}
	if !key.LiveAt(end.Add(-1)) || key.LiveAt(end) || !(&models.APIKey{}).LiveAt(end) || (&models.APIKey{RevokedAt: &end}).LiveAt(end.Add(-1)) {
		t.Error("a key lives until it expires, and is dead once revoked")
	}
}

func TestNewAPIKey_Validate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	read := []models.Scope{models.ScopeClaimsRead}
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprintf("192.0.2.%d", i)
	}
	for want, in := range map[string]models.NewAPIKey{
		"":                             {Name: "K", Scopes: read},
		" ":                            {Name: strings.Repeat("é", 100), Scopes: read, AllowedCIDRs: many[:50], ExpiresAt: new(now.Add(models.MaxAPIKeyLife))},
		"name invalid":                 {Name: "  ", Scopes: read},
		"name invalid ":                {Name: strings.Repeat("é", 101), Scopes: read},
		"name invalid  ":               {Name: "a\x00b", Scopes: read},
		"name invalid   ":              {Name: "a\nb", Scopes: read},
		"scopes required":              {Name: "K"},
		"scopes.0 invalid":             {Name: "K", Scopes: []models.Scope{"claims"}},
		"scopes.0 invalid ":            {Name: "K", Scopes: []models.Scope{"*"}},
		"scopes.0 invalid  ":           {Name: "K", Scopes: []models.Scope{""}},
		"scopes.1 repeated":            {Name: "K", Scopes: append(read, read...)},
		"allowed_cidrs too_many":       {Name: "K", Scopes: read, AllowedCIDRs: many},
		"allowed_cidrs.0 invalid":      {Name: "K", Scopes: read, AllowedCIDRs: []string{"192.0.2.0/33"}},
		"allowed_cidrs.0 invalid ":     {Name: "K", Scopes: read, AllowedCIDRs: []string{"192.0.2.7/24"}},
		"allowed_cidrs.0 invalid  ":    {Name: "K", Scopes: read, AllowedCIDRs: []string{"::ffff:192.0.2.0/120"}},
		"allowed_cidrs.0 invalid   ":   {Name: "K", Scopes: read, AllowedCIDRs: []string{"fe80::1%eth0"}},
		"allowed_cidrs.1 repeated":     {Name: "K", Scopes: read, AllowedCIDRs: []string{"192.0.2.7", "192.0.2.7/32"}},
		"allowed_cidrs.1 repeated ":    {Name: "K", Scopes: read, AllowedCIDRs: []string{"192.0.2.7", "::ffff:192.0.2.7"}},
		"expires_at invalid":           {Name: "K", Scopes: read, ExpiresAt: &now},
		"expires_at invalid ":          {Name: "K", Scopes: read, ExpiresAt: new(now.Add(models.MaxAPIKeyLife + 1))},
		"name invalid scopes required": {},
	} {
		checkFields(t, in.Validate(now), want)
	}
}

func TestAPIKeyRotation_Validate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for want, in := range map[string]models.APIKeyRotation{
		"":                        {},
		" ":                       {OverlapHours: new(0)},
		"  ":                      {OverlapHours: new(168), AllowedCIDRs: &[]string{}},
		"overlap_hours invalid":   {OverlapHours: new(-1)},
		"overlap_hours invalid ":  {OverlapHours: new(169)},
		"allowed_cidrs.0 invalid": {AllowedCIDRs: &[]string{"here"}},
		"expires_at invalid":      {ExpiresAt: &now},
	} {
		checkFields(t, in.Validate(now), want)
	}
	if (models.APIKeyRotation{}).Overlap() != 24*time.Hour || (models.APIKeyRotation{OverlapHours: new(0)}).Overlap() != 0 {
		t.Error("the default is a day, and 0 is none")
	}
}

// checkFields compares "path code path code" with an error's; blanks at the end
// tell cases apart.
func checkFields(t *testing.T, err error, want string) {
	t.Helper()
	var got []string
	if err != nil {
		for _, f := range models.AsError(err).Fields {
			got = append(got, f.Path, f.Code)
		}
	}
	if strings.Join(got, " ") != strings.TrimRight(want, " ") {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestCanonicalCIDR(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "192.0.2.0/24": "192.0.2.0/24", "2001:DB8::/32": "2001:db8::/32", "::1": "::1/128",
		"::ffff:192.0.2.7": "192.0.2.7/32", "0.0.0.0/0": "0.0.0.0/0",
	} {
		if got, err := models.CanonicalCIDR(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
}

func TestViewer_AuthorizePerson(t *testing.T) {
	t.Parallel()
	user, key := models.UserID{}.From([16]byte{1}), models.APIKeyID{}.From([16]byte{1})
	if err := (models.Viewer{UserID: user}).AuthorizePerson(); err != nil {
		t.Error(err)
	}
	if err := (models.Viewer{KeyID: key}).AuthorizePerson(); models.CodeOf(err) != models.CodeForbidden {
		t.Errorf("a key: %v", err)
	}
	if err := (models.Viewer{}).AuthorizePerson(); models.CodeOf(err) != models.CodeUnauthenticated {
		t.Errorf("nobody: %v", err)
	}
}
