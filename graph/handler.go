package graph

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"upstream/graph/generated"
	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
	"upstream/store"
)

// Options are what a handler takes from outside; zero fields have defaults.
type Options struct {
	// Limits bound what one request may ask for.
	Limits Limits
	// NoIntrospection hides the schema from everybody. Anonymous requests
	// never see it.
	NoIntrospection bool
	// Throttle limits the requests of each caller; nil limits none.
	Throttle *throttle.Throttle
	// Logger hears of internal failures; defaults to slog.Default.
	Logger *slog.Logger
	// RequestID names a request in errors and logs; defaults to the viewer's.
	RequestID func(context.Context) string
}

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.withDefaults()
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.RequestID == nil {
		o.RequestID = func(ctx context.Context) string { return auth.ViewerFrom(ctx).RequestID }
	}
	return o
}

// NewHandler serves GraphQL over HTTP. It expects the viewer in the context
// (auth.WithViewer) and takes a request without one as anonymous: such a
// request can run operations that touch no customer's data, and every other
// field answers UNAUTHENTICATED.
func NewHandler(st *store.Store, opts Options) http.Handler {
	opts = opts.withDefaults()
	es := generated.NewExecutableSchema(generated.Config{Schema: loadSchema(), Resolvers: &Resolver{store: st}})
	anonymous := newServer(es, opts, false)
	member := newServer(es, opts, true)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, r := newRequest(req.Context(), opts)
		server := anonymous
		if r.viewer.Authenticated() {
			server = member
		}
		server.ServeHTTP(w, req.WithContext(ctx))
	})
}

// newServer builds an executor with one transport and every limit in place.
// Anonymous and signed-in requests get one each, because validation differs:
// to the former it neither shows nor hints at the schema.
func newServer(es graphql.ExecutableSchema, opts Options, member bool) *handler.Server {
	cache := newDocuments()
	p := presenter{log: opts.Logger, maxErrors: opts.Limits.Errors}
	s := handler.New(es)
	s.AddTransport(transport{limits: opts.Limits, throttle: opts.Throttle, present: p.present})
	s.SetParserTokenLimit(opts.Limits.Tokens)
	s.SetQueryCache(cache)
	s.SetErrorPresenter(p.present)
	s.SetRecoverFunc(func(_ context.Context, v any) error { return models.Internal(panicked(v)) })
	s.Use(shapeLimit{limits: opts.Limits, cache: cache})
	s.Use(introspection{viewerMay: member, switchedOff: opts.NoIntrospection})
	s.Use(costLimit{budget: opts.Limits.Budget})
	s.AroundFields(coded)
	s.AroundResponses(reportCost(opts.Limits.Budget))
	if !member {
		s.SetDisableSuggestion(true)
		s.SetValidationRulesFn(rulesWithoutHints)
	}
	return s
}

// Refuse answers, in the shape of this edge, a request that ended before it
// reached the handler: one whose credentials do not hold. A bearer token that
// does not hold is a failure of HTTP, so the status says so to every client.
func Refuse(opts Options) func(http.ResponseWriter, *http.Request, error) {
	opts = opts.withDefaults()
	t := transport{limits: opts.Limits, present: presenter{log: opts.Logger, maxErrors: opts.Limits.Errors}.present}
	return func(w http.ResponseWriter, req *http.Request, err error) {
		ctx, _ := newRequest(req.Context(), opts)
		a := answer{w: w, mediaType: typeJSON}
		if mediaType, ok := negotiate(req.Header.Values("Accept")); ok {
			a.mediaType = mediaType
		}
		e := models.AsError(err)
		known, _ := treatmentOf(e.Code)
		t.fail(ctx, a, refusal{status: known.status, err: e})
	}
}

// rulesWithoutHints are the rules of the specification with those that would
// answer "did you mean ...?" replaced by their silent twins.
func rulesWithoutHints() *rules.Rules {
	r := rules.NewDefaultRules()
	r.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.ScalarLeafsRule.Name, rules.ScalarLeafsRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	return r
}

// documents caches validated documents. Long ones are left out: a syntax tree
// takes some fifty times its text, and a thousand of the longest admissible
// would fill the memory.
type documents struct {
	*lru.LRU[*ast.QueryDocument]
}

const (
	cachedDocuments   = 1000
	longestCachedText = 8 << 10
)

func newDocuments() documents { return documents{lru.New[*ast.QueryDocument](cachedDocuments)} }

// Add implements graphql.Cache.
func (d documents) Add(ctx context.Context, text string, doc *ast.QueryDocument) {
	if len(text) <= longestCachedText {
		d.LRU.Add(ctx, text, doc)
	}
}

// costReport is extensions.cost of every answer.
type costReport struct {
	// Requested is the cost of the operation, Budget the highest admissible
	// one, Remaining what is left of it.
	Requested int `json:"requested"`
	Budget    int `json:"budget"`
	Remaining int `json:"remaining"`
	// SQLStatements counts statements, transaction control included; DBMs is
	// the time spent waiting for the database, in milliseconds.
	SQLStatements int     `json:"sqlStatements"`
	DBMs          float64 `json:"dbMs"`
}

func reportCost(budget int) graphql.ResponseMiddleware {
	return func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
		resp := next(ctx)
		if r := requestFrom(ctx); resp != nil && r.cost > 0 {
			resp.Extensions["cost"] = costReport{
				Requested: r.cost, Budget: budget, Remaining: max(0, budget-r.cost),
				SQLStatements: r.stats.Statements(), DBMs: float64(r.stats.Duration().Microseconds()) / 1000,
			}
		}
		return resp
	}
}
