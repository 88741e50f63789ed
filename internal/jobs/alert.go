package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"upstream/internal/mail"
	"upstream/internal/webhook"
	"upstream/models"
	"upstream/store"
)

// SlackSender posts messages to incoming webhooks of Slack.
type SlackSender interface {
	// SendSlack makes one attempt. What goes wrong at the other end is in the
	// result; the error says that nothing is known, because ctx ended.
	SendSlack(ctx context.Context, url string, m webhook.SlackMessage) (webhook.Result, error)
}

var _ SlackSender = (*webhook.Sender)(nil)

// noticeReserve is what is left of a job's time for it to say that it is done.
const noticeReserve = 15 * time.Second

// shownEvidence is how many findings a mail shows.
const shownEvidence = 5

// alertNotice tells people of alerts. Which channels are tried, and when again,
// is the store's to decide; the job fails only when the database does.
type alertNotice struct {
	river.WorkerDefaults[models.AlertJob]

	opts Options
}

// Timeout implements river.Worker.
func (*alertNotice) Timeout(*river.Job[models.AlertJob]) time.Duration { return store.AlertTimeout }

// Work implements river.Worker. It goes on until there is nothing to send now.
func (w *alertNotice) Work(ctx context.Context, job *river.Job[models.AlertJob]) error {
	requestID := store.JobRequestID(job.Metadata)
	v := models.JobViewer(job.Args.CustomerID, job.Kind, requestID)
	for {
		notice, wait, err := w.opts.Store.BeginNotice(ctx, v, job.Args.AlertEventID, w.opts.AlertEmail)
		switch {
		case err != nil:
			return fmt.Errorf("begin to tell people of an alert: %w", err)
		case notice == nil && wait > 0:
			return river.JobSnooze(wait)
		case notice == nil:
			return nil
		}
		if err := w.tell(ctx, v, notice, requestID); err != nil {
			return err
		}
	}
}

// tell tries the channels of a notice. Those that it has no time for are tried
// by the next job.
func (w *alertNotice) tell(ctx context.Context, v models.Viewer, notice *store.AlertNotice, requestID string) error {
	sending, cancel := context.WithTimeout(ctx, store.AlertTimeout-noticeReserve)
	defer cancel()
	var all error
	for _, target := range notice.Targets {
		if sending.Err() != nil {
			break
		}
		all = errors.Join(all, w.try(sending, v, notice, target, requestID))
	}
	// Whatever happened, the alert is free for the next job.
	ending, done := context.WithTimeout(context.WithoutCancel(ctx), noticeReserve)
	defer done()
	return errors.Join(all, w.opts.Store.EndNotice(ending, v, notice), ctx.Err())
}

// try tries one channel, and says how that went.
func (w *alertNotice) try(ctx context.Context, v models.Viewer, notice *store.AlertNotice, target store.NoticeTarget, requestID string) error {
	problem := target.Problem
	if problem == "" {
		var err error
		switch target.ChannelType {
		case models.ChannelSlack:
			problem, err = w.slack(ctx, notice, target)
		default:
			problem, err = w.mail(ctx, v, notice, target, requestID)
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil && problem != "" {
		return nil // broken off, which says nothing about the channel
	}
	if problem != "" {
		w.opts.Logger.WarnContext(ctx, "a channel did not take an alert", slog.String("alert", notice.Alert.ID.String()),
			slog.Int("notification", target.Number), slog.String("problem", problem), slog.String("request_id", requestID))
	}
	return w.opts.Store.NoticeTried(ctx, v, notice, target.Number, problem)
}

// mail writes to each address of a channel. One that does not take its mail
// keeps none of the others from theirs.
func (w *alertNotice) mail(ctx context.Context, v models.Viewer, notice *store.AlertNotice, target store.NoticeTarget, requestID string) (problem string, err error) {
	failed := 0
	for _, address := range target.Recipients {
		m, err := mail.WriteAlert(address, w.facts(notice, requestID))
		if err != nil {
			return "", err
		}
		if err := w.opts.Mail.Send(ctx, m); err != nil {
			failed, problem = failed+1, strings.TrimPrefix(err.Error(), "mail: ")
			continue
		}
		if err := w.opts.Store.NoticeTaken(ctx, v, notice, target.Number, address); err != nil {
			return "", err
		}
	}
	if failed > 0 && failed < len(target.Recipients) {
		problem = fmt.Sprintf("%d of %d addresses did not take it: %s", failed, len(target.Recipients), problem)
	}
	return problem, nil
}

// slack posts to a channel of Slack.
func (w *alertNotice) slack(ctx context.Context, notice *store.AlertNotice, target store.NoticeTarget) (problem string, err error) {
	alert := notice.Alert
	result, err := w.opts.Slack.SendSlack(ctx, target.URL, webhook.SlackMessage{
		Customer: notice.Customer.Name, Rule: alert.Payload.RuleName, Payer: alert.Payer, DriftType: notice.Finding.DriftType,
		Delta: notice.Finding.Delta, Severity: strings.ToUpper(string(notice.Interpretation.Urgency)),
		Summary: notice.Interpretation.PlainLanguage, Link: w.link(alert), AlertID: alert.ID.String(), At: alert.TriggeredAt,
	})
	if err != nil {
		return "", err
	}
	if result.Delivered() {
		return "", nil
	}
	return "Slack " + result.Error, nil
}

// link opens an alert.
func (w *alertNotice) link(alert *models.AlertEvent) string {
	return w.opts.link("alerts/"+alert.ID.String(), "")
}

// facts are what a mail says about an alert.
func (w *alertNotice) facts(notice *store.AlertNotice, requestID string) mail.AlertFacts {
	alert, words, finding := notice.Alert, notice.Interpretation, notice.Finding
	facts := mail.AlertFacts{
		Customer: notice.Customer.Name, Rule: alert.Payload.RuleName, Urgency: string(words.Urgency), Label: words.Label,
		Payer: alert.Payer, DriftType: finding.DriftType, CPTGroup: finding.CPTGroup,
		Baseline: finding.Baseline, Current: finding.Current, Delta: finding.Delta, Severity: finding.Severity,
		Period: notice.Evidence.DateRange, Meaning: words.PlainLanguage, History: words.HistoricalContext,
		LikelyNoise: words.LikelyNoise, Steps: words.ActionSteps,
		Link: w.link(alert), AlertID: alert.ID.String(), RequestID: requestID, At: alert.TriggeredAt,
	}
	for i, row := range notice.Related {
		if i == shownEvidence {
			facts.More = len(notice.Related) - i
			break
		}
		facts.Evidence = append(facts.Evidence, mail.EvidenceRow(row))
	}
	return facts
}
