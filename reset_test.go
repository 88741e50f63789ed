//go:build linux || darwin || freebsd

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"upstream/internal/auth"
	"upstream/internal/await"
	"upstream/internal/factory"
	"upstream/models"
)

// awaitMail reads the mails in a directory once there are as many.
func awaitMail(t *testing.T, dir string, want int) []*mail.Message {
	t.Helper()
	var names []string
	await.Until(t, "the mail", func() bool {
		var err error
		if names, err = filepath.Glob(filepath.Join(dir, "*.eml")); err != nil {
			t.Fatal(err)
		}
		return len(names) >= want
	})
	var all []*mail.Message
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// Quoted-printable breaks long lines, and writes "=" in three characters.
		raw = bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("=\r\n"), nil), []byte("=3D"), []byte("="))
		message, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, message)
	}
	return all
}

// TestProgram_PasswordReset is the way back in of somebody who has forgotten
// the password: the link is asked for, read from the mail, and used.
func TestProgram_PasswordReset(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	email := w.Tenant("lakeside").UserWithHash(models.RoleOwner, hash).Email
	dir := t.TempDir()
	server := start(t, dir, "--database-url="+w.DB.AppURL, "--migration-url="+w.DB.OwnerURL, "--secret-key="+strings.Repeat("s", 32))
	url := server.url(t)
	before := signIn(t, url, email, password)
	anybody := newClient(url)
	post := func(path string, body map[string]string) error {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		_, err = anybody.try(http.MethodPost, "/api/v1/auth/"+path, bytes.NewReader(text), "application/json")
		return err
	}
	for _, asked := range []string{email, "nobody@lakeside.test"} {
		if err := post("password-reset/", map[string]string{"email": asked}); err != nil {
			t.Fatal(err)
		}
	}
	outbox := filepath.Join(dir, "outbox")
	letter := awaitMail(t, outbox, 1)[0]
	var text bytes.Buffer
	if _, err := text.ReadFrom(letter.Body); err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(regexp.QuoteMeta(url) + `/reset-password#token=([\w-]{43})\r\n`).FindStringSubmatch(text.String())
	if link == nil || letter.Header.Get("To") != "<"+email+">" {
		t.Fatalf("to %s:\n%s", letter.Header.Get("To"), text.String())
	}
	if page, err := anybody.try(http.MethodGet, "/reset-password", nil, ""); err != nil || !strings.Contains(page, "Choose a new password") {
		t.Errorf("the page of the link: %v", err)
	}
	const chosen = "staple of the bright heron"
	if err := post("password-reset/confirm/", map[string]string{"token": link[1], "new_password": chosen}); err != nil {
		t.Fatal(err)
	}
	signIn(t, url, email, chosen)
	for name, err := range map[string]error{
		"the old password": post("token/", map[string]string{"email": email, "password": password}),
		"the used link":    post("password-reset/confirm/", map[string]string{"token": link[1], "new_password": chosen + "!"}),
	} {
		if err == nil {
			t.Errorf("%s still works", name)
		}
	}
	if _, err := before.try(http.MethodGet, "/api/v1/customers/me/", nil, ""); err == nil {
		t.Error("the old session goes on")
	}
	mails := awaitMail(t, outbox, 2)
	if subject := mails[1].Header.Get("Subject"); len(mails) != 2 || subject != "Your Upstream password was changed" {
		t.Errorf("%d mails, the last is %q", len(mails), subject)
	}
	server.signal(t)
	_, stderr := server.end(t, 0)
	for _, secret := range []string{link[1], chosen, password} {
		if strings.Contains(stderr, secret) {
			t.Errorf("the log tells a secret:\n%s", stderr)
		}
	}
}
