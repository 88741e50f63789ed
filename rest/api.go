package rest

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/store"
)

// Limits unless Options say otherwise, in bytes.
const (
	DefaultMaxBodyBytes   = 256 << 10
	DefaultMaxUploadBytes = 1 << 30
	// DefaultAsyncUploadBytes is from where on nobody should wait for an answer.
	DefaultAsyncUploadBytes = 10 << 20
)

// DefaultUploadTimeout is how long an upload may take, from the first byte
// received to the end of the work on it.
const DefaultUploadTimeout = 30 * time.Minute

// DefaultBodyTimeout is how long a JSON body may take to arrive.
const DefaultBodyTimeout = 30 * time.Second

// DefaultRequestTimeout is how long the work on a request may take.
const DefaultRequestTimeout = time.Minute

// Check is one condition of readiness.
type Check struct {
	// Name is shown in the answer, in kebab-case.
	Name string
	// Func answers nil when the condition holds. The cause is logged, never shown.
	// Without one the server has no such part, which health tells.
	Func func(context.Context) error
	// Optional conditions are told by health, and no reason to keep traffic away.
	Optional bool
}

// Options are what the edge takes from outside; zero fields have defaults.
type Options struct {
	// PublicURL is scheme, host and perhaps prefix of absolute links, for use
	// behind a proxy; without it links repeat the host the client used.
	PublicURL string
	// Logger hears of internal failures; defaults to slog.Default.
	Logger *slog.Logger
	// MaxBodyBytes bounds JSON bodies (those of the auth routes are bounded more
	// tightly), MaxUploadBytes one claims file.
	MaxBodyBytes   int64
	MaxUploadBytes int64
	// AsyncUploadBytes is how large a claims file is at most that is read while
	// the client waits; larger ones are read in the background.
	AsyncUploadBytes int64
	// BodyTimeout is how long a JSON body may take to arrive.
	BodyTimeout time.Duration
	// TempDir holds claims files while they are read; defaults to the system's.
	TempDir string
	// UploadTimeout replaces the server's read and write deadlines for uploads.
	UploadTimeout time.Duration
	// Now is the clock of health answers; defaults to the system's.
	Now func() time.Time
	// RequestTimeout is how long the work on a request may take; uploads have
	// UploadTimeout instead, and detection takes as long as it needs.
	RequestTimeout time.Duration
	// Throttle limits the requests of each caller; nil limits none.
	Throttle *throttle.Throttle
	// Named hears the identifier of the operation that a request turned out to be,
	// before anything is done for it; may be nil.
	Named func(ctx context.Context, operation string)
	// Checks are conditions of readiness beside the database and its migrations.
	Checks []Check
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = DefaultMaxBodyBytes
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = DefaultBodyTimeout
	}
	if o.MaxUploadBytes == 0 {
		o.MaxUploadBytes = DefaultMaxUploadBytes
	}
	if o.AsyncUploadBytes == 0 {
		o.AsyncUploadBytes = DefaultAsyncUploadBytes
	}
	if o.TempDir == "" {
		o.TempDir = os.TempDir()
	}
	if o.UploadTimeout == 0 {
		o.UploadTimeout = DefaultUploadTimeout
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// api is the edge: the store behind it, the router in front.
type api struct {
	store     *store.Store
	auth      *auth.Service
	opts      Options
	log       *slog.Logger
	router    *chi.Mux
	huma      huma.API
	documents documents
	// bodies are the operations that read JSON, and whether they have rules
	// beside its schema.
	bodies map[string]bool
	// answers are buffers that lists were written into.
	answers sync.Pool
}

// New is the handler of everything REST: /api/v1/, the OpenAPI documents
// (/api/openapi.json, .yaml, -3.0.json, /api/schema/), /healthz and /readyz.
// Its patterns are whole paths, so mount it at the root; any other path it is
// asked for is a 404 in problem form.
func New(st *store.Store, authSvc *auth.Service, opts Options) (http.Handler, error) {
	a := newAPI(st, authSvc, opts)
	compressed, err := compress()
	if err != nil {
		return nil, err
	}
	return auth.Identify(a.withCall(a.frame(compressed(a.routable(a.router))))), nil
}

func newAPI(st *store.Store, authSvc *auth.Service, opts Options) *api {
	a := &api{store: st, auth: authSvc, opts: opts.withDefaults(), router: chi.NewMux(), bodies: map[string]bool{}}
	a.log = a.opts.Logger
	a.router.NotFound(a.notFound)
	a.router.MethodNotAllowed(a.wrongMethod)
	a.huma = humachi.New(a.router, a.newHumaConfig())
	a.huma.UseMiddleware(a.acceptable)
	a.registerAuth()
	a.registerCustomers()
	a.registerUploads()
	a.registerPayerMappings()
	a.registerCPTMappings()
	a.registerClaims()
	a.registerBatches()
	a.registerExports()
	a.registerClaimStats()
	a.registerReports()
	a.registerDashboard()
	a.registerDriftEvents()
	a.registerAlertRules()
	a.registerNotificationChannels()
	a.registerAlerts()
	a.registerAPIKeys()
	a.registerAuditEvents()
	a.registerMembers()
	a.registerInvitations()
	a.registerWebhookEndpoints()
	a.registerWebhookDeliveries()
	a.registerWebhookReplays()
	a.registerWebhookEvents()
	a.registerHealth()
	a.documents = makeDocuments(a.huma.OpenAPI())
	a.serveDocuments()
	return a
}

func (a *api) schemas() huma.Registry { return a.huma.OpenAPI().Components.Schemas }
