package mail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sender() *netmail.Address {
	return &netmail.Address{Name: "Upstream", Address: "noreply@upstream.example"}
}

// parts reads a mail as its reader's program would: the headers, and the bodies
// by their type.
func parts(t *testing.T, raw []byte) (netmail.Header, map[string]string) {
	t.Helper()
	message, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("type %q, %v", kind, err)
	}
	bodies := map[string]string{}
	reader := multipart.NewReader(message.Body, params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return message.Header, bodies
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		bodies[kind] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

func TestWrite_EveryLetter(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 6, 15, 12, 30, 0, 0, time.FixedZone("", 7200))
	facts := Facts{
		Name: "Ada", Link: "https://upstream.example/x#token=abc", Customer: "Cedar & Sons", Role: "analyst",
		Inviter: "Bob", At: at, Until: at,
	}
	for _, kind := range Kinds() {
		m, err := Write(kind, "ada@cedar.test", facts)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if m.To != "ada@cedar.test" || m.Subject == "" || strings.Contains(m.Text, "<") {
			t.Errorf("%s: %+v", kind, m)
		}
		for _, body := range []string{m.Text, m.HTML} {
			for _, want := range []string{"Ada", "https://upstream.example/x#token=abc", "15 June 2026, 10:30 UTC"} {
				if !strings.Contains(body, want) {
					t.Errorf("%s lacks %q:\n%s", kind, want, body)
				}
			}
		}
		// It must be readable where pictures and foreign hosts are not.
		for _, foreign := range []string{"<img", "<script", "src="} {
			if strings.Contains(m.HTML, foreign) {
				t.Errorf("%s contains %s", kind, foreign)
			}
		}
	}
	if _, err := Write("no such letter", "a@b.example", facts); err == nil {
		t.Error("a letter that does not exist was written")
	}
}

func TestWrite_NamesAreText(t *testing.T) {
	t.Parallel()
	m, err := Write(Invitation, "a@b.example", Facts{
		Customer: "<b>Cedar</b>\r\nBcc: all@b.example", Inviter: "\"><script>", Role: "viewer", Link: "javascript:alert(1)",
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(m.Subject, "\r\n") || strings.Contains(m.HTML, "<b>") || strings.Contains(m.HTML, "<script>") ||
		strings.Contains(m.HTML, `href="javascript:`) {
		t.Errorf("%q\n%s", m.Subject, m.HTML)
	}
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data", "outbox")
	box := &Outbox{Dir: dir, From: sender()}
	sent := Message{
		To: "ada@cedar.test", Subject: "Grüße – ein langer Betreff, der über die Zeile hinausgeht, und noch etwas weiter",
		Text: "Hallo =C3=A4 " + strings.Repeat("lang ", 300) + "\n.\nEnde\n", HTML: "<p>ä</p>\n",
	}
	for range 2 {
		if err := box.Send(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%v, %v", entries, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 || !strings.HasSuffix(info.Name(), ".eml") {
		t.Errorf("file: %s %v, %v", info.Name(), info.Mode(), err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	header, bodies := parts(t, raw)
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	if err != nil || subject != sent.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	if bodies["text/plain"] != sent.Text || bodies["text/html"] != sent.HTML {
		t.Errorf("bodies %q", bodies)
	}
	host, _ := os.Hostname()
	if id := header.Get("Message-Id"); !strings.HasSuffix(id, "@upstream.example>") || (host != "" && strings.Contains(string(raw), host)) {
		t.Errorf("identifier %q", id)
	}
	for name, want := range map[string]string{
		"To": "<ada@cedar.test>", "From": `"Upstream" <noreply@upstream.example>`, "Auto-Submitted": "auto-generated", "X-Mailer": "",
	} {
		if header.Get(name) != want {
			t.Errorf("%s: %q", name, header.Get(name))
		}
	}
	if _, err := header.Date(); err != nil {
		t.Error(err)
	}
}

func TestOutbox_Failures(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&Outbox{Dir: file, From: sender()}).Send(t.Context(), Message{To: "a@b.example"}); err == nil {
		t.Error("a file served as directory")
	}
	if err := (&Outbox{From: sender()}).Send(t.Context(), Message{To: "a@b.example"}); err == nil {
		t.Error("no directory, and no error")
	}
}

func TestSend_RefusesWhatWouldEndAHeader(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := &SMTP{Host: "127.0.0.1", Port: 1, From: sender()} // never reached
	for name, m := range map[string]Message{
		"subject":      {To: "a@b.example", Subject: "x\r\nBcc: c@d.example"},
		"subject NUL":  {To: "a@b.example", Subject: "x\x00"},
		"reader":       {To: "a@b.example\r\nBcc: c@d.example"},
		"two readers":  {To: "a@b.example, c@d.example"},
		"a name":       {To: "A <a@b.example>"},
		"no reader":    {},
		"no address":   {To: "canary"},
		"SMTP command": {To: "a@b.example>\r\nDATA"},
	} {
		for _, s := range []Sender{&Outbox{Dir: dir, From: sender()}, server} {
			err := s.Send(context.Background(), m)
			if err == nil || strings.Contains(err.Error(), "b.example") || strings.Contains(err.Error(), "canary") ||
				strings.Contains(err.Error(), "reached") {
				t.Errorf("%s by %T: %v", name, s, err)
			}
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("files were written: %v", entries)
	}
}
