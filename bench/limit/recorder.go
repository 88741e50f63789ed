package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// recorder stands between a program and its database, and knows which
// statements were run, whether prepared before or not.
type recorder struct {
	listener net.Listener
	upstream *pgx.ConnConfig
	group    sync.WaitGroup

	mu   sync.Mutex
	ran  []string
	open map[net.Conn]bool
}

// record listens for connections to the database of a URL.
func record(databaseURL string) (*recorder, error) {
	upstream, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // listening on loopback waits for nothing
	if err != nil {
		return nil, err
	}
	r := &recorder{listener: listener, upstream: upstream, open: map[net.Conn]bool{}}
	r.group.Go(r.accept)
	return r, nil
}

// url leads a client here.
func (r *recorder) url() string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(r.upstream.User, r.upstream.Password),
		Host: r.listener.Addr().String(), Path: "/" + r.upstream.Database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// close ends all connections and waits until they have.
func (r *recorder) close() error {
	err := r.listener.Close()
	r.mu.Lock()
	for conn := range r.open {
		_ = conn.Close()
	}
	r.mu.Unlock()
	r.group.Wait()
	return err
}

func (r *recorder) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.group.Go(func() { r.serve(client) })
	}
}

// track remembers a connection until forget is called.
func (r *recorder) track(conn net.Conn) (forget func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[conn] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.open, conn)
		_ = conn.Close()
	}
}

func (r *recorder) serve(client net.Conn) {
	defer r.track(client)()
	network, address := pgconn.NetworkAddress(r.upstream.Host, r.upstream.Port)
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), network, address)
	if err != nil {
		return
	}
	defer r.track(server)()
	r.group.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	_ = r.follow(bufio.NewReader(client), server)
}

// follow reads the messages of a client, first one without a type, and then a
// type and a length each, and sends them on. A statement is noted before it is
// sent, and so before whoever waits for its answer can ask what was run.
func (r *recorder) follow(client io.Reader, server io.Writer) error {
	var message bytes.Buffer
	from := io.TeeReader(client, &message)
	if _, err := bodyOf(from); err != nil {
		return err
	}
	prepared := map[string]string{}
	for {
		if _, err := message.WriteTo(server); err != nil {
			return err
		}
		var kind [1]byte
		if _, err := io.ReadFull(from, kind[:]); err != nil {
			return err
		}
		body, err := bodyOf(from)
		if err != nil {
			return err
		}
		switch kind[0] {
		case 'P': // Parse: the name, and the text
			name, rest, _ := strings.Cut(body, "\x00")
			prepared[name], _, _ = strings.Cut(rest, "\x00")
		case 'B': // Bind: the portal, and the name
			_, rest, _ := strings.Cut(body, "\x00")
			name, _, _ := strings.Cut(rest, "\x00")
			r.note(prepared[name])
		case 'Q': // Query: the text
			r.note(strings.TrimSuffix(body, "\x00"))
		}
	}
}

var errLength = errors.New("a message has no length")

// bodyOf reads a length, which counts itself, and what follows.
func bodyOf(from io.Reader) (string, error) {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return "", err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < 4 || n > 1<<30 {
		return "", errLength
	}
	body := make([]byte, n-4)
	_, err := io.ReadFull(from, body)
	return string(body), err
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ran = append(r.ran, text)
}

// frame are the statements that carry no data of the customer: those that find
// out who asks, the transaction, and what a pool asks of its connections.
var frame = regexp.MustCompile(`(?i)^\s*(begin|commit|rollback|--|;|$)|set_config\('app\.|session_account|use_api_key\(`)

// of are the statements with the customer's data that work runs.
func (r *recorder) of(work func() error) ([]string, error) {
	r.mu.Lock()
	r.ran = nil
	r.mu.Unlock()
	err := work()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(r.ran, frame.MatchString), err
}
