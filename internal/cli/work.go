package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"upstream/internal/config"
	"upstream/internal/jobs"
	"upstream/internal/mail"
	"upstream/internal/obs"
	"upstream/internal/secrets"
	"upstream/internal/webhook"
	"upstream/store"
)

type workCommand struct {
	config.Work
}

// Help is what --help adds.
func (workCommand) Help() string {
	return "Prints one line, `working`, once jobs are worked on. SIGTERM and SIGINT let running jobs finish. Servers on " +
		"the same database may run with --no-workers then."
}

// Run works on jobs until the context ends, then drains.
func (c workCommand) Run(ctx context.Context, a *app) error {
	if err := c.RequireSecret(a.DatabaseURL == ""); err != nil {
		return err
	}
	return a.withTelemetry(ctx, c.Observe, func(telemetry *obs.Telemetry) error {
		stopAdmin, err := a.adminListener(ctx, c.AdminAddr, telemetry)
		if err != nil {
			return err
		}
		opening := opening{maxConns: c.MaxConns, keys: &c.Keys, telemetry: telemetry, webhooks: &c.Webhooks}
		return errors.Join(a.open(ctx, opening, func(st *store.Store, d *database) error {
			return c.work(ctx, a, st, d, telemetry)
		}), stopAdmin())
	})
}

func (c workCommand) work(ctx context.Context, a *app, st *store.Store, d *database, telemetry *obs.Telemetry) error {
	workers, err := a.newWorkers(ctx, st, c.Mail, c.Webhooks, jobs.Options{
		PublicURL: c.PublicURL, DrainTimeout: jobsTimeout(c.DrainTimeout), Observe: observeJob(telemetry),
	})
	if err != nil {
		return err
	}
	if err := workers.Start(ctx); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(a.Out, "working")
	return errors.Join(a.untilEnd(ctx, d), workers.Stop())
}

// jobsTimeout is how long jobs may run on when all is to be over after timeout:
// those that are cancelled then need a while to be put back.
func jobsTimeout(timeout time.Duration) time.Duration { return max(timeout-jobs.Grace, timeout/2) }

// untilEnd waits for the end of ctx, or of an embedded database.
func (a *app) untilEnd(ctx context.Context, d *database) error {
	if d.embedded() {
		return d.awaitEnd(ctx)
	}
	<-ctx.Done()
	return nil
}

// newWorkers makes the workers of this process; opts lack what the settings of
// mail and webhooks say.
func (a *app) newWorkers(ctx context.Context, st *store.Store, m config.Mail, w config.Webhooks, opts jobs.Options) (*jobs.Workers, error) {
	policy, err := webhookPolicy(w)
	if err != nil {
		return nil, err
	}
	opts.Webhooks, opts.InFlight = webhook.NewSender(webhook.Options{Guard: policy.Guard, Timeout: w.Timeout}), w.Concurrency
	sender, err := a.sender(ctx, m)
	if err != nil {
		return nil, err
	}
	opts.Store, opts.Mail, opts.Logger, opts.AlertEmail = st, sender, a.log, m.AlertEmail
	return jobs.New(opts)
}

// maxPauses is how many times the first pause of an endpoint that fails the
// longest one is.
const maxPauses = 60

// webhookPolicy are the rules of deliveries that the settings describe.
func webhookPolicy(w config.Webhooks) (webhook.Policy, error) {
	networks, err := w.Networks()
	if err != nil {
		return webhook.Policy{}, err
	}
	policy := webhook.NewPolicy(webhook.NewGuard(webhook.Targets{Allow: networks, Ports: w.Ports, PlainHTTP: w.HTTP}))
	policy.Schedule.Delays = w.Retries.Waits
	policy.Breaker.Pause, policy.Breaker.MaxPause = w.Pause, maxPauses*w.Pause
	return policy, nil
}

// sender is the way mail goes out: to the configured server or into files.
func (a *app) sender(ctx context.Context, m config.Mail) (mail.Sender, error) {
	from, err := m.Sender()
	if err != nil {
		return nil, err
	}
	server, err := m.SMTP()
	if err != nil {
		return nil, err
	}
	if server != nil {
		return &mail.SMTP{
			Host: server.Host, Port: server.Port, Username: server.Username, Password: server.Password,
			Encryption: encryption(server), From: from,
		}, nil
	}
	return &mail.Outbox{Dir: a.outbox(ctx), From: from}, nil
}

// outbox is the directory of mails that become files. A container may have
// none, and serves nevertheless: sending a mail fails then, and is tried again.
func (a *app) outbox(ctx context.Context) string {
	dir, err := a.dataDir()
	if err != nil {
		a.log.WarnContext(ctx, "no mail can be sent: set SMTP_URL, or UPSTREAM_DATA_DIR for mails to become files there", "error", err)
		return ""
	}
	outbox := filepath.Join(dir, "outbox")
	a.log.InfoContext(ctx, "SMTP_URL is not set: mails become files", "directory", outbox)
	return outbox
}

func encryption(server *config.SMTP) mail.Encryption {
	switch {
	case server.TLS:
		return mail.ImplicitTLS
	case server.StartTLS == config.StartTLSOptional:
		return mail.Opportunistic
	case server.StartTLS == config.StartTLSOff:
		return mail.Plain
	}
	return mail.StartTLS
}

// sealer seals secrets with the configured key, or that of the data directory.
func (a *app) sealer(keys config.Keys) (*secrets.Sealer, error) {
	secret, err := a.secret(keys)
	if err != nil {
		return nil, err
	}
	retired, err := keys.RetiredSecrets()
	if err != nil {
		return nil, err
	}
	return secrets.New(secret, retired...)
}

func (a *app) secret(keys config.Keys) ([]byte, error) {
	if a.DatabaseURL != "" {
		return keys.Secret(false, "")
	}
	dir, err := a.dataDir()
	if err != nil {
		return nil, err
	}
	return keys.Secret(true, dir)
}
