// Package alerting decides what becomes of drift events: which rules fire on
// them, whether anybody is told, what people read, and what may happen to an
// alert afterwards. It is pure: it does no I/O, reads no clock and may import
// models only.
//
// # From an event to a message
//
// [Evaluate] matches a customer's rules with the events of a run; each [Match]
// becomes an alert, by [Match.Alert], unless there is one for its rule and signal
// key. The same function answers a dry run. When an alert is due, [Suppression]
// looks at the earlier alerts with the same [Key]; unless they suppress it,
// [Route] says which channels it goes to, and [Settle] what their results make
// of it. [Interpret] and [Explain] put it into words.
//
// # Afterwards
//
// [Event.Apply] is the one door through which an alert changes. Which event may
// happen in which state, and what the state is afterwards, is one table
// ([Lifecycle]). Nothing leads back to a message: whether telling people is
// settled is [models.AlertEvent.NotificationSentAt], and no event but send and
// suppress sets it, and none ever takes it away. [Gone] says when later runs
// have lost the signal.
package alerting
