package mail

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"
	"time"
)

//go:embed templates
var templates embed.FS

// Kind says what a letter is about; each has its templates.
type Kind string

// The letters.
const (
	// PasswordReset carries the link to choose a new password.
	PasswordReset Kind = "password_reset"
	// PasswordChanged tells the owner of an account that its password was changed.
	PasswordChanged Kind = "password_changed"
	// Invitation carries the link to join a customer.
	Invitation Kind = "invitation"
	// WebhookDead tells that deliveries to a webhook endpoint are given up.
	WebhookDead Kind = "webhook_dead"
	// WebhookDisabled tells that a webhook endpoint was switched off.
	WebhookDisabled Kind = "webhook_disabled"
)

// Kinds lists the letters.
func Kinds() []Kind {
	return []Kind{PasswordReset, PasswordChanged, Invitation, WebhookDead, WebhookDisabled}
}

// Facts are what letters tell; each kind uses some of them.
type Facts struct {
	// Name is the first name of the reader; may be empty.
	Name string
	// Link is what the letter asks to open.
	Link string
	// Customer, Role and Inviter are about an invitation.
	Customer, Role, Inviter string
	// Endpoint is the name of a webhook endpoint of Customer, Dead how many
	// deliveries to it are given up, Waiting how many wait, and Gone whether it
	// asked for no more.
	Endpoint      string
	Dead, Waiting int64
	Gone          bool
	// At is when it happened, Until the instant from which Link is no good.
	At, Until time.Time
}

// Message is one mail to one reader.
type Message struct {
	// To is a bare address.
	To, Subject string
	// Text and HTML say the same.
	Text, HTML string
}

// Write composes a letter to an address.
func Write(kind Kind, to string, facts Facts) (Message, error) {
	return compose(string(kind), to, facts)
}

// compose fills the templates of a letter, which are named after its kind.
func compose(kind, to string, facts any) (Message, error) {
	m := Message{To: to}
	text, err := template.New("").Funcs(template.FuncMap{"instant": instant, "inc": func(i int) int { return i + 1 }}).
		ParseFS(templates, "templates/"+kind+".txt")
	if err != nil {
		return m, fmt.Errorf("letter %s: %w", kind, err)
	}
	page, err := htmltemplate.New("").Funcs(htmltemplate.FuncMap{"instant": instant, "inc": func(i int) int { return i + 1 }}).
		ParseFS(templates, "templates/layout.html", "templates/"+kind+".html")
	if err != nil {
		return m, fmt.Errorf("letter %s: %w", kind, err)
	}
	var subject, body, html strings.Builder
	err = errors.Join(
		text.ExecuteTemplate(&subject, "subject", facts),
		text.ExecuteTemplate(&body, kind+".txt", facts),
		page.ExecuteTemplate(&html, "layout.html", facts),
	)
	m.Subject, m.Text, m.HTML = oneLine(subject.String()), strings.TrimSpace(body.String())+"\n", html.String()
	return m, err
}

// instant is how letters write a time: their readers live in any zone.
func instant(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// oneLine makes a header's text of a template's: names come from people, and
// must not end the header.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
