package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"upstream/models"
)

// bodyRules are what a body has to obey besides its schema: the rules of
// models, which the store asks for again. A body that breaks its schema never
// reaches the store, so they are asked here, and one answer lists everything.
type bodyRules func(body []byte, now time.Time) []models.FieldError

// rulesOf makes them of a body type and what says whether one is valid.
func rulesOf[B any](validate func(B, time.Time) error) bodyRules {
	return func(raw []byte, now time.Time) []models.FieldError {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil // which the schema says
		}
		var body B
		unread := map[string]bool{}
		for name, value := range members {
			// One by one, because what cannot be read ends the reading.
			one, err := json.Marshal(map[string]json.RawMessage{name: value})
			unread[name] = err != nil || json.Unmarshal(one, &body) != nil
		}
		err := validate(body, now)
		if err == nil {
			return nil
		}
		var fields []models.FieldError
		for _, f := range models.AsError(err).Fields {
			if top, _, _ := strings.Cut(f.Path, "."); !unread[top] {
				fields = append(fields, f)
			}
		}
		return fields
	}
}

// sentBody is the body of a request, as far as it was read.
type sentBody struct {
	bytes.Buffer

	rules bodyRules
}

type sentBodyKey struct{}

// remember keeps the body for the rules.
func (rules bodyRules) remember(ctx huma.Context, next func(huma.Context)) {
	r, _ := humachi.Unwrap(ctx)
	sent := &sentBody{rules: rules}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, sent), r.Body}
	next(huma.WithValue(ctx, sentBodyKey{}, sent))
}

// alsoBroken are the rules that a body breaks besides those of its schema. Of
// one field there is one complaint.
func alsoBroken(ctx context.Context, now time.Time, known []models.FieldError) []models.FieldError {
	sent, ok := ctx.Value(sentBodyKey{}).(*sentBody)
	if !ok {
		return known
	}
	all := known
	for _, f := range sent.rules(sent.Bytes(), now) {
		if !complained(known, f.Path) {
			all = append(all, f)
		}
	}
	return all
}

// complained says whether one of the errors is about the field, or about what
// it is part of.
func complained(about []models.FieldError, path string) bool {
	for _, f := range about {
		dotted := strings.NewReplacer("[", ".", "]", "").Replace(f.Path)
		if dotted == path || strings.HasPrefix(path, dotted+".") || strings.HasPrefix(dotted, path+".") {
			return true
		}
	}
	return false
}
