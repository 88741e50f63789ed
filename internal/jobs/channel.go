package jobs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"upstream/internal/mail"
	"upstream/internal/webhook"
	"upstream/models"
)

// channelTest sends a message that tries a notification channel, and says in the
// channel what became of it. It is not tried again: whoever asked for it looks
// at the answer.
type channelTest struct {
	river.WorkerDefaults[models.ChannelTestJob]

	opts Options
}

// Work implements river.Worker. A channel that is gone needs no test.
func (w *channelTest) Work(ctx context.Context, job *river.Job[models.ChannelTestJob]) error {
	channel, customer, err := w.opts.Store.ChannelToTest(ctx, job.Args)
	if err != nil {
		return unlessGone(err)
	}
	problem, err := w.send(ctx, channel, customer, job.CreatedAt)
	if err != nil {
		return err
	}
	return w.opts.Store.ChannelTested(ctx, job.Args, problem)
}

func (w *channelTest) send(ctx context.Context, channel *models.NotificationChannel, customer *models.Customer, at time.Time) (problem string, err error) {
	if channel.ChannelType == models.ChannelSlack {
		return w.slack(ctx, channel, customer, at)
	}
	facts := mail.ChannelTestFacts{Customer: customer.Name, Channel: channel.Name, Link: w.opts.link("", ""), At: at}
	for _, address := range channel.Config.Recipients {
		m, err := mail.WriteChannelTest(address, facts)
		if err != nil {
			return "", err
		}
		if err := w.opts.Mail.Send(ctx, m); err != nil {
			problem = strings.TrimPrefix(err.Error(), "mail: ")
		}
	}
	return problem, ctx.Err()
}

func (w *channelTest) slack(ctx context.Context, channel *models.NotificationChannel, customer *models.Customer, at time.Time) (problem string, err error) {
	result, err := w.opts.Slack.SendSlack(ctx, channel.Config.WebhookURL, webhook.SlackMessage{
		Customer: customer.Name, Rule: channel.Name, Payer: "a test", DriftType: "none", Delta: "none", Severity: "TEST",
		Summary: fmt.Sprintf("Somebody at %s tries whether alerts reach this channel. They do.", customer.Name),
		Link:    w.opts.link("", ""), AlertID: channel.ID.String(), At: at,
	})
	if err != nil || result.Delivered() {
		return "", err
	}
	return "Slack " + result.Error, nil
}
