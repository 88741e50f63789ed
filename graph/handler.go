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
	// Limits bound what one request may ask for, by who sends it. What is not
	// set is as in DefaultLimits.
	Limits map[Audience]Limits
	// NoIntrospection hides the schema from everybody. Anonymous requests
	// never see it.
	NoIntrospection bool
	// Trusted are the only documents that may be run; nil allows any.
	Trusted *TrustedDocuments
	// Throttle limits the requests of each caller; nil limits none.
	Throttle *throttle.Throttle
	// Logger hears of internal failures; defaults to slog.Default.
	Logger *slog.Logger
	// Named hears which operation a request turned out to be, such as
	// "Query.claims" after its first field, before it runs; Failed hears the code
	// of its first error. Both may be nil.
	Named, Failed func(ctx context.Context, text string)
	// RequestID names a request in errors and logs; defaults to the viewer's.
	RequestID func(context.Context) string
}

func (o Options) withDefaults() Options {
	limits := make(map[Audience]Limits, len(o.Limits))
	for _, a := range Audiences() {
		limits[a] = o.Limits[a].or(DefaultLimits(a))
	}
	o.Limits = limits
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Named == nil {
		o.Named = func(context.Context, string) {}
	}
	if o.Failed == nil {
		o.Failed = func(context.Context, string) {}
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
	kept := newPersistedCache()
	anonymous := newServer(es, opts, kept, false)
	member := newServer(es, opts, kept, true)
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
func newServer(es graphql.ExecutableSchema, opts Options, kept *persistedCache, member bool) *handler.Server {
	p := presenter{log: opts.Logger, failed: opts.Failed}
	s := handler.New(es)
	s.AddTransport(transport{throttle: opts.Throttle, present: p.present})
	s.SetParserTokenLimit(mostTokens(opts.Limits))
	s.SetQueryCache(newDocuments())
	s.SetErrorPresenter(p.present)
	s.SetRecoverFunc(func(_ context.Context, v any) error { return models.Internal(panicked(v)) })
	if opts.Trusted != nil {
		s.Use(trustedOnly{opts.Trusted})
	} else {
		s.Use(persistedQueries{kept})
	}
	s.Use(newShapeLimit())
	s.Use(introspection{viewerMay: member, switchedOff: opts.NoIntrospection})
	s.Use(costLimit{})
	s.Use(keepPersisted{kept}) // the last check: whatever comes here may run
	s.AroundOperations(named(opts.Named))
	s.AroundFields(aroundField)
	s.AroundResponses(reportCost)
	if !member {
		s.SetDisableSuggestion(true)
		s.SetValidationRulesFn(rulesWithoutHints)
	}
	return s
}

// mostTokens is as many tokens as anybody's documents may have. The shape limit
// holds each audience to its own number before.
func mostTokens(limits map[Audience]Limits) int {
	most := 0
	for _, l := range limits {
		most = max(most, l.Tokens)
	}
	return most
}

// Refuse answers, in the shape of this edge, a request that ended before it
// reached the handler: one whose credentials do not hold. A bearer token that
// does not hold is a failure of HTTP, so the status says so to every client.
func Refuse(opts Options) func(http.ResponseWriter, *http.Request, error) {
	opts = opts.withDefaults()
	t := transport{present: presenter{log: opts.Logger, failed: opts.Failed}.present}
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
	// Requested is the cost of the operation as it was priced before it ran,
	// Actual that of what the answer holds. Budget is the highest admissible
	// cost of one operation, Remaining what Requested leaves of it.
	Requested int `json:"requested"`
	Actual    int `json:"actual"`
	Budget    int `json:"budget"`
	Remaining int `json:"remaining"`
	// SQLStatements counts statements, transaction control included; DBMs is
	// the time spent waiting for the database, in milliseconds.
	SQLStatements int     `json:"sqlStatements"`
	DBMs          float64 `json:"dbMs"`
}

// reportCost adds the cost to the answer to an operation that was priced.
func reportCost(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if r := requestFrom(ctx); resp != nil && r.cost > 0 {
		budget := r.limits.Budget
		resp.Extensions["cost"] = costReport{
			Requested: r.cost, Actual: r.spent.total(), Budget: budget, Remaining: max(0, budget-r.cost),
			SQLStatements: r.stats.Statements(), DBMs: float64(r.stats.Duration().Microseconds()) / 1000,
		}
	}
	return resp
}
