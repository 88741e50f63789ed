package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"upstream/internal/auth"
	"upstream/internal/factory"
	"upstream/models"
	"upstream/rest"
)

const (
	password = "correct horse battery"
	// passwordHash is that password at the cheapest costs.
	passwordHash = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/ur5fLELUb1eXkT9oKHqq6gHGZ9Phwgbj4qyIcCNaYc"
)

// fixture is a running server over a database of its own.
type fixture struct {
	*factory.World
	cedar, harbor *factory.Tenant
	server        *httptest.Server
	auth          *auth.Service
	offset        atomic.Int64
	log           *logBuffer
}

// logBuffer collects log lines of handlers that run side by side.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func setup(t *testing.T) *fixture {
	t.Helper()
	return setupWith(t, rest.Options{})
}

func setupWith(t *testing.T, opts rest.Options) *fixture {
	t.Helper()
	f := &fixture{World: factory.New(t), log: &logBuffer{}}
	f.cedar, f.harbor = f.Tenant("cedar"), f.Tenant("harbor")
	f.auth = newAuth(t, f)
	opts.Logger = textLogger(f.log)
	opts.Now = f.now
	handler, err := rest.New(f.Store, f.auth, opts)
	if err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(handler)
	t.Cleanup(f.server.Close)
	return f
}

func newAuth(t *testing.T, f *fixture) *auth.Service {
	t.Helper()
	keys, err := auth.NewKeyring(auth.Key{ID: "test", Secret: bytes.Repeat([]byte("k"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := auth.New(f.Store, auth.Options{Keys: keys, Now: f.now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// now is the factory's instant, moved by advance.
func (f *fixture) now() time.Time { return factory.Now().Add(time.Duration(f.offset.Load())) }

func (f *fixture) advance(d time.Duration) { f.offset.Add(int64(d)) }

// as is a bearer token of a new user of the tenant.
func (f *fixture) as(t *testing.T, tenant *factory.Tenant, role models.Role) string {
	t.Helper()
	return f.signIn(t, tenant.UserWithHash(role, passwordHash).Email).Access
}

func (f *fixture) signIn(t *testing.T, email string) auth.Tokens {
	t.Helper()
	tokens, err := f.auth.SignIn(t.Context(), email, password, "")
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// root is a bearer token of a superuser.
func (f *fixture) root(t *testing.T) string {
	t.Helper()
	_, err := f.Store.CreateUser(t.Context(), models.CustomerID{},
		models.NewUser{Email: "root@upstream.test", PasswordHash: passwordHash, Superuser: true})
	if err != nil {
		t.Fatal(err)
	}
	return f.signIn(t, "root@upstream.test").Access
}

// request is one call of the API.
type request struct {
	method string
	path   string
	token  string
	header http.Header
	// body is sent as it is when a string, bytes or a reader, as JSON otherwise.
	body any
	// undocumented says that the server takes more than the description promises.
	undocumented bool
	// encoded says that the body may come compressed, and is not looked into.
	encoded bool
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	if err := decoder.Decode(v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// object is the body as a JSON object.
func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	a.decode(t, &v)
	return v
}

// get asks as the bearer of a token.
func (f *fixture) get(t *testing.T, token, path string) answer {
	t.Helper()
	return f.do(t, request{path: path, token: token})
}

// do makes a call, and holds request and answer against both descriptions.
func (f *fixture) do(t *testing.T, in request) answer {
	t.Helper()
	r := f.newRequest(t, in)
	response, err := f.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := answer{status: response.StatusCode, header: response.Header, body: body}
	checkAnswer(t, in, out)
	return out
}

func (f *fixture) newRequest(t *testing.T, in request) *http.Request {
	t.Helper()
	if in.method == "" {
		in.method = http.MethodGet
	}
	address := in.path
	if !strings.HasPrefix(address, "http") {
		address = f.server.URL + in.path
	}
	body, isJSON := bodyOf(t, in.body)
	r, err := http.NewRequestWithContext(t.Context(), in.method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if isJSON {
		r.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(r.Header, in.header)
	if in.token != "" {
		r.Header.Set("Authorization", "Bearer "+in.token)
	}
	return r
}

func bodyOf(t *testing.T, body any) (io.Reader, bool) {
	t.Helper()
	switch body := body.(type) {
	case nil:
		return nil, false
	case io.Reader:
		return body, false
	case string:
		return strings.NewReader(body), true
	default:
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(b), true
	}
}

// description is one OpenAPI document, ready to judge.
type description struct {
	version string
	doc     *openapi3.T
	router  routers.Router
}

// descriptions loads both documents once for all tests.
var descriptions = sync.OnceValues(func() ([]description, error) {
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.FileBodyDecoder)
	var all []description
	for _, version := range []string{"3.1", "3.0"} {
		b, err := rest.OpenAPI(version)
		if err != nil {
			return nil, err
		}
		doc, err := openapi3.NewLoader().LoadFromData(b)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", version, err)
		}
		router, err := legacy.NewRouter(doc)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", version, err)
		}
		all = append(all, description{version: version, doc: doc, router: router})
	}
	return all, nil
})

// checkAnswer demands of every answer what the contract promises for all, and
// of documented operations that they answer as documented.
func checkAnswer(t *testing.T, in request, out answer) {
	t.Helper()
	checkHeaders(t, in, out)
	if in.encoded {
		return
	}
	if out.status >= http.StatusBadRequest && in.method != http.MethodHead {
		checkProblem(t, in, out)
	}
	if in.method == http.MethodHead || in.method == http.MethodOptions {
		return
	}
	all, err := descriptions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		d.check(t, in, out)
	}
}

func checkHeaders(t *testing.T, in request, out answer) {
	t.Helper()
	for name, want := range map[string]string{
		"Api-Version": "1.0.0", "X-Request-Id": "",
		"Server-Timing": "db;dur=", "Cache-Control": "", "Vary": "Authorization",
	} {
		if got := out.header.Get(name); got == "" || !strings.HasPrefix(got, want) {
			t.Errorf("%s %s: header %s: %q", in.method, in.path, name, got)
		}
	}
}

func checkProblem(t *testing.T, in request, out answer) {
	t.Helper()
	if got := out.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("%s %s: %d is %q: %s", in.method, in.path, out.status, got, out.body)
	}
	p := out.object(t)
	u, err := url.Parse(in.path)
	if err != nil {
		t.Fatal(err)
	}
	code, _ := p["code"].(string)
	wantType := "/errors/" + strings.ReplaceAll(strings.ToLower(code), "_", "-")
	if p["status"] != float64(out.status) || p["instance"] != u.Path || p["type"] != wantType || p["title"] == "" ||
		p["detail"] == "" || p["request_id"] != out.header.Get("X-Request-Id") {
		t.Errorf("%s %s: %d %s", in.method, in.path, out.status, out.body)
	}
	if _, ok := p["errors"].([]any); !ok {
		t.Errorf("%s %s: errors is no list: %s", in.method, in.path, out.body)
	}
	if out.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: an error may be cached: %q", in.method, in.path, out.header.Get("Cache-Control"))
	}
}

// check compares one exchange with one document. Paths that are in none are
// the business of the tests that ask for them.
func (d description) check(t *testing.T, in request, out answer) {
	t.Helper()
	route, params, r, ok := d.find(t, in)
	if !ok {
		return
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
			ExcludeRequestBody: strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/"), SkipSettingDefaults: true,
		},
	}
	if out.status < http.StatusBadRequest && !in.undocumented {
		if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil {
			t.Errorf("OpenAPI %s does not allow %s %s: %v", d.version, in.method, in.path, err)
		}
	}
	if out.status == http.StatusNotModified {
		input.Options.ExcludeResponseBody = true
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: out.status, Header: out.header, Options: input.Options,
	}
	if err := openapi3filter.ValidateResponse(t.Context(), response.SetBodyBytes(out.body)); err != nil {
		t.Errorf("OpenAPI %s does not describe the answer %d of %s %s: %v\n%s", d.version, out.status, in.method, in.path, err, out.body)
	}
}

func (d description) find(t *testing.T, in request) (*routers.Route, map[string]string, *http.Request, bool) {
	t.Helper()
	u, err := url.Parse(in.path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(u.Path, "/api/v1/") && !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	method := in.method
	if method == "" {
		method = http.MethodGet
	}
	body, isJSON := bodyOf(t, in.body)
	if _, streamed := in.body.(io.Reader); streamed {
		body = nil
	}
	r, err := http.NewRequestWithContext(t.Context(), method, (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String(), body)
	if err != nil {
		t.Fatal(err)
	}
	if isJSON {
		r.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(r.Header, in.header)
	route, params, err := d.router.FindRoute(r)
	for _, value := range params {
		if value == "" {
			return nil, nil, nil, false // no row is called that: it is another path, without this method
		}
	}
	return route, params, r, err == nil
}

// problemBody is what tests look at in a problem.
type problemBody struct {
	Status     int
	Code       models.Code
	Detail     string
	ExistingID string `json:"existing_id"`
	UploadID   string `json:"upload_id"`
	Errors     []struct{ Path, Code, Message string }
}

// wantProblem demands a status and code, and field errors as "path:code".
func wantProblem(t *testing.T, out answer, status int, code models.Code, fields ...string) problemBody {
	t.Helper()
	if out.status != status {
		t.Fatalf("status %d, want %d: %s", out.status, status, out.body)
	}
	var p problemBody
	out.decode(t, &p)
	var got []string
	for _, e := range p.Errors {
		if e.Message == "" {
			t.Errorf("%s says nothing: %s", e.Path, out.body)
		}
		got = append(got, e.Path+":"+e.Code)
	}
	if p.Code != code || strings.Join(got, " ") != strings.Join(fields, " ") {
		t.Errorf("%s %v, want %s %v: %s", p.Code, got, code, fields, out.body)
	}
	return p
}

func wantStatus(t *testing.T, out answer, status int) {
	t.Helper()
	if out.status != status {
		t.Fatalf("status %d, want %d: %s", out.status, status, out.body)
	}
}

// form is a multipart request of one file.
func form(field, filename string, content []byte) (http.Header, io.Reader) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, _ := w.CreateFormFile(field, filename)
	_, _ = part.Write(content)
	_ = w.Close()
	return http.Header{"Content-Type": {w.FormDataContentType()}}, &b
}

func (f *fixture) upload(t *testing.T, token, filename string, content []byte) answer {
	t.Helper()
	header, body := form("file", filename, content)
	return f.do(t, request{method: http.MethodPost, path: "/api/v1/uploads/", token: token, header: header, body: body})
}

// list is the envelope of every list.
type list struct {
	Count    *int64
	Next     *string
	Previous *string
	Results  []map[string]any
}

func (f *fixture) list(t *testing.T, token, path string) list {
	t.Helper()
	out := f.get(t, token, path)
	wantStatus(t, out, http.StatusOK)
	var l list
	out.decode(t, &l)
	return l
}

// column collects one member of each result.
func (l list) column(name string) []any {
	values := make([]any, 0, len(l.Results))
	for _, r := range l.Results {
		values = append(values, r[name])
	}
	return values
}

func unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

func marshal(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

func textLogger(b *logBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }
