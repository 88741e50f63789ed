package config

import (
	"errors"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
)

// Mail are the settings of outgoing mail.
type Mail struct {
	SMTPURL string `name:"smtp-url" env:"SMTP_URL" help:"Server that takes mail: smtp://USER:PASSWORD@HOST:PORT (STARTTLS is demanded, except of this machine) or smtps://. Unset: mails become files in the data directory." placeholder:"URL"`
	From    string `name:"mail-from" env:"UPSTREAM_MAIL_FROM" help:"Sender of mails, such as Upstream <noreply@example.com>. Required with SMTP_URL." placeholder:"ADDRESS"`

	AlertEmail string `name:"alert-email" env:"UPSTREAM_ALERT_EMAIL" help:"Who is told of alerts that no channel of a customer takes, nor the customer's own address." placeholder:"ADDRESS"`
}

// The values of SMTP.StartTLS.
const (
	// StartTLSRequired refuses a server that does not encrypt.
	StartTLSRequired = "required"
	// StartTLSOptional encrypts where the server offers it.
	StartTLSOptional = "optional"
	// StartTLSOff never encrypts.
	StartTLSOff = "off"
)

// SMTP is what SMTPURL says.
type SMTP struct {
	Host               string
	Port               int
	Username, Password string
	// TLS is set when the connection is encrypted from its first byte; StartTLS
	// says what holds otherwise.
	TLS      bool
	StartTLS string
}

// Default ports.
const (
	submissionPort  = 587
	submissionsPort = 465
)

// errSMTPURL never repeats the URL, which may hold a password.
var errSMTPURL = errors.New("SMTP_URL must look like smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT")

// Validate names every setting that cannot work.
func (m Mail) Validate() error {
	_, urlErr := m.SMTP()
	_, fromErr := m.Sender()
	return errors.Join(urlErr, fromErr, m.checkAlertEmail())
}

func (m Mail) checkAlertEmail() error {
	if m.AlertEmail == "" {
		return nil
	}
	if address, err := mail.ParseAddress(m.AlertEmail); err != nil || address.Name != "" || address.Address != m.AlertEmail {
		return errors.New("UPSTREAM_ALERT_EMAIL must look like alerts@example.com")
	}
	return nil
}

// SMTP reads SMTPURL; nil when it is unset.
func (m Mail) SMTP() (*SMTP, error) {
	if m.SMTPURL == "" {
		return nil, nil
	}
	parsed, err := url.Parse(m.SMTPURL)
	if err != nil || parsed.Hostname() == "" || strings.Trim(parsed.Path, "/") != "" || parsed.Fragment != "" {
		return nil, errSMTPURL
	}
	server := &SMTP{Host: parsed.Hostname(), Port: submissionPort, Username: parsed.User.Username()}
	server.Password, _ = parsed.User.Password()
	switch parsed.Scheme {
	case "smtp":
	case "smtps":
		server.TLS, server.Port = true, submissionsPort
	default:
		return nil, errSMTPURL
	}
	if port := parsed.Port(); port != "" {
		if server.Port, err = strconv.Atoi(port); err != nil || server.Port < 1 || server.Port > 65535 {
			return nil, errors.New("SMTP_URL must name a port from 1 to 65535")
		}
	}
	if server.StartTLS, err = startTLS(parsed); err != nil {
		return nil, err
	}
	if server.StartTLS == StartTLSOff && server.Username != "" && !isLoopback(server.Host) {
		return nil, errors.New("SMTP_URL must not send a password without encryption: leave starttls=off out")
	}
	return server, nil
}

// startTLS is demanded unless the URL says otherwise; on this machine nobody
// listens in, and its server may have no certificate.
func startTLS(parsed *url.URL) (string, error) {
	query, err := url.ParseQuery(parsed.RawQuery)
	said := query.Get("starttls")
	delete(query, "starttls")
	switch {
	case err != nil || len(query) > 0:
		return "", errors.New("SMTP_URL knows one parameter: starttls")
	case said == "" && parsed.Scheme == "smtp" && isLoopback(parsed.Hostname()):
		return StartTLSOptional, nil
	case said == "":
		return StartTLSRequired, nil
	case parsed.Scheme == "smtps":
		return "", errors.New("SMTP_URL: smtps:// is encrypted from the start; starttls goes with smtp://")
	case said == StartTLSRequired, said == StartTLSOptional, said == StartTLSOff:
		return said, nil
	}
	return "", errors.New("SMTP_URL: starttls must be required, optional or off")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Sender reads From. It has a default for mails that become files.
func (m Mail) Sender() (*mail.Address, error) {
	if m.From == "" {
		if m.SMTPURL != "" {
			return nil, errors.New("UPSTREAM_MAIL_FROM is required with SMTP_URL: the address mails are sent from")
		}
		return &mail.Address{Name: "Upstream", Address: "upstream@localhost"}, nil
	}
	address, err := mail.ParseAddress(m.From)
	if err != nil {
		return nil, errors.New("UPSTREAM_MAIL_FROM must look like noreply@example.com or Upstream <noreply@example.com>")
	}
	return address, nil
}
