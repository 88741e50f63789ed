package auth_test

import (
	"bytes"
	"testing"

	"upstream/internal/auth"
)

func TestDeriveKey(t *testing.T) {
	t.Parallel()
	one, err := auth.DeriveKey([]byte("a master secret of some length"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := auth.DeriveKey([]byte("a master secret of some length"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := auth.DeriveKey([]byte("another master secret"))
	if err != nil {
		t.Fatal(err)
	}
	if one.ID != again.ID || !bytes.Equal(one.Secret, again.Secret) {
		t.Error("the same master secret gives two keys")
	}
	if one.ID == other.ID || bytes.Equal(one.Secret, other.Secret) {
		t.Error("two master secrets give the same key")
	}
	if len(one.Secret) != 32 || bytes.Contains(one.Secret, []byte("master")) {
		t.Errorf("secret of %d bytes", len(one.Secret))
	}
}

func TestNewKeyringRefuses(t *testing.T) {
	t.Parallel()
	good := auth.Key{ID: "a", Secret: bytes.Repeat([]byte{1}, 32)}
	for name, keys := range map[string][]auth.Key{
		"no name":      {{Secret: good.Secret}},
		"short secret": {{ID: "a", Secret: good.Secret[:31]}},
		"twice":        {good, good},
		"bad retired":  {good, {ID: "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := auth.NewKeyring(keys[0], keys[1:]...); err == nil {
				t.Error("accepted")
			}
		})
	}
	if _, err := auth.NewKeyring(good); err != nil {
		t.Errorf("good key: %v", err)
	}
}

func TestNewWantsKeys(t *testing.T) {
	t.Parallel()
	if _, err := auth.New(nil, auth.Options{}); err == nil {
		t.Error("a service without keys would sign with nothing")
	}
}

func TestDeriveKeyring(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.user(t, "ann@cedar.test", f.cedar.ID, "owner")
	former, current := []byte("the secret until yesterday"), []byte("the secret from today on")
	ring := func(master []byte, retired ...[]byte) *auth.Service {
		keys, err := auth.DeriveKeyring(master, retired...)
		if err != nil {
			t.Fatal(err)
		}
		return f.service(t, auth.Options{Keys: keys})
	}
	before, after, dropped := ring(former), ring(current, former), ring(current)
	old, err := before.SignIn(t.Context(), "ann@cedar.test", password, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := after.Verify(t.Context(), old.Access); err != nil {
		t.Errorf("a token of the retired key: %v", err)
	}
	next, err := after.Refresh(t.Context(), old.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if err := dropped.Verify(t.Context(), next.Access); err != nil {
		t.Errorf("new tokens are not signed with the new key: %v", err)
	}
	if err := dropped.Verify(t.Context(), old.Access); err == nil {
		t.Error("a dropped key still verifies")
	}
	if _, err := auth.DeriveKeyring(current, current); err == nil {
		t.Error("a secret is both current and retired")
	}
}
