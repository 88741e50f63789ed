package obs

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/httplog/v3"
)

// AccessLog logs every request when it has been answered: request_id, method,
// path (without the query), status, duration_ms, response_bytes and the peer's
// address. The level is error for a status of 500 and above, warn for 400 and
// above, debug for OPTIONS and for a health check that succeeds, and info for
// all else, 429 included. A panic is logged with its stack and answered with
// 500 when nothing has been sent; http.ErrAbortHandler passes.
//
// requestID names the request of a context; the middleware that puts the name
// there runs before this one.
func AccessLog(log *slog.Logger, requestID func(context.Context) string) func(http.Handler) http.Handler {
	logged := httplog.RequestLogger(slog.New(accessHandler{log.Handler()}), &httplog.Options{
		Level: slog.LevelDebug, Schema: accessSchema(), RecoverPanics: true,
	})
	return func(next http.Handler) http.Handler {
		return logged(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			httplog.SetAttrs(r.Context(), slog.String("request_id", requestID(r.Context())))
			next.ServeHTTP(w, r)
		}))
	}
}

// The attributes of a line that are looked at again before it is written.
const (
	keyPath     = "path"
	keyDuration = httplog.ECSResponseDuration // makes the library report nanoseconds
)

// accessSchema names what is logged; what has no name is not.
func accessSchema() *httplog.Schema {
	return &httplog.Schema{
		RequestMethod: "method", RequestPath: keyPath, RequestRemoteIP: "remote_addr",
		ResponseStatus: "status", ResponseDuration: keyDuration, ResponseBytes: "response_bytes",
		ErrorMessage: "error", ErrorType: "error_type", ErrorStackTrace: "stack",
	}
}

// longestPath is how many bytes of a path are logged: a client may send many
// thousand.
const longestPath = 256

// healthPaths are asked for every few seconds, by machines.
func healthPaths() []string {
	return []string{"/healthz", "/readyz", "/api/v1/health/", "/api/v1/health"}
}

// accessHandler rewrites the library's lines: its message quotes the query.
type accessHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h accessHandler) Handle(ctx context.Context, r slog.Record) error {
	line := slog.NewRecord(r.Time, r.Level, "request", r.PC)
	r.Attrs(func(attr slog.Attr) bool {
		switch attr.Key {
		case keyPath:
			path := attr.Value.String()
			if line.Level == slog.LevelInfo && isHealthPath(path) {
				line.Level = slog.LevelDebug
			}
			attr = slog.String(keyPath, path[:min(len(path), longestPath)])
		case keyDuration:
			attr = slog.Float64("duration_ms", float64(attr.Value.Int64())/float64(time.Millisecond))
		}
		line.AddAttrs(attr)
		return true
	})
	if !h.Enabled(ctx, line.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, line)
}

func isHealthPath(path string) bool {
	for _, health := range healthPaths() {
		if path == health {
			return true
		}
	}
	return false
}

// WithAttrs implements slog.Handler.
func (h accessHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return accessHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h accessHandler) WithGroup(name string) slog.Handler {
	return accessHandler{h.Handler.WithGroup(name)}
}
