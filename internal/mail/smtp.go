package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Encryption is how a connection to an SMTP server is protected.
type Encryption int

// The ways to protect a connection.
const (
	// StartTLS begins in the clear and refuses to go on unless the server
	// changes to TLS.
	StartTLS Encryption = iota
	// ImplicitTLS speaks TLS from the first byte.
	ImplicitTLS
	// Opportunistic changes to TLS where the server offers it.
	Opportunistic
	// Plain never encrypts.
	Plain
)

// sendTimeout bounds the delivery of one message, from the look-up of the
// server's name to its last answer.
const sendTimeout = 45 * time.Second

// SMTP sends by a server.
type SMTP struct {
	Host string
	Port int
	// Username and Password sign in when Username is set.
	Username, Password string
	Encryption         Encryption
	// From is the sender of every message.
	From *mail.Address
	// TLS overrides the defaults of encrypted connections; may be nil.
	TLS *tls.Config
	// Timeout bounds one delivery; 45 s when zero.
	Timeout time.Duration
}

// Send implements [Sender]. Each message has a connection of its own.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	message, err := format(s.From, m, time.Now())
	if err != nil {
		return err
	}
	return s.connected(ctx, func(ctx context.Context, client *gomail.Client) error {
		return client.DialAndSendWithContext(ctx, message)
	})
}

// Check connects, encrypts and signs in as for a message, and sends none.
func (s *SMTP) Check(ctx context.Context) error {
	return s.connected(ctx, func(ctx context.Context, client *gomail.Client) error {
		if err := client.DialWithContext(ctx); err != nil {
			return err
		}
		return client.Close()
	})
}

// connected gives do a client within the time that one delivery may take, and
// says what its failure means.
func (s *SMTP) connected(ctx context.Context, do func(context.Context, *gomail.Client) error) error {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = sendTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := gomail.NewClient(s.Host, s.options(ctx, timeout)...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := do(ctx, client); err != nil {
		return s.explain(ctx, err)
	}
	return nil
}

func (s *SMTP) options(ctx context.Context, timeout time.Duration) []gomail.Option {
	options := []gomail.Option{
		// ctx ends first, and so says why.
		gomail.WithPort(s.Port), gomail.WithTimeout(2 * timeout), gomail.WithDialContextFunc(s.dialer(ctx)),
		gomail.WithTLSConfig(s.tlsConfig()), gomail.WithTLSPolicy(s.policy()),
	}
	if s.Encryption == ImplicitTLS {
		options = append(options, gomail.WithSSL())
	}
	if s.Username != "" {
		options = append(options, gomail.WithSMTPAuthCustom(&signIn{server: s}))
	}
	return options
}

func (s *SMTP) policy() gomail.TLSPolicy {
	switch s.Encryption {
	case StartTLS:
		return gomail.TLSMandatory
	case Opportunistic:
		return gomail.TLSOpportunistic
	default:
		return gomail.NoTLS
	}
}

func (s *SMTP) tlsConfig() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLS != nil {
		config = s.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = s.Host
	}
	return config
}

// dialer gives connections that end with ctx: the library minds it only until
// it is connected, and a server may fall silent later.
func (s *SMTP) dialer(ctx context.Context) gomail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := s.dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		return conn, nil
	}
}

func (s *SMTP) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.Encryption == ImplicitTLS {
		return (&tls.Dialer{Config: s.tlsConfig()}).DialContext(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// explain says why a message did not go out. The server's own words stay out of
// it: they may repeat the reader's address or what was sent to sign in.
func (s *SMTP) explain(ctx context.Context, err error) error {
	var refused *gomail.SendError
	var unreachable net.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("mail: %s:%d did not take the message in time: %w", s.Host, s.Port, ctx.Err())
	case errors.As(err, &refused):
		return fmt.Errorf("mail: %s:%d refused the message (%s, code %d)", s.Host, s.Port, refused.Reason, refused.ErrorCode())
	case errors.As(err, &unreachable):
		return fmt.Errorf("mail: %s:%d cannot be reached", s.Host, s.Port)
	case s.Username != "":
		return fmt.Errorf("mail: %s:%d ended the connection; is the sign-in right, and encryption as it wants it?", s.Host, s.Port)
	}
	return fmt.Errorf("mail: %s:%d ended the connection; does it want encryption or a sign-in?", s.Host, s.Port)
}
