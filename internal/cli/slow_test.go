package cli

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"upstream/internal/obs"
)

// impatient serves with the program's own server, on little time.
func impatient(t *testing.T, p patience, handler http.HandlerFunc) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t.Context(), handler, slog.New(slog.DiscardHandler), p)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return listener.Addr().String()
}

const moment, long = 30 * time.Millisecond, time.Hour

// Whoever is slow is cut off, in whichever part of a request: the connection
// ends by itself, without an answer of 200.
func TestServer_CutsOffSlowClients(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		patience patience
		text     string
	}{
		"says nothing":        {patience{header: moment, read: long, write: long, idle: long}, ""},
		"half a request line": {patience{header: moment, read: long, write: long, idle: long}, "GET / HT"},
		"half of the headers": {patience{header: moment, read: long, write: long, idle: long}, "GET / HTTP/1.1\r\nHost: x\r\nX-A: "},
		"half of the body":    {patience{header: long, read: moment, write: long, idle: long}, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"},
		"half of a chunk":     {patience{header: long, read: moment, write: long, idle: long}, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := impatient(t, tt.patience, func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					w.WriteHeader(http.StatusRequestTimeout)
				}
			})
			if answer := exchange(t, addr, tt.text); strings.Contains(answer, " 200 ") {
				t.Errorf("answers %q", answer)
			}
		})
	}
}

// exchange sends text and reads until the server ends the connection.
func exchange(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprint(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn) // a reset is an end, too
	return string(answer)
}

func TestServer_EndsIdleConnections(t *testing.T) {
	t.Parallel()
	addr := impatient(t, patience{header: long, read: long, write: long, idle: moment}, func(http.ResponseWriter, *http.Request) {})
	if answer := exchange(t, addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); strings.Count(answer, "200 OK") != 1 {
		t.Errorf("answers %q", answer)
	}
}

func TestServer_CutsOffSlowReaders(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	addr := impatient(t, patience{header: long, read: long, write: moment, idle: long}, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for text := make([]byte, 1<<20); err == nil; { // until no buffer in between takes more
			_, err = w.Write(text)
		}
		failed <- err
	})
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("the handler writes for ever")
	}
}

func TestServer_RefusesLongHeaders(t *testing.T) {
	t.Parallel()
	addr := impatient(t, defaultPatience(), func(http.ResponseWriter, *http.Request) { t.Error("reached") })
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() {
		_, _ = fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-A: "+strings.Repeat("a", 2*maxHeaderBytes))
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("answers %v, %v", response, err)
	}
}

func TestAdminHandler_HasTheHeadersOfAllAnswers(t *testing.T) {
	t.Parallel()
	s := serveAdmin(t)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline", "/nowhere"} {
		response, err := http.Get(s + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.Header.Get("X-Frame-Options") != "DENY" || response.Header.Get("Content-Security-Policy") == "" || response.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, response.Header)
		}
	}
}

func serveAdmin(t *testing.T) string {
	t.Helper()
	return "http://" + impatient(t, defaultPatience(), adminHandler(obs.New(obs.Options{})).ServeHTTP)
}
