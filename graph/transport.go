package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"upstream/internal/throttle"
	"upstream/models"
)

// transport speaks GraphQL over HTTP: POST with a JSON body for any operation
// and GET for queries, one operation per request. There is no multipart form
// (a browser sends one across origins without asking), no batch and no socket.
//
// It is safe from cross-site requests because a POST needs the content type
// application/json, which a page of another origin cannot send unasked, and a
// GET can only read. A browser's cross-site GET is refused all the same unless
// it carries a header that had to be asked for, so that this stays true should
// a viewer ever be recognised by a cookie.
type transport struct {
	throttle *throttle.Throttle
	present  graphql.ErrorPresenterFunc
}

var _ graphql.Transport = transport{}

// Supports implements graphql.Transport: it answers every request, if only to
// say what is wrong with it.
func (transport) Supports(*http.Request) bool { return true }

// refusal is a request that is turned away by HTTP before GraphQL looks at it.
type refusal struct {
	status int
	header map[string]string
	err    *models.Error
}

// Do implements graphql.Transport.
func (t transport) Do(w http.ResponseWriter, req *http.Request, exec graphql.GraphExecutor) {
	ctx := req.Context()
	a := answer{w: w, mediaType: typeJSON}
	defer func() {
		if v := recover(); v != nil {
			t.fail(ctx, a, refusal{status: http.StatusInternalServerError, err: models.Internal(panicked(v))})
		}
	}()
	mediaType, acceptable := negotiate(req.Header.Values("Accept"))
	if !acceptable {
		t.fail(ctx, a, invalid(http.StatusNotAcceptable, "This endpoint answers with %s or %s.", typeResponse, typeJSON))
		return
	}
	a.mediaType = mediaType
	params, refused := decode(w, req)
	if refused != nil {
		t.turnAway(ctx, a, *refused)
		return
	}
	t.run(a, req, params, exec)
}

// run executes a decoded request.
func (t transport) run(a answer, req *http.Request, params *graphql.RawParams, exec graphql.GraphExecutor) {
	ctx := req.Context()
	op, errs := exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		if !t.admit(ctx, a, nothing()) {
			return
		}
		a.status = requestStatus(a.mediaType, errs)
		a.write(exec.DispatchError(graphql.WithOperationContext(ctx, op), errs), false)
		return
	}
	if req.Method == http.MethodGet && op.Operation.Operation != ast.Query {
		refused := invalid(http.StatusMethodNotAllowed, "GET runs queries only; send mutations by POST.")
		refused.header = map[string]string{"Allow": http.MethodPost}
		t.turnAway(ctx, a, refused)
		return
	}
	if !t.admit(ctx, a, op) {
		return
	}
	if err := t.once(ctx, req, op); err != nil {
		e := models.AsError(err)
		known, _ := treatmentOf(e.Code)
		t.fail(ctx, a, refusal{status: known.status, err: e})
		return
	}
	ctx, cancel := withTimeout(ctx, op.Operation.Operation)
	defer cancel()
	responses, ctx := exec.DispatchOperation(ctx, op)
	// Executed requests answer 200 whatever their fields say, UNAUTHENTICATED
	// included: the specification keeps 4xx for requests that were not executed.
	a.status = http.StatusOK
	resp := responses(ctx)
	tellOnce(ctx, a.w.Header())
	a.write(resp, true)
}

func withTimeout(ctx context.Context, op ast.Operation) (context.Context, context.CancelFunc) {
	r := requestFrom(ctx)
	limit := r.limits.Query
	if op == ast.Mutation {
		limit = r.limits.Mutation
	}
	r.timeout = limit
	return context.WithTimeout(ctx, limit)
}

// requestStatus is the status of a well-formed request that failed before
// execution: by its code where the media type says that statuses have meaning,
// 200 where clients expect nothing else.
func requestStatus(mediaType string, errs gqlerror.List) int {
	if mediaType == typeJSON {
		return http.StatusOK
	}
	var e *models.Error
	if !errors.As(errs[0], &e) {
		return http.StatusBadRequest
	}
	known, _ := treatmentOf(e.Code)
	return known.status
}

// turnAway is fail for a request that counts as one all the same.
func (t transport) turnAway(ctx context.Context, a answer, r refusal) {
	if t.admit(ctx, a, nothing()) {
		t.fail(ctx, a, r)
	}
}

// fail answers a refused request.
func (t transport) fail(ctx context.Context, a answer, r refusal) {
	for name, value := range r.header {
		a.w.Header().Set(name, value)
	}
	if after := throttle.RetryAfter(r.err); after != "" {
		a.w.Header().Set(throttle.HeaderRetryAfter, after)
	}
	a.status = r.status
	a.write(&graphql.Response{Errors: gqlerror.List{t.present(ctx, r.err)}}, false)
}

func invalid(status int, format string, args ...any) refusal {
	return refusal{status: status, err: models.NewError(models.CodeValidation, format, args...)}
}

// decode reads the GraphQL parameters of a request.
func decode(w http.ResponseWriter, req *http.Request) (*graphql.RawParams, *refusal) {
	start := time.Now()
	var params *graphql.RawParams
	var refused *refusal
	switch req.Method {
	case http.MethodPost:
		params, refused = decodePost(w, req)
	case http.MethodGet:
		params, refused = decodeGet(req)
	default:
		r := invalid(http.StatusMethodNotAllowed, "Use POST, or GET for queries.")
		r.header = map[string]string{"Allow": "GET, POST"}
		return nil, &r
	}
	if refused != nil {
		return nil, refused
	}
	params.Headers = req.Header
	params.ReadTime = graphql.TraceTiming{Start: start, End: time.Now()}
	return params, nil
}

func decodePost(w http.ResponseWriter, req *http.Request) (*graphql.RawParams, *refusal) {
	mediaType, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || mediaType != typeJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
		r := invalid(http.StatusUnsupportedMediaType, "Send a body of type application/json in UTF-8.")
		return nil, &r
	}
	limits := requestFrom(req.Context()).limits
	body, err := read(w, req, limits)
	if err != nil {
		return nil, unreadable(err, limits.Body)
	}
	return decodeBody(body, requestFrom(req.Context()))
}

// read takes a body in, within its limits. The deadline is lifted afterwards:
// left in place it would cancel, once it has passed, an operation that takes
// longer. Where there is no connection there is no deadline to set.
func read(w http.ResponseWriter, req *http.Request, limits Limits) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(limits.Arrival))
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limits.Body))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{})
	}
	return body, err
}

func unreadable(err error, limit int64) *refusal {
	var beyond *http.MaxBytesError
	if errors.As(err, &beyond) {
		return tooLarge(limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r := invalid(http.StatusRequestTimeout, "The body did not arrive in time.")
		return &r
	}
	r := invalid(http.StatusBadRequest, "The body could not be read to its end.")
	return &r
}

func tooLarge(limit int64) *refusal {
	return &refusal{status: http.StatusRequestEntityTooLarge, err: models.NewError(models.CodePayloadTooLarge,
		"The request is larger than %d bytes.", limit)}
}

// decodeBody reads a JSON body. Errors never repeat any of it.
func decodeBody(body []byte, r *request) (*graphql.RawParams, *refusal) {
	body = bytes.TrimSpace(body)
	if bytes.HasPrefix(body, []byte("[")) {
		r := invalid(http.StatusBadRequest, "Batches are not supported: send one operation per request.")
		return nil, &r
	}
	if refused := tooManyValues(string(body), r); refused != nil {
		return nil, refused
	}
	var params parameters
	if err := decodeJSON(body, &params); err != nil {
		r := refusal{status: http.StatusBadRequest, err: badJSON(err)}
		return nil, &r
	}
	return params.raw(r)
}

// decodeJSON reads exactly one JSON value. Numbers keep their digits.
func decodeJSON(text []byte, dst any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(dst); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func badJSON(err error) *models.Error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		name, _, _ := strings.Cut(wrongType.Field, ".")
		expected := map[bool]string{true: "a string", false: "an object"}[name != "variables" && name != "extensions"]
		return models.NewError(models.CodeValidation, "The request's %s must be %s.", name, expected)
	}
	return models.NewError(models.CodeValidation, "The body must be one JSON object.")
}

func decodeGet(req *http.Request) (*graphql.RawParams, *refusal) {
	r := requestFrom(req.Context())
	if int64(len(req.URL.RawQuery)) > r.limits.Body {
		return nil, tooLarge(r.limits.Body)
	}
	if crossSite(req.Header) {
		return nil, &refusal{status: http.StatusForbidden, err: models.NewError(models.CodeForbidden,
			"A browser may send GET from another site only with an Authorization or GraphQL-Preflight header.")}
	}
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		r := invalid(http.StatusBadRequest, "The query string is not well-formed.")
		return nil, &r
	}
	params := parameters{
		Query: query.Get("query"), OperationName: query.Get("operationName"),
		DocumentID: query.Get("documentId"), DocID: query.Get("doc_id"),
	}
	for name, dst := range map[string]*map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		text := query.Get(name)
		if refused := tooManyValues(text, r); refused != nil {
			return nil, refused
		}
		if text != "" && decodeJSON([]byte(text), dst) != nil {
			r := invalid(http.StatusBadRequest, "The request's %s must be a JSON object.", name)
			return nil, &r
		}
	}
	return params.raw(r)
}

// crossSite reports whether a browser says that a page of another site made
// this request, without a header that required that site's permission first.
func crossSite(h http.Header) bool {
	if h.Get("Authorization") != "" || h.Get("GraphQL-Preflight") != "" {
		return false
	}
	site := h.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// answer writes one response.
type answer struct {
	w         http.ResponseWriter
	mediaType string
	status    int
}

// write sends the response. The member "data" is present exactly if the
// operation was executed, as the specification asks.
func (a answer) write(resp *graphql.Response, executed bool) {
	var body bytes.Buffer
	body.WriteByte('{')
	if len(resp.Errors) > 0 {
		member(&body, "errors", resp.Errors)
	}
	if executed {
		separator(&body)
		body.WriteString(`"data":`)
		body.Write(orNull(resp.Data))
	}
	if len(resp.Extensions) > 0 {
		member(&body, "extensions", resp.Extensions)
	}
	body.WriteByte('}')
	h := a.w.Header()
	h.Set("Content-Type", a.mediaType+"; charset=utf-8")
	h.Set("Cache-Control", "private, no-store")
	h.Add("Vary", "Accept, Authorization")
	if a.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	a.w.WriteHeader(a.status)
	_, _ = a.w.Write(body.Bytes())
}

func orNull(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	return raw
}

// member appends one member to an object. What it holds are errors and
// numbers of ours, which always encode.
func member(body *bytes.Buffer, name string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	separator(body)
	body.WriteString(`"` + name + `":`)
	body.Write(text)
}

func separator(body *bytes.Buffer) {
	if body.Len() > 1 {
		body.WriteByte(',')
	}
}
