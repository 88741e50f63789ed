package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/internal/config"
)

func TestMail_SMTP(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]*config.SMTP{
		"":                                    nil,
		"smtp://mail.example":                 {Host: "mail.example", Port: 587, StartTLS: "required"},
		"smtp://mail.example/":                {Host: "mail.example", Port: 587, StartTLS: "required"},
		"smtp://me:p%40ss@mail.example:25":    {Host: "mail.example", Port: 25, Username: "me", Password: "p@ss", StartTLS: "required"},
		"smtps://me:pw@mail.example":          {Host: "mail.example", Port: 465, Username: "me", Password: "pw", TLS: true, StartTLS: "required"},
		"smtps://mail.example:2465":           {Host: "mail.example", Port: 2465, TLS: true, StartTLS: "required"},
		"smtp://localhost:1025":               {Host: "localhost", Port: 1025, StartTLS: "optional"},
		"smtp://127.0.0.1:1025":               {Host: "127.0.0.1", Port: 1025, StartTLS: "optional"},
		"smtp://[::1]:1025":                   {Host: "::1", Port: 1025, StartTLS: "optional"},
		"smtp://localhost?starttls=required":  {Host: "localhost", Port: 587, StartTLS: "required"},
		"smtp://mail.example?starttls=off":    {Host: "mail.example", Port: 587, StartTLS: "off"},
		"smtp://me:pw@localhost?starttls=off": {Host: "localhost", Port: 587, Username: "me", Password: "pw", StartTLS: "off"},
	} {
		got, err := config.Mail{SMTPURL: url}.SMTP()
		if err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (+):\n%s", url, diff)
		}
	}
}

func TestMail_Refusals(t *testing.T) {
	t.Parallel()
	const from = "noreply@upstream.example"
	for name, tt := range map[string]struct {
		mail config.Mail
		want string
	}{
		"another scheme":         {config.Mail{SMTPURL: "http://me:hush@mail.example", From: from}, "SMTP_URL must look like"},
		"no host":                {config.Mail{SMTPURL: "smtp://", From: from}, "SMTP_URL must look like"},
		"only a host":            {config.Mail{SMTPURL: "mail.example", From: from}, "SMTP_URL must look like"},
		"a path":                 {config.Mail{SMTPURL: "smtp://mail.example/hush", From: from}, "SMTP_URL must look like"},
		"garbage":                {config.Mail{SMTPURL: "smtp://me:hush@%zz", From: from}, "SMTP_URL must look like"},
		"port 0":                 {config.Mail{SMTPURL: "smtp://mail.example:0", From: from}, "from 1 to 65535"},
		"a large port":           {config.Mail{SMTPURL: "smtp://mail.example:65536", From: from}, "from 1 to 65535"},
		"unknown parameter":      {config.Mail{SMTPURL: "smtp://mail.example?tls=hush", From: from}, "one parameter: starttls"},
		"unknown policy":         {config.Mail{SMTPURL: "smtp://mail.example?starttls=hush", From: from}, "required, optional or off"},
		"both kinds of TLS":      {config.Mail{SMTPURL: "smtps://mail.example?starttls=off", From: from}, "encrypted from the start"},
		"a password in clear":    {config.Mail{SMTPURL: "smtp://me:hush@mail.example?starttls=off", From: from}, "without encryption"},
		"no sender":              {config.Mail{SMTPURL: "smtp://me:hush@mail.example"}, "UPSTREAM_MAIL_FROM is required with SMTP_URL"},
		"a sender that is none":  {config.Mail{From: "upstream"}, "UPSTREAM_MAIL_FROM must look like"},
		"no address of alerts":   {config.Mail{AlertEmail: "alerts"}, "UPSTREAM_ALERT_EMAIL must look like"},
		"a name in front of it":  {config.Mail{AlertEmail: "Alerts <alerts@b.example>"}, "UPSTREAM_ALERT_EMAIL must look like"},
		"a header in the sender": {config.Mail{From: "a@b.example\r\nBcc: c@d.example"}, "UPSTREAM_MAIL_FROM must look like"},
	} {
		err := tt.mail.Validate()
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		s := config.Serve{Addr: ":0", MaxUploadBytes: 1, MaxConns: 1, DrainTimeout: 1, Mail: tt.mail}
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: a server accepts it: %v", name, err)
		}
	}
}

func TestMail_Sender(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"":                              `"Upstream" <upstream@localhost>`,
		"a@b.example":                   `<a@b.example>`,
		"Upstream Alerts <a@b.example>": `"Upstream Alerts" <a@b.example>`,
	} {
		got, err := config.Mail{From: from}.Sender()
		if err != nil || got.String() != want {
			t.Errorf("%q: %s, %v", from, got, err)
		}
	}
}

func TestWork_Validate(t *testing.T) {
	t.Parallel()
	good := config.Work{PublicURL: "https://upstream.example", MaxConns: 1, DrainTimeout: 1, Webhooks: config.Webhooks{
		Ports: []uint16{443}, Timeout: 1, Pause: 1, Concurrency: 1,
	}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	err := config.Work{Keys: config.Keys{SecretKey: "short"}, Mail: config.Mail{From: "x"}}.Validate()
	for _, want := range []string{"--public-url is required", "UPSTREAM_SECRET_KEY", "UPSTREAM_MAIL_FROM", "--max-conns", "--drain-timeout", "--webhook-timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	good.PublicURL = "upstream.example"
	if err := good.Validate(); err == nil || !strings.Contains(err.Error(), "must look like https://") {
		t.Errorf("%v", err)
	}
}
