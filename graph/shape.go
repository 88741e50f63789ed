package graph

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"upstream/models"
)

// shapeLimit refuses documents that would be expensive to validate. It looks
// at the text alone, in time linear in its length: validation compares fields
// pairwise and answers one error per unknown name, so it must not see a
// document of ten thousand aliases or directives. Documents that passed once
// are recognised by the query cache and not parsed again.
type shapeLimit struct {
	limits Limits
	cache  graphql.Cache[*ast.QueryDocument]
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
} = shapeLimit{}

// ExtensionName implements graphql.HandlerExtension.
func (shapeLimit) ExtensionName() string { return "ShapeLimit" }

// Validate implements graphql.HandlerExtension.
func (shapeLimit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (s shapeLimit) MutateOperationParameters(ctx context.Context, request *graphql.RawParams) *gqlerror.Error {
	if _, known := s.cache.Get(ctx, request.Query); known {
		return nil
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: request.Query}, s.limits.Tokens)
	if err != nil {
		switch message := err.Error(); {
		case strings.Contains(message, "exceeded token limit"):
			return refuse(models.NewError(models.CodeTooComplex, "The document has more than %d tokens.", s.limits.Tokens))
		case strings.Contains(message, "exceeded maximum nesting depth"):
			return refuse(models.NewError(models.CodeTooComplex, "The document nests too deep."))
		}
		// The executor parses again and reports it with its location.
		return nil
	}
	if e := s.limits.checkShape(doc); e != nil {
		return refuse(e)
	}
	return nil
}

// refuse wraps a coded error so that it survives the executor's own types.
func refuse(e *models.Error) *gqlerror.Error { return &gqlerror.Error{Err: e, Message: e.Message} }

func (l Limits) checkShape(doc *ast.QueryDocument) *models.Error {
	s := shape{doc: doc, fragments: map[string]extent{}}
	widest := extent{}
	for _, op := range doc.Operations {
		s.directives += len(op.Directives)
		e := s.measure(op.SelectionSet)
		widest = extent{depth: max(widest.depth, e.depth), roots: max(widest.roots, e.roots)}
	}
	for _, f := range doc.Fragments {
		s.directives += len(f.Directives)
		s.fragment(f.Name)
	}
	for _, check := range []struct {
		what       string
		has, limit int
	}{
		{"fragments", len(doc.Fragments), l.Fragments},
		{"directives", s.directives, l.Directives},
		{"aliases", s.aliases, l.Aliases},
		{"fields", s.fields, l.Fields},
		{"root fields", widest.roots, l.RootFields},
		{"levels of fields", widest.depth, l.Depth},
	} {
		if check.has > check.limit {
			return tooComplex(check.what, check.has, check.limit)
		}
	}
	return nil
}

// shape measures a document. Each fragment is measured once, however often it
// is spread, so that fragments spreading each other twice cost nothing.
type shape struct {
	doc                         *ast.QueryDocument
	fragments                   map[string]extent
	fields, aliases, directives int
}

// extent is how deep a selection nests and how many fields it has itself.
type extent struct{ depth, roots int }

func (s *shape) measure(set ast.SelectionSet) extent {
	var total extent
	for _, sel := range set {
		var e extent
		switch sel := sel.(type) {
		case *ast.Field:
			e = s.field(sel)
		case *ast.InlineFragment:
			s.directives += len(sel.Directives)
			e = s.measure(sel.SelectionSet)
		case *ast.FragmentSpread:
			s.directives += len(sel.Directives)
			e = s.fragment(sel.Name)
		}
		// Saturate: fragments doubling each other overflow any integer.
		total = extent{depth: max(total.depth, e.depth), roots: min(total.roots+e.roots, ceiling)}
	}
	return total
}

func (s *shape) field(f *ast.Field) extent {
	s.fields++
	s.directives += len(f.Directives)
	if f.Alias != f.Name {
		s.aliases++
	}
	below := s.measure(f.SelectionSet).depth
	if isIntrospection(f.Name) {
		below = 0
	}
	return extent{depth: min(below+1, ceiling), roots: 1}
}

func (s *shape) fragment(name string) extent {
	if e, known := s.fragments[name]; known {
		return e
	}
	// A fragment met again inside itself counts as empty; validation refuses it.
	s.fragments[name] = extent{}
	if f := s.doc.Fragments.ForName(name); f != nil {
		s.fragments[name] = s.measure(f.SelectionSet)
	}
	return s.fragments[name]
}

func isIntrospection(name string) bool { return name == "__schema" || name == "__type" }
