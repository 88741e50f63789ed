package auth_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"upstream/internal/auth"
	"upstream/models"
)

func TestIdentify(t *testing.T) {
	t.Parallel()
	made := regexp.MustCompile(`^[0-9a-f-]{36}$`)
	for name, c := range map[string]struct {
		sent string
		kept bool
	}{
		"none":          {"", false},
		"good":          {"A.b_c-9", true},
		"longest":       {strings.Repeat("a", 64), true},
		"too long":      {strings.Repeat("a", 65), false},
		"white space":   {"a b", false},
		"line break":    {"a\nb", false},
		"markup":        {"<script>", false},
		"not ASCII":     {"é", false},
		"trailing line": {"abc\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var inside string
			h := auth.Identify(auth.Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				inside = auth.RequestID(r.Context())
			})))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if c.sent != "" {
				r.Header["X-Request-Id"] = []string{c.sent}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if kept := inside == c.sent; kept != c.kept {
				t.Errorf("sent %q, used %q", c.sent, inside)
			}
			if !c.kept && !made.MatchString(inside) {
				t.Errorf("made %q", inside)
			}
			if got := w.Header()["X-Request-Id"]; len(got) != 1 || got[0] != inside {
				t.Errorf("echoed %v, used %q", got, inside)
			}
		})
	}
}

func TestViewerFromIsAnonymousByDefault(t *testing.T) {
	t.Parallel()
	if v := auth.ViewerFrom(t.Context()); v.Authenticated() || !reflect.DeepEqual(v, models.Viewer{}) {
		t.Errorf("%+v", v)
	}
	want := models.Viewer{Email: "ann@cedar.test", System: true}
	if v := auth.ViewerFrom(auth.WithViewer(t.Context(), want)); !reflect.DeepEqual(v, want) {
		t.Errorf("%+v", v)
	}
}

func TestIdentifyBehind(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ff::/48")}
	for name, tt := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                  {"192.0.2.1:5", nil, "192.0.2.1"},
		"a spoofed header":          {"192.0.2.1:5", []string{"198.51.100.9"}, "192.0.2.1"},
		"pretending to be a proxy":  {"192.0.2.1:5", []string{"198.51.100.9, 10.0.0.1"}, "192.0.2.1"},
		"one proxy":                 {"10.0.0.1:5", []string{"192.0.2.1"}, "192.0.2.1"},
		"one proxy, nothing said":   {"10.0.0.1:5", nil, "10.0.0.1"},
		"spoofed before the proxy":  {"10.0.0.1:5", []string{"198.51.100.9, 192.0.2.1"}, "192.0.2.1"},
		"spoofed in another header": {"10.0.0.1:5", []string{"198.51.100.9", "192.0.2.1"}, "192.0.2.1"},
		"spoofed as a proxy":        {"10.0.0.1:5", []string{"198.51.100.9, 10.9.9.9, 192.0.2.1"}, "192.0.2.1"},
		"two proxies":               {"10.0.0.1:5", []string{"198.51.100.9, 192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		"from inside":               {"10.0.0.1:5", []string{"10.0.0.7, 10.0.0.2"}, "10.0.0.7"},
		"garbage from the client":   {"10.0.0.1:5", []string{"<script>, 192.0.2.1"}, "192.0.2.1"},
		"garbage from the proxy":    {"10.0.0.1:5", []string{"192.0.2.1, unknown"}, "10.0.0.1"},
		"garbage before a proxy":    {"10.0.0.1:5", []string{"192.0.2.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		"empty":                     {"10.0.0.1:5", []string{""}, "10.0.0.1"},
		"with a port":               {"10.0.0.1:5", []string{"192.0.2.1:4711"}, "192.0.2.1"},
		"IPv6":                      {"[2001:db8:ff::1]:5", []string{"2001:db8:1::7"}, "2001:db8:1::7"},
		"IPv6 with a port":          {"10.0.0.1:5", []string{"[2001:db8:1::7]:80"}, "2001:db8:1::7"},
		"IPv6 in brackets":          {"10.0.0.1:5", []string{"[2001:db8:1::7]"}, "2001:db8:1::7"},
		"IPv4 mapped":               {"[::ffff:10.0.0.1]:5", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		"a socket":                  {"@", []string{"192.0.2.1"}, "@"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got string
			h := auth.IdentifyBehind(proxies)(auth.Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = auth.Anonymous(r.Context()).RemoteAddr
			})))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			for _, value := range tt.forwarded {
				r.Header.Add("X-Forwarded-For", value)
			}
			r.Header.Set("Forwarded", "for=198.51.100.9")
			r.Header.Set("X-Real-Ip", "198.51.100.9")
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != tt.want {
				t.Errorf("the client is %s, want %s", got, tt.want)
			}
		})
	}
}
