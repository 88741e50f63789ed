package guard

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const listed = "https://app.example"

// served is the answer to a request through CORS; headers are name and value in
// turn. reached says whether the handler behind saw it.
func served(origins []string, method string, headers ...string) (h http.Header, reached bool) {
	handler := CORS(origins)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached = true
		w.Header().Add("Vary", "Authorization")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	r := httptest.NewRequest(method, "/api/v1/claims/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Header(), reached
}

func TestCORS_NeverReflectsAnUnlistedOrigin(t *testing.T) {
	t.Parallel()
	strangers := []string{
		"https://evil.example", "https://app.example.evil.example", "https://evilapp.example", "http://app.example", "null", "*",
		"https://app.example:8443", "https://app.example/", "HTTPS://APP.EXAMPLE", "https://app.example,https://evil.example", "",
	}
	for _, origins := range [][]string{nil, {}, {listed}, {"http://localhost:3000", listed}} {
		for _, stranger := range strangers {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
				h, _ := served(origins, method, "Origin", stranger, "Access-Control-Request-Method", "POST")
				for name := range h {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%q among %v: %s %s: %q", stranger, origins, method, name, h[name])
					}
				}
				if !slices.Contains(h.Values("Vary"), "Origin") {
					t.Errorf("%q: %s varies by %q", stranger, method, h.Values("Vary"))
				}
			}
		}
	}
}

func TestCORS_Preflight(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		h, reached := served([]string{listed}, http.MethodOptions, "Origin", listed, "Access-Control-Request-Method", method,
			"Access-Control-Request-Headers", strings.ToLower(strings.Join(acceptedHeaders(), ",")))
		if reached {
			t.Errorf("the preflight of %s reaches the handler", method)
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": listed, "Access-Control-Allow-Methods": method, "Access-Control-Allow-Credentials": "true",
			"Access-Control-Max-Age": "600",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", method, name, h.Get(name), want)
			}
		}
		for _, name := range acceptedHeaders() {
			if !strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), strings.ToLower(name)) {
				t.Errorf("%s: %s is not allowed: %q", method, name, h.Get("Access-Control-Allow-Headers"))
			}
		}
		if want := []string{"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}; !slices.Equal(h.Values("Vary"), want) {
			t.Errorf("%s varies by %q", method, h.Values("Vary"))
		}
	}
	for name, headers := range map[string][]string{
		"a header of no use": {"Origin", listed, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "X-Forwarded-For"},
		"a method of no use": {"Origin", listed, "Access-Control-Request-Method", "TRACE"},
	} {
		if h, _ := served([]string{listed}, http.MethodOptions, headers...); h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is allowed: %v", name, h)
		}
	}
	if _, reached := served([]string{listed}, http.MethodOptions, "Origin", listed); !reached {
		t.Error("OPTIONS that is no preflight does not reach the handler")
	}
}

func TestCORS_ErrorsCanBeRead(t *testing.T) {
	t.Parallel()
	h, reached := served([]string{listed}, http.MethodGet, "Origin", listed)
	if !reached || h.Get("Access-Control-Allow-Origin") != listed || h.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("reached %v, %v", reached, h)
	}
	if want := []string{"Origin", "Authorization"}; !slices.Equal(h.Values("Vary"), want) {
		t.Errorf("varies by %q, want %q", h.Values("Vary"), want)
	}
	exposed := strings.ToLower(h.Get("Access-Control-Expose-Headers"))
	for _, name := range []string{
		"API-Version", "X-Request-Id", "X-Request-Duration-Ms", "ETag", "Last-Modified", "Cache-Control", "RateLimit", "RateLimit-Policy",
		"Retry-After", "Location", "Link", "Server-Timing",
	} {
		if !slices.Contains(strings.Split(exposed, ", "), strings.ToLower(name)) {
			t.Errorf("%s is not exposed: %s", name, exposed)
		}
	}
	if h, _ := served([]string{listed}, http.MethodGet); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without an origin: %v", h)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, https := range []bool{false, true} {
		w := httptest.NewRecorder()
		Headers(https)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
		})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		h := w.Header()
		if h.Get("X-Frame-Options") != "DENY" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("headers are %v", h)
		}
		if h.Get("Content-Security-Policy") != "default-src 'self'" {
			t.Errorf("the handler's policy is lost: %v", h)
		}
		if got := h.Get("Strict-Transport-Security"); (got != "") != https || (https && !strings.HasPrefix(got, "max-age=31536000; includeSubDomains")) {
			t.Errorf("https %v: %q", https, got)
		}
	}
}
