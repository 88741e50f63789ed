package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
)

// maxEmbedded bounds what the pages add to the program, in bytes.
const maxEmbedded = 8 << 20

// shared spares the tests compressing the same files again and again.
var shared = sync.OnceValues(func() (*Pages, error) { return New(Options{}) })

func sharedPages(t *testing.T) *Pages {
	t.Helper()
	p, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// request answers what the handler says; headers are name and value in turn.
func request(t *testing.T, h http.Handler, method, target string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func gunzip(t *testing.T, packed string) string {
	t.Helper()
	reader, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestPagesAnswer(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	tests := []struct{ path, title string }{
		{"/", "Upstream"},
		{"/playground", "Upstream GraphQL"},
		{"/playground/", "Upstream GraphQL"},
		{"/api/docs", "Upstream REST console"},
		{"/api/docs/", "Upstream REST console"},
		{"/api/redoc", "Upstream REST reference"},
		{"/api/redoc/", "Upstream REST reference"},
		{"/reset-password", "Upstream: reset your password"},
		{"/reset-password/", "Upstream: reset your password"},
		{"/accept-invitation", "Upstream: accept your invitation"},
		{"/alerts/", "Upstream: alert"},
		{"/alerts/alert_01jz8k6v3pe9ktyh5wmcqa2x7d", "Upstream: alert"},
		{"/alerts/alert_01jz8k6v3pe9ktyh5wmcqa2x7d/", "Upstream: alert"},
		{"/errors", "Upstream: errors"},
		{"/errors/", "Upstream: errors"},
		{"/errors/conflict", "Upstream: Conflict"},
		{"/errors/rate-limited/", "Upstream: Too many requests"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			res := request(t, p, http.MethodGet, tt.path)
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status %d", res.StatusCode)
			}
			want := map[string]string{
				"Content-Type":  "text/html; charset=utf-8",
				"Cache-Control": "no-cache",
				"Vary":          "Accept-Encoding",
			}
			got := map[string]string{}
			for name := range want {
				got[name] = res.Header.Get(name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if html := body(t, res); !strings.Contains(html, "<title>"+tt.title+"</title>") {
				t.Errorf("no title %q in:\n%s", tt.title, html)
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	always := []string{"default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"}
	extra := map[string][]string{
		"/":           {"form-action 'none'", "img-src 'self'"},
		"/errors/":    {"form-action 'none'", "img-src 'self'"},
		"/playground": {"script-src 'self'", "connect-src 'self'", "img-src 'self' data:", "font-src 'self' data:", "form-action 'self'"},
		"/api/docs":   {"script-src 'self'", "connect-src 'self'", "img-src 'self' data:", "font-src 'self' data:", "form-action 'self'"},
		"/api/redoc": {
			"script-src 'self'", "connect-src 'self'", "img-src 'self' data:", "font-src 'self' data:", "form-action 'self'",
			"worker-src blob:",
		},
	}
	for _, target := range []string{"/reset-password", "/accept-invitation", "/alerts/"} {
		extra[target] = []string{"script-src 'self'", "connect-src 'self'", "img-src 'self'", "form-action 'none'"}
	}
	for target, more := range extra {
		got := strings.Split(request(t, p, http.MethodGet, target).Header.Get("Content-Security-Policy"), "; ")
		want := slices.Concat(always, more)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
}

var (
	// references are what a browser loads for a page by itself, and its links.
	references = regexp.MustCompile(`(?:src|href|data-spec|action)="([^"]*)"`)
	inline     = regexp.MustCompile(`(?is)<style|<script(?:>|\s[^>]*>\s*[^<\s])|\sstyle=|\son[a-z]+=|javascript:`)
)

// served lists the addresses that other packages answer.
var served = []string{
	"/readyz", "/api/openapi.json", "/api/openapi.yaml",
	"/api/v1/auth/password-reset/", "/api/v1/auth/password-reset/confirm/", "/api/v1/auth/invitations/accept/",
}

func TestPagesReferToThisServerOnly(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	for _, page := range append(problemPages(), htmlPages...) {
		html := body(t, request(t, p, http.MethodGet, page.path))
		if bad := inline.FindString(html); bad != "" {
			t.Errorf("%s: inline script or style: %q", page.path, bad)
		}
		found := references.FindAllStringSubmatch(html, -1)
		if len(found) < 3 {
			t.Errorf("%s: found only %d references", page.path, len(found))
		}
		for _, reference := range found {
			address := reference[1]
			if slices.Contains(served, address) {
				continue
			}
			if res := request(t, p, http.MethodGet, address); res.StatusCode != http.StatusOK {
				t.Errorf("%s refers to %q, which answers %d", page.path, address, res.StatusCode)
			}
		}
	}
}

func TestInlineIsRecognised(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"<style>", "<script>x()</script>", `<script defer> x() </script>`, `<p style="x">`, `<p onclick="x()">`, `<a href="javascript:x">`,
	} {
		if !inline.MatchString(bad) {
			t.Errorf("%s is not recognised", bad)
		}
	}
	if good := `<script defer src="/assets/a.js"></script>`; inline.MatchString(good) {
		t.Errorf("%s is taken for inline", good)
	}
}

// elsewhere matches, up to the first letter of a host, the ways in which scripts
// and styles load from another one.
var elsewhere = regexp.MustCompile(
	`(?i)(?:\bsrc\s*[:=]|\bsrc",|\bimport\s*\(|importScripts\(|\bfetch\(|@import|url\()\s*(?:url\()?["'` + "`" + `]?(?:https?:)?//[a-z0-9]$`)

// loadsElsewhere answers the first such place, or "". It looks around double
// slashes only, because the scripts are large.
func loadsElsewhere(text string) string {
	const before = 40
	for end := 0; ; {
		next := strings.Index(text[end:], "//")
		if next < 0 || end+next+3 > len(text) {
			return ""
		}
		end += next + 2
		if found := elsewhere.FindString(text[max(0, end-before) : end+1]); found != "" {
			return found
		}
	}
}

func TestAssetsLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	scanned := 0
	for address := range p.files {
		if ext := path.Ext(address); ext != ".js" && ext != ".css" && ext != ".svg" {
			continue
		}
		scanned++
		if found := loadsElsewhere(body(t, request(t, p, http.MethodGet, address))); found != "" {
			t.Errorf("%s loads from elsewhere: %q", address, found)
		}
	}
	if scanned < len(assets) {
		t.Errorf("scanned %d files, of at least %d", scanned, len(assets))
	}
}

func TestElsewhereIsRecognised(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		`src:"https://cdn.test/logo.svg"`, `img.src = "//cdn.test/x"`, `import("https://cdn.test/x.js")`,
		`@import url(https://cdn.test/x.css)`, `url('http://cdn.test/font.woff')`, "fetch(`https://cdn.test`)",
	} {
		if loadsElsewhere("// a comment\n"+bad) == "" {
			t.Errorf("%s is not recognised", bad)
		}
	}
	for _, good := range []string{`src:"/assets/x.js"`, `xmlns="http://www.w3.org/2000/svg"`, `url(data:image/svg+xml,x)`} {
		if loadsElsewhere(good) != "" {
			t.Errorf("%s is taken for elsewhere", good)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	types := map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
		".ico": "image/x-icon", ".txt": "text/plain; charset=utf-8",
	}
	hashed := regexp.MustCompile(`^/assets/[a-z-]+\.[0-9a-f]{16}\.(js|css)$`)
	for address, f := range p.files {
		want := types[path.Ext(address)]
		if want == "" {
			continue
		}
		res := request(t, p, http.MethodGet, address)
		if got := res.Header.Get("Content-Type"); got != want {
			t.Errorf("%s: Content-Type %q", address, got)
		}
		if got := res.Header.Get("Content-Security-Policy"); got != filePolicy {
			t.Errorf("%s: policy %q", address, got)
		}
		cache := "public, max-age=86400"
		if strings.HasPrefix(address, assetPrefix) {
			cache = "public, max-age=31536000, immutable"
			if !hashed.MatchString(address) || !strings.Contains(address, f.hash) {
				t.Errorf("%s does not name its content, %s", address, f.hash)
			}
		}
		if got := res.Header.Get("Cache-Control"); got != cache {
			t.Errorf("%s: Cache-Control %q", address, got)
		}
	}
}

func TestLicencesNameWhatIsBundled(t *testing.T) {
	t.Parallel()
	text := body(t, request(t, sharedPages(t), http.MethodGet, "/licenses.txt"))
	for _, name := range []string{"Swagger UI 5.", "graphiql 4.", "graphql 16.", "react 18.", "redoc 2.", "codemirror 5.", "styled-components 6."} {
		if !strings.Contains(text, name) {
			t.Errorf("no licence of %s", name)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		want := http.StatusMethodNotAllowed
		if method == http.MethodOptions {
			want = http.StatusNoContent
		}
		for target := range p.files {
			res := request(t, p, method, target)
			if res.StatusCode != want || res.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s %s: %d, Allow %q", method, target, res.StatusCode, res.Header.Get("Allow"))
			}
		}
	}
	for target := range p.files {
		head := request(t, p, http.MethodHead, target)
		get := request(t, p, http.MethodGet, target)
		if head.StatusCode != http.StatusOK || body(t, head) != "" {
			t.Errorf("HEAD %s: %d, or a body", target, head.StatusCode)
		}
		if diff := cmp.Diff(get.Header, head.Header); diff != "" {
			t.Errorf("HEAD %s (-GET +HEAD):\n%s", target, diff)
		}
	}
}

func TestErrorsGoToTheCaller(t *testing.T) {
	t.Parallel()
	var got []int
	p, err := New(Options{RenderError: func(w http.ResponseWriter, _ *http.Request, status int) {
		got = append(got, status)
		w.WriteHeader(status)
	}})
	if err != nil {
		t.Fatal(err)
	}
	request(t, p, http.MethodGet, "/nothing")
	request(t, p, http.MethodGet, "/assets/playground.js")
	request(t, p, http.MethodGet, "/assets/../pages/landing.html")
	request(t, p, http.MethodDelete, "/playground")
	p.files["/broken"] = &file{source: source{open: func() (io.ReadSeekCloser, error) { return nil, fs.ErrNotExist }}}
	if res := request(t, p, http.MethodGet, "/broken"); res.Header.Get("ETag") != "" {
		t.Error("a broken file answers an ETag")
	}
	if diff := cmp.Diff([]int{404, 404, 404, 405, 500}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestErrorsArePlainByDefault(t *testing.T) {
	t.Parallel()
	res := request(t, sharedPages(t), http.MethodGet, "/nothing")
	if res.StatusCode != http.StatusNotFound || body(t, res) != "Not Found\n" {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	tags := map[string]string{}
	for target := range p.files {
		for _, coding := range []string{"", "gzip"} {
			first := request(t, p, http.MethodGet, target, "Accept-Encoding", coding)
			tag := first.Header.Get("ETag")
			if !regexp.MustCompile(`^"[0-9a-f]{16}(-gzip)?"$`).MatchString(tag) {
				t.Fatalf("%s: ETag %s", target, tag)
			}
			again := request(t, p, http.MethodGet, target, "Accept-Encoding", coding, "If-None-Match", `"other", W/`+tag)
			if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
				t.Errorf("%s (%q): %d, or a body", target, coding, again.StatusCode)
			}
			if again.Header.Get("ETag") != tag || again.Header.Get("Cache-Control") == "" {
				t.Errorf("%s: a 304 without its ETag or Cache-Control", target)
			}
			if other := request(t, p, http.MethodGet, target, "If-None-Match", `"other"`); other.StatusCode != http.StatusOK {
				t.Errorf("%s: another tag answers %d", target, other.StatusCode)
			}
			if owner, taken := tags[tag]; taken && strings.TrimSuffix(owner, "/") != strings.TrimSuffix(target, "/") {
				t.Errorf("%s and %s share %s", owner, target, tag)
			}
			tags[tag] = target
		}
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	for target := range p.files {
		plain := request(t, p, http.MethodGet, target)
		zipped := request(t, p, http.MethodGet, target, "Accept-Encoding", "br, gzip")
		if plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: encoded for a client that did not ask", target)
		}
		want := body(t, plain)
		if target == "/favicon.ico" {
			if zipped.Header.Get("Content-Encoding") != "" || zipped.Header.Get("Vary") != "" {
				t.Errorf("%s should not be compressed", target)
			}
			continue
		}
		if zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: headers %v", target, zipped.Header)
			continue
		}
		if zipped.Header.Get("ETag") == plain.Header.Get("ETag") {
			t.Errorf("%s: both encodings have one strong ETag", target)
		}
		packed := body(t, zipped)
		if gunzip(t, packed) != want {
			t.Errorf("%s: the encodings differ in content", target)
		}
		if len(want) > 10_000 && len(packed) > len(want)/2 {
			t.Errorf("%s: %d bytes of %d left", target, len(packed), len(want))
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	tests := []struct {
		values []string
		want   bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"gzip"}, true},
		{[]string{"GZIP;Q=0.5"}, true},
		{[]string{"x-gzip"}, true},
		{[]string{"deflate, gzip;q=1.0, *;q=0.5"}, true},
		{[]string{"br", "gzip"}, true},
		{[]string{"gzip;q=0"}, false},
		{[]string{"gzip; q=0.000"}, false},
		{[]string{"gzip;q=high"}, false},
		{[]string{"*"}, true},
		{[]string{"*;q=0"}, false},
		{[]string{"*, gzip;q=0"}, false},
		{[]string{"*;q=0, gzip"}, true},
		{[]string{"identity"}, false},
		{[]string{"gzipped"}, false},
	}
	for _, tt := range tests {
		if got := acceptsGzip(tt.values); got != tt.want {
			t.Errorf("acceptsGzip(%q) = %v", tt.values, got)
		}
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	whole := body(t, request(t, p, http.MethodGet, "/licenses.txt"))
	part := request(t, p, http.MethodGet, "/licenses.txt", "Range", "bytes=10-19")
	if part.StatusCode != http.StatusPartialContent || body(t, part) != whole[10:20] {
		t.Errorf("status %d", part.StatusCode)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	router := chi.NewRouter()
	p.Routes(router)
	for target := range p.files {
		if res := request(t, router, http.MethodGet, target); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", target, res.StatusCode)
		}
		if res := request(t, router, http.MethodPost, target); res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", target, res.StatusCode)
		}
	}
	if res := request(t, router, http.MethodGet, "/assets/none.js"); res.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown asset answers %d", res.StatusCode)
	}
	reached := false
	router.NotFound(func(_ http.ResponseWriter, _ *http.Request) { reached = true })
	if request(t, router, http.MethodGet, "/graphql"); !reached {
		t.Error("the pages swallow other paths")
	}
}

func TestConcurrentFirstUse(t *testing.T) {
	t.Parallel()
	p := sharedPages(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for target := range p.files {
				if res := request(t, p, http.MethodGet, target, "Accept-Encoding", "gzip"); res.StatusCode != http.StatusOK {
					t.Errorf("%s: %d", target, res.StatusCode)
				}
			}
		})
	}
	wg.Wait()
}

func TestUnpackRefusesWhatIsNotGzip(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write([]byte("whole"))
	_ = writer.Close()
	for _, content := range [][]byte{[]byte("not gzip"), packed.Bytes()[:packed.Len()-6]} {
		src := held(content)
		src.packed = true
		f, err := newFile(src, "text/plain")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)); err == nil {
			t.Errorf("%q is served", content)
		}
	}
}

func TestEmbeddedSize(t *testing.T) {
	t.Parallel()
	total := int64(0)
	err := fs.WalkDir(embedded, ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if total == 0 || total > maxEmbedded {
		t.Errorf("%d bytes are embedded, at most %d may be", total, maxEmbedded)
	}
}
