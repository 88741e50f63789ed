package jobs

import (
	"context"
	"log/slog"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"upstream/store"
)

// failures logs what went wrong with a job. Arguments are left out: they are
// identifiers, but of whom is not the log's business.
type failures struct{ log *slog.Logger }

// HandleError implements river.ErrorHandler. The last attempt is an error, those
// before it are warnings.
func (f *failures) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	said := append(attributes(job), slog.Any("error", err))
	if job.Attempt >= job.MaxAttempts {
		f.log.LogAttrs(ctx, slog.LevelError, "job failed for the last time", said...)
	} else {
		f.log.LogAttrs(ctx, slog.LevelWarn, "job failed, will be tried again", said...)
	}
	return nil
}

// HandlePanic implements river.ErrorHandler. The value of a panic may be
// anything, so that only the trace is shown.
func (f *failures) HandlePanic(ctx context.Context, job *rivertype.JobRow, _ any, trace string) *river.ErrorHandlerResult {
	f.log.LogAttrs(ctx, slog.LevelError, "job panicked", append(attributes(job), slog.String("trace", trace))...)
	return nil
}

func attributes(job *rivertype.JobRow) []slog.Attr {
	return []slog.Attr{
		slog.String("kind", job.Kind), slog.Int64("job_id", job.ID), slog.Int("attempt", job.Attempt),
		slog.String("request_id", store.JobRequestID(job.Metadata)),
	}
}

// quiet keeps of the library's log what an operator has to know: its warnings
// and errors, except about single jobs, which failures has logged.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	ofJob := false
	r.Attrs(func(a slog.Attr) bool {
		ofJob = a.Key == "job_id" || a.Key == "job_kind"
		return !ofJob
	})
	if ofJob {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
