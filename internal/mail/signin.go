package mail

import (
	"errors"
	"slices"

	"github.com/wneessen/go-mail/smtp"
)

// signIn chooses among what the server offers once it is known. The library
// would choose before it knows that our own dialer encrypts.
type signIn struct {
	server *SMTP
	chosen smtp.Auth
}

// Start implements smtp.Auth. PLAIN and LOGIN refuse a connection in the clear,
// but to this machine.
func (a *signIn) Start(info *smtp.ServerInfo) (proto string, toServer []byte, err error) {
	user, password, host := a.server.Username, a.server.Password, a.server.Host
	switch {
	case slices.Contains(info.Auth, "PLAIN"):
		a.chosen = smtp.PlainAuth("", user, password, host, false)
	case slices.Contains(info.Auth, "LOGIN"):
		a.chosen = smtp.LoginAuth(user, password, host, false)
	case slices.Contains(info.Auth, "CRAM-MD5"):
		a.chosen = smtp.CRAMMD5Auth(user, password)
	default:
		return "", nil, errors.New("the server offers no way to sign in that is known here")
	}
	return a.chosen.Start(info)
}

// Next implements smtp.Auth.
func (a *signIn) Next(fromServer []byte, more bool) ([]byte, error) {
	return a.chosen.Next(fromServer, more)
}
