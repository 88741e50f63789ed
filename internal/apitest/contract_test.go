package apitest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"upstream/rest"
)

// contract is an http.RoundTripper that holds every exchange with REST against
// the OpenAPI document: a request that succeeds has to be one it allows, and an
// answer one it describes, to the last property and status.
type contract struct {
	next http.RoundTripper
	// broken hears of each exchange that the document does not describe.
	broken func(format string, args ...any)
}

// contractRouter finds operations of the document; it is read once. It is that
// of OpenAPI 3.0, which says the same as the other and is checked a hundred times
// faster: the tests of package rest hold answers against both.
var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	text, err := rest.OpenAPI("3.0")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

// RoundTrip implements http.RoundTripper.
func (c contract) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(received))
	if err := check(r, sent, response, received); err != nil {
		c.broken("%s %s: %d is not what the OpenAPI document describes: %v\n%s", r.Method, r.URL, response.StatusCode, err, received)
	}
	return response, nil
}

// check compares one exchange with the document. What the document has no path
// for is GraphQL, a page, or refused by the router.
func check(r *http.Request, sent []byte, response *http.Response, received []byte) error {
	router, err := contractRouter()
	if err != nil {
		return err
	}
	asked := r.Clone(r.Context())
	asked.Body = io.NopCloser(bytes.NewReader(sent))
	asked.URL.Scheme, asked.URL.Host = "", "" // the document's server is relative
	if strings.HasPrefix(asked.URL.Path, "/api/v1/") && !strings.HasSuffix(asked.URL.Path, "/") {
		asked.URL.Path += "/"
	}
	route, parameters, err := router.FindRoute(asked)
	if err != nil {
		if strings.HasPrefix(asked.URL.Path, "/api/v1/") && response.StatusCode < http.StatusBadRequest && r.Method != http.MethodHead && r.Method != http.MethodOptions {
			return fmt.Errorf("it has no such operation: %w", err)
		}
		return nil
	}
	input := &openapi3filter.RequestValidationInput{
		Request: asked, PathParams: parameters, Route: route, Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
			ExcludeRequestBody: strings.HasPrefix(asked.Header.Get("Content-Type"), "multipart/"), SkipSettingDefaults: true,
		},
	}
	if response.StatusCode < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
			return fmt.Errorf("the request: %w", err)
		}
	}
	if response.StatusCode == http.StatusNotModified {
		input.Options.ExcludeResponseBody = true
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: input.Options,
	}
	return openapi3filter.ValidateResponse(r.Context(), answer.SetBodyBytes(received))
}
