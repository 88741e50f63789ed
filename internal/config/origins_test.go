package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	s := Serve{CORSOrigins: []string{"HTTPS://App.Example", "http://localhost:3000", "https://app.example:443", "http://[::1]:8080", "http://x:80"}}
	got, err := s.Origins()
	want := []string{"https://app.example", "http://localhost:3000", "https://app.example", "http://[::1]:8080", "http://x"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestOrigins_Refused(t *testing.T) {
	t.Parallel()
	refused := []string{
		"", "*", "https://*.example", "null", "app.example", "app.example:443", "//app.example", "ftp://app.example", "https://",
		"https://:443", "https://app.example/", "https://app.example/path", "https://app.example?a", "https://app.example#a",
		"https://me@app.example", "https://app.example:", "https://app.example:x", "https://bücher.example", "https://app example",
		"javascript:alert(1)", "file:///etc/passwd", "http://a,http://b",
	}
	_, err := Serve{CORSOrigins: refused}.Origins()
	if err == nil {
		t.Fatal("accepted")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != len(refused) {
		t.Errorf("%d of %d are refused: %v", len(lines), len(refused), err)
	}
}

func TestOrigins_FromTheEnvironment(t *testing.T) {
	unset(t)
	t.Setenv("UPSTREAM_CORS_ORIGINS", "http://localhost:3000,https://app.example")
	got, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"http://localhost:3000", "https://app.example"}, got.Serve.CORSOrigins); diff != "" {
		t.Error(diff)
	}
}
