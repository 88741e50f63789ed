package rest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"upstream/models"
	"upstream/rest"
)

// documented is the description that the fixture's own server gives.
func (f *fixture) documented(t *testing.T) *openapi3.T {
	t.Helper()
	out := f.get(t, "", "/api/openapi.json")
	doc, err := openapi3.NewLoader().LoadFromData(out.body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// operations calls fn for every operation, with a path that names some
// resource, or none.
func operations(doc *openapi3.T, fn func(method, path string, op *openapi3.Operation)) {
	for _, template := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		path := template
		for strings.Contains(path, "{") {
			before, rest, _ := strings.Cut(path, "{")
			_, after, _ := strings.Cut(rest, "}")
			path = before + "clm_01jz8k6v3pe9ktyh5wmcqa2x7d" + after
		}
		for method, op := range doc.Paths.Value(template).Operations() {
			fn(method, path, op)
		}
	}
}

// bodyOfSize is a body of exactly n bytes that is in order but for its length.
func bodyOfSize(op *openapi3.Operation, n int) (contentType string, body []byte) {
	if op.RequestBody.Value.Content.Get("application/json") != nil {
		return "application/json", []byte(`{"x":"` + strings.Repeat("x", n-len(`{"x":""}`)) + `"}`)
	}
	const start, end = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n", "\r\n--b--\r\n"
	return "multipart/form-data; boundary=b", []byte(start + strings.Repeat("x", n-len(start)-len(end)) + end)
}

// Every operation that reads a body says how long it may be, and refuses what
// is a byte longer, announced or not; the connection serves the next request.
func TestEveryBodyHasALimit(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{MaxUploadBytes: 4096})
	owner := f.as(t, f.cedar, models.RoleOwner)
	count := 0
	operations(f.documented(t), func(method, path string, op *openapi3.Operation) {
		if op.RequestBody == nil {
			return
		}
		count++
		limit, ok := op.Extensions["x-max-body-bytes"].(float64)
		if !ok || limit <= 0 {
			t.Errorf("%s has a body and no limit: %v", op.OperationID, op.Extensions)
			return
		}
		if isAuth := slices.Contains(op.Tags, "auth"); (isAuth && limit > 16<<10) || (limit > 256<<10 && op.OperationID != "createClaims") {
			t.Errorf("%s takes %.0f bytes", op.OperationID, limit)
		}
		for _, announced := range []bool{true, false} {
			contentType, body := bodyOfSize(op, int(limit)+1)
			send := request{method: method, path: path, token: owner, header: http.Header{"Content-Type": {contentType}}, body: io.Reader(bytes.NewReader(body)), undocumented: true}
			if !announced {
				send.body = io.MultiReader(bytes.NewReader(body))
			}
			wantProblem(t, f.do(t, send), http.StatusRequestEntityTooLarge, models.CodePayloadTooLarge)
			_, body = bodyOfSize(op, int(limit))
			send.body = io.Reader(bytes.NewReader(body))
			if out := f.do(t, send); strings.HasPrefix(contentType, "application/json") && out.status == http.StatusRequestEntityTooLarge {
				t.Errorf("%s refuses a body of exactly its limit", op.OperationID)
			}
		}
		wantStatus(t, f.get(t, "", "/healthz"), http.StatusOK)
	})
	if count < 6 {
		t.Errorf("only %d operations have a body", count)
	}
}

// secretNames are the fields whose value opens a door.
func secretNames() []string {
	return []string{"access", "key", "password", "refresh", "secret", "token"}
}

// carries reports whether a schema has, at any depth, text with such a name.
func carries(s *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) bool {
	if s == nil || s.Value == nil || seen[s.Value] {
		return false
	}
	seen[s.Value] = true
	for name, property := range s.Value.Properties {
		if slices.Contains(secretNames(), name) && property.Value.Type.Includes("string") || carries(property, seen) {
			return true
		}
	}
	for _, part := range slices.Concat(s.Value.OneOf, s.Value.AllOf, s.Value.AnyOf, openapi3.SchemaRefs{s.Value.Items}) {
		if carries(part, seen) {
			return true
		}
	}
	return false
}

// No answer of an operation that gives a secret away, and none about signing
// in, may be kept by any cache: neither success nor any error.
func TestSecretsAreNeverStored(t *testing.T) {
	t.Parallel()
	f := setup(t)
	member := f.cedar.UserWithHash(models.RoleOwner, passwordHash)
	tokens := f.signIn(t, member.Email)
	bodies := map[string]any{ // those that succeed, besides the documented examples, which need not
		"createToken": map[string]any{"email": member.Email, "password": password}, "verifyToken": map[string]any{"token": tokens.Access},
	}
	found := map[string]bool{}
	operations(f.documented(t), func(method, path string, op *openapi3.Operation) {
		secret := slices.Contains(op.Tags, "auth")
		for _, response := range op.Responses.Map() {
			if media := response.Value.Content.Get("application/json"); media != nil && carries(media.Schema, map[*openapi3.Schema]bool{}) {
				secret = true
			}
		}
		if !secret {
			return
		}
		found[op.OperationID] = true
		for name, in := range map[string]request{
			"example": {token: tokens.Access, body: example(op)}, "anonymous": {body: example(op)}, "no JSON": {token: tokens.Access, body: "{"},
			"other fields": {token: tokens.Access, body: map[string]any{"x": 1}}, "bad token": {token: "x.y.z", body: example(op)},
			"good": {body: bodies[op.OperationID]}, "query": {token: tokens.Access, path: path + "?x=1", body: example(op)},
		} {
			in.method, in.undocumented = method, true
			if in.path == "" {
				in.path = path
			}
			if out := f.do(t, in); out.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: %d is %q", op.OperationID, name, out.status, out.header.Get("Cache-Control"))
			}
		}
	})
	for _, id := range []string{"createToken", "refreshToken", "verifyToken", "logout", "changePassword"} {
		if !found[id] {
			t.Errorf("%s was not found", id)
		}
	}
}

func example(op *openapi3.Operation) any {
	if op.RequestBody == nil {
		return nil
	}
	media := op.RequestBody.Value.Content.Get("application/json")
	if media == nil {
		return nil
	}
	return media.Example
}

// slowly opens a connection and begins a request on it.
func slowly(t *testing.T, server *httptest.Server, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprint(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

func TestBodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{BodyTimeout: 30 * time.Millisecond, UploadTimeout: 30 * time.Millisecond})
	token := f.as(t, f.cedar, models.RoleOwner)
	for path, contentType := range map[string]string{
		"auth/token/": "application/json", "drift/detect/": "application/json", "uploads/": "multipart/form-data; boundary=b",
	} {
		_, reader := slowly(t, f.server, "POST /api/v1/"+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+
			"\r\nContent-Type: "+contentType+"\r\nContent-Length: 1000\r\n\r\n--")
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var problem struct{ Code string }
		if err := json.NewDecoder(response.Body).Decode(&problem); err != nil || response.StatusCode != http.StatusRequestTimeout || problem.Code != "REQUEST_TIMEOUT" {
			t.Errorf("%s answers %d %+v, %v", path, response.StatusCode, problem, err)
		}
		if _, err := reader.ReadByte(); err == nil {
			t.Errorf("%s: the connection goes on", path)
		}
	}
}
