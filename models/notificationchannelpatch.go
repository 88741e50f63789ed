package models

import (
	"slices"
	"time"
)

// NotificationChannelPatch is what a client may change of a channel. What it is
// for, its type, stays.
type NotificationChannelPatch struct {
	Name    Change[string]        `json:"name" maxLength:"100" doc:"The name people read; no two channels have the same (upper and lower case do not differ)." example:"Billing team"`
	Config  Change[ChannelConfig] `json:"config" doc:"Where the channel leads; replaces the former configuration whole."`
	Enabled Change[bool]          `json:"enabled" doc:"Whether messages are sent there." example:"true"`
}

// Validate lists which changes leave a field without a value that has to have
// one; what is wrong with the values depends on the type of the channel: see
// [NotificationChannel.Validate].
func (in NotificationChannelPatch) Validate() error {
	return Invalid(slices.Concat(
		checked("name", in.Name, anything[string]),
		checked("config", in.Config, anything[ChannelConfig]),
		checked("enabled", in.Enabled, anything[bool]),
	)...)
}

// Apply makes the changes, unless the channel were wrong with them.
func (in NotificationChannelPatch) Apply(c *NotificationChannel, targets URLChecker) error {
	changed := *c
	in.Name.apply(&changed.Name)
	in.Config.apply(&changed.Config)
	in.Enabled.apply(&changed.Enabled)
	if err := changed.Validate(targets); err != nil {
		return err
	}
	*c = changed
	return nil
}

// ChannelTest is a message that is on its way to try a channel. What became of
// it is in the channel.
type ChannelTest struct {
	Channel  *NotificationChannel
	QueuedAt time.Time
}
