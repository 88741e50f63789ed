package rest

import (
	"context"
	"maps"
	"math"
	"net/http"
	"slices"
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

// health is the answer of a service that can do its work, or most of it.
type health struct {
	Status    healthStatus           `json:"status" doc:"degraded: something is not as it should be that the API does without."`
	Version   string                 `json:"version" doc:"The version of the API." example:"1.0.0"`
	Timestamp time.Time              `json:"timestamp"`
	Checks    map[string]checkResult `json:"checks" doc:"What was looked at, by name: database and migrations, and disk, workers, cache where they matter."`
}

// healthStatus is how the service is as a whole; checkStatus how a part is.
type (
	healthStatus string
	checkStatus  string
)

// Values lists the states in which the service answers with 200.
func (healthStatus) Values() []string { return []string{"healthy", "degraded"} }

// Values lists the states of a part.
func (checkStatus) Values() []string {
	return []string{string(checkHealthy), string(checkWarning), string(checkUnhealthy), string(checkDisabled)}
}

const (
	checkHealthy   checkStatus = "healthy"
	checkWarning   checkStatus = "warning"
	checkUnhealthy checkStatus = "unhealthy"
	checkDisabled  checkStatus = "disabled"
)

type checkResult struct {
	Status      checkStatus `json:"status" doc:"warning: it works, but not for long; disabled: this server does without."`
	LatencyMS   *float64    `json:"latency_ms,omitempty" minimum:"0" doc:"How long looking took, in milliseconds." example:"0.8"`
	PercentFree *float64    `json:"percent_free,omitempty" minimum:"0" maximum:"100" doc:"Of the disk: how much of it is free." example:"61.5"`
	FreeGB      *float64    `json:"free_gb,omitempty" minimum:"0" doc:"Of the disk: how much is free, in GB." example:"148.2"`
}

type (
	aliveOutput  struct{ Body alive }
	healthOutput struct{ Body health }
	readyOutput  struct{ Body ready }
)

func (a *api) registerHealth() {
	register(a, operation{
		id: "healthz", method: http.MethodGet, path: "/healthz", tag: tagHealth,
		summary: "Is the process alive?", description: "Looks at nothing else; for restarting a hung process.",
		exempt: true,
	}, func(context.Context, *noInput) (*aliveOutput, error) {
		return &aliveOutput{Body: alive{Status: "ok", Timestamp: a.opts.Now().UTC()}}, nil
	})
	register(a, operation{
		id: "readyz", method: http.MethodGet, path: "/readyz", tag: tagHealth, summary: "Is the service ready for traffic?",
		description: "Looks at the database, its migrations and whatever else this server depends on; 503 when one of them fails.",
		codes:       []models.Code{codeUnavailable}, exempt: true,
	}, a.ready)
	register(a, operation{
		id: "health", method: http.MethodGet, path: resourcePath("health"), tag: tagHealth, summary: "Is the service healthy?",
		description: "Looks at the database, its migrations, the disk and whatever else this server has. 503 when the database cannot " +
			"be worked with; anything else that fails leaves the service `degraded`.",
		codes: []models.Code{codeUnavailable}, exempt: true,
	}, a.health)
}

// ready is the answer of a service that is ready.
type ready struct {
	Status    string                 `json:"status" enum:"healthy" doc:"healthy; otherwise the answer is a problem with status 503."`
	Version   string                 `json:"version" doc:"The version of the API." example:"1.0.0"`
	Timestamp time.Time              `json:"timestamp"`
	Checks    map[string]checkResult `json:"checks" doc:"What was looked at, by name."`
}

// ready makes every check that readiness depends on and names all that fail.
func (a *api) ready(ctx context.Context, _ *noInput) (*readyOutput, error) {
	results, failed := a.look(ctx, slices.DeleteFunc(append(a.vital(), a.opts.Checks...), func(c Check) bool {
		return c.Optional || c.Func == nil
	}))
	if err := unavailable(failed); err != nil {
		return nil, err
	}
	return &readyOutput{Body: ready{Status: "healthy", Version: apiVersion, Timestamp: a.opts.Now().UTC(), Checks: results}}, nil
}

// health makes every check. Only the database is vital.
func (a *api) health(ctx context.Context, _ *noInput) (*healthOutput, error) {
	results, failed := a.look(ctx, a.vital())
	if err := unavailable(failed); err != nil {
		return nil, err
	}
	others, failed := a.look(ctx, a.opts.Checks)
	maps.Copy(results, others)
	if disk, ok := diskSpace(a.opts.TempDir); ok {
		if results["disk"] = disk; disk.Status == checkUnhealthy {
			failed = append(failed, "disk")
		}
	}
	out := &healthOutput{Body: health{Status: "healthy", Version: apiVersion, Timestamp: a.opts.Now().UTC(), Checks: results}}
	if len(failed) > 0 {
		out.Body.Status = "degraded"
	}
	return out, nil
}

// look makes checks and names those that failed.
func (a *api) look(ctx context.Context, checks []Check) (results map[string]checkResult, failed []string) {
	results = make(map[string]checkResult, len(checks))
	for _, check := range checks {
		if check.Func == nil {
			results[check.Name] = checkResult{Status: checkDisabled}
			continue
		}
		start := time.Now()
		result := checkResult{Status: checkHealthy}
		if err := check.Func(ctx); err != nil {
			a.log.WarnContext(ctx, "health check failed", "request_id", auth.RequestID(ctx), "check", check.Name, "error", err)
			failed, result.Status = append(failed, check.Name), checkUnhealthy
		}
		latency := float64(time.Since(start).Microseconds()) / 1000
		result.LatencyMS = &latency
		results[check.Name] = result
	}
	return results, failed
}

// unavailable is the error about failed checks; nil without any.
func unavailable(failed []string) error {
	if len(failed) == 0 {
		return nil
	}
	e := models.NewError(codeUnavailable, "The service cannot do its work right now.")
	for _, name := range failed {
		e.Fields = append(e.Fields, models.FieldError{Path: name, Code: "unhealthy", Message: "is not available"})
	}
	return e
}

// What is left of a disk, in percent, when it is to be looked after.
const (
	diskWarning   = 20
	diskUnhealthy = 10
)

// diskResult judges a disk by its free and its whole space in bytes.
func diskResult(free, whole uint64) checkResult {
	percent := math.Round(1000*float64(free)/float64(max(whole, 1))) / 10
	result := checkResult{Status: checkHealthy, PercentFree: &percent, FreeGB: new(math.Round(float64(free)/1e8) / 10)}
	switch {
	case percent < diskUnhealthy:
		result.Status = checkUnhealthy
	case percent < diskWarning:
		result.Status = checkWarning
	}
	return result
}

// vital are the conditions without which nothing works.
func (a *api) vital() []Check {
	return []Check{{Name: "database", Func: a.store.Ping}, {Name: "migrations", Func: a.migrated}}
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
