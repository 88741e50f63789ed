package webhook_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"upstream/internal/webhook"
	"upstream/models"
)

func TestSend_Delivers(t *testing.T) {
	t.Parallel()
	older, newer := webhook.NewSecret(), webhook.NewSecret()
	body := []byte(`{"type":"drift.detected","data":{"payer":"Ünïcode & <b>"}}`)
	seen := make(chan *http.Request, 1)
	server := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		for _, secret := range []models.Secret{older, newer} {
			verifier, err := standardwebhooks.NewWebhook(string(secret))
			if err != nil || verifier.Verify(got, r.Header) != nil || string(got) != string(body) {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
		seen <- r
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "thanks")
	})
	result, err := sender(t).Send(t.Context(), webhook.Message{
		ID: "dlv_01", URL: server.URL + "/hooks?x=1", Body: body, Keys: []webhook.Key{key(t, newer), key(t, older)},
	})
	if err != nil || !result.Delivered() || result.StatusCode != http.StatusAccepted || result.Body != "thanks" || result.Error != "" || result.RetryAfter != 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	if result.StartedAt.IsZero() || result.Duration <= 0 {
		t.Errorf("no time: %+v", result)
	}
	r := <-seen
	if r.Method != http.MethodPost || r.URL.RequestURI() != "/hooks?x=1" || r.Header.Get("Content-Type") != "application/json" ||
		r.Header.Get("User-Agent") != "Upstream-Webhooks/1" || r.Header.Get("Webhook-Id") != "dlv_01" || r.ContentLength != int64(len(body)) {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	for _, name := range []string{"Idempotency-Key", "Accept-Encoding", "Authorization", "Cookie", "Traceparent"} {
		if _, found := r.Header[name]; found {
			t.Errorf("%s is sent", name)
		}
	}
}

func TestSend_Statuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]models.AttemptOutcome{
		200: models.AttemptDelivered, 201: models.AttemptDelivered, 204: models.AttemptDelivered, 299: models.AttemptDelivered,
		301: models.AttemptRedirected, 302: models.AttemptRedirected, 304: models.AttemptRedirected, 307: models.AttemptRedirected, 308: models.AttemptRedirected,
		400: models.AttemptRejected, 401: models.AttemptRejected, 404: models.AttemptRejected, 410: models.AttemptGone,
		429: models.AttemptRejected, 500: models.AttemptRejected, 503: models.AttemptRejected, 599: models.AttemptRejected,
	} {
		result := send(t, sender(t), receiver(t, answers(status, "", "Retry-After", "120")).URL)
		if result.Outcome != want || result.StatusCode != status || (result.Error == "") != (want == models.AttemptDelivered) {
			t.Errorf("%d: %+v", status, result)
		}
		if wait := result.RetryAfter; (wait != 0) != (want != models.AttemptDelivered) {
			t.Errorf("%d: Retry-After %v", status, wait)
		}
	}
}

func TestSend_DoesNotFollowRedirects(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	inside := receiver(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	for _, location := range []string{inside.URL, "http://169.254.169.254/latest/meta-data/", "/elsewhere"} {
		door := receiver(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				followed.Store(true)
			}
			http.Redirect(w, r, location, http.StatusTemporaryRedirect)
		})
		result := send(t, sender(t), door.URL)
		if result.Outcome != models.AttemptRedirected || result.StatusCode != http.StatusTemporaryRedirect || followed.Load() {
			t.Errorf("%s: %+v", location, result)
		}
	}
}

func TestSend_KeepsLittleOfTheAnswer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, want string }{
		"long":           {strings.Repeat("ü", 5000), strings.Repeat("ü", 1000)},
		"not UTF-8":      {"a\xff\xfeb", "a\uFFFDb"},
		"control signs":  {"a\x00b\x1b[31mc\u202ed\ufeff", "ab[31mcd"},
		"lines and tabs": {" a\r\n\tb\v c ", "a b c"},
		"cut in a rune":  {strings.Repeat("x", 64<<10-1) + "ü", strings.Repeat("x", 1000)},
	} {
		result := send(t, sender(t), receiver(t, answers(500, tt.body)).URL)
		if result.Body != tt.want || !utf8.ValidString(result.Body) {
			t.Errorf("%s: %q", name, result.Body)
		}
	}
}

// An endless answer is read up to its bound, and the connection is given up.
func TestSend_EndlessAnswer(t *testing.T) {
	t.Parallel()
	wrote := make(chan int, 1)
	url := raw(t, func(conn net.Conn) {
		total, _ := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		for {
			n, err := conn.Write(make([]byte, 32<<10))
			total += n
			if err != nil {
				wrote <- total
				return
			}
		}
	})
	if result := send(t, sender(t), url); !result.Delivered() {
		t.Errorf("%+v", result)
	}
	if total := <-wrote; total > 16<<20 { // what the kernel's buffers took
		t.Errorf("%d bytes were taken", total)
	}
}

func TestSend_BadServers(t *testing.T) {
	t.Parallel()
	hang := func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) } // until the other side gives up
	says := func(text string) func(net.Conn) {
		return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
	}
	for name, tt := range map[string]struct {
		talk  func(net.Conn)
		want  models.AttemptOutcome
		says  string
		patch func(*webhook.Options)
	}{
		"closes":              {func(net.Conn) {}, models.AttemptUnreachable, "ended the connection", within(time.Minute)},
		"resets":              {func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, models.AttemptUnreachable, "ended the connection", within(time.Minute)},
		"breaks off the head": {says("HTTP/1.1 200 OK\r\nX: y\r\n"), models.AttemptUnreachable, "ended the connection", within(time.Minute)},
		"speaks no HTTP":      {says("SSH-2.0-OpenSSH_9.2\r\n"), models.AttemptInvalidAnswer, "did not answer in HTTP", within(time.Minute)},
		"sends huge headers":  {says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"), models.AttemptInvalidAnswer, "too many headers", within(time.Minute)},
		"lies about length":   {says("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort"), models.AttemptDelivered, "", within(time.Minute)},
		"lies and fails":      {says("HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\nshort"), models.AttemptRejected, "status 500", within(time.Minute)},
		"hangs":               {hang, models.AttemptTimedOut, "within 50ms", within(50 * time.Millisecond)},
		"hangs after status": {func(c net.Conn) {
			says("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")(c)
			hang(c)
		}, models.AttemptDelivered, "", within(500 * time.Millisecond)},
		"hangs in the head": {func(c net.Conn) {
			says("HTTP/1.1 200 OK\r\n")(c)
			hang(c)
		}, models.AttemptTimedOut, "within 50ms", within(50 * time.Millisecond)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := send(t, sender(t, tt.patch), raw(t, tt.talk))
			if result.Outcome != tt.want || !strings.Contains(result.Error, tt.says) || strings.Contains(result.Error, "127.0.0.1") {
				t.Errorf("%+v", result)
			}
		})
	}
}

func TestSend_NobodyThere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	if result := send(t, sender(t), server.URL); result.Outcome != models.AttemptUnreachable || result.Error != "refused the connection" || result.StatusCode != 0 {
		t.Errorf("%+v", result)
	}
}

func TestSend_TLS(t *testing.T) {
	t.Parallel()
	secure := func(t *testing.T, change func(*httptest.Server)) *httptest.Server {
		t.Helper()
		server := httptest.NewUnstartedServer(answers(200, "ok"))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		change(server)
		server.StartTLS()
		t.Cleanup(server.Close)
		return server
	}
	plain := secure(t, func(*httptest.Server) {})
	old := secure(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} //nolint:gosec // what must not be spoken
	})
	other := &names{answers: hosts("other.test", "127.0.0.1")}
	if result := send(t, sender(t, trusting(plain)), plain.URL); !result.Delivered() {
		t.Errorf("a good certificate: %+v", result)
	}
	for name, tt := range map[string]struct {
		result webhook.Result
		says   string
	}{
		"unknown authority": {send(t, sender(t), plain.URL), "unknown authority"},
		"another host":      {send(t, sender(t, trusting(plain), other.resolver(t), anyPort(t, plain)), strings.Replace(plain.URL, "127.0.0.1", "other.test", 1)), "another host"},
		"an old version":    {send(t, sender(t, trusting(old)), old.URL), "version 1.2"},
		"no TLS at all":     {send(t, sender(t), strings.Replace(receiver(t, answers(200, "")).URL, "http:", "https:", 1)), "TLS failed"},
	} {
		if tt.result.Outcome != models.AttemptTLSFailed || !strings.Contains(tt.result.Error, tt.says) {
			t.Errorf("%s: %+v", name, tt.result)
		}
	}
}

// What ends because the caller stops is no outcome of the endpoint's.
func TestSend_Cancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := raw(t, func(c net.Conn) {
		cancel()
		_, _ = c.Read(make([]byte, 1)) // until the other side gives up
	})
	if result, err := sender(t).Send(ctx, message(t, url)); !errors.Is(err, context.Canceled) || result.Outcome != "" {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestSend_Unsigned(t *testing.T) {
	t.Parallel()
	var asked atomic.Bool
	server := receiver(t, func(http.ResponseWriter, *http.Request) { asked.Store(true) })
	if _, err := sender(t).Send(t.Context(), webhook.Message{ID: "dlv_01", URL: server.URL}); err == nil || asked.Load() {
		t.Errorf("a message without a signature went out: %v", err)
	}
}

// A connection is used again, and a broken one is replaced without a failure.
func TestSend_UsesConnectionsAgain(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(answers(200, strings.Repeat("x", 60<<10)))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	s := sender(t)
	for range 20 {
		if result := send(t, s, server.URL); !result.Delivered() {
			t.Fatalf("%+v", result)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 20 messages", n)
	}
	server.CloseClientConnections()
	if result := send(t, s, server.URL); !result.Delivered() {
		t.Errorf("after the server closed it: %+v", result)
	}
}
