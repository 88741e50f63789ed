package graph

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"upstream/models"
)

// The cost of an operation is an upper bound on the values its answer can
// hold, plus a surcharge for what is dear to compute:
//
//   - a field costs 1 plus what is selected below it
//   - below a connection, `edges` and `nodes` cost their selection times the
//     page size asked for
//   - `totalCount` costs 10, `evidence` 2,000, because it reads the claims of two
//     windows, a mutation 5,000
//   - below a preview of a rule, the selection counts once per run and match that
//     there can be
//   - below `nodes(ids:)` the selection counts once per identifier
//   - introspection multiplies by how many types, fields and arguments a
//     schema like this one has, at a fifth of the price: it reads no database
//
// @skip and @include are ignored, so the cost of a document does not depend on
// which branch a client takes.
const (
	costTotalCount  = 10
	costEvidence    = 2000
	costMutation    = 5000
	introspectShare = 5
	// ceiling saturates sums, far above any budget and far below overflow.
	ceiling = 1 << 40
)

// costLimit prices an operation before it runs and refuses it beyond the budget.
type costLimit struct{}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = costLimit{}

// ExtensionName implements graphql.HandlerExtension.
func (costLimit) ExtensionName() string { return "CostLimit" }

// Validate implements graphql.HandlerExtension.
func (costLimit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (costLimit) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	r := requestFrom(ctx)
	r.cost = operationCost(op)
	if r.cost > r.limits.Budget {
		return refuse(r.refused("The operation costs %d: ask for fewer fields or smaller pages; at most %d is allowed", r.cost, r.limits.Budget))
	}
	return nil
}

// price is the cost of a selection: what counts once, and what counts once per
// row when the selection is a connection's.
type price struct{ once, perRow int }

func (p price) plus(q price) price {
	return price{once: min(p.once+q.once, ceiling), perRow: min(p.perRow+q.perRow, ceiling)}
}

// total is the cost with a page of size rows.
func (p price) total(size int) int { return min(p.once+times(size, p.perRow), ceiling) }

func times(n, cost int) int {
	if n > 0 && cost > ceiling/n {
		return ceiling
	}
	return n * cost
}

// pricer walks a validated operation; each fragment is priced once.
type pricer struct {
	op        *graphql.OperationContext
	fragments map[string]price
}

func operationCost(op *graphql.OperationContext) int {
	p := pricer{op: op, fragments: map[string]price{}}
	cost := p.selection(op.Operation.SelectionSet).total(1)
	if op.Operation.Operation == ast.Mutation {
		cost = min(cost+costMutation*len(op.Operation.SelectionSet), ceiling)
	}
	return cost
}

func (p *pricer) selection(set ast.SelectionSet) price {
	var sum price
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			sum = sum.plus(p.field(sel))
		case *ast.InlineFragment:
			sum = sum.plus(p.selection(sel.SelectionSet))
		case *ast.FragmentSpread:
			sum = sum.plus(p.fragment(sel))
		}
	}
	return sum
}

func (p *pricer) fragment(spread *ast.FragmentSpread) price {
	if known, ok := p.fragments[spread.Name]; ok {
		return known
	}
	p.fragments[spread.Name] = price{}
	cost := p.selection(spread.Definition.SelectionSet)
	p.fragments[spread.Name] = cost
	return cost
}

// field prices one field. What hangs below a connection's rows is perRow for
// the connection; everything else counts once.
func (p *pricer) field(f *ast.Field) price {
	below := p.selection(f.SelectionSet)
	inConnection := strings.HasSuffix(f.ObjectDefinition.Name, "Connection")
	switch {
	case inConnection && (f.Name == fieldEdges || f.Name == fieldNodes):
		return price{perRow: min(below.once+1, ceiling)}
	case inConnection && f.Name == fieldTotalCount:
		return price{once: costTotalCount}
	case f.ObjectDefinition.Name == "AlertRulePreview" && f.Name == "matches":
		return price{once: min(1+times(models.MaxPreviewMatches, below.once), ceiling)}
	case f.ObjectDefinition.Name == "AlertRulePreview" && f.Name == "runs":
		return price{once: min(1+times(models.MaxPreviewRuns, below.once), ceiling)}
	case f.ObjectDefinition.Name == "DriftEvent" && f.Name == "evidence":
		return price{once: costEvidence + below.once}
	case strings.HasPrefix(f.ObjectDefinition.Name, "__"):
		return price{once: min(1+times(typicalLength(f.Name), below.once), ceiling)}
	case isIntrospection(f.Name):
		return price{once: 1 + below.once/introspectShare}
	}
	args := f.ArgumentMap(p.op.Variables)
	if ids, ok := args["ids"].([]any); ok {
		return price{once: min(1+times(len(ids), below.once), ceiling)}
	}
	return price{once: min(1+below.total(pageSize(args)), ceiling)}
}

// pageSize is how many rows a connection with these arguments may answer with.
func pageSize(args map[string]any) int {
	for _, name := range []string{"first", "last"} {
		if n, given := wholeNumber(args[name]); given {
			// Other sizes are refused when the field is resolved.
			return min(max(n, 0), models.MaxConnectionSize)
		}
	}
	return models.DefaultConnectionSize
}

func wholeNumber(v any) (int, bool) {
	switch v := v.(type) {
	case int64:
		return int(min(max(v, -1), models.MaxConnectionSize)), true
	case int:
		return v, true
	case float64:
		return int(min(max(v, -1), models.MaxConnectionSize)), true
	case json.Number:
		n, err := v.Int64()
		return int(min(max(n, -1), models.MaxConnectionSize)), err == nil
	default:
		return 0, false
	}
}

// typicalLength is how many items a list of the introspection schema has,
// averaged over this one.
func typicalLength(field string) int {
	switch field {
	case "types":
		return 60
	case "fields":
		return 6
	case "directives", "enumValues", "inputFields":
		return 3
	default:
		return 1
	}
}

// spent counts what an answer really holds, by the same prices.
type spent struct{ data, introspection atomic.Int64 }

func (s *spent) total() int { return int(s.data.Load() + s.introspection.Load()/introspectShare) }

// charge counts one field of the answer, which may be resolved beside others.
func (s *spent) charge(fc *graphql.FieldContext, value any) {
	inConnection := strings.HasSuffix(fc.Object, "Connection")
	switch name := fc.Field.Name; {
	case strings.HasPrefix(fc.Object, "__"):
		s.introspection.Add(1)
	case inConnection && (name == fieldEdges || name == fieldNodes):
		if rows := reflect.ValueOf(value); rows.Kind() == reflect.Slice {
			s.data.Add(int64(rows.Len()))
		}
	case inConnection && name == fieldTotalCount:
		s.data.Add(costTotalCount)
	case fc.Object == "DriftEvent" && name == "evidence":
		s.data.Add(costEvidence)
	case fc.Object == "Mutation":
		s.data.Add(costMutation + 1)
	default:
		s.data.Add(1)
	}
}
