package rest

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"upstream/internal/auth"
	"upstream/models"
)

// replayedHeader says of an answer that it is the one of the first time.
const replayedHeader = "Idempotency-Replayed"

// honoursKey reports whether the operation takes an idempotency key: whatever
// changes something of a customer does. Where nobody has to be signed in, or
// where the answer is a session, there is nobody to keep an answer for.
func (op operation) honoursKey() bool {
	return op.permission != "" && !op.readsOnly && op.method != http.MethodGet && op.method != http.MethodHead
}

// named is a request that has an idempotency key, and what it has said so far.
type named struct {
	key  string
	body hash.Hash
}

type namedKey struct{}

// takeName reads the key of a request, and has the body hashed while it is read.
func (a *api) takeName(op operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		key, err := models.ParseIdempotencyKey(r.Header.Values(models.IdempotencyHeader))
		if err != nil {
			a.writeProblem(w, r, err)
			return
		}
		if key == "" {
			next(ctx)
			return
		}
		request := &named{key: key, body: sha256.New()}
		if !op.streamed {
			r.Body = hashedBody{Reader: io.TeeReader(r.Body, request.body), Closer: r.Body}
		}
		next(huma.WithValue(ctx, namedKey{}, request))
	}
}

// hashedBody is a body that is hashed while it is read.
type hashedBody struct {
	io.Reader
	io.Closer
}

// once lets the viewer of a request that has a key act once; nil without a key.
// What a request asks for is its path, query, body and precondition.
func (op operation) once(ctx context.Context) (context.Context, *models.Once) {
	request, ok := ctx.Value(namedKey{}).(*named)
	if !ok {
		return ctx, nil
	}
	c := callFrom(ctx)
	once := models.NewOnce(request.key, op.method+" "+c.canonical, []byte(c.query.Encode()), []byte(c.ifMatch), request.body.Sum(nil))
	if op.streamed {
		once.Streamed()
	}
	v := auth.ViewerFrom(ctx)
	v.Once = once
	return auth.WithViewer(ctx, v), once
}

// documentKey documents the header of a request, where it applies.
func documentKey(spec *huma.Operation, op operation) {
	if !op.honoursKey() {
		if op.method == http.MethodPost {
			spec.Description += "\n\nAn `" + models.IdempotencyHeader + "` has no effect here: no answer is kept."
		}
		return
	}
	least, most := 1, models.MaxIdempotencyKey
	spec.Parameters = append(spec.Parameters, &huma.Param{
		Name: models.IdempotencyHeader, In: "header",
		Description: "A name of your choice for this request, such as a random UUID. Sent again with the same name within 24 hours, the " +
			"request has no second effect and gets the first answer, with `" + replayedHeader + ": true`. The same name with another " +
			"request is refused (422, `reused`), and while the first is under way (409, `in_flight`, with Retry-After).",
		Schema: &huma.Schema{
			Type: huma.TypeString, MinLength: &least, MaxLength: &most, Pattern: "^[!-~]+$",
			Examples: []any{"0f8a3f0e-5d0f-4f5c-9a55-6f6f6d5c1c11"},
		},
	})
}

// documentReplay adds to the answers of an operation what tells a repeated one.
// The refusals of a file are kept too, so errors may carry it as well.
func documentReplay(responses map[string]*huma.Response, op operation) {
	if !op.honoursKey() {
		return
	}
	for status, response := range responses {
		if status[0] != '2' && !op.streamed {
			continue
		}
		if response.Headers == nil {
			response.Headers = map[string]*huma.Header{}
		}
		response.Headers[replayedHeader] = &huma.Param{
			Description: "`true` when this is the first answer again and nothing was done; absent otherwise.",
			Schema:      &huma.Schema{Type: huma.TypeString, Enum: []any{"true"}, Examples: []any{"true"}},
		}
	}
}
