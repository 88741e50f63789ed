package mail

import (
	"bufio"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// server is a small SMTP server that takes one mail at a time and remembers it.
type server struct {
	listener net.Listener
	tls      *tls.Config
	// starttls offers encryption; answers replace those to a command.
	starttls bool
	answers  map[string]string
	// mechanisms are the ways to sign in; PLAIN when empty.
	mechanisms string
	silent     string
	got        chan delivery
}

// delivery is what one connection brought.
type delivery struct {
	from, to, auth string
	data           []byte
	encrypted      bool
}

func startServer(t *testing.T, s *server, implicit bool) (*SMTP, *server) {
	t.Helper()
	certificate, pool := selfSigned(t)
	s.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	s.got = make(chan delivery, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listener = listener
	if implicit {
		s.listener = tls.NewListener(listener, s.tls)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.serve(conn, implicit)
		}
	}()
	t.Cleanup(func() {
		_ = s.listener.Close()
		<-done
	})
	port := listener.Addr().(*net.TCPAddr).Port
	return &SMTP{
		Host: "127.0.0.1", Port: port, From: sender(),
		TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}, s
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// serve speaks the protocol with one client.
func (s *server) serve(conn net.Conn, encrypted bool) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	d := delivery{encrypted: encrypted}
	say := func(text string) { _, _ = fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 test")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		if verb == s.silent {
			_, _ = in.ReadByte() // until the client gives up
			return
		}
		if answer, ok := s.answers[verb]; ok {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-test")
			if s.starttls && !d.encrypted {
				say("250-STARTTLS")
			}
			say("250 AUTH " + cmp.Or(s.mechanisms, "PLAIN"))
		case "STARTTLS":
			say("220 go on")
			secured := tls.Server(conn, s.tls)
			conn, in, d.encrypted = secured, bufio.NewReader(secured), true
		case "AUTH":
			mechanism, encoded, _ := strings.Cut(rest, " ")
			if mechanism == "LOGIN" {
				for _, question := range []string{"Username:", "Password:"} {
					say("334 " + base64.StdEncoding.EncodeToString([]byte(question)))
					answer, _ := in.ReadString('\n')
					plain, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(answer))
					d.auth += "|" + string(plain)
				}
			} else {
				plain, _ := base64.StdEncoding.DecodeString(encoded)
				d.auth = strings.ReplaceAll(string(plain), "\x00", "|")
			}
			say("235 fine")
		case "MAIL":
			d.from = rest
			say("250 fine")
		case "RCPT":
			d.to = rest
			say("250 fine")
		case "DATA":
			say("354 go on")
			for {
				text, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if text == ".\r\n" {
					break
				}
				d.data = append(d.data, strings.TrimPrefix(text, ".")...)
			}
			say("250 taken")
			s.got <- d
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func letter() Message {
	return Message{To: "ada@cedar.test", Subject: "Hello", Text: "one\n.\ntwo\n", HTML: "<p>one</p>\n"}
}

func TestSMTP_Delivers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server     server
		encryption Encryption
		password   string
		encrypted  bool
	}{
		"in the clear":            {server{}, Plain, "", false},
		"in the clear, signed in": {server{}, Plain, "pw", false},
		"where offered":           {server{starttls: true}, Opportunistic, "pw", true},
		"where not offered":       {server{}, Opportunistic, "", false},
		"by STARTTLS":             {server{starttls: true}, StartTLS, "pw", true},
		"by LOGIN":                {server{starttls: true, mechanisms: "LOGIN"}, StartTLS, "pw", true},
		"by TLS":                  {server{}, ImplicitTLS, "pw", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, s := startServer(t, &tt.server, tt.encryption == ImplicitTLS)
			out.Encryption = tt.encryption
			wantAuth := ""
			if tt.password != "" {
				out.Username, out.Password, wantAuth = "me", tt.password, "|me|"+tt.password
			}
			if err := out.Send(t.Context(), letter()); err != nil {
				t.Fatal(err)
			}
			d := <-s.got
			if d.encrypted != tt.encrypted || d.auth != wantAuth {
				t.Errorf("encrypted %v, signed in as %q", d.encrypted, d.auth)
			}
			if !strings.HasPrefix(d.from, "FROM:<noreply@upstream.example>") || d.to != "TO:<ada@cedar.test>" {
				t.Errorf("%q %q", d.from, d.to)
			}
			if _, bodies := parts(t, d.data); bodies["text/plain"] != letter().Text || bodies["text/html"] != letter().HTML {
				t.Errorf("bodies %q", bodies)
			}
		})
	}
}

func TestSMTP_Failures(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server server
		change func(*SMTP)
		want   string
	}{
		"no STARTTLS where demanded": {server{}, func(s *SMTP) { s.Encryption = StartTLS }, "encryption"},
		"a certificate nobody knows": {server{starttls: true}, func(s *SMTP) { s.Encryption, s.TLS = StartTLS, nil }, "127.0.0.1:"},
		"a wrong password": {
			server{answers: map[string]string{"AUTH": "535 no, canary is wrong"}},
			func(s *SMTP) { s.Username, s.Password = "me", "canary" }, "is the sign-in right",
		},
		"a reader it does not know": {server{answers: map[string]string{"RCPT": "550 ada@cedar.test is unknown"}}, func(*SMTP) {}, "code 550"},
		"a full disk":               {server{answers: map[string]string{"MAIL": "452 later"}}, func(*SMTP) {}, "code 452"},
		"silence at the greeting":   {server{silent: "EHLO"}, func(s *SMTP) { s.Timeout = 50 * time.Millisecond }, "in time"},
		"silence in the middle":     {server{silent: "RCPT"}, func(s *SMTP) { s.Timeout = 50 * time.Millisecond }, "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, _ := startServer(t, &tt.server, false)
			out.Encryption = Plain
			tt.change(out)
			err := out.Send(t.Context(), letter())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error = %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "ada") {
				t.Errorf("it tells too much: %v", err)
			}
		})
	}
}

func TestSMTP_Unreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	out := &SMTP{Host: "127.0.0.1", Port: port, From: sender()}
	if err := out.Send(t.Context(), letter()); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("error = %v", err)
	}
}

func TestSMTP_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	out, _ := startServer(t, &server{silent: "EHLO"}, false)
	out.Encryption = Plain
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := out.Send(ctx, letter()); err == nil {
		t.Error("it was sent")
	}
}
