package webhook_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"upstream/internal/webhook"
	"upstream/models"
)

func key(t *testing.T, secret models.Secret) webhook.Key {
	t.Helper()
	k, err := webhook.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The example of the specification.
func TestHeaders_Golden(t *testing.T) {
	t.Parallel()
	k := key(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	header, err := webhook.Headers("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), k)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"webhook-id":        "msg_p5jXN8AQM9LWM0D4loKWxJek",
		"webhook-timestamp": "1614265330",
		"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// The reference library accepts what we sign with any of the secrets of a
// rotation, and nothing else.
func TestHeaders_Reference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var keys []webhook.Key
		var verifiers []*standardwebhooks.Webhook
		for range rapid.IntRange(1, 3).Draw(t, "secrets") {
			secret := models.Secret("whsec_" + base64.StdEncoding.EncodeToString(rapid.SliceOfN(rapid.Byte(), 24, 64).Draw(t, "secret")))
			k, err := webhook.ParseSecret(secret)
			if err != nil {
				t.Fatal(err)
			}
			verifier, err := standardwebhooks.NewWebhook(string(secret))
			if err != nil {
				t.Fatal(err)
			}
			keys, verifiers = append(keys, k), append(verifiers, verifier)
		}
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		header, err := webhook.Headers("dlv_01", time.Now(), body, keys...)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(strings.Fields(header.Get("Webhook-Signature"))); n != len(keys) {
			t.Fatalf("%d signatures by %d keys", n, len(keys))
		}
		for i, verifier := range verifiers {
			if err := verifier.Verify(body, header); err != nil {
				t.Fatalf("key %d: %v", i, err)
			}
			if verifier.Verify(append(body, 'x'), header) == nil {
				t.Fatal("another body passes")
			}
		}
		stranger, err := standardwebhooks.NewWebhook(string(webhook.NewSecret()))
		if err != nil || stranger.Verify(body, header) == nil {
			t.Fatalf("another secret passes: %v", err)
		}
		old, err := webhook.Headers("dlv_01", time.Now().Add(-time.Hour), body, keys...)
		if err != nil || verifiers[0].Verify(body, old) == nil {
			t.Fatalf("an old message passes: %v", err)
		}
	})
}

func TestHeaders_Refuses(t *testing.T) {
	t.Parallel()
	good := key(t, webhook.NewSecret())
	for name, try := range map[string]func() error{
		"no key":         func() error { _, err := webhook.Headers("dlv_1", time.Now(), nil); return err },
		"an empty key":   func() error { _, err := webhook.Headers("dlv_1", time.Now(), nil, good, webhook.Key{}); return err },
		"no id":          func() error { _, err := webhook.Headers("", time.Now(), nil, good); return err },
		"an id with dot": func() error { _, err := webhook.Headers("dlv_1.5", time.Now(), nil, good); return err },
	} {
		if try() == nil {
			t.Errorf("%s is signed", name)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	a, b := webhook.NewSecret(), webhook.NewSecret()
	if a == b || len(string(a)) != len("whsec_")+44 {
		t.Errorf("%d and %d characters", len(string(a)), len(string(b)))
	}
	k := key(t, a)
	if shown := fmt.Sprintf("%v %+v %#v %s", k, k, k, a); strings.Contains(shown, string(a)) || strings.ContainsAny(shown, "0123456789") {
		t.Errorf("a key shows itself: %s", shown)
	}
	bytes := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for text, ok := range map[string]bool{
		"whsec_" + bytes(24): true, "whsec_" + bytes(64): true, "whsec_" + bytes(32): true,
		"whsec_" + bytes(23): false, "whsec_" + bytes(65): false, bytes(32): false, "whsec_": false, "": false,
		"WHSEC_" + bytes(32): false, "whsec_" + strings.TrimRight(bytes(32), "="): false, "whsec_" + bytes(32) + "\n": false,
		"whsec_" + strings.Repeat("é", 32): false, "whsec_ " + bytes(32): false,
	} {
		_, err := webhook.ParseSecret(models.Secret(text))
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), bytes(24)) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}
