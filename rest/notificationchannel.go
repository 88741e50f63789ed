package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"upstream/internal/auth"
	"upstream/models"
)

// channelConfig is the representation of models.ChannelConfig.
type channelConfig struct {
	Recipients []string `json:"recipients" doc:"The addresses of an e-mail channel; empty for others." example:"[\"denials@cedar.test\"]"`
	WebhookURL *string  `json:"webhook_url" doc:"The incoming webhook of a Slack channel, without the part that lets one post there; null for others."`
}

func showChannelConfig(c models.ChannelConfig) channelConfig {
	masked := c.Masked()
	out := channelConfig{Recipients: append([]string{}, masked.Recipients...)}
	if masked.WebhookURL != "" {
		out.WebhookURL = &masked.WebhookURL
	}
	return out
}

// notificationChannel is the representation of models.NotificationChannel.
type notificationChannel struct {
	ID          models.NotificationChannelID `json:"id"`
	Customer    models.CustomerID            `json:"customer"`
	Name        string                       `json:"name" doc:"What people call it." example:"Denials team"`
	ChannelType models.ChannelType           `json:"channel_type" doc:"How it reaches people."`
	Config      channelConfig                `json:"config" doc:"Where it leads."`
	Enabled     bool                         `json:"enabled" doc:"Whether alerts are sent to it." example:"true"`
	TestedAt    *time.Time                   `json:"tested_at" doc:"When the last message went out that was to try the channel; null before the first one."`
	TestError   *string                      `json:"test_error" doc:"Why that message did not arrive; null when it did." example:"The mail server refused the message."`
	CreatedBy   *models.UserID               `json:"created_by" doc:"Who made it; null for API keys and commands."`
	CreatedAt   time.Time                    `json:"created_at"`
	UpdatedAt   time.Time                    `json:"updated_at"`
	Links       notificationChannelLinks     `json:"_links"`
}

type notificationChannelLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
}

const notificationChannels = "notification-channels"

func showNotificationChannel(l links, c *models.NotificationChannel) notificationChannel {
	return notificationChannel{
		ID: c.ID, Customer: c.CustomerID, Name: c.Name, ChannelType: c.ChannelType, Config: showChannelConfig(c.Config), Enabled: c.Enabled,
		TestedAt: utc(c.TestedAt), TestError: c.TestError, CreatedBy: c.CreatedBy, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
		Links: notificationChannelLinks{Self: l.to(notificationChannels, c.ID.String()), Collection: l.to(notificationChannels)},
	}
}

// newChannelConfig is the configuration within a body that makes a channel.
type newChannelConfig struct {
	Recipients []string `json:"recipients,omitempty" doc:"The addresses of an e-mail channel, 1 to 50." example:"[\"denials@cedar.test\"]"`
	WebhookURL string   `json:"webhook_url,omitempty" doc:"The incoming webhook of a Slack channel. It is kept encrypted and never shown again."`
}

// TransformSchema implements huma.SchemaTransformer: no channel has everything
// that there is.
func (newChannelConfig) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Examples = []any{map[string]any{"recipients": []any{"denials@cedar.test"}}}
	return s
}

// newNotificationChannel is the body that makes a channel.
type newNotificationChannel struct {
	Name        string              `json:"name" doc:"What people call it, 1 to 100 characters; no two channels have the same." example:"Denials team"`
	ChannelType *models.ChannelType `json:"channel_type,omitempty" doc:"How it reaches people; email unless given."`
	Config      *newChannelConfig   `json:"config,omitempty" doc:"Where it leads: recipients for e-mail, webhook_url for Slack, nothing for webhooks."`
	Enabled     *bool               `json:"enabled,omitempty" doc:"Whether alerts are sent to it; true unless given." example:"true"`
}

// input is the body as the store takes it.
func (b newNotificationChannel) input() models.NewNotificationChannel {
	in := models.NewNotificationChannel{Name: b.Name, ChannelType: b.ChannelType, Enabled: b.Enabled}
	if b.Config != nil {
		in.Config = models.ChannelConfig(*b.Config)
	}
	return in
}

// Validate lists what is wrong with the body, as far as it can be told from the
// body alone.
func (b newNotificationChannel) Validate() error { return b.input().Validate(anyTarget{}) }

func (a *api) registerNotificationChannels() {
	version := func(c *models.NotificationChannel) int64 { return c.Version }
	registerList(a, alertOperation(http.MethodGet, "listNotificationChannels", "List notification channels",
		"The customer's channels, by name unless ordered otherwise. Search looks at the name.", notificationChannels),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.NotificationChannelFilter, l models.List[models.NotificationChannelOrderField]) (*models.Rows[*models.NotificationChannel], error) {
			return a.store.NotificationChannels(ctx, v, f, l)
		}, showNotificationChannel)
	registerDetail(a, alertOperation(http.MethodGet, "getNotificationChannel", "Show a notification channel",
		"One destination of alerts, without what lets one post there.", notificationChannels, "{id}"),
		a.store.NotificationChannel, showNotificationChannel, version)
	registerCreate(a, alertOperation(http.MethodPost, "createNotificationChannel", "Create a notification channel",
		"Makes a channel. Rules that name no channels send to it from the next alert on. A name that another channel has is a conflict.", notificationChannels),
		func(ctx context.Context, v models.Viewer, body newNotificationChannel) (*models.NotificationChannel, error) {
			return a.store.CreateNotificationChannel(ctx, v, body.input())
		}, showNotificationChannel, version, func(c notificationChannel) string { return c.Links.Self.Href })
	registerPatch(a, alertOperation(http.MethodPatch, "updateNotificationChannel", "Change a notification channel",
		"Changes a channel. Its configuration is replaced as a whole; its type stays.", notificationChannels, "{id}").conflicting(),
		a.store.UpdateNotificationChannel, showNotificationChannel, version)
	registerDelete(a, alertOperation(http.MethodDelete, "deleteNotificationChannel", "Delete a notification channel",
		"Deletes a channel. One that a rule names stays, or the rule's alerts would go to everybody (409, `IN_USE`).",
		notificationChannels, "{id}").inUse(), a.store.DeleteNotificationChannel)
	a.registerChannelTest()
}

func (a *api) registerChannelTest() {
	op := alertOperation(http.MethodPost, "testNotificationChannel", "Try a notification channel",
		"Sends a message that says that it is a test. It goes out in the background (202); `tested_at` and `test_error` of the channel tell "+
			"what became of it. Webhook endpoints have a test of their own: a channel that leads to them is a conflict.", notificationChannels, "{id}", "test")
	op.status, op.codes = http.StatusAccepted, []models.Code{models.CodeNotFound, models.CodeConflict}
	register(a, op, func(ctx context.Context, in *byID[models.NotificationChannelID]) (*changedOutput[notificationChannel], error) {
		queued, err := a.store.TestNotificationChannel(ctx, auth.ViewerFrom(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		return &changedOutput[notificationChannel]{ETag: etag(queued.Channel.Version), Body: showNotificationChannel(linksFor(ctx), queued.Channel)}, nil
	})
}
