package models

import (
	"io"
	"time"

	"github.com/uptrace/bun"
)

// NotificationStatus is how a channel took an alert.
type NotificationStatus string

// The states.
const (
	NotificationPending NotificationStatus = "pending" // it is, or will be, tried
	NotificationSent    NotificationStatus = "sent"    // the channel took it
	NotificationFailed  NotificationStatus = "failed"  // it did not, each time it was tried
	NotificationSkipped NotificationStatus = "skipped" // it was not sent: somebody was faster, or the channel is gone
)

// Values lists the states.
func (NotificationStatus) Values() []string {
	return []string{
		string(NotificationPending), string(NotificationSent), string(NotificationFailed), string(NotificationSkipped),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (s NotificationStatus) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *NotificationStatus) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// AlertNotification is how one channel took an alert. A channel that took it
// does not get it again.
type AlertNotification struct {
	bun.BaseModel `bun:"table:alert_notifications,alias:an"`

	CustomerID   CustomerID   `bun:"customer_id,pk,type:uuid"`
	AlertEventID AlertEventID `bun:"alert_event_id,pk,type:uuid"`
	// Number counts the alert's channels from 1, without gaps.
	Number int `bun:"number,pk"`
	// ChannelID is nil for the fall-back address, which is told when no channel
	// can be. The channel may be gone by now; its name and type are kept.
	ChannelID   *NotificationChannelID `bun:"channel_id,type:uuid"`
	ChannelName string                 `bun:"channel_name"`
	ChannelType ChannelType            `bun:"channel_type"`
	Status      NotificationStatus     `bun:"status"`
	// Attempts is how often it was tried.
	Attempts int `bun:"attempts"`
	// NextAttemptAt is when it is tried again; nil when at once, or never.
	NextAttemptAt *time.Time `bun:"next_attempt_at"`
	SentAt        *time.Time `bun:"sent_at"`
	// ErrorMessage is why the last attempt failed, wholly or in part: a short
	// sentence without addresses.
	ErrorMessage *string `bun:"error_message"`
	// Taken are the SHA-256 sums of the addresses that have it, in hexadecimal.
	Taken     []string  `bun:"taken,array"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// FallbackChannelName stands for the name of a channel where the fall-back
// address was told.
const FallbackChannelName = "fall-back address"

// Fallback reports whether it is about the fall-back address.
func (n *AlertNotification) Fallback() bool { return n.ChannelID == nil }

// AlertNotificationOrderField is a column notifications can be ordered by.
type AlertNotificationOrderField string

// The orderings of notifications.
const (
	AlertNotificationOrderNumber AlertNotificationOrderField = "number"
)

// Values lists the columns.
func (AlertNotificationOrderField) Values() []string {
	return []string{string(AlertNotificationOrderNumber)}
}

// MarshalGQL writes the GraphQL enum value.
func (f AlertNotificationOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *AlertNotificationOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// AlertNotificationOrder is one term of an ordering of notifications.
type AlertNotificationOrder = Order[AlertNotificationOrderField]
