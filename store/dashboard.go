package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"upstream/models"
)

const dashboardTotals = `
SELECT (SELECT coalesce(sum(claims), 0)::bigint FROM claim_days WHERE customer_id = ?0) AS total_claims,
    (SELECT count(*) FROM uploads WHERE customer_id = ?0 AND status IN ('success', 'partial')) AS total_uploads`

// dashboardTrend counts the decisions since a day, by month.
const dashboardTrend = `
SELECT date_trunc('month', decided_date::timestamp)::date AS month,
    sum(claims)::bigint AS total_claims, sum(denied)::bigint AS denied_claims
FROM claim_days
WHERE customer_id = ?0 AND decided_date >= ?1
GROUP BY 1
ORDER BY 1`

// dashboardEvents are the newest successful run, how much it found, and the
// gravest of that: a row for each, and one without an event when it found
// nothing.
const dashboardEvents = `
WITH newest AS (
    SELECT id, finished_at FROM report_runs
    WHERE customer_id = ?0 AND status = 'success'
    ORDER BY finished_at DESC, id DESC
    LIMIT 1
)
SELECT n.id AS run_id, n.finished_at, e.id AS event_id, e.payer, e.severity, e.delta_value,
    (SELECT count(*) FROM drift_events c WHERE c.customer_id = ?0 AND c.report_run_id = n.id) AS found
FROM newest n
LEFT JOIN LATERAL (
    SELECT d.id, d.payer, d.severity, d.delta_value, d.created_at FROM drift_events d
    WHERE d.customer_id = ?0 AND d.report_run_id = n.id
    ORDER BY d.severity DESC, d.created_at DESC, d.id DESC
    LIMIT ?1
) e ON true
ORDER BY e.severity DESC, e.created_at DESC, e.id DESC`

// dashboardEvent is a row of dashboardEvents.
type dashboardEvent struct {
	RunID      models.ReportRunID
	FinishedAt time.Time
	EventID    *models.DriftEventID
	Payer      string
	Severity   float64
	DeltaValue float64
	Found      int64
}

// Dashboard is the customer at one glance, in three statements.
func (s *Store) Dashboard(ctx context.Context, v models.Viewer) (*models.Dashboard, error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (*models.Dashboard, error) {
		d := &models.Dashboard{DenialRateTrend: []models.MonthlyDenialRate{}, TopDriftPayers: []*models.TopDriftPayer{}}
		if err := tx.query(dashboardTotals).Scan(ctx, &d.TotalClaims, &d.TotalUploads); err != nil {
			return nil, err
		}
		since := models.DateOf(tx.now).AddDays(-models.DashboardTrendDays)
		if err := unlessNone(tx.query(dashboardTrend, since).Scan(ctx, &d.DenialRateTrend)); err != nil {
			return nil, err
		}
		for i := range d.DenialRateTrend {
			month := &d.DenialRateTrend[i]
			month.DenialRate = float64(month.DeniedClaims) / float64(month.TotalClaims)
		}
		var events []dashboardEvent
		if err := unlessNone(tx.query(dashboardEvents, models.DashboardTopEvents).Scan(ctx, &events)); err != nil {
			return nil, err
		}
		addEvents(d, events)
		return d, nil
	})
}

// unlessNone forgives that there is no row.
func unlessNone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func addEvents(d *models.Dashboard, events []dashboardEvent) {
	for _, e := range events {
		run, finished := e.RunID, e.FinishedAt
		d.LastReportRunID, d.LastReportDate, d.ActiveDriftEvents = &run, &finished, e.Found
		if e.EventID != nil {
			d.TopDriftPayers = append(d.TopDriftPayers, &models.TopDriftPayer{
				EventID: *e.EventID, Payer: e.Payer, Severity: e.Severity, DeltaValue: e.DeltaValue,
			})
		}
	}
}
