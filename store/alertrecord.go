package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"time"

	"upstream/models"
	"upstream/models/alerting"
)

// noticeRetries are the pauses before a channel is tried again that did not take
// an alert; after the last one it has failed. Each is lengthened by up to a
// tenth, so that what failed together is not tried together.
func noticeRetries() []time.Duration {
	return []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour}
}

// addressSum names an address without showing it.
func addressSum(address string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(address)))
	return hex.EncodeToString(sum[:])
}

// NoticeTaken notes that an address has a message about an alert, before anybody
// else gets it: it is not sent there again.
func (s *Store) NoticeTaken(ctx context.Context, v models.Viewer, notice *AlertNotice, number int, address string) error {
	return s.record(ctx, v, notice, number, func(tx *tenantTx, row *models.AlertNotification) {
		row.Taken = append(row.Taken, addressSum(address))
	})
}

// NoticeTried notes how a channel took an alert, once all of its addresses were
// tried: whole when problem is empty, which is a short sentence without
// addresses otherwise. A channel that did not is tried again some times.
func (s *Store) NoticeTried(ctx context.Context, v models.Viewer, notice *AlertNotice, number int, problem string) error {
	return s.record(ctx, v, notice, number, func(tx *tenantTx, row *models.AlertNotification) {
		row.Attempts++
		row.ErrorMessage, row.NextAttemptAt = nonEmpty(problem), nil
		retries := noticeRetries()
		switch {
		case problem == "":
			row.Status = models.NotificationSent
		case row.Attempts <= len(retries):
			pause := retries[row.Attempts-1]
			row.NextAttemptAt = new(tx.now.Add(pause + rand.N(pause/10))) //nolint:gosec // spreading retries needs no secrecy
		case len(row.Taken) > 0:
			row.Status = models.NotificationSent // in part, as the error says
		default:
			row.Status = models.NotificationFailed
		}
		if row.Status == models.NotificationSent {
			row.SentAt = &tx.now
		}
	})
}

// record stores what became of one notification, and that the alert was sent
// when this is the first that arrived. It goes on after ctx was cancelled: what
// was sent must not be sent again because a process ends.
func (s *Store) record(ctx context.Context, v models.Viewer, notice *AlertNotice, number int, change func(*tenantTx, *models.AlertNotification)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureTimeout)
	defer cancel()
	_, err := write(ctx, s, v, models.PermissionHandleAlerts, func(tx *tenantTx) (struct{}, error) {
		if err := tx.holdAlert(ctx, notice.Alert.ID); err != nil {
			return struct{}{}, err
		}
		row := new(models.AlertNotification)
		err := tx.selectFrom(row).Where("an.alert_event_id = ? AND an.number = ?", notice.Alert.ID, number).Scan(ctx)
		if err != nil || row.Status == models.NotificationSent {
			return struct{}{}, err
		}
		change(tx, row)
		row.UpdatedAt = tx.now
		_, err = tx.updateOf(row).Column("status", "attempts", "next_attempt_at", "sent_at", "error_message", "taken", "updated_at").
			Where("an.alert_event_id = ? AND an.number = ?", notice.Alert.ID, number).Exec(ctx)
		if err != nil || row.Status != models.NotificationSent && len(row.Taken) == 0 {
			return struct{}{}, err
		}
		_, err = tx.happen(ctx, models.AlertChange{ID: notice.Alert.ID}, auditAlertSent, alerting.Event{Action: models.ActionSend}, nil)
		return struct{}{}, err
	})
	return err
}
