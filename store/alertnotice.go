package store

import (
	"context"
	"time"

	"upstream/models"
	"upstream/models/alerting"
)

// How people are told of alerts. Nothing is sent within a transaction: a job
// begins a notice, which decides under locks whether anybody is to be told and
// by which channels, and leaves the alert to that job for a while; it sends, and
// says after each channel how that went. Should its process end in between, what
// it has said stays, and another job does the rest once the while is over: the
// one channel that took the message and could not say so gets it twice.

const (
	// AlertTimeout bounds one job that tells people of an alert.
	AlertTimeout = 5 * time.Minute
	// noticeLease is how long a job has an alert to itself, unless it says that it
	// is done: longer than it may take.
	noticeLease = AlertTimeout + 30*time.Second
	// noticePause is how long a job waits for another one that tells of the same
	// signal.
	noticePause = 2 * time.Second
	// evidenceRows is how many findings about the payer a message may show.
	evidenceRows = alerting.MaxEvidenceRows
)

// AlertNotice is an alert that people are to be told of now.
type AlertNotice struct {
	Alert          *models.AlertEvent
	Customer       *models.Customer
	Interpretation models.AlertInterpretation
	Evidence       alerting.Evidence
	// Finding is the alert's, and Related are the findings about its payer, as
	// people read them.
	Finding alerting.Phrase
	Related []alerting.Phrase
	// Targets are the channels to try, one or more.
	Targets []NoticeTarget

	// until is the end of the lease.
	until time.Time
}

// NoticeTarget is a channel that is to be tried.
type NoticeTarget struct {
	// Number is that of the notification.
	Number      int
	ChannelType models.ChannelType
	// Recipients are the addresses of a mail that do not have it yet.
	Recipients []string
	// URL is the incoming webhook of a Slack channel.
	URL string
	// Problem is why the channel cannot even be tried; "" when it can.
	Problem string
}

// BeginNotice begins to tell people of an alert, on behalf of a job. installation
// is the address that is told when neither the customer's channels nor the
// customer's own address can be; it may be empty. The answer is nil when there is
// nothing to send now; then wait is when to ask again, or 0 for never.
//
// Of alerts about the same signal one is begun at a time, so that the cooldown
// that it starts holds for the others.
func (s *Store) BeginNotice(ctx context.Context, v models.Viewer, id models.AlertEventID, installation string) (notice *AlertNotice, wait time.Duration, err error) {
	notice, err = write(ctx, s, v, models.PermissionHandleAlerts, func(tx *tenantTx) (*AlertNotice, error) {
		alert, err := tx.holdSignal(ctx, id)
		if err != nil || alert == nil || alert.SnoozedAt(tx.now) { // ResumeAlerts comes back to one that is put off
			return nil, err
		}
		if wait, err = tx.mustWait(ctx, alert); err != nil || wait > 0 {
			return nil, err
		}
		n := &noticing{store: s, tx: tx, alert: alert, installation: installation}
		notice, err := n.begin(ctx)
		wait = n.wait
		return notice, err
	})
	return notice, wait, err
}

// holdSignal holds an alert and keeps other jobs from beginning with any about
// the same signal; nil when there is no such alert.
func (tx *tenantTx) holdSignal(ctx context.Context, id models.AlertEventID) (*models.AlertEvent, error) {
	var alerts []*models.AlertEvent
	if err := tx.selectFrom(&alerts).Column("payer", "drift_type").Where("ae.id = ?", id).Scan(ctx); err != nil || len(alerts) == 0 {
		return nil, err
	}
	name := "upstream.alert:" + tx.customer.String() + ":" + string(alerts[0].DriftType) + ":" + alerts[0].Payer
	if _, err := tx.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended(?, 0))`, name); err != nil {
		return nil, err
	}
	alert := new(models.AlertEvent)
	err := tx.selectFrom(alert).Where("ae.id = ?", id).For("NO KEY UPDATE").Scan(ctx)
	return alert, err
}

// mustWait says how long a job has to wait for others: for one that has this
// alert, or one that is telling of the same signal just now.
func (tx *tenantTx) mustWait(ctx context.Context, alert *models.AlertEvent) (time.Duration, error) {
	if until := alert.NotifyingUntil; until != nil && until.After(tx.now) {
		return until.Sub(tx.now), nil
	}
	if !alert.DueAt(tx.now) {
		return 0, nil
	}
	busy, err := tx.selectFrom((*models.AlertEvent)(nil)).
		Where("ae.payer = ? AND ae.drift_type = ? AND ae.id <> ?", alert.Payer, alert.DriftType, alert.ID).
		Where("ae.status = ? AND ae.notifying_until > ?", models.AlertPending, tx.now).Exists(ctx)
	if err == nil && busy {
		return noticePause, nil
	}
	return 0, err
}

// EndNotice says that a job is done with what BeginNotice gave it.
func (s *Store) EndNotice(ctx context.Context, v models.Viewer, notice *AlertNotice) error {
	_, err := write(ctx, s, v, models.PermissionHandleAlerts, func(tx *tenantTx) (struct{}, error) {
		_, err := tx.updateOf((*models.AlertEvent)(nil)).Set("notifying_until = NULL").
			Where("ae.id = ? AND ae.notifying_until = ?", notice.Alert.ID, notice.until).Exec(ctx)
		return struct{}{}, err
	})
	return err
}
