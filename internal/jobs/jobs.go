package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"

	"upstream/internal/mail"
	"upstream/internal/webhook"
	"upstream/models"
	"upstream/store"
)

// How the queue is worked on.
const (
	// pollInterval is how long a job may wait to be noticed.
	pollInterval = time.Second
	// maxWorkers is how many jobs a process works on at a time.
	maxWorkers = 8
	// maxAttempts is how often a job is tried: the pauses grow with the fourth
	// power of the attempt, to eleven hours in all. A mailed link that arrives
	// later than a day would be no good.
	maxAttempts = 12
	// jobTimeout bounds one attempt.
	jobTimeout = time.Minute
	// housekeepingInterval is how often what has expired is deleted.
	housekeepingInterval = time.Hour
	// runsInterval is how often runs that are due are queued, and abandoned ones
	// failed; uploads that nobody reads any more are seen to as well.
	runsInterval = time.Minute
	// alertsInterval is how often is looked for alerts that nobody tells people
	// of: how late one may be whose snooze has ended.
	alertsInterval = time.Minute
	// maxDetections is how many detections a process computes at a time. The
	// database does the work, and has others to do.
	maxDetections = 4
	// maxNotices is how many alerts a process tells people of at a time.
	maxNotices = 4
	// maxIngestions is how many claims files a process reads at a time.
	maxIngestions = 2
	// ingestionTimeout bounds the reading of one file.
	ingestionTimeout = time.Hour
	// detectionTimeout bounds one detection: ten million claims take minutes.
	detectionTimeout = time.Hour
)

// Options are what Workers take from outside. Store and Mail are required.
type Options struct {
	Store *store.Store
	Mail  mail.Sender
	// PublicURL is what links in mails begin with.
	PublicURL string
	// Slack posts alerts to channels of Slack; Webhooks does when nil.
	Slack SlackSender
	// AlertEmail is told of alerts that no channel of a customer takes, nor the
	// customer's own address; may be empty.
	AlertEmail string
	// Logger hears of failures; defaults to slog.Default.
	Logger *slog.Logger
	// PollInterval is how long a job may wait to be noticed; a second when zero.
	PollInterval time.Duration
	// DrainTimeout is how long running jobs may take once the workers are to
	// stop, before they are cancelled; 30 s when zero.
	DrainTimeout time.Duration
	// Observe runs around each attempt; may be nil.
	Observe func(ctx context.Context, job Attempt, work func(context.Context) error) error

	// Webhooks sends to partners; one that sends to public addresses only when nil.
	// It is the caller's to close.
	Webhooks *webhook.Sender
	// InFlight is how many deliveries to one endpoint are under way at a time; 8
	// when zero.
	InFlight int

	// register adds workers of tests.
	register func(*river.Workers)
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.PollInterval == 0 {
		o.PollInterval = pollInterval
	}
	if o.DrainTimeout == 0 {
		o.DrainTimeout = 30 * time.Second
	}
	if o.Webhooks == nil {
		o.Webhooks = webhook.NewSender(webhook.Options{Guard: webhook.NewGuard(webhook.Targets{})})
	}
	if o.Slack == nil {
		o.Slack = o.Webhooks
	}
	if o.InFlight == 0 {
		o.InFlight = defaultInFlight
	}
	return o
}

// link is a page of the public address. What follows the number sign no browser
// sends anywhere, so that a secret there reaches no log.
func (o Options) link(page, secret string) string {
	link := strings.TrimSuffix(o.PublicURL, "/") + "/" + page
	if secret != "" {
		link += "#token=" + secret
	}
	return link
}

// Workers work on the jobs of a database. Several processes may do so at once:
// each job is one's.
type Workers struct {
	queue   *store.Queue
	drain   time.Duration
	running atomic.Bool
	log     *slog.Logger

	// watching asks for looks at webhooks until unwatch is called.
	watching sync.WaitGroup
	unwatch  context.CancelFunc
}

// New makes Workers that do nothing before Start.
func New(opts Options) (*Workers, error) {
	opts = opts.withDefaults()
	if opts.Store == nil || opts.Mail == nil {
		return nil, errors.New("jobs: no store or no way to send mail")
	}
	known := registry{Workers: river.NewWorkers()}
	known.register(opts)
	if opts.register != nil {
		opts.register(known.Workers)
	}
	queue, err := opts.Store.NewQueue(river.Config{
		Queues: map[string]river.QueueConfig{
			river.QueueDefault:    {MaxWorkers: maxWorkers},
			models.DetectionQueue: {MaxWorkers: maxDetections},
			models.UploadQueue:    {MaxWorkers: maxIngestions},
			models.AlertQueue:     {MaxWorkers: maxNotices},
			models.WebhookQueue: {
				MaxWorkers: maxLanes, FetchCooldown: min(opts.PollInterval, lanePoll), FetchPollInterval: min(opts.PollInterval, lanePoll),
			},
		},
		Workers:           known.Workers,
		PeriodicJobs:      periodic(),
		FetchCooldown:     min(opts.PollInterval, river.FetchCooldownDefault),
		FetchPollInterval: opts.PollInterval,
		JobTimeout:        jobTimeout,
		MaxAttempts:       maxAttempts,
		SoftStopTimeout:   opts.DrainTimeout,
		ErrorHandler:      &failures{log: opts.Logger},
		Logger:            slog.New(quiet{opts.Logger.Handler()}),
		Middleware:        opts.middleware(),
		// REINDEX is for the owner of the tables, which the runtime role is not.
		ReindexerIndexNames: []string{},
	}, known.kinds)
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return &Workers{queue: queue, drain: opts.DrainTimeout, log: opts.Logger, unwatch: func() {}}, nil
}

// registry is what this program can work on.
type registry struct {
	*river.Workers

	kinds []string
}

func add[A river.JobArgs](r *registry, worker river.Worker[A]) {
	var args A
	river.AddWorker(r.Workers, worker)
	r.kinds = append(r.kinds, args.Kind())
}

// register adds the worker of every kind of job.
func (r *registry) register(opts Options) {
	add(r, housekeeping(opts.Store, opts.Logger))
	add(r, &detection{store: opts.Store})
	add(r, scheduling(opts.Store, opts.Logger))
	add(r, watching(opts.Store, opts.Logger))
	add(r, &ingestion{store: opts.Store})
	add(r, resuming(opts.Store, opts.Logger))
	add(r, &alertNotice{opts: opts})
	add(r, &channelTest{opts: opts})
	add(r, resumingAlerts(opts.Store, opts.Logger))
	add(r, &passwordResetMail{opts: opts})
	add(r, &passwordChangedMail{opts: opts})
	add(r, &invitationMail{opts: opts})
	add(r, &delivering{store: opts.Store, sender: opts.Webhooks, inFlight: opts.InFlight, log: opts.Logger})
	add(r, &telling{store: opts.Store})
	add(r, &replaying{store: opts.Store})
	add(r, resumingWebhooks(opts.Store, opts.Logger))
	add(r, &webhookNoticeMail{opts: opts})
}

// periodic are the jobs that recur. Of all processes on a database one, their
// leader, enqueues them.
func periodic() []*river.PeriodicJob {
	every := func(interval time.Duration, args river.JobArgs) *river.PeriodicJob {
		once := &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByPeriod: interval}, MaxAttempts: 1}
		return river.NewPeriodicJob(river.PeriodicInterval(interval),
			func() (river.JobArgs, *river.InsertOpts) { return args, once }, &river.PeriodicJobOpts{RunOnStart: true})
	}
	return []*river.PeriodicJob{
		every(housekeepingInterval, models.HousekeepingJob{}),
		every(runsInterval, models.ScheduleRunsJob{}),
		every(runsInterval, models.FailAbandonedRunsJob{}),
		every(runsInterval, models.ResumeUploadsJob{}),
		every(alertsInterval, models.ResumeAlertsJob{}),
	}
}

// Start begins to work and returns. The end of ctx does not end the work: Stop
// does.
func (w *Workers) Start(ctx context.Context) error {
	if err := w.queue.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start working on jobs: %w", err)
	}
	w.running.Store(true)
	w.watch(context.WithoutCancel(ctx))
	return nil
}

// watch asks, at once and every now and then until stopped, that somebody look
// for deliveries that nobody makes. Every process asks, and of all that ask in a
// while one is heard: the one that was to enqueue what recurs may be the process
// that was killed, and it takes the others long to agree on another.
func (w *Workers) watch(ctx context.Context) {
	ctx, w.unwatch = context.WithCancel(ctx)
	once := &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByPeriod: resumeInterval}, MaxAttempts: 1}
	w.watching.Go(func() {
		ticker := time.NewTicker(resumeInterval)
		defer ticker.Stop()
		for {
			if _, err := w.queue.Insert(ctx, models.ResumeWebhooksJob{}, once); err != nil && ctx.Err() == nil {
				w.log.WarnContext(ctx, "nobody looks for webhooks left behind", "error", err)
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

// Grace is how long [Workers.Stop] waits after the drain timeout for cancelled
// jobs to return and be put back.
const Grace = 5 * time.Second

// Stop takes no new jobs and waits for those that run. After the drain timeout
// they are cancelled, which puts them back into the queue, and that is the
// error. A job that heeds no cancellation is left behind.
func (w *Workers) Stop() error {
	w.running.Store(false)
	w.unwatch()
	w.watching.Wait()
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), w.drain+Grace)
	defer cancel()
	err := w.queue.Stop(ctx)
	if err != nil || time.Since(start) >= w.drain {
		return fmt.Errorf("jobs were still running after %s and were cut off", w.drain)
	}
	return nil
}

// Check answers nil while the workers work; it is a condition of readiness.
func (w *Workers) Check(context.Context) error {
	if !w.running.Load() {
		return errors.New("jobs: the workers do not run")
	}
	return nil
}
