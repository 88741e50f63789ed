package cli

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/internal/await"
	"upstream/internal/config"
	"upstream/internal/mail"
	"upstream/internal/secrets"
	"upstream/internal/testdb"
	"upstream/models"
	"upstream/store"
)

const publicFlag = "--public-url=https://upstream.example"

// awaitJob waits for the first job of this kind to be done.
func awaitJob(t *testing.T, db *testdb.DB, kind string) {
	t.Helper()
	await.Until(t, "a job "+kind, func() (done bool) {
		err := db.App.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM river.river_job WHERE kind = $1 AND state = 'completed')`, kind).Scan(&done)
		if err != nil {
			t.Fatal(err)
		}
		return done
	})
}

func TestWork_WorksAndDrains(t *testing.T) {
	t.Parallel()
	db, data := testdb.New(t), t.TempDir()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	out := newTranscript()
	ended := make(chan int, 1)
	errs := newTranscript()
	go func() {
		args := append([]string{"work", secretFlag, publicFlag, "--data-dir=" + data}, flagsOf(db)...)
		ended <- Main(ctx, args, Streams{In: strings.NewReader(""), Out: out, Err: errs}, Edges{})
	}()
	awaitJob(t, db, "housekeeping")
	cancel()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if out.String() != "working\n" {
		t.Errorf("standard output is %q", out)
	}
	if text := errs.String(); !strings.Contains(text, "SMTP_URL is not set: mails become files") || !strings.Contains(text, filepath.Join(data, "outbox")) {
		t.Errorf("standard error is %q", text)
	}
}

func TestWork_Refusals(t *testing.T) {
	t.Parallel()
	nowhere := "--database-url=postgres://x:y@127.0.0.1:1/z"
	run(t, "", "work", nowhere, publicFlag).want(t, exitUsage, "UPSTREAM_SECRET_KEY is required with DATABASE_URL")
	run(t, "", "work", nowhere, secretFlag).want(t, exitUsage, "--public-url is required")
	run(t, "", "work", nowhere, secretFlag, publicFlag, "--smtp-url=http://x").want(t, exitUsage, "SMTP_URL must look like")
	run(t, "", "serve", nowhere, secretFlag, "--smtp-url=smtp://mail.example").want(t, exitUsage, "UPSTREAM_MAIL_FROM is required")
	run(t, "", "work", nowhere, secretFlag, publicFlag).want(t, exitDatabase)
}

func TestServe_WorksOnJobsUnlessToldNotTo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args    []string
		working bool
	}{
		"by default": {nil, true},
		"without":    {[]string{"--no-workers"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testdb.New(t)
			var got Deps
			s := serve(t, func(d Deps) (http.Handler, error) {
				got = d
				return http.NotFoundHandler(), nil
			}, append(append(flagsOf(db), secretFlag, "--data-dir="+t.TempDir()), tt.args...)...)
			s.url(t)
			if (got.Workers != nil) != tt.working {
				t.Fatalf("readiness asks for workers: %v", got.Workers != nil)
			}
			if tt.working {
				if err := got.Workers(t.Context()); err != nil {
					t.Errorf("not ready: %v", err)
				}
				awaitJob(t, db, "housekeeping")
			}
			s.signal()
			s.end().want(t, exitOK)
			if tt.working && got.Workers(context.WithoutCancel(t.Context())) == nil {
				t.Error("ready after the end")
			}
		})
	}
}

func TestSender_IsAsConfigured(t *testing.T) {
	t.Parallel()
	a, _ := appOn(t)
	for url, want := range map[string]*mail.SMTP{
		"smtp://mail.example":              {Host: "mail.example", Port: 587, Encryption: mail.StartTLS},
		"smtps://me:pw@mail.example":       {Host: "mail.example", Port: 465, Username: "me", Password: "pw", Encryption: mail.ImplicitTLS},
		"smtp://localhost":                 {Host: "localhost", Port: 587, Encryption: mail.Opportunistic},
		"smtp://mail.example?starttls=off": {Host: "mail.example", Port: 587, Encryption: mail.Plain},
	} {
		sender, err := a.sender(t.Context(), config.Mail{SMTPURL: url, From: "a@b.example"})
		if err != nil {
			t.Fatal(err)
		}
		got := *sender.(*mail.SMTP)
		if got.From.Address != "a@b.example" {
			t.Errorf("from %v", got.From)
		}
		got.From = nil
		if diff := cmp.Diff(*want, got); diff != "" {
			t.Errorf("%s (+):\n%s", url, diff)
		}
	}
}

func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	r := c.run(t, "", "secrets", "rotate", "--json", secretFlag).want(t, exitOK)
	for _, result := range decode[[]rotationResult](t, r) {
		if result.Resealed != 0 || result.Unreadable != 0 || !strings.HasSuffix(result.Column, "_sealed") {
			t.Errorf("%+v", result)
		}
	}
	c.run(t, "", "secrets", "rotate", secretFlag).want(t, exitOK, "TABLE", "RESEALED")

	// Sealed with the old key, then rotated: the new key alone opens it.
	old := strings.Repeat("o", 32)
	sealWith := func(keys ...string) *store.Store {
		var raw [][]byte
		for _, key := range keys {
			raw = append(raw, []byte(key))
		}
		sealer, err := secrets.New(raw[0], raw[1:]...)
		if err != nil {
			t.Fatal(err)
		}
		return c.StoreWith(c.DB.App, store.Options{Sealer: sealer})
	}
	v := c.User(models.RoleOwner)
	in := models.NewPasswordReset{UserID: v.UserID, Token: []byte("the token"), Hash: models.SecretHash{1}}
	if err := sealWith(old).RequestPasswordReset(t.Context(), v, in); err != nil {
		t.Fatal(err)
	}
	c.run(t, "", "secrets", "rotate", secretFlag).want(t, exitFailure, "neither UPSTREAM_SECRET_KEY nor one of")
	r = c.run(t, "", "secrets", "rotate", "--json", secretFlag, "--retired-secret-keys="+old).want(t, exitOK)
	if got := decode[[]rotationResult](t, r); got[0] != (rotationResult{Table: "password_resets", Column: "token_sealed", Secrets: 1, Resealed: 1}) {
		t.Errorf("%+v", got)
	}
	var text string
	if err := c.DB.App.QueryRow(t.Context(), `SELECT args->>'reset_id' FROM river.river_job WHERE kind = 'password_reset_mail'`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	var id models.PasswordResetID
	if err := id.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	letter, err := sealWith(strings.TrimPrefix(secretFlag, "--secret-key=")).PasswordResetLetter(t.Context(), id)
	if err != nil || string(letter.Token) != "the token" {
		t.Errorf("%v, %v", letter, err)
	}
	c.run(t, "", "secrets", "rotate").want(t, exitUsage, "UPSTREAM_SECRET_KEY is required")
	c.run(t, "", "secrets", "rotate", secretFlag, "--retired-secret-keys=short").want(t, exitFailure, "UPSTREAM_RETIRED_SECRET_KEYS")
}
