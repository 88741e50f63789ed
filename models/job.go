package models

import "time"

// JobArgs are the arguments of a background job, stored as JSON until it is
// done. They name rows by identifier and never hold a secret, an address or
// anything about a patient: the job asks the store for what it needs.
type JobArgs interface {
	// Kind names the job: lower-case words joined by underscores. It must not
	// change while jobs of it are waiting.
	Kind() string
}

// HousekeepingJob deletes what has expired.
type HousekeepingJob struct{}

// Kind implements [JobArgs].
func (HousekeepingJob) Kind() string { return "housekeeping" }

// PasswordResetMailJob mails the link of a password reset.
type PasswordResetMailJob struct {
	ResetID PasswordResetID `json:"reset_id"`
}

// Kind implements [JobArgs].
func (PasswordResetMailJob) Kind() string { return "password_reset_mail" }

// PasswordChangedMailJob tells a user that the password was changed.
type PasswordChangedMailJob struct {
	UserID UserID `json:"user_id"`
	// At is when it was changed.
	At time.Time `json:"at"`
}

// Kind implements [JobArgs].
func (PasswordChangedMailJob) Kind() string { return "password_changed_mail" }

// InvitationMailJob mails the link of an invitation.
type InvitationMailJob struct {
	CustomerID   CustomerID   `json:"customer_id"`
	InvitationID InvitationID `json:"invitation_id"`
}

// Kind implements [JobArgs].
func (InvitationMailJob) Kind() string { return "invitation_mail" }

// QueuedJobArgs are those of a job that does not share the default queue.
type QueuedJobArgs interface {
	JobArgs
	// Queue names the queue.
	Queue() string
}

// DetectionQueue is the queue of detections: they are heavy and long, and no
// mail should wait behind them.
const DetectionQueue = "detection"

// DetectJob computes a queued detection run.
type DetectJob struct {
	CustomerID CustomerID  `json:"customer_id"`
	RunID      ReportRunID `json:"run_id"`
}

// Kind implements [JobArgs].
func (DetectJob) Kind() string { return "detect" }

// Queue implements [QueuedJobArgs].
func (DetectJob) Queue() string { return DetectionQueue }

// UploadQueue is the queue of claims files: they are long work, and neither a
// mail nor a detection should wait behind them.
const UploadQueue = "uploads"

// IngestUploadJob reads a claims file that waits in the database.
type IngestUploadJob struct {
	CustomerID CustomerID `json:"customer_id"`
	UploadID   UploadID   `json:"upload_id"`
}

// Kind implements [JobArgs].
func (IngestUploadJob) Kind() string { return "ingest_upload" }

// Queue implements [QueuedJobArgs].
func (IngestUploadJob) Queue() string { return UploadQueue }

// ResumeUploadsJob sees to uploads that nobody reads any more.
type ResumeUploadsJob struct{}

// Kind implements [JobArgs].
func (ResumeUploadsJob) Kind() string { return "resume_uploads" }

// ScheduleRunsJob queues the detection runs that are due by their customers'
// schedules.
type ScheduleRunsJob struct{}

// Kind implements [JobArgs].
func (ScheduleRunsJob) Kind() string { return "schedule_runs" }

// FailAbandonedRunsJob fails the detection runs that nobody computes any more.
type FailAbandonedRunsJob struct{}

// Kind implements [JobArgs].
func (FailAbandonedRunsJob) Kind() string { return "fail_abandoned_runs" }

// AlertQueue is the queue of messages about alerts: a mail server that is slow
// must not keep passwords and detections waiting.
const AlertQueue = "alerts"

// AlertJob tells people of an alert.
type AlertJob struct {
	CustomerID   CustomerID   `json:"customer_id"`
	AlertEventID AlertEventID `json:"alert_event_id"`
}

// Kind implements [JobArgs].
func (AlertJob) Kind() string { return "notify_alert" }

// Queue implements [QueuedJobArgs].
func (AlertJob) Queue() string { return AlertQueue }

// ChannelTestJob sends a message that tries a notification channel.
type ChannelTestJob struct {
	CustomerID CustomerID            `json:"customer_id"`
	ChannelID  NotificationChannelID `json:"channel_id"`
}

// Kind implements [JobArgs].
func (ChannelTestJob) Kind() string { return "test_notification_channel" }

// Queue implements [QueuedJobArgs].
func (ChannelTestJob) Queue() string { return AlertQueue }

// ResumeAlertsJob sees to messages about alerts that nobody sends any more.
type ResumeAlertsJob struct{}

// Kind implements [JobArgs].
func (ResumeAlertsJob) Kind() string { return "resume_alerts" }
// WebhookQueue is the queue of deliveries to partners, who may be slow.
const WebhookQueue = "webhooks"

// DeliverWebhooksJob delivers what is due at one endpoint. There is one for all
// that waits there, not one for each delivery: what one endpoint has waiting
// then takes one place in the queue, however much it is.
type DeliverWebhooksJob struct {
	CustomerID CustomerID        `json:"customer_id"`
	EndpointID WebhookEndpointID `json:"endpoint_id"`
}

// Kind implements [JobArgs].
func (DeliverWebhooksJob) Kind() string { return "deliver_webhooks" }

// Queue implements [QueuedJobArgs].
func (DeliverWebhooksJob) Queue() string { return WebhookQueue }

// TellEventsJob makes deliveries of what happened in a transaction that could
// not do so itself.
type TellEventsJob struct {
	CustomerID CustomerID `json:"customer_id"`
}

// Kind implements [JobArgs].
func (TellEventsJob) Kind() string { return "tell_events" }

// Queue implements [QueuedJobArgs].
func (TellEventsJob) Queue() string { return WebhookQueue }

// ReplayWebhooksJob queues the deliveries of a replay again.
type ReplayWebhooksJob struct {
	CustomerID CustomerID      `json:"customer_id"`
	ReplayID   WebhookReplayID `json:"replay_id"`
}

// Kind implements [JobArgs].
func (ReplayWebhooksJob) Kind() string { return "replay_webhooks" }

// ResumeWebhooksJob sees to deliveries that are due and that nobody makes.
type ResumeWebhooksJob struct{}

// Kind implements [JobArgs].
func (ResumeWebhooksJob) Kind() string { return "resume_webhooks" }

// WebhookNoticeMailJob tells people that deliveries to an endpoint fail.
type WebhookNoticeMailJob struct {
	CustomerID CustomerID        `json:"customer_id"`
	EndpointID WebhookEndpointID `json:"endpoint_id"`
	// UserID is who is told.
	UserID UserID        `json:"user_id"`
	Notice WebhookNotice `json:"notice"`
}

// Kind implements [JobArgs].
func (WebhookNoticeMailJob) Kind() string { return "webhook_notice_mail" }
