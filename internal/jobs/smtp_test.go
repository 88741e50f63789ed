package jobs

import (
	"bufio"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"

	"upstream/internal/mail"
)

// mailServer is an SMTP server that keeps what it takes, and refuses as it is
// told to.
type mailServer struct {
	listener net.Listener

	mu sync.Mutex
	// refused are the addresses that it does not take mail for.
	refused map[string]bool
	taken   []taken
}

// taken is a mail that the server took.
type taken struct{ to, text string }

func startMailServer(t *testing.T) (*mailServer, *mail.SMTP) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{listener: listener, refused: map[string]bool{}}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		connections.Wait()
	})
	return s, &mail.SMTP{
		Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Encryption: mail.Plain,
		From: &netmail.Address{Name: "Upstream", Address: "noreply@upstream.example"},
	}
}

func (s *mailServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 test")
	var to string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch strings.ToUpper(verb) {
		case "RCPT":
			to = strings.TrimSuffix(strings.TrimPrefix(rest, "TO:<"), ">")
			if s.refuses(to) {
				say("550 " + to + " is unknown")
				continue
			}
			say("250 fine")
		case "DATA":
			say("354 go on")
			text := &strings.Builder{}
			for line, err = in.ReadString('\n'); err == nil && line != ".\r\n"; line, err = in.ReadString('\n') {
				text.WriteString(strings.TrimPrefix(line, "."))
			}
			s.keep(taken{to, text.String()})
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func (s *mailServer) refuses(to string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused[to]
}

func (s *mailServer) refuse(to string, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[to] = yes
}

func (s *mailServer) keep(m taken) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, m)
}

// counts says how many mails each address has.
func (s *mailServer) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, m := range s.taken {
		counts[m.to]++
	}
	return counts
}

func (s *mailServer) mails() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]taken{}, s.taken...)
}
