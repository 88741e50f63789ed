//go:build linux || darwin || freebsd

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/mail"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"upstream/internal/auth"
	"upstream/internal/factory"
	"upstream/models"
)

// invitationLink reads the secret in the mail to an address; empty when no mail
// went there.
func invitationLink(t *testing.T, letters []*mail.Message, url, email string) string {
	t.Helper()
	for _, letter := range letters {
		if letter.Header.Get("To") != "<"+email+">" {
			continue
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(letter.Body); err != nil {
			t.Fatal(err)
		}
		link := regexp.MustCompile(regexp.QuoteMeta(url) + `/accept-invitation#token=([\w-]{43})\r\n`).FindStringSubmatch(text.String())
		if link == nil {
			t.Fatalf("no link in the mail to %s:\n%s", email, text.String())
		}
		return link[1]
	}
	return ""
}

// TestProgram_Invitation is how somebody joins: invited by an owner, by a link
// read from the mail, with a new account or with the one there is.
func TestProgram_Invitation(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	lakeside := w.Tenant("lakeside")
	owner := lakeside.UserWithHash(models.RoleOwner, hash).Email
	colleague := w.Tenant("hillside").UserWithHash(models.RoleViewer, hash).Email
	dir := t.TempDir()
	server := start(t, dir, "--database-url="+w.DB.AppURL, "--migration-url="+w.DB.OwnerURL, "--secret-key="+strings.Repeat("s", 32))
	url := server.url(t)
	admin, anybody := signIn(t, url, owner, password), newClient(url)
	post := func(c *client, path string, body map[string]string) (string, error) {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return c.try(http.MethodPost, "/api/v1/"+path, bytes.NewReader(text), "application/json")
	}
	const stranger = "grace@guests.test"
	for _, email := range []string{stranger, colleague} {
		if _, err := post(admin, "invitations/", map[string]string{"email": email, "role": "analyst"}); err != nil {
			t.Fatal(err)
		}
	}
	letters := awaitMail(t, filepath.Join(dir, "outbox"), 2)
	fresh, old := invitationLink(t, letters, url, stranger), invitationLink(t, letters, url, colleague)
	if page, err := anybody.try(http.MethodGet, "/accept-invitation", nil, ""); err != nil || !strings.Contains(page, "Accept your invitation") {
		t.Errorf("the page of the link: %v", err)
	}

	const chosen = "staple of the bright heron"
	if _, err := post(anybody, "auth/invitations/accept/", map[string]string{"token": fresh}); err == nil || !strings.Contains(err.Error(), "required") {
		t.Errorf("without a password: %v", err)
	}
	for token, body := range map[string]map[string]string{
		fresh: {"password": chosen, "first_name": "Grace", "last_name": "Okafor"}, old: {},
	} {
		body["token"] = token
		said, err := post(anybody, "auth/invitations/accept/", body)
		if existing := `"existing_account":` + map[bool]string{true: "true", false: "false"}[token == old]; err != nil ||
			!strings.Contains(said, existing) || !strings.Contains(said, lakeside.Customer.Name) {
			t.Errorf("%s, %v", said, err)
		}
		if _, err := post(anybody, "auth/invitations/accept/", body); err == nil {
			t.Error("a used link works again")
		}
	}
	members, err := signIn(t, url, stranger, chosen).try(http.MethodGet, "/api/v1/customers/me/", nil, "")
	if err != nil || !strings.Contains(members, lakeside.Customer.ID.String()) {
		t.Errorf("the new member reads %s, %v", members, err)
	}
	pair, err := post(anybody, "auth/token/", map[string]string{"email": colleague, "password": password, "customer": "lakeside"})
	if err != nil {
		t.Errorf("the colleague signs in as always: %s, %v", pair, err)
	}
	server.signal(t)
	_, stderr := server.end(t, 0)
	for _, secret := range []string{fresh, old, chosen, stranger} {
		if strings.Contains(stderr, secret) {
			t.Errorf("the log tells a secret:\n%s", stderr)
		}
	}
}
