package store

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"upstream/models"
	"upstream/models/alerting"
)

// sightings says of each unresolved alert whose signal a run (?1) looked for
// what the last runs (at most ?2) saw of it, the newest first: s for seen, m for
// missed.
//
// A run counts when it is for a later day than the alert's and compares with it:
// windows of the same kind and lengths, the same method and volume. Of several
// runs for one day the last counts. A run that made no test of the signal did
// not look.
const sightings = `
SELECT ae.id, string_agg(CASE WHEN sighting.seen THEN 's' ELSE 'm' END, '' ORDER BY sighting.as_of DESC) AS seen
FROM alert_events AS ae
JOIN drift_events AS de ON de.customer_id = ?0 AND de.id = ae.drift_event_id
JOIN drift_tests AS dt ON dt.customer_id = ?0 AND dt.report_run_id = ?1
    AND dt.payer = de.payer AND dt.cpt_group = de.cpt_group AND dt.drift_type = de.drift_type
JOIN report_runs AS made ON made.customer_id = ?0 AND made.id = de.report_run_id
CROSS JOIN LATERAL (
    SELECT run.as_of, EXISTS (
        SELECT FROM drift_events AS again
        WHERE again.customer_id = ?0 AND again.report_run_id = run.id AND again.payer = de.payer
            AND again.cpt_group = de.cpt_group AND again.drift_type = de.drift_type AND again.trend_direction = de.trend_direction
    ) AS seen
    FROM (
        SELECT DISTINCT ON (rr.as_of) rr.as_of, rr.id
        FROM report_runs AS rr
        WHERE rr.customer_id = ?0 AND (rr.status = 'success' OR rr.id = ?1) AND rr.as_of > made.as_of
            AND rr.method = made.method AND rr.window_by = made.window_by AND rr.min_volume = made.min_volume
            AND rr.current_end - rr.current_start = made.current_end - made.current_start
            AND rr.baseline_end - rr.baseline_start = made.baseline_end - made.baseline_start
        ORDER BY rr.as_of DESC, (rr.id = ?1) DESC, rr.finished_at DESC
    ) AS run
    WHERE EXISTS (
        SELECT FROM drift_tests AS looked
        WHERE looked.customer_id = ?0 AND looked.report_run_id = run.id AND looked.payer = de.payer
            AND looked.cpt_group = de.cpt_group AND looked.drift_type = de.drift_type
    )
    ORDER BY run.as_of DESC LIMIT ?2
) AS sighting
WHERE ae.customer_id = ?0 AND ae.status <> 'resolved'
GROUP BY ae.id
ORDER BY ae.id`

// resolveLost resolves the alerts whose signals are gone now that a run has
// looked.
func (tx *tenantTx) resolveLost(ctx context.Context, run *models.ReportRun) error {
	customer, err := tx.ownCustomer(ctx)
	if err != nil {
		return err
	}
	settings := customer.AlertSettings()
	if settings.AutoResolveRuns == 0 {
		return nil
	}
	var found []struct {
		ID   models.AlertEventID
		Seen string
	}
	if err := tx.query(sightings, run.ID, settings.AutoResolveRuns).Scan(ctx, &found); err != nil {
		return err
	}
	var lost []models.AlertEventID
	for _, alert := range found {
		later := make([]alerting.Sighting, len(alert.Seen))
		for i, letter := range alert.Seen {
			later[i] = alerting.Missed
			if letter == 's' {
				later[i] = alerting.Seen
			}
		}
		if alerting.Gone(settings, later) {
			lost = append(lost, alert.ID)
		}
	}
	for some := range slices.Chunk(lost, insertChunk) {
		if err := tx.resolveGone(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// resolveGone resolves alerts in one go. Should somebody change one of them at
// the same time, the serializable transaction of the run is tried again.
func (tx *tenantTx) resolveGone(ctx context.Context, ids []models.AlertEventID) error {
	var alerts []*models.AlertEvent
	if err := tx.selectFrom(&alerts).Where("ae.id IN (?)", bun.List(ids)).OrderExpr("ae.id").Scan(ctx); err != nil {
		return err
	}
	event := alerting.Event{Action: models.ActionAutoResolve, At: tx.now}
	lines := make([]*models.AlertHistoryEntry, 0, len(alerts))
	happened := make([]models.Happening, 0, len(alerts))
	for i, before := range alerts {
		after, line, err := event.Apply(*before)
		if err != nil {
			return err
		}
		after.Version++
		if err := tx.auditChange(ctx, auditAlertResolved, "alert_event", after.ID.String(), diff(before, &after)); err != nil {
			return err
		}
		alerts[i], lines, happened = &after, append(lines, line), append(happened, resolvedHappening(&after))
	}
	_, err := tx.updateOf(&alerts).
		Column("status", "resolved_at", "resolved_by", "resolution", "snoozed_until", "history_length", "version", "updated_at").
		Bulk().Exec(ctx)
	if err != nil {
		return err
	}
	if err := tx.insert(ctx, &lines); err != nil {
		return err
	}
	return tx.emit(ctx, happened...)
}
