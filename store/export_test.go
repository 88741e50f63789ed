package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/uptrace/bun"

	"upstream/migrations"
	"upstream/models"
	"upstream/models/drift"
)

// MappedConstraints are the names constraints.go knows.
func MappedConstraints() []string {
	return append(slices.Collect(maps.Keys(constraints())), invariants()...)
}

// Translate is translate.
func Translate(err error) error { return translate(err) }

// DetectionLock is the lock of detections.
const DetectionLock = detectionLock

// MaxAttempts is how often a use case under serializable isolation is tried.
const MaxAttempts = maxAttempts

// Gather reads what a detection would decide on.
func Gather(ctx context.Context, s *Store, v models.Viewer, p models.DetectParams) (drift.Input, error) {
	return readWithSettings(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (drift.Input, error) { return gather(ctx, tx, p) })
}

// Exclusive runs fn as a detection would, under a lock of its own.
func Exclusive(ctx context.Context, s *Store, v models.Viewer, fn func(ExclusiveTx) error) error {
	return ExclusiveAs(ctx, s, v, "test", fn)
}

// ExclusiveAs is Exclusive under the named lock.
func ExclusiveAs(ctx context.Context, s *Store, v models.Viewer, lock string, fn func(ExclusiveTx) error) error {
	_, err := exclusive(ctx, s, v, models.PermissionRunDetection, lock, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, fn(ExclusiveTx{tx})
	})
	return err
}

// ExclusiveTx is the transaction Exclusive hands out.
type ExclusiveTx struct{ tx *tenantTx }

// Exec runs one statement.
func (t ExclusiveTx) Exec(ctx context.Context, query string, args ...any) error {
	_, err := t.tx.tx.ExecContext(ctx, query, args...)
	return err
}

// Count runs a query for one number.
func (t ExclusiveTx) Count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = t.tx.tx.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}

// Serializable runs fn once in a SERIALIZABLE transaction, without the lock.
func Serializable(ctx context.Context, s *Store, v models.Viewer, fn func(ExclusiveTx) error) error {
	_, err := inTenant(ctx, s, v, models.PermissionRunDetection, serializable, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, fn(ExclusiveTx{tx})
	})
	return err
}

// Audited runs fn in a READ COMMITTED transaction and audits metadata after it.
func Audited(ctx context.Context, s *Store, v models.Viewer, metadata map[string]any, fn func(ExclusiveTx) error) error {
	_, err := write(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (struct{}, error) {
		if err := tx.audit(ctx, "tested", "test", "", metadata); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, fn(ExclusiveTx{tx})
	})
	return err
}

// Looked runs fn as a use case that only reads, without a transaction.
func Looked(ctx context.Context, s *Store, v models.Viewer, fn func(ExclusiveTx) error) error {
	_, err := read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, fn(ExclusiveTx{tx})
	})
	return err
}

// Values runs a query and answers the values of its first row, as the driver
// gives them.
func (t ExclusiveTx) Values(ctx context.Context, query string) ([]any, error) {
	rows, err := t.tx.tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		return nil, errors.Join(err, rows.Err())
	}
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	return values, rows.Scan(places...)
}

// BothWays are all rows of T that a customer has, as lists read them and as the
// query builder does.
func BothWays[T any](ctx context.Context, s *Store, v models.Viewer) (filled, scanned []*T, err error) {
	_, err = look(ctx, s, v, func(tx *tenantTx) (struct{}, error) {
		every := func(rows *[]*T) *bun.SelectQuery { return tx.selectFrom(rows).OrderExpr("1, 2, 3, 4, 5") }
		if err := fill(ctx, tx, every(&filled), &filled); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, every(&scanned).Scan(ctx)
	})
	return filled, scanned, err
}

// Driver asks for the driver's connection.
func (t ExclusiveTx) Driver(ctx context.Context) error {
	return t.tx.pgx(ctx, func(*pgx.Conn) error { return nil })
}

// Audit notes a line of this transaction.
func (t ExclusiveTx) Audit(ctx context.Context) error {
	return t.tx.audit(ctx, "tested", "test", "", nil)
}

// Diff is what an audit line says about two states of a row.
func Diff[T any](before, after *T) (was, is map[string]any) {
	c := diff(before, after)
	return c.before, c.after
}

// AuditSignIn audits a sign-in of the viewer, as starting a session does.
func AuditSignIn(ctx context.Context, s *Store, v models.Viewer) error {
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) {
		return struct{}{}, tx.auditSession(ctx, v, auditSignedIn, nil)
	})
	return err
}

// EnqueueAs enqueues a job in a transaction of the viewer's customer, which
// ends as fail says.
func EnqueueAs(ctx context.Context, s *Store, v models.Viewer, args models.JobArgs, fail error) error {
	_, err := write(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (struct{}, error) {
		if err := tx.enqueue(ctx, args); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, fail
	})
	return err
}

// EnqueueInSystem is EnqueueAs in a transaction without a customer.
func EnqueueInSystem(ctx context.Context, s *Store, v models.Viewer, args models.JobArgs, fail error) error {
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) {
		if err := tx.enqueue(ctx, v, args); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, fail
	})
	return err
}

// EnqueueExclusively is EnqueueAs under serializable isolation.
func EnqueueExclusively(ctx context.Context, s *Store, v models.Viewer, args models.JobArgs) error {
	_, err := exclusive(ctx, s, v, models.PermissionRunDetection, "test", func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, tx.enqueue(ctx, args)
	})
	return err
}

// SealedColumns are those a rotation covers, as table.column.
func SealedColumns() []string {
	var names []string
	for _, c := range sealedColumns() {
		names = append(names, c.table+"."+c.column)
	}
	return names
}

// RotateColumn is a rotation of one column.
func RotateColumn(ctx context.Context, s *Store, table, column string, tenant bool) (models.RotatedSecrets, error) {
	done, err := s.rotate(ctx, []sealedColumn{{table: table, column: column, tenant: tenant}})
	if err != nil {
		return models.RotatedSecrets{}, err
	}
	return done[0], nil
}

// RotateBatch is how many secrets one transaction of a rotation looks at.
const RotateBatch = rotateBatch

// ClaimAndHold makes a run the store's and leaves it there, as a process that
// computes has it; die ends the sign of life, as the end of the process does.
func ClaimAndHold(ctx context.Context, s *Store, v models.Viewer, id models.ReportRunID) (die func(), err error) {
	leave, err := s.life.hold(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.claimRun(ctx, v, id)
	return s.dying(ctx, leave), err
}

// dying is leave, and waits until the server has noticed that the connection
// ended.
func (s *Store) dying(ctx context.Context, leave func()) func() {
	return func() {
		leave()
		if _, err := s.pool.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, workerLock(s.life.id)); err != nil {
			panic(err)
		}
	}
}

// InTransaction runs fn once at an isolation level, without locks.
func InTransaction(ctx context.Context, s *Store, v models.Viewer, level sql.IsolationLevel, fn func(ExclusiveTx) error) error {
	_, err := inTenant(ctx, s, v, models.PermissionRunDetection, &sql.TxOptions{Isolation: level}, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, fn(ExclusiveTx{tx})
	})
	return err
}

// DetectionLevel is the isolation level of detections.
func DetectionLevel() sql.IsolationLevel { return serializable.Isolation }

// Freeze is freeze.
func Freeze(v any) ([]byte, error) { return freeze(v) }

// Thaw is thaw.
func Thaw(text []byte, dst any) error { return thaw(text, dst) }

// StartAndHold begins a detection and leaves it there, as a process that
// computes has it; die ends the sign of life, as the end of the process does.
func StartAndHold(ctx context.Context, s *Store, v models.Viewer) (run *models.ReportRun, die func(), err error) {
	if die, err = s.life.hold(ctx); err != nil {
		return nil, nil, err
	}
	params, err := models.DetectInput{}.Resolve(models.DateOf(s.clock()))
	if err != nil {
		return nil, die, err
	}
	run, err = s.startRun(ctx, v, params)
	return run, die, err
}

// Compute ends a detection that was begun.
func Compute(ctx context.Context, s *Store, v models.Viewer, run *models.ReportRun) (*models.ReportRun, error) {
	return s.compute(ctx, v, run)
}

// ClaimUploadAndHold makes an upload the store's and leaves it there, as a
// process that reads it has it; die ends the sign of life, as the end of the
// process does.
func ClaimUploadAndHold(ctx context.Context, s *Store, v models.Viewer, id models.UploadID) (die func(), err error) {
	leave, err := s.life.hold(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.claimUpload(ctx, v, id)
	return s.dying(ctx, leave), err
}

// TellProgressEvery sets how often is written how far reading has come.
func TellProgressEvery(s *Store, interval time.Duration) { s.progressEvery = interval }

// MaxUploadAttempts is how often reading a file is begun.
const MaxUploadAttempts = maxUploadAttempts

// OpenSpool reads the stored bytes of an upload.
func OpenSpool(ctx context.Context, s *Store, v models.Viewer, u *models.Upload) io.Reader {
	return s.openSpool(ctx, v, u)
}

// EvaluateAlerts evaluates alerts for a stored run, as its transaction does.
func EvaluateAlerts(ctx context.Context, s *Store, v models.Viewer, run *models.ReportRun, events []models.DriftEvent) error {
	_, err := exclusive(ctx, s, v, models.PermissionRunDetection, detectionLock, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, tx.evaluateAlerts(ctx, run, events)
	})
	return err
}

// NoticeRetries are the pauses between attempts to send an alert to a channel.
func NoticeRetries() []time.Duration { return noticeRetries() }

// NoticeLease is how long a job has an alert to itself.
const NoticeLease = noticeLease

// EmitSerializable emits in a serializable transaction of its own, after which
// the process does nothing more.
func EmitSerializable(ctx context.Context, s *Store, v models.Viewer, happened ...models.Happening) (struct{}, error) {
	return bound(ctx, s, v, serializable, func(tx *tenantTx) (struct{}, error) { return struct{}{}, tx.emit(ctx, happened...) })
}

// StuckJobs are the kinds of the jobs that a queue which knows kinds would
// rescue, having run since before the horizon.
func (s *Store) StuckJobs(ctx context.Context, kinds []string, horizon time.Time) ([]string, error) {
	jobs, err := queueDriver{riverpgxv5.New(s.pool), kinds}.GetExecutor().JobGetStuck(ctx, &riverdriver.JobGetStuckParams{
		Max: 10, Schema: migrations.RiverSchema, StuckHorizon: horizon,
	})
	var found []string
	for _, job := range jobs {
		found = append(found, job.Kind)
	}
	return found, err
}
