package webhook_test

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"upstream/internal/webhook"
)

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		return 1
	}
	return code
}

// receiver is a partner's server on loopback.
func receiver(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// answers is a handler that gives one answer.
func answers(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// raw is a server that does with each connection what talk says, after it has
// read the head of the request.
func raw(t *testing.T, talk func(net.Conn)) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				_, _ = conn.Read(make([]byte, 4096))
				talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return "http://" + listener.Addr().String()
}

// sender sends to loopback.
func sender(t *testing.T, change ...func(*webhook.Options)) *webhook.Sender {
	t.Helper()
	options := webhook.Options{Guard: guard(t, "127.0.0.1/32"), Timeout: time.Minute}
	for _, f := range change {
		f(&options)
	}
	s := webhook.NewSender(options)
	t.Cleanup(s.Close)
	return s
}

func within(d time.Duration) func(*webhook.Options) {
	return func(o *webhook.Options) { o.Timeout = d }
}

func trusting(server *httptest.Server) func(*webhook.Options) {
	return func(o *webhook.Options) {
		o.RootCAs = x509.NewCertPool()
		o.RootCAs.AddCert(server.Certificate())
	}
}

func message(t *testing.T, url string) webhook.Message {
	t.Helper()
	return webhook.Message{ID: "dlv_01", URL: url, Body: []byte(`{"type":"webhook.test"}`), Keys: []webhook.Key{key(t, webhook.NewSecret())}}
}

func send(t *testing.T, s *webhook.Sender, url string) webhook.Result {
	t.Helper()
	result, err := s.Send(t.Context(), message(t, url))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// names resolves names by a server of the test's own: each look-up of an IPv4
// address gives the next of the name's answers, the last one over and over; a
// name without answers is not known.
type names struct {
	mu      sync.Mutex
	answers map[string][]netip.Addr
	asked   int
}

func (n *names) next(name string) (netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	left := n.answers[name]
	if len(left) == 0 {
		return netip.Addr{}, false
	}
	if len(left) > 1 {
		n.answers[name] = left[1:]
	}
	return left[0], true
}

// lookups is how often an address was asked for.
func (n *names) lookups() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

// resolver serves the names on loopback.
func (n *names) resolver(t *testing.T) func(*webhook.Options) {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		query := make([]byte, 512)
		for {
			size, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(n.reply(query[:size]), from)
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		running.Wait()
	})
	return func(o *webhook.Options) {
		o.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "udp4", conn.LocalAddr().String())
		}}
	}
}

// reply answers one query of RFC 1035, for addresses of IPv4 alone.
func (n *names) reply(query []byte) []byte {
	var labels []string
	at := 12
	for query[at] != 0 {
		labels = append(labels, string(query[at+1:at+1+int(query[at])]))
		at += 1 + int(query[at])
	}
	question, kind := query[12:at+5], binary.BigEndian.Uint16(query[at+1:])
	head := []byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}
	if kind != 1 { // not A: the name is there and has nothing else
		return append(head, question...)
	}
	addr, ok := n.next(strings.ToLower(strings.Join(labels, ".")))
	if !ok {
		head[3] = 0x83 // no such name
		return append(head, question...)
	}
	head[7] = 1
	answer := append([]byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4}, addr.AsSlice()...)
	return append(append(head, question...), answer...)
}
