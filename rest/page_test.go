package rest_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"upstream/models"
	"upstream/rest"
)

// The last page has a name, and knows its number.
func TestLastPage(t *testing.T) {
	t.Parallel()
	f, token, _ := populated(t)
	const path = "/api/v1/claims/?page_size=100&outcome=PAID&ordering=payer"
	first := f.list(t, token, path)
	pages := (*first.Count + 99) / 100
	if pages < 3 {
		t.Fatalf("%d pages show nothing", pages)
	}
	var walked list
	for next := first.Next; next != nil; next = walked.Next {
		walked = list{}
		f.get(t, token, strings.TrimPrefix(*next, f.server.URL)).decode(t, &walked)
	}
	out := f.get(t, token, path+"&page=last")
	var last list
	out.decode(t, &last)
	if diff := cmp.Diff(walked, last); diff != "" {
		t.Errorf("the last page (-by number +by name):\n%s", diff)
	}
	checkLinkHeader(t, out, last)
	empty := f.list(t, token, "/api/v1/claims/?page=last&payer=nobody")
	if *empty.Count != 0 || len(empty.Results) != 0 || empty.Next != nil || empty.Previous != nil {
		t.Errorf("the last page of nothing: %+v", empty)
	}
	wantProblem(t, f.get(t, token, "/api/v1/claims/?page=last&page=2"), http.StatusUnprocessableEntity, models.CodeValidation, "page:repeated")
	wantProblem(t, f.get(t, token, "/api/v1/claims/?page=lst"), http.StatusUnprocessableEntity, models.CodeValidation, "page:invalid")
}

// Who needs no total does not wait for it.
func TestCount(t *testing.T) {
	t.Parallel()
	f, token, _ := populated(t)
	statements := func(out answer) string {
		_, text, _ := strings.Cut(out.header.Get("Server-Timing"), `desc="`)
		return strings.TrimSuffix(text, ` statements"`)
	}
	for query, want := range map[string]struct {
		counted, last bool
		statements    string
	}{
		"?page_size=10":                      {true, true, "3"},
		"?page_size=10&count=exact":          {true, true, "3"},
		"?page_size=10&count=none":           {false, false, "2"},
		"?page_size=1000":                    {true, true, "2"}, // all there is, so it has been counted
		"?page_size=10&cursor=":              {false, false, "2"},
		"?page_size=10&cursor=&count=exact":  {true, false, "3"},
		"?page_size=10&page=last&count=none": {false, false, "3"},
	} {
		out := f.get(t, token, "/api/v1/claims/"+query)
		wantStatus(t, out, http.StatusOK)
		var l list
		out.decode(t, &l)
		last := strings.Contains(out.header.Get("Link"), `rel="last"`)
		if (l.Count != nil) != want.counted || last != want.last || statements(out) != want.statements {
			t.Errorf("%s: count %v, last page %t, %s statements, want %+v", query, l.Count, last, statements(out), want)
		}
	}
	none := f.list(t, token, "/api/v1/claims/?count=none&page=2&page_size=10")
	for _, link := range []*string{none.Next, none.Previous} {
		if link == nil || !strings.Contains(*link, "count=none") {
			t.Errorf("a link forgets count=none: %v", link)
		}
	}
	p := wantProblem(t, f.get(t, token, "/api/v1/claims/?count=exakt"), http.StatusUnprocessableEntity, models.CodeValidation, "count:invalid")
	if !strings.Contains(p.Errors[0].Message, `did you mean "exact"?`) {
		t.Errorf("%+v", p.Errors)
	}
}

// Links lead to the configured address and keep the filters.
func TestPublicLinks(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{PublicURL: "https://claims.example.org/upstream/"})
	f.cedar.Drifting()
	token := f.as(t, f.cedar, models.RoleViewer)
	out := f.get(t, token, "/api/v1/claims/?payer=payer&page=2&page_size=5")
	var l list
	out.decode(t, &l)
	const want = "https://claims.example.org/upstream/api/v1/claims/?page=3&page_size=5&payer=payer"
	if l.Next == nil || *l.Next != want || !strings.Contains(out.header.Get("Link"), "<"+want+`>; rel="next"`) {
		t.Errorf("next %v, Link %q", l.Next, out.header.Get("Link"))
	}
}

// A list that has not changed is not sent twice, however it is encoded.
func TestConditionalLists(t *testing.T) {
	t.Parallel()
	f, token, _ := populated(t)
	const path = "/api/v1/uploads/?page_size=20"
	tags := map[string]string{}
	for _, coding := range []string{"", "gzip", "zstd"} {
		header := http.Header{"Accept-Encoding": {coding}}
		tag := f.do(t, request{path: path, token: token, header: header, encoded: true}).header.Get("ETag")
		if !strings.HasPrefix(tag, `W/"`) || strings.HasSuffix(tag, "-"+coding+`"`) != (coding != "") {
			t.Errorf("%s: %s", coding, tag)
		}
		tags[coding] = tag
		header.Set("If-None-Match", `"other", `+tag)
		again := f.do(t, request{path: path, token: token, header: header})
		if again.status != http.StatusNotModified || len(again.body) != 0 || again.header.Get("ETag") != tag {
			t.Errorf("%s: %d, %d bytes, %s", coding, again.status, len(again.body), again.header.Get("ETag"))
		}
	}
	f.upload(t, token, "another.csv", f.CSV())
	changed := f.do(t, request{path: path, token: token, header: http.Header{"If-None-Match": {tags["gzip"]}}})
	wantStatus(t, changed, http.StatusOK)
	if changed.header.Get("ETag") == tags["gzip"] {
		t.Error("another list has the same tag")
	}
}

// Answers are compressed from 500 bytes on, unless a secret is in them.
func TestCompression(t *testing.T) {
	t.Parallel()
	f, token, _ := populated(t)
	for name, c := range map[string]struct {
		path, accept, want string
	}{
		"zstd":             {"/api/v1/claims/", "gzip, zstd", "zstd"},
		"gzip":             {"/api/v1/claims/", "gzip, br", "gzip"},
		"neither":          {"/api/v1/claims/", "br", ""},
		"refused":          {"/api/v1/claims/", "gzip;q=0", ""},
		"too small":        {"/api/v1/claims/?payer=nobody", "gzip", ""},
		"a document":       {"/api/openapi.json", "gzip", "gzip"},
		"an error":         {"/api/v1/claims/?a=1&b=1&c=1&d=1&e=1&f=1", "gzip", "gzip"},
		"a detail's error": {"/api/v1/claims/nonsense/", "gzip", ""},
	} {
		plain := f.do(t, request{path: c.path, token: token, header: http.Header{"Accept-Encoding": {"identity"}, "X-Request-Id": {"same"}}})
		out := f.do(t, request{path: c.path, token: token, header: http.Header{"Accept-Encoding": {c.accept}, "X-Request-Id": {"same"}}, encoded: true})
		if got := out.header.Get("Content-Encoding"); got != c.want || !strings.Contains(strings.Join(out.header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("%s: %q, Vary %v", name, got, out.header.Values("Vary"))
		}
		if diff := cmp.Diff(string(plain.body), string(decoded(t, out))); diff != "" {
			t.Errorf("%s: plain and decoded:\n%s", name, diff)
		}
	}
	made := f.do(t, request{
		method: http.MethodPost, path: "/api/v1/api-keys/", token: f.as(t, f.cedar, models.RoleOwner), encoded: true,
		header: http.Header{"Accept-Encoding": {"gzip"}}, body: map[string]any{"name": "k", "scopes": []string{"claims:read"}},
	})
	if made.status != http.StatusCreated || made.header.Get("Content-Encoding") != "" || made.header.Get("No-Gzip-Compression") != "" {
		t.Errorf("a secret: %d %v", made.status, made.header)
	}
}

// decoded is the body as it was before it was compressed.
func decoded(t *testing.T, out answer) []byte {
	t.Helper()
	var reader io.Reader = strings.NewReader(string(out.body))
	var err error
	switch out.header.Get("Content-Encoding") {
	case "gzip":
		reader, err = gzip.NewReader(reader)
	case "zstd":
		reader, err = zstd.NewReader(reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// A body that breaks its schema and other rules is told about all of them.
func TestEveryBrokenRuleAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleOwner)
	for _, c := range []struct {
		path   string
		body   map[string]any
		fields []string
	}{
		{"drift/detect/", map[string]any{"as_of": "2030-01-01", "current_days": 0, "mystery": 1}, []string{"current_days:invalid", "mystery:unknown", "as_of:invalid"}},
		{"api-keys/", map[string]any{"name": " ", "scopes": []string{}, "expires_at": "soon"}, []string{"expires_at:invalid", "name:invalid", "scopes:required"}},
		{"api-keys/", map[string]any{"name": "k", "scopes": 7, "allowed_cidrs": []string{"nowhere"}}, []string{"scopes:invalid", "allowed_cidrs.0:invalid"}},
		{"invitations/", map[string]any{"email": "nonsense", "role": "king"}, []string{"role:invalid", "email:invalid"}},
	} {
		out := f.do(t, request{method: http.MethodPost, path: "/api/v1/" + c.path, token: token, body: c.body})
		wantStatus(t, out, http.StatusUnprocessableEntity)
		var p problemBody
		out.decode(t, &p)
		got := map[string]bool{}
		for _, e := range p.Errors {
			got[e.Path+":"+e.Code] = true
		}
		want := map[string]bool{}
		for _, field := range c.fields {
			want[field] = true
		}
		if diff := cmp.Diff(want, got); diff != "" || len(p.Errors) != len(c.fields) {
			t.Errorf("%s %v (-want +got):\n%s\n%s", c.path, c.body, diff, out.body)
		}
	}
}

// A request that takes longer than it may is a 504.
func TestTimeout(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{RequestTimeout: 1})
	wantProblem(t, f.get(t, "", "/readyz"), http.StatusServiceUnavailable, "UNAVAILABLE", "database:unhealthy", "migrations:unhealthy")
	token := f.as(t, f.cedar, models.RoleViewer)
	wantProblem(t, f.get(t, token, "/api/v1/claims/"), http.StatusGatewayTimeout, "TIMEOUT")
}
