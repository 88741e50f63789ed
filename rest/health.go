package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// alive is the answer of /healthz: the process runs, whatever else does not.
type alive struct {
	Status    string    `json:"status" enum:"ok" doc:"Always ok: a process that is not alive does not answer."`
	Timestamp time.Time `json:"timestamp"`
}

// health is the answer of a service that can do its work.
type health struct {
	Status    string                 `json:"status" enum:"healthy" doc:"healthy; otherwise the answer is a problem with status 503."`
	Version   string                 `json:"version" doc:"The version of the API." example:"1.0.0"`
	Timestamp time.Time              `json:"timestamp"`
	Checks    map[string]checkResult `json:"checks" doc:"What was looked at."`
}

type checkResult struct {
	Status    string  `json:"status" enum:"healthy"`
	LatencyMS float64 `json:"latency_ms" minimum:"0" doc:"How long looking took, in milliseconds." example:"0.8"`
}

type (
	aliveOutput  struct{ Body alive }
	healthOutput struct{ Body health }
)

func (a *api) registerHealth() {
	register(a, operation{
		id: "healthz", method: http.MethodGet, path: "/healthz", tag: tagHealth,
		summary: "Is the process alive?", description: "Looks at nothing else; for restarting a hung process.",
		exempt: true,
	}, func(context.Context, *noInput) (*aliveOutput, error) {
		return &aliveOutput{Body: alive{Status: "ok", Timestamp: a.opts.Now().UTC()}}, nil
	})
	for _, op := range []struct{ id, path, summary string }{
		{"readyz", "/readyz", "Is the service ready for traffic?"},
		{"health", resourcePath("health"), "Is the service healthy?"},
	} {
		register(a, operation{
			id: op.id, method: http.MethodGet, path: op.path, tag: tagHealth, summary: op.summary,
			description: "Looks at the database, its migrations and whatever else this server depends on; 503 when one of them fails.",
			codes:       []models.Code{codeUnavailable}, exempt: true,
		}, a.health)
	}
}

// health makes every check and names all that fail.
func (a *api) health(ctx context.Context, _ *noInput) (*healthOutput, error) {
	out := &healthOutput{Body: health{
		Status: "healthy", Version: apiVersion, Timestamp: a.opts.Now().UTC(), Checks: map[string]checkResult{},
	}}
	failed := models.NewError(codeUnavailable, "The service cannot do its work right now.")
	for _, check := range a.checks() {
		start := time.Now()
		if err := check.Func(ctx); err != nil {
			a.log.WarnContext(ctx, "health check failed", "request_id", auth.RequestID(ctx), "check", check.Name, "error", err)
			failed.Fields = append(failed.Fields, models.FieldError{Path: check.Name, Code: "unhealthy", Message: "is not available"})
			continue
		}
		out.Body.Checks[check.Name] = checkResult{Status: "healthy", LatencyMS: float64(time.Since(start).Microseconds()) / 1000}
	}
	if len(failed.Fields) > 0 {
		return nil, failed
	}
	return out, nil
}

// checks are the built-in conditions and those of the program.
func (a *api) checks() []Check {
	return append([]Check{{Name: "database", Func: a.store.Ping}, {Name: "migrations", Func: a.migrated}}, a.opts.Checks...)
}

// migrated fails while the database lacks migrations this program needs.
func (a *api) migrated(ctx context.Context) error {
	pending, err := a.store.PendingMigrations(ctx)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return models.NewError(codeUnavailable, "The database lacks the migrations %s.", strings.Join(pending, ", "))
	}
	return nil
}
