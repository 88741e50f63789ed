package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"upstream/internal/webhook"
	"upstream/models"
	"upstream/store"
)

const (
	// maxLanes is how many endpoints a process delivers to at a time. Most of the
	// time a lane waits for somebody else's answer.
	maxLanes = 64
	// lanePoll is how long a job of the queue of webhooks may wait to be noticed:
	// the delay between what happened and the first byte about it.
	lanePoll = 100 * time.Millisecond
	// defaultInFlight is how many deliveries to one endpoint are under way at a
	// time.
	defaultInFlight = 8
	// laneBatch is how many deliveries are taken in one go: the more, the less the
	// database has to do for each.
	laneBatch = 64
	// laneSlice is how long a lane is kept while others may wait for a worker.
	laneSlice = 5 * time.Second
	// gatherTime is how long results wait to be recorded together with others.
	gatherTime = 50 * time.Millisecond
	// glanceTime is how long a lane whose deliveries are all under way leaves new
	// ones unnoticed.
	glanceTime = 500 * time.Millisecond
	// laneTimeout bounds one job, should all else fail.
	laneTimeout = 2 * time.Minute
	// resumeInterval is how often is looked for deliveries that nobody makes.
	resumeInterval = 5 * time.Second
)

// poster makes one attempt to deliver.
type poster interface {
	Send(ctx context.Context, m webhook.Message) (webhook.Result, error)
}

// delivering delivers what is due at one endpoint.
type delivering struct {
	river.WorkerDefaults[models.DeliverWebhooksJob]

	store    *store.Store
	sender   poster
	inFlight int
	log      *slog.Logger
}

// Timeout implements river.Worker.
func (*delivering) Timeout(*river.Job[models.DeliverWebhooksJob]) time.Duration { return laneTimeout }

// Work implements river.Worker. What became of deliveries is in their rows; the
// error is about the database, and the job is tried again then.
func (d *delivering) Work(ctx context.Context, job *river.Job[models.DeliverWebhooksJob]) error {
	viewer := models.JobViewer(job.Args.CustomerID, job.Kind, store.JobRequestID(job.Metadata))
	lane, err := d.store.OpenLane(ctx, viewer, job.Args.EndpointID)
	if err != nil || lane == nil {
		return err
	}
	run := &laneRun{
		delivering: d, viewer: viewer, lane: lane, until: time.Now().Add(laneSlice),
		feed: make(chan outgoing), done: make(chan models.AttemptResult, laneBatch), busy: map[models.WebhookDeliveryID]bool{},
	}
	return run.run(ctx)
}

// outgoing is a delivery with what it is sent by.
type outgoing struct {
	models.Outgoing

	url  string
	keys []webhook.Key
}

// laneRun is one job at its work: senders, and one goroutine that talks to the
// store.
type laneRun struct {
	*delivering

	viewer models.Viewer
	lane   *store.Lane
	until  time.Time

	feed chan outgoing
	done chan models.AttemptResult
	// waiting are taken and not given to a sender yet; busy are all that were taken
	// and not recorded.
	waiting []outgoing
	busy    map[models.WebhookDeliveryID]bool
	results []models.AttemptResult
}

func (r *laneRun) run(ctx context.Context) error {
	var senders sync.WaitGroup
	for range r.inFlight {
		senders.Go(func() { r.send(ctx) })
	}
	err := r.turns(ctx)
	close(r.feed)
	// What is under way is waited for: its results are worth a second sending.
	go func() {
		senders.Wait()
		close(r.done)
	}()
	for result := range r.done {
		r.results = append(r.results, result)
	}
	if closeErr := r.store.CloseLane(ctx, r.viewer, r.lane, known(r.results)); closeErr != nil {
		return closeErr
	}
	return err
}

// turns takes deliveries and records what came of them until nothing is due, or
// the time is up and what was given to senders has come back.
func (r *laneRun) turns(ctx context.Context) error {
	for {
		want := 0
		if ctx.Err() == nil && time.Now().Before(r.until) {
			want = laneBatch - len(r.busy)
		}
		if want == 0 && len(r.waiting) > 0 {
			r.giveBack()
		}
		turn, err := r.turn(ctx, want)
		if err != nil || turn.Lost {
			r.giveBack()
			return err
		}
		if turn.Hold {
			r.giveBack()
		}
		if err := r.take(turn); err != nil {
			r.giveBack()
			return err
		}
		if len(r.busy) == 0 {
			return nil
		}
		r.gather(ctx)
	}
}

// giveBack forgets what was not sent yet: it is as it was, and due.
func (r *laneRun) giveBack() {
	for _, o := range r.waiting {
		delete(r.busy, o.ID)
	}
	r.waiting = nil
}

// turn is one exchange with the store. Results that it could not record stay.
func (r *laneRun) turn(ctx context.Context, want int) (*models.LaneTurn, error) {
	results := r.results
	for _, result := range results {
		delete(r.busy, result.ID)
	}
	report := store.LaneReport{Results: known(results), Want: want}
	if want > 0 {
		report.Want = laneBatch - len(r.busy)
	}
	for id := range r.busy {
		report.Busy = append(report.Busy, id)
	}
	// The results are recorded although the process is to stop.
	turn, err := r.store.TurnLane(context.WithoutCancel(ctx), r.viewer, r.lane, report)
	if err == nil {
		r.results = nil
	}
	return turn, err
}

// take lines up what was taken.
func (r *laneRun) take(turn *models.LaneTurn) error {
	if len(turn.Deliveries) == 0 {
		return nil
	}
	keys := make([]webhook.Key, len(turn.Secrets))
	for i, secret := range turn.Secrets {
		var err error
		if keys[i], err = webhook.ParseSecret(secret); err != nil {
			return err
		}
	}
	for _, d := range turn.Deliveries {
		r.busy[d.ID] = true
		r.waiting = append(r.waiting, outgoing{Outgoing: d, url: turn.URL, keys: keys})
	}
	return nil
}

// gather hands out what waits and collects results, until all that was taken has
// come back, or some has and the others take longer.
func (r *laneRun) gather(ctx context.Context) {
	late := time.NewTimer(glanceTime)
	defer late.Stop()
	for len(r.results) < len(r.busy) {
		var feed chan outgoing
		var next outgoing
		if len(r.waiting) > 0 && ctx.Err() == nil {
			feed, next = r.feed, r.waiting[0]
		}
		select {
		case feed <- next:
			r.waiting = r.waiting[1:]
		case result := <-r.done:
			r.results = append(r.results, result)
			if len(r.results) == 1 {
				late.Reset(gatherTime)
			}
		case <-late.C:
			return
		case <-ctx.Done():
			r.giveBack()
			ctx = context.WithoutCancel(ctx) // those under way end with the same context
		}
	}
}

// send makes attempts until there are no more to make.
func (r *laneRun) send(ctx context.Context) {
	for o := range r.feed {
		sent, err := r.sender.Send(ctx, webhook.Message{ID: o.ID.String(), URL: o.url, Body: o.Body, Keys: o.keys})
		if err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "a webhook could not be sent", "delivery", o.ID, "error", err)
			sent = webhook.Result{Outcome: models.AttemptBlocked, Error: "the message could not be signed", StartedAt: time.Now()}
		}
		r.done <- models.AttemptResult{
			ID: o.ID, Outcome: sent.Outcome, StartedAt: sent.StartedAt, Duration: sent.Duration,
			StatusCode: sent.StatusCode, Error: sent.Error, Body: sent.Body, RetryAfter: sent.RetryAfter,
		}
	}
}

// known are the results of attempts that ended. Of one that the end of the
// process broke off nothing is known: it was no failure of the endpoint's, and is
// made again.
func known(results []models.AttemptResult) (all []models.AttemptResult) {
	for _, r := range results {
		if r.Outcome != "" {
			all = append(all, r)
		}
	}
	return all
}
