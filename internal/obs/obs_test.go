package obs

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

type requestKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// logged lets handler answer one request and gives the lines that were written.
func logged(t *testing.T, level string, r *http.Request, handler http.HandlerFunc) []map[string]any {
	t.Helper()
	var out bytes.Buffer
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, "the-request"))
	AccessLog(NewLogger(&out, FormatJSON, level), requestID)(handler).ServeHTTP(httptest.NewRecorder(), r)
	var lines []map[string]any
	decoder := json.NewDecoder(&out)
	for decoder.More() {
		line := map[string]any{}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte("hello"))
	}
}

func TestAccessLog_WritesWhatHappened(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/api/v1/claims/?search=a-name", strings.NewReader(`{"password":"a-password"}`))
	r.Header.Set("Authorization", "Bearer a-token")
	r.Header.Set("Referer", "https://elsewhere.test/?a-referrer")
	r.RemoteAddr = "192.0.2.1:1234"
	lines := logged(t, "info", r, answer(http.StatusCreated))
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	line := lines[0]
	for key, want := range map[string]any{
		"msg": "request", "level": "INFO", "request_id": "the-request", "method": "POST", "path": "/api/v1/claims/",
		"status": 201.0, "response_bytes": 5.0, "remote_addr": "192.0.2.1:1234",
	} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	if ms, ok := line["duration_ms"].(float64); !ok || ms <= 0 || ms > 60_000 {
		t.Errorf("duration_ms is %v", line["duration_ms"])
	}
	if len(line) != 10 { // time and the nine above
		t.Errorf("more is logged than agreed: %v", line)
	}
	text, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"a-name", "a-password", "a-token", "a-referrer"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is in the log: %s", secret, text)
		}
	}
}

func TestAccessLog_Levels(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/", 200, "INFO"},
		{"GET", "/", 304, "INFO"},
		{"GET", "/", 404, "WARN"},
		{"POST", "/graphql", 429, "INFO"},
		{"POST", "/graphql", 500, "ERROR"},
		{"OPTIONS", "/graphql", 204, "DEBUG"},
		{"GET", "/healthz", 200, "DEBUG"},
		{"GET", "/readyz", 200, "DEBUG"},
		{"GET", "/api/v1/health/", 200, "DEBUG"},
		{"GET", "/api/v1/health", 200, "DEBUG"},
		{"GET", "/readyz", 503, "ERROR"},
		{"POST", "/healthz", 405, "WARN"},
	} {
		for level, shown := range map[string]int{"debug": -4, "info": 0, "warn": 4, "error": 8} {
			lines := logged(t, level, httptest.NewRequest(tt.method, tt.path, nil), answer(tt.status))
			var want slog.Level
			if err := want.UnmarshalText([]byte(tt.want)); err != nil {
				t.Fatal(err)
			}
			if visible := int(want) >= shown; visible != (len(lines) == 1) {
				t.Errorf("%s %s %d at %s: %d lines", tt.method, tt.path, tt.status, level, len(lines))
			}
			if len(lines) == 1 && lines[0]["level"] != tt.want {
				t.Errorf("%s %s %d is %v, want %s", tt.method, tt.path, tt.status, lines[0]["level"], tt.want)
			}
		}
	}
}

func TestAccessLog_APanicIsA500(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := httptest.NewRecorder()
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") })
	AccessLog(NewLogger(&out, FormatJSON, "info"), requestID)(handler).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "broken") {
		t.Errorf("answers %d %q", w.Code, w.Body)
	}
	for _, want := range []string{`"level":"ERROR"`, "panic: broken", "obs_test.go", `"status":500`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s: %s", want, out.String())
		}
	}
}

func TestAccessLog_AnAbortedAnswerStaysOne(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // the sentinel is passed as it is
			t.Error("the server is not told to cut the connection")
		}
	}()
	logged(t, "info", httptest.NewRequest(http.MethodGet, "/", nil), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

func TestAccessLog_LongPathsAreCut(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/"+strings.Repeat("x", 5000), nil)
	if path := logged(t, "info", r, answer(http.StatusNotFound))[0]["path"].(string); len(path) != longestPath {
		t.Errorf("%d bytes", len(path))
	}
}

func TestAccessLog_LeavesTheConnectionInReach(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(AccessLog(NewLogger(&bytes.Buffer{}, FormatText, "info"), requestID)(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		})))
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
}

func TestAccessHandler_KeepsRewriting(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(accessHandler{NewLogger(&out, FormatJSON, "info").Handler()}).With("a", 1).WithGroup("g")
	log.Info("GET /?secret", "b", 2)
	if text := out.String(); strings.Contains(text, "secret") || !strings.Contains(text, `"a":1`) || !strings.Contains(text, `"g":{"b":2}`) {
		t.Errorf("wrote %s", text)
	}
}

func TestNewLogger(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ format, level, want string }{
		{"json", "info", `"msg":"b"`},
		{"text", "info", "msg=b"},
		{"text", "debug", "msg=a"},
		{"text", "nonsense", "msg=b"},
	} {
		var out bytes.Buffer
		log := NewLogger(&out, tt.format, tt.level)
		log.Debug("a")
		log.Info("b")
		if !strings.Contains(out.String(), tt.want) {
			t.Errorf("%+v wrote %s", tt, out.String())
		}
		if debug := strings.Contains(out.String(), "msg=a"); debug != (tt.level == "debug") {
			t.Errorf("%+v wrote %s", tt, out.String())
		}
	}
	var out bytes.Buffer
	log := NewLogger(&out, FormatText, "error")
	log.Warn("a")
	if out.Len() > 0 {
		t.Errorf("wrote %s", out.String())
	}
}
