package apitest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"upstream/graph"
	"upstream/internal/auth"
	"upstream/internal/factory"
	"upstream/internal/web"
	"upstream/models"
	"upstream/rest"
	"upstream/store"
)

const (
	password = "correct horse battery"
	// passwordHash is that password at the cheapest costs.
	passwordHash = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/ur5fLELUb1eXkT9oKHqq6gHGZ9Phwgbj4qyIcCNaYc"
)

// Server is the whole program over a database of its own: both edges and the
// pages on one listener, two clinics with a user of every role, and a
// superuser. Its clock stands still and its identifiers are counted, so that
// two servers to which the same happens hold the same rows.
type Server struct {
	*factory.World
	Cedar, Harbor *factory.Tenant

	http *httptest.Server
	// names are what placeholders stand for.
	names map[string]string
	// mu guards the access and refresh tokens, by user.
	mu      sync.Mutex
	tokens  map[string]string
	refresh map[string]string
}

// NewServer starts one for the test. Of claims and runs it has none.
func NewServer(t testing.TB) *Server {
	t.Helper()
	w := factory.New(t)
	w.Store = w.StoreWith(w.DB.App, store.Options{NewUUID: counter(), Logger: slog.New(slog.DiscardHandler)})
	s := &Server{World: w, names: map[string]string{}, tokens: map[string]string{}, refresh: map[string]string{}}
	s.Cedar, s.Harbor = s.clinic("cedar"), s.clinic("harbor")
	s.superuser()
	s.http = httptest.NewServer(s.handler())
	s.http.Client().Transport = contract{next: s.http.Client().Transport, broken: s.Errorf}
	t.Cleanup(s.http.Close)
	return s
}

// counter makes identifiers that sort by when they were made and are the same
// in every Server.
func counter() func() uuid.UUID {
	var last atomic.Uint64
	return func() uuid.UUID {
		id := uuid.UUID{0x01, 0x9d, 6: 0x70, 8: 0x80}
		binary.BigEndian.PutUint32(id[12:], uint32(last.Add(1)))
		return id
	}
}

// clinic makes a customer with a user of every role, named "cedar.owner".
func (s *Server) clinic(slug string) *factory.Tenant {
	tenant := s.Tenant(slug)
	s.names[slug] = tenant.Customer.ID.String()
	for _, role := range models.Role("").Values() {
		user := tenant.UserWithHash(models.Role(role), passwordHash)
		s.names[slug+"."+role] = user.Email
		id := uuid.MustParse(factory.Query[string](tenant, `SELECT id::text FROM memberships WHERE user_id = ?`, user.UserID.UUID().String()))
		s.known("member."+slug+"."+role, models.MembershipID{}.From(id).String(), id)
	}
	return tenant
}

func (s *Server) superuser() {
	const email = "root@upstream.test"
	in := models.NewUser{Email: email, PasswordHash: passwordHash, Superuser: true}
	if _, err := s.Store.CreateUser(s.Context(), models.CustomerID{}, in); err != nil {
		s.Fatal(err)
	}
	s.names["root"] = email
}

// handler is wired as the program's own, except that every clock stands still.
func (s *Server) handler() http.Handler {
	log := slog.New(slog.NewTextHandler(s.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	keys := must(auth.NewKeyring(auth.Key{ID: "test", Secret: bytes.Repeat([]byte("k"), 32)}))(s)
	signIn := must(auth.New(s.Store, auth.Options{Keys: keys, Now: factory.Now}))(s)
	restAPI := must(rest.New(s.Store, signIn, rest.Options{Logger: log, Now: factory.Now}))(s)
	pages := must(web.New(web.Options{}))(s)
	graphOptions := graph.Options{Logger: log, RequestID: auth.RequestID}
	root := chi.NewRouter()
	pages.Routes(root)
	root.Handle("/graphql", signIn.Middleware(graph.Refuse(graphOptions))(graph.NewHandler(s.Store, graphOptions)))
	root.NotFound(restAPI.ServeHTTP)
	return root
}

// tester is what *testing.T and *rapid.T have in common here.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// must is the value of a call that may not fail.
func must[T any](v T, err error) func(tester) T {
	return func(t tester) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Asker is who puts a question.
type Asker struct {
	// User names a user of the Server: "cedar.viewer", "root". Empty is nobody.
	User string
	// Key names an API key of the Server.
	Key string
	// Token is sent in place of one that sign-in gave out.
	Token string
	// Customer is the header X-Customer-Id, when not empty.
	Customer string
}

func (a Asker) String() string {
	text := a.User
	if text == "" {
		text = "nobody"
	}
	if a.Key != "" {
		text = "the key " + a.Key
	}
	if a.Token != "" {
		text = "a bad token"
	}
	if a.Customer != "" {
		text += " for " + a.Customer
	}
	return text
}

// token signs the user in by REST, once.
func (s *Server) token(t tester, user string) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if token := s.tokens[user]; token != "" {
		return token
	}
	email, known := s.names[user]
	if !known {
		t.Fatalf("no user %q", user)
	}
	body := must(json.Marshal(map[string]string{"email": email, "password": password}))(t)
	request := must(http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+"/api/v1/auth/token/", bytes.NewReader(body)))(t)
	request.Header.Set("Content-Type", "application/json")
	var tokens struct{ Access, Refresh string }
	s.send(t, request).decode(t, &tokens)
	if tokens.Access == "" {
		t.Fatalf("%s cannot sign in", user)
	}
	s.tokens[user], s.refresh[user] = tokens.Access, tokens.Refresh
	return tokens.Access
}

// authorize puts what the asker proves and claims into a request.
func (s *Server) authorize(t tester, r *http.Request, as Asker) {
	t.Helper()
	switch {
	case as.Token != "":
		r.Header.Set("Authorization", "Bearer "+as.Token)
	case as.Key != "":
		r.Header.Set("Authorization", "Bearer "+s.expand(t, "{text."+as.Key+"}"))
	case as.User != "":
		r.Header.Set("Authorization", "Bearer "+s.token(t, as.User))
	}
	if as.Customer != "" {
		r.Header.Set(auth.CustomerHeader, s.expand(t, as.Customer))
	}
}

// reply is an HTTP answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) decode(t tester, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("%v in %d %s", err, r.status, r.body)
	}
}

func (s *Server) send(t tester, r *http.Request) reply {
	t.Helper()
	response, err := s.http.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{status: response.StatusCode, header: response.Header, body: body}
}

// Call is a call of the REST API. Placeholders ("{run}") in it stand for what
// the Server knows by that name.
type Call struct {
	// Method is GET when empty.
	Method string
	// Path is below /api/v1/, or the whole address of a further page.
	Path  string
	Query url.Values
	// Body is sent as JSON, unless nil.
	Body any
	// Header is sent beside what the asker proves and claims.
	Header map[string]string
}

func (s *Server) rest(t tester, as Asker, c Call) reply {
	t.Helper()
	address := s.expand(t, c.Path)
	if !strings.HasPrefix(address, "http") {
		address = s.http.URL + "/api/v1/" + address
	}
	if len(c.Query) > 0 {
		query := url.Values{}
		for name, values := range c.Query {
			for _, v := range values {
				query.Add(name, s.expand(t, v))
			}
		}
		address += "?" + query.Encode()
	}
	method, body := http.MethodGet, io.Reader(nil)
	if c.Method != "" {
		method = c.Method
	}
	if c.Body != nil {
		body = bytes.NewReader(must(json.Marshal(s.expandAll(t, c.Body)))(t))
	}
	r := must(http.NewRequestWithContext(t.Context(), method, address, body))(t)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.Header {
		r.Header.Set(name, value)
	}
	s.authorize(t, r, as)
	return s.send(t, r)
}

// Operation is a GraphQL request and where in the answer to look.
type Operation struct {
	Document  string
	Variables map[string]any
	// At is the path of the object or connection asked for, dotted, below data.
	At string
	// Type is the type of that object, or of the connection's rows.
	Type string
	// Silent says that REST answers the same with an empty body.
	Silent bool
}

func (s *Server) graphql(t tester, as Asker, op Operation) reply {
	t.Helper()
	body := must(json.Marshal(map[string]any{"query": op.Document, "variables": s.expandAll(t, op.Variables)}))(t)
	r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+"/graphql", bytes.NewReader(body)))(t)
	r.Header.Set("Content-Type", "application/json")
	s.authorize(t, r, as)
	return s.send(t, r)
}

// placeholder is a name in braces. GraphQL documents hold none: what varies
// is in their variables.
var placeholder = regexp.MustCompile(`\{[a-z0-9.:]+\}`)

// expand replaces placeholders.
func (s *Server) expand(t tester, text string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(text, func(match string) string {
		value, known := s.names[match[1:len(match)-1]]
		if !known {
			t.Fatalf("nothing is called %s", match)
		}
		return value
	})
}

// expandAll replaces placeholders in every text of a JSON value.
func (s *Server) expandAll(t tester, v any) any {
	t.Helper()
	switch v := v.(type) {
	case string:
		return s.expand(t, v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = s.expandAll(t, item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = s.expandAll(t, item)
		}
		return out
	default:
		return v
	}
}
