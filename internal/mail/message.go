package mail

import (
	"context"
	"crypto/rand"
	"errors"
	"net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// Sender takes messages to their readers. It is safe for concurrent use. Its
// errors name neither the reader nor a password.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// errAddress is all that is said about an address that cannot be one.
var errAddress = errors.New("mail: the reader's address is not one")

// format makes the mail that goes out. Text that could end a header is refused:
// the templates give none, so it is a mistake of ours.
func format(from *mail.Address, m Message, now time.Time) (*gomail.Msg, error) {
	to, err := mail.ParseAddress(m.To)
	if err != nil || to.Name != "" || to.Address != m.To || strings.ContainsFunc(m.To, unicode.IsControl) {
		return nil, errAddress
	}
	if strings.ContainsFunc(m.Subject, unicode.IsControl) {
		return nil, errors.New("mail: the subject has a line break or another control character")
	}
	out := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	out.FromMailAddress(from)
	out.ToMailAddress(to)
	out.Subject(m.Subject)
	out.SetDateWithValue(now)
	// The library's own identifier would tell the name of this machine.
	_, domain, _ := strings.Cut(from.Address, "@")
	out.SetMessageIDWithValue(rand.Text() + "@" + domain)
	out.SetGenHeader("Auto-Submitted", "auto-generated") // vacation notices stay away
	out.SetBodyString(gomail.TypeTextPlain, m.Text)
	out.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return out, nil
}
