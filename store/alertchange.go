package store

import (
	"context"
	"strconv"
	"time"

	"upstream/models"
	"upstream/models/alerting"
)

// What the audit log calls what happens to alerts.
const (
	auditAlertCreated      auditAction = "alert_event_created"
	auditAlertAcknowledged auditAction = "alert_event_acknowledged"
	auditAlertResolved     auditAction = "alert_event_resolved"
	auditAlertReopened     auditAction = "alert_event_reopened"
	auditAlertSnoozed      auditAction = "alert_event_snoozed"
	auditAlertUnsnoozed    auditAction = "alert_event_unsnoozed"
	auditAlertAssigned     auditAction = "alert_event_assigned"
	auditAlertRetried      auditAction = "alert_event_retried"
	auditAlertSent         auditAction = "alert_event_sent"
	auditAlertFailed       auditAction = "alert_event_failed"
	auditAlertSuppressed   auditAction = "alert_event_suppressed"
	auditFeedbackSubmitted auditAction = "feedback_submitted"
)

// AcknowledgeAlert says that somebody looks into an alert; twice is as good as
// once. It answers NOT_FOUND, STALE, and CONFLICT for a resolved alert.
func (s *Store) AcknowledgeAlert(ctx context.Context, v models.Viewer, in models.AlertChange) (*models.AlertEvent, error) {
	return s.changeAlert(ctx, v, in, auditAlertAcknowledged, alerting.Event{Action: models.ActionAcknowledge})
}

// ResolveAlert says that an alert is dealt with. It answers NOT_FOUND and STALE.
func (s *Store) ResolveAlert(ctx context.Context, v models.Viewer, in models.AlertChange) (*models.AlertEvent, error) {
	return s.changeAlert(ctx, v, in, auditAlertResolved, alerting.Event{Action: models.ActionResolve})
}

// ReopenAlert makes an alert open again: as it was before somebody dealt with
// it. Nobody is told again. It answers NOT_FOUND and STALE.
func (s *Store) ReopenAlert(ctx context.Context, v models.Viewer, in models.AlertChange) (*models.AlertEvent, error) {
	return s.changeAlert(ctx, v, in, auditAlertReopened, alerting.Event{Action: models.ActionReopen})
}

// SnoozeAlert puts an alert off: one that nobody was told of yet waits until
// then. It answers VALIDATION about "until", NOT_FOUND, STALE, and CONFLICT for
// a resolved alert.
func (s *Store) SnoozeAlert(ctx context.Context, v models.Viewer, in models.AlertSnooze) (*models.AlertEvent, error) {
	until := in.Until.UTC().Truncate(time.Microsecond)
	return s.changeAlert(ctx, v, in.AlertChange, auditAlertSnoozed, alerting.Event{Action: models.ActionSnooze, Until: until})
}

// UnsnoozeAlert ends the snooze of an alert. It answers NOT_FOUND and STALE.
func (s *Store) UnsnoozeAlert(ctx context.Context, v models.Viewer, in models.AlertChange) (*models.AlertEvent, error) {
	return s.changeAlert(ctx, v, in, auditAlertUnsnoozed, alerting.Event{Action: models.ActionUnsnooze})
}

// RetryAlert has an alert sent anew that no channel took. It answers NOT_FOUND,
// STALE, and CONFLICT for an alert that was sent or dealt with.
func (s *Store) RetryAlert(ctx context.Context, v models.Viewer, in models.AlertChange) (*models.AlertEvent, error) {
	return s.changeAlert(ctx, v, in, auditAlertRetried, alerting.Event{Action: models.ActionRetry})
}

// AssignAlert gives an alert to a member of the customer who can sign in, or
// takes it back. It answers VALIDATION about "assignee", NOT_FOUND, STALE, and
// CONFLICT for a resolved alert.
func (s *Store) AssignAlert(ctx context.Context, v models.Viewer, in models.AlertAssignment) (*models.AlertEvent, error) {
	return write(ctx, s, v, models.PermissionHandleAlerts, func(tx *tenantTx) (*models.AlertEvent, error) {
		if err := tx.mustExist(ctx, (*models.AlertEvent)(nil), in.ID, "alert"); err != nil {
			return nil, err
		}
		if err := tx.mustBeMember(ctx, in.Assignee); err != nil {
			return nil, err
		}
		return tx.changeAlert(ctx, in.AlertChange, auditAlertAssigned, alerting.Event{Action: models.ActionAssign, Assignee: in.Assignee})
	})
}

// mustBeMember refuses an assignee who does not belong to the customer, or can
// no longer sign in.
func (tx *tenantTx) mustBeMember(ctx context.Context, user *models.UserID) error {
	if user == nil {
		return nil
	}
	member, err := ofMembers(tx.selectFrom((*models.Member)(nil))).Where("mb.user_id = ? AND mb.is_active", *user).Exists(ctx)
	if err == nil && !member {
		return models.InvalidField("assignee", "invalid", "must be a member of the customer who can sign in")
	}
	return err
}

func (s *Store) changeAlert(ctx context.Context, v models.Viewer, in models.AlertChange, action auditAction, e alerting.Event) (*models.AlertEvent, error) {
	return write(ctx, s, v, models.PermissionHandleAlerts, func(tx *tenantTx) (*models.AlertEvent, error) {
		return tx.changeAlert(ctx, in, action, e)
	})
}

// changeAlert lets something happen to an alert and answers with the alert and
// its judgments.
func (tx *tenantTx) changeAlert(ctx context.Context, in models.AlertChange, action auditAction, e alerting.Event) (*models.AlertEvent, error) {
	alert, err := tx.happen(ctx, in, action, e, nil)
	if err != nil {
		return nil, err
	}
	return alert, tx.readJudgments(ctx, alert)
}

// happen lets something happen to an alert: it stores the alert as it is
// afterwards, the line of its history and what the audit log says, and causes
// what follows from it. and, when set, changes the alert further.
func (tx *tenantTx) happen(ctx context.Context, in models.AlertChange, action auditAction, e alerting.Event, and func(*models.AlertEvent)) (*models.AlertEvent, error) {
	e.At, e.By = tx.now, tx.actorID()
	var line *models.AlertHistoryEntry
	before, after, err := amend(ctx, tx, tx, amendment[models.AlertEvent]{
		noun: "alert", entity: "alert_event", id: in.ID, expected: in.ExpectedVersion, action: action,
		apply: func(a *models.AlertEvent) error {
			changed, entry, err := e.Apply(*a)
			if err != nil {
				return err
			}
			*a, line = changed, entry
			if and != nil {
				and(a)
			}
			return nil
		},
		stamp: func(a *models.AlertEvent) (*int64, *time.Time) { return &a.Version, &a.UpdatedAt },
	})
	if err != nil || line == nil {
		return after, err
	}
	if err := tx.insert(ctx, line); err != nil {
		return nil, err
	}
	return after, tx.follow(ctx, e.Action, before, after)
}

// follow causes what follows from a change of an alert: people are told of one
// that is due now and was not before, and partners of one that was resolved.
func (tx *tenantTx) follow(ctx context.Context, action models.AlertAction, before, after *models.AlertEvent) error {
	if action == models.ActionRetry {
		if err := tx.forgetFailures(ctx, after.ID); err != nil {
			return err
		}
	}
	if after.DueAt(tx.now) && (action == models.ActionRetry || !before.DueAt(tx.now)) {
		if err := tx.enqueue(ctx, models.AlertJob{CustomerID: tx.customer, AlertEventID: after.ID}); err != nil {
			return err
		}
	}
	if after.Status == models.AlertResolved && before.Status != models.AlertResolved {
		return tx.emit(ctx, resolvedHappening(after))
	}
	return nil
}

// forgetFailures lets the channels be tried anew that did not take an alert.
func (tx *tenantTx) forgetFailures(ctx context.Context, id models.AlertEventID) error {
	_, err := tx.updateOf((*models.AlertNotification)(nil)).
		Set("status = ?, attempts = 0, next_attempt_at = NULL, updated_at = ?", models.NotificationPending, tx.now).
		Where("an.alert_event_id = ? AND an.status <> ?", id, models.NotificationSent).Exec(ctx)
	return err
}

// resolvedHappening is what partners hear of an alert that was resolved. One
// that is reopened can be resolved again.
func resolvedHappening(a *models.AlertEvent) models.Happening {
	return models.Happening{
		Data: models.AlertResolvedOf(a), Subject: a.ID.String(), Revision: a.Version,
		Key: "alert.resolved:" + a.ID.String() + ":" + strconv.Itoa(a.HistoryLength),
	}
}
