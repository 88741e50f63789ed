package obs

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// statementTracer times statements and logs the slow ones, by their shape and
// the operation that sent them.
type statementTracer struct{ *Telemetry }

type statement struct {
	began time.Time
	sql   string
}

type statementKey struct{}

// TraceQueryStart implements pgx.QueryTracer.
func (t *statementTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, statementKey{}, &statement{time.Now(), data.SQL})
}

// TraceQueryEnd implements pgx.QueryTracer.
func (t *statementTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	t.ended(ctx)
}

// TraceBatchStart implements pgx.BatchTracer.
func (t *statementTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	s := &statement{began: time.Now()}
	if n := len(data.Batch.QueuedQueries); n > 0 {
		s.sql = data.Batch.QueuedQueries[n-1].SQL // what is before sets the stage
	}
	return context.WithValue(ctx, statementKey{}, s)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*statementTracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (t *statementTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	t.ended(ctx)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (t *statementTracer) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	return context.WithValue(ctx, statementKey{}, &statement{time.Now(), "COPY " + data.TableName.Sanitize()})
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (t *statementTracer) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromEndData) {
	t.ended(ctx)
}

func (t *statementTracer) ended(ctx context.Context) {
	s, ok := ctx.Value(statementKey{}).(*statement)
	if !ok {
		return
	}
	took := time.Since(s.began)
	t.statements.Observe(took.Seconds())
	if t.slowAfter <= 0 || took < t.slowAfter || ctx.Value(bulkKey{}) != nil {
		return
	}
	name := NameOf(ctx)
	if name == "" {
		name = Others
	}
	t.slow.WithLabelValues(name).Inc()
	t.log.LogAttrs(ctx, slog.LevelWarn, "slow statement", slog.String("operation", name), slog.String("request_id", t.requestID(ctx)),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.String("statement", shapeOf(s.sql)))
}
