package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"upstream/internal/throttle"
	"upstream/models"
)

// replayedHeader says of an answer that its mutation had its effect before.
const replayedHeader = "Idempotency-Replayed"

// once lets the mutation of a request that has an idempotency key have its
// effect once; queries have none. What a request asks for is its document,
// variables and operation name.
//
// A key names one effect. Fields of one mutation run one after another, each in
// a transaction of its own, and some of them may fail: there would be no one
// answer to keep, so that such a request is refused.
func (transport) once(ctx context.Context, req *http.Request, op *graphql.OperationContext) error {
	if op.Operation.Operation != ast.Mutation {
		return nil
	}
	key, err := models.ParseIdempotencyKey(req.Header.Values(models.IdempotencyHeader))
	if err != nil || key == "" {
		return err
	}
	if effects(op) > 1 {
		return models.InvalidField(models.IdempotencyHeader, "too_many_effects",
			"names one effect: send every field of the mutation as a request of its own, or all of them without a key")
	}
	variables, err := json.Marshal(op.Variables) // with the defaults of the document
	if err != nil {
		return models.Internal(err)
	}
	requestFrom(ctx).viewer.Once = models.NewOnce(key, "POST /graphql", []byte(op.RawQuery), variables, []byte(op.OperationName))
	return nil
}

// effects is how many fields of a mutation will run.
func effects(op *graphql.OperationContext) int {
	n := 0
	for _, field := range graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Mutation"}) {
		if !strings.HasPrefix(field.Name, "__") {
			n++
		}
	}
	return n
}

// tellOnce says in the headers what became of an idempotency key.
func tellOnce(ctx context.Context, h http.Header) {
	once := requestFrom(ctx).viewer.Once
	if once.Replayed() {
		h.Set(replayedHeader, "true")
	}
	if why := once.Refused(); why != nil {
		if after := throttle.RetryAfter(models.AsError(why)); after != "" {
			h.Set(throttle.HeaderRetryAfter, after)
		}
	}
}
