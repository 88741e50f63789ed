package guard

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// deadlines is a writer that remembers the read deadlines set on it.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return nil
}

func TestBodies_OnlyRequestsWithOne(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body io.Reader
		want int
	}{{nil, 0}, {http.NoBody, 0}, {strings.NewReader("x"), 1}, {io.MultiReader(strings.NewReader("x")), 1}} {
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		reached := false
		Bodies(time.Minute)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })).
			ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", tt.body))
		if !reached || len(w.set) != tt.want {
			t.Errorf("%T: reached %v, deadlines %v", tt.body, reached, w.set)
		}
	}
}

// A handler that refuses without reading answers although the body never comes,
// and the connection ends.
func TestBodies_RefusedBeforeTheyCame(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(Bodies(30 * time.Millisecond)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	})))
	defer server.Close()
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprint(conn, method+" / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		if err != nil || response.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%s: %v, %v", method, response, err)
		}
		if _, err := reader.ReadByte(); err == nil {
			t.Errorf("%s: the connection goes on", method)
		}
		_ = conn.Close()
	}
}
