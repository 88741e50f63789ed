package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"upstream/store"
)

// Attempt is what is told of an attempt at a job.
type Attempt struct {
	// Kind and Queue are names of closed sets.
	Kind, Queue string
	// Waited is how long the job was due before.
	Waited time.Duration
	// Cause is the traceparent of the work that enqueued it; may be empty.
	Cause string
}

// OutcomeOf says what an error of an attempt means when it is no failure:
// "snoozed" or "cancelled"; "" when it is one.
func OutcomeOf(err error) string {
	var snoozed *rivertype.JobSnoozeError
	var cancelled *rivertype.JobCancelError
	switch {
	case errors.As(err, &snoozed):
		return "snoozed"
	case errors.As(err, &cancelled):
		return "cancelled"
	}
	return ""
}

// observed tells of each attempt.
type observed struct {
	river.MiddlewareDefaults

	observe func(context.Context, Attempt, func(context.Context) error) error
}

// Work implements rivertype.WorkerMiddleware.
func (o *observed) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	due := job.ScheduledAt
	if job.AttemptedAt != nil && job.AttemptedAt.After(due) {
		return o.observe(ctx, attemptAt(job, job.AttemptedAt.Sub(due)), work)
	}
	return o.observe(ctx, attemptAt(job, 0), work)
}

func attemptAt(job *rivertype.JobRow, waited time.Duration) Attempt {
	return Attempt{Kind: job.Kind, Queue: job.Queue, Waited: waited, Cause: store.JobTraceparent(job.Metadata)}
}

func (o Options) middleware() []rivertype.Middleware {
	if o.Observe == nil {
		return nil
	}
	return []rivertype.Middleware{&observed{observe: o.Observe}}
}
