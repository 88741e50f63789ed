package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"upstream/internal/mail"
	"upstream/models"
	"upstream/store"
)

// telling makes the deliveries of events that are stored without.
type telling struct {
	river.WorkerDefaults[models.TellEventsJob]

	store *store.Store
}

// Work implements river.Worker.
func (t *telling) Work(ctx context.Context, job *river.Job[models.TellEventsJob]) error {
	_, err := t.store.TellEvents(ctx, models.JobViewer(job.Args.CustomerID, job.Kind, store.JobRequestID(job.Metadata)))
	return err
}

// replayTimeout bounds one job of a replay, which then goes on in another.
const replayTimeout = 10 * time.Minute

// replaying queues the deliveries of a replay again.
type replaying struct {
	river.WorkerDefaults[models.ReplayWebhooksJob]

	store *store.Store
}

// Timeout implements river.Worker.
func (*replaying) Timeout(*river.Job[models.ReplayWebhooksJob]) time.Duration { return replayTimeout }

// Work implements river.Worker.
func (r *replaying) Work(ctx context.Context, job *river.Job[models.ReplayWebhooksJob]) error {
	viewer := models.JobViewer(job.Args.CustomerID, job.Kind, store.JobRequestID(job.Metadata))
	return r.store.PerformReplay(ctx, viewer, job.Args.ReplayID)
}

// resumingWebhooks sees to what is due and nobody delivers.
func resumingWebhooks(s *store.Store, log *slog.Logger) *round[models.ResumeWebhooksJob] {
	return &round[models.ResumeWebhooksJob]{log: log, chores: []chore{
		{"take up the webhooks left behind", counted(s.ResumeWebhooks), slog.LevelWarn},
	}}
}

// webhookNoticeMail tells people that deliveries to an endpoint fail.
type webhookNoticeMail struct {
	river.WorkerDefaults[models.WebhookNoticeMailJob]

	opts Options
}

// Work implements river.Worker.
func (w *webhookNoticeMail) Work(ctx context.Context, job *river.Job[models.WebhookNoticeMailJob]) error {
	letter, err := w.opts.Store.WebhookNoticeLetter(ctx, job.Args)
	if err != nil {
		return unlessGone(err)
	}
	e := letter.Endpoint
	facts := mail.Facts{
		Name: letter.FirstName, Customer: letter.Customer, Endpoint: e.Name, Dead: letter.Dead, Waiting: letter.Waiting,
		Link: w.opts.link("api/v1/webhook-endpoints/"+e.ID.String()+"/deliveries/?status=dead", ""), At: letter.At,
	}
	kind := mail.WebhookDead
	if job.Args.Notice == models.NoticeDisabled {
		kind, facts.At = mail.WebhookDisabled, *e.DisabledAt
		facts.Gone = e.DisabledReason != nil && *e.DisabledReason == models.DisabledGone
		facts.Link = w.opts.link("api/v1/webhook-endpoints/"+e.ID.String()+"/", "")
	}
	m, err := mail.Write(kind, letter.Email, facts)
	if err != nil {
		return err
	}
	return w.opts.Mail.Send(ctx, m)
}
