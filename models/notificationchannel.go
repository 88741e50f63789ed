package models

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// ChannelType is how a notification channel reaches people.
type ChannelType string

// The channel types.
const (
	ChannelEmail   ChannelType = "email"
	ChannelSlack   ChannelType = "slack"
	ChannelWebhook ChannelType = "webhook" // by the customer's webhook endpoints
)

// Values lists the channel types.
func (ChannelType) Values() []string {
	return []string{
		string(ChannelEmail),
		string(ChannelSlack),
		string(ChannelWebhook),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (t ChannelType) MarshalGQL(w io.Writer) { marshalEnum(w, t) }

// UnmarshalGQL reads the GraphQL enum value.
func (t *ChannelType) UnmarshalGQL(v any) error { return unmarshalEnum(t, v) }

// ChannelConfig is where a channel leads; which fields it has depends on the
// channel's type. It is stored sealed.
type ChannelConfig struct {
	// Recipients are the addresses of an e-mail channel.
	Recipients []string `json:"recipients,omitempty"`
	// WebhookURL is the incoming webhook of a Slack channel. Who knows it can
	// post there.
	WebhookURL string `json:"webhook_url,omitempty"`
}

// Masked is the configuration as it may be shown: of the URL only its host is
// left, because the rest of it is a credential.
func (c ChannelConfig) Masked() ChannelConfig {
	if c.WebhookURL == "" {
		return c
	}
	host := ""
	if u, err := url.Parse(c.WebhookURL); err == nil {
		host = u.Host
	}
	c.WebhookURL = "https://" + host + "/…"
	return c
}

// NotificationChannel is a destination of alerts.
type NotificationChannel struct {
	bun.BaseModel `bun:"table:notification_channels,alias:nc"`

	CustomerID  CustomerID            `bun:"customer_id,pk,type:uuid"`
	ID          NotificationChannelID `bun:"id,pk,type:uuid"`
	Name        string                `bun:"name"`
	ChannelType ChannelType           `bun:"channel_type"`
	// Config is what ConfigSealed opens to; its columns hold the sealed form only.
	Config       ChannelConfig `bun:"-"`
	ConfigSealed []byte        `bun:"config_sealed"`
	Enabled      bool          `bun:"enabled"`
	// TestedAt is when the last message went out that was to try the channel, and
	// TestError why it did not arrive; nil when it did.
	TestedAt  *time.Time `bun:"tested_at"`
	TestError *string    `bun:"test_error"`
	CreatedBy *UserID    `bun:"created_by,type:uuid"`
	Version   int64      `bun:"version"`
	CreatedAt time.Time  `bun:"created_at"`
	UpdatedAt time.Time  `bun:"updated_at"`
}

// GlobalID is the channel's TypeID.
func (c *NotificationChannel) GlobalID() string { return c.ID.String() }

// Bounds of channels.
const (
	MaxChannelName       = 100
	MaxChannelRecipients = 50
)

// URLChecker decides which URLs this installation may send to. Its error
// completes "<field> ...".
type URLChecker interface {
	CheckURL(text string) error
}

// NewNotificationChannel is the input that creates a channel; without a type it
// is an e-mail channel, and enabled unless said otherwise.
type NewNotificationChannel struct {
	Name        string
	ChannelType *ChannelType
	Config      ChannelConfig
	Enabled     *bool
}

// Channel is the channel that the input describes.
func (in NewNotificationChannel) Channel() NotificationChannel {
	return NotificationChannel{
		Name: in.Name, ChannelType: valueOr(in.ChannelType, ChannelEmail), Config: in.Config, Enabled: valueOr(in.Enabled, true),
	}
}

// Validate lists what is wrong with the input.
func (in NewNotificationChannel) Validate(targets URLChecker) error {
	channel := in.Channel()
	return channel.Validate(targets)
}

// Validate lists what is wrong with the channel.
func (c *NotificationChannel) Validate(targets URLChecker) error {
	fields := checkTitle("name", c.Name, MaxChannelName)
	if !ValidEnum(c.ChannelType) {
		return Invalid(append(fields, notOneOf("channel_type", c.ChannelType))...)
	}
	return Invalid(append(fields, c.Config.problems(c.ChannelType, targets)...)...)
}

func (c ChannelConfig) problems(kind ChannelType, targets URLChecker) (fields []FieldError) {
	if kind == ChannelEmail {
		fields = checkRecipients(c.Recipients)
	} else if len(c.Recipients) > 0 {
		fields = append(fields, FieldError{"config.recipients", "invalid", "belongs to e-mail channels only"})
	}
	switch {
	case kind == ChannelSlack && c.WebhookURL == "":
		fields = append(fields, FieldError{"config.webhook_url", "required", "must be given for a Slack channel"})
	case kind == ChannelSlack:
		fields = append(fields, checkTarget("config.webhook_url", c.WebhookURL, targets)...)
	case c.WebhookURL != "":
		fields = append(fields, FieldError{"config.webhook_url", "invalid", "belongs to Slack channels only"})
	}
	return fields
}

func checkRecipients(addresses []string) (fields []FieldError) {
	switch {
	case len(addresses) == 0:
		return []FieldError{{"config.recipients", "required", "must name at least one address"}}
	case len(addresses) > MaxChannelRecipients:
		return []FieldError{{"config.recipients", "too_many", "must name at most " + strconv.Itoa(MaxChannelRecipients) + " addresses"}}
	}
	for i, address := range addresses {
		path := "config.recipients." + strconv.Itoa(i)
		same := func(other string) bool { return strings.EqualFold(other, address) }
		switch {
		case !isAddress(address):
			fields = append(fields, FieldError{path, "invalid", "must be an e-mail address of at most 254 characters"})
		case slices.ContainsFunc(addresses[:i], same):
			fields = append(fields, FieldError{path, "repeated", "repeats an address"})
		}
	}
	return fields
}

func checkTarget(path, text string, targets URLChecker) []FieldError {
	if err := targets.CheckURL(text); err != nil {
		return []FieldError{{path, "invalid", err.Error()}}
	}
	return nil
}

// NotificationChannelFilter narrows a list of channels.
type NotificationChannelFilter struct {
	Name        *string      `query:"name" column:"name" op:"icontains" doc:"Only channels whose name contains this text, ignoring case."`
	ChannelType *ChannelType `query:"channel_type" column:"channel_type" op:"eq" doc:"Only channels of this type."`
	Enabled     *bool        `query:"enabled" column:"enabled" op:"eq" doc:"Only channels that are, or are not, used."`
}

// NotificationChannelOrderField is a column channels can be ordered by.
type NotificationChannelOrderField string

// The orderings of channels.
const (
	NotificationChannelOrderName        NotificationChannelOrderField = "name"
	NotificationChannelOrderChannelType NotificationChannelOrderField = "channel_type"
	NotificationChannelOrderCreatedAt   NotificationChannelOrderField = "created_at"
)

// Values lists the columns.
func (NotificationChannelOrderField) Values() []string {
	return []string{
		string(NotificationChannelOrderName),
		string(NotificationChannelOrderChannelType),
		string(NotificationChannelOrderCreatedAt),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f NotificationChannelOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *NotificationChannelOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// NotificationChannelOrder is one term of an ordering of channels.
type NotificationChannelOrder = Order[NotificationChannelOrderField]
