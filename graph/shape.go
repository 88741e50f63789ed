package graph

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"

	"upstream/models"
)

// shapeLimit refuses documents that would be expensive to validate. It looks
// at the text alone, in time linear in its length: validation compares fields
// pairwise and answers one error per unknown name, so it must not see a
// document of ten thousand aliases or directives. What it measured is kept by
// text, and compared with the limits of whoever sends the same text again.
type shapeLimit struct{ known *lru.LRU[measures] }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
} = shapeLimit{}

func newShapeLimit() shapeLimit { return shapeLimit{lru.New[measures](cachedDocuments)} }

// ExtensionName implements graphql.HandlerExtension.
func (shapeLimit) ExtensionName() string { return "ShapeLimit" }

// Validate implements graphql.HandlerExtension.
func (shapeLimit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (s shapeLimit) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	r := requestFrom(ctx)
	found, known := s.known.Get(ctx, params.Query)
	if !known {
		var err *models.Error
		if found, err = measureText(params.Query, r); err != nil {
			return refuse(err)
		}
		if len(params.Query) <= longestCachedText {
			s.known.Add(ctx, params.Query, found)
		}
	}
	if err := found.check(r); err != nil {
		return refuse(err)
	}
	return nil
}

// measureText parses a document and measures it; one that does not parse has no
// measures, because the executor parses again and reports it with its location.
func measureText(text string, r *request) (measures, *models.Error) {
	tokens, name := countTokens(text, r.limits.Tokens)
	if name > longestName {
		return measures{}, models.NewError(models.CodeValidation, "A name in the document has %d characters; none may have more than %d.", name, longestName)
	}
	if tokens > r.limits.Tokens {
		return measures{}, r.refused("The document has more than %d tokens", r.limits.Tokens)
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, r.limits.Tokens)
	if err != nil {
		if strings.Contains(err.Error(), "exceeded maximum nesting depth") {
			return measures{}, r.refused("The document nests too deep")
		}
		return measures{}, nil
	}
	m := measure(doc)
	m.tokens = tokens
	return m, nil
}

// longestName bounds names: an unknown one is compared with every name of the
// schema that might have been meant.
const longestName = 256

// countTokens counts up to one beyond most, and measures the longest name. Text
// that is no token ends it, as it will end the parser.
func countTokens(text string, most int) (n, name int) {
	lex := lexer.New(&ast.Source{Input: text})
	for ; ; n++ {
		token, err := lex.ReadToken()
		if err != nil || token.Kind == lexer.EOF || n > most {
			return n, name
		}
		if token.Kind == lexer.Name {
			name = max(name, len(token.Value))
		}
	}
}

// measures are what limits apply to in a document.
type measures struct{ tokens, fragments, directives, aliases, fields, roots, depth int }

func (m measures) check(r *request) *models.Error {
	for _, check := range []struct {
		what       string
		has, limit int
	}{
		{"tokens", m.tokens, r.limits.Tokens},
		{"fragments", m.fragments, r.limits.Fragments},
		{"directives", m.directives, r.limits.Directives},
		{"aliases", m.aliases, r.limits.Aliases},
		{"fields", m.fields, r.limits.Fields},
		{"root fields", m.roots, r.limits.RootFields},
		{"levels of fields", m.depth, r.limits.Depth},
	} {
		if check.has > check.limit {
			return r.refused("The operation has %d %s; at most %d are allowed", check.has, check.what, check.limit)
		}
	}
	return nil
}

// refuse wraps a coded error so that it survives the executor's own types.
func refuse(e *models.Error) *gqlerror.Error { return &gqlerror.Error{Err: e, Message: e.Message} }

func measure(doc *ast.QueryDocument) measures {
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
	return measures{
		fragments: len(doc.Fragments), directives: s.directives, aliases: s.aliases, fields: s.fields,
		roots: widest.roots, depth: widest.depth,
	}
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
