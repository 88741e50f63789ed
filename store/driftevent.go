package store

import (
	"context"

	"github.com/uptrace/bun"

	"upstream/models"
)

func driftEventSpec() listSpec[models.DriftEvent] {
	type event = models.DriftEvent
	return listSpec[event]{
		noun: "drift_event", key: []string{"customer_id", "id"}, covered: []string{"payer"}, alias: "de", shown: withoutEvidence, search: []string{"payer", "cpt_group", "drift_type"},
		order: []term{{column: "created_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[event]{
			"id":         {cast: "uuid", value: func(e *event) any { return e.ID }},
			"created_at": {cast: "timestamptz", value: func(e *event) any { return e.CreatedAt }},
			"severity":   {cast: "float8", value: func(e *event) any { return e.Severity }},
			"payer":      {cast: "text", value: func(e *event) any { return e.Payer }},
		},
	}
}

// withoutEvidence leaves out what makes nine tenths of an event: some 8 KiB of
// JSON that DriftEvidence alone shows. A page of fifty takes a fifth of the time.
func withoutEvidence(q *bun.SelectQuery) *bun.SelectQuery { return q.ExcludeColumn("evidence") }

func driftTestSpec() listSpec[models.DriftTest] {
	type test = models.DriftTest
	probability := func(value func(*test) *float64) column[test] {
		return column[test]{cast: "float8", nullable: true, value: func(t *test) any {
			if p := value(t); p != nil {
				return *p
			}
			return nil
		}}
	}
	return listSpec[test]{
		noun: "drift_test", alias: "dt",
		order: []term{{column: "payer"}, {column: "cpt_group"}, {column: "drift_type"}},
		columns: map[string]column[test]{
			"payer":      {cast: "text", value: func(t *test) any { return t.Payer }},
			"cpt_group":  {cast: "text", value: func(t *test) any { return t.CPTGroup }},
			"drift_type": {cast: "text", value: func(t *test) any { return string(t.DriftType) }},
			"p_value":    probability(func(t *test) *float64 { return t.PValue }),
			"q_value":    probability(func(t *test) *float64 { return t.QValue }),
		},
	}
}

type driftEventRows = models.Rows[*models.DriftEvent]

// DriftEvents lists the customer's drift events of all runs.
func (s *Store) DriftEvents(ctx context.Context, v models.Viewer, f models.DriftEventFilter, l models.List[models.DriftEventOrderField]) (*driftEventRows, error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (*driftEventRows, error) {
		return list(ctx, tx, driftEventSpec(), "", everything, f, l)
	})
}

// ActiveDriftEvents lists the events of the newest successful run by the time
// it finished; none when there is no such run.
func (s *Store) ActiveDriftEvents(ctx context.Context, v models.Viewer, f models.DriftEventFilter, l models.List[models.DriftEventOrderField]) (*driftEventRows, error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (*driftEventRows, error) {
		newest := tx.selectFrom((*models.ReportRun)(nil)).Column("id").
			Where("rr.status = ?", models.RunSuccess).OrderExpr("rr.finished_at DESC, rr.id DESC").Limit(1)
		ofNewest := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("de.report_run_id = (?)", newest) }
		return list(ctx, tx, driftEventSpec(), ".active", ofNewest, f, l)
	})
}

// DriftEventsOfRuns lists the events of each of the runs.
func (s *Store) DriftEventsOfRuns(ctx context.Context, v models.Viewer, ids []models.ReportRunID, f models.DriftEventFilter, l models.List[models.DriftEventOrderField]) (map[models.ReportRunID]*driftEventRows, error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (map[models.ReportRunID]*driftEventRows, error) {
		ofRun := byColumn("de", "report_run_id", func(e *models.DriftEvent) models.ReportRunID { return e.ReportRunID })
		return listOf(ctx, tx, driftEventSpec(), ofRun, ids, f, l)
	})
}

// DriftEvent is one event of the customer; NOT_FOUND when it has none of this id.
func (s *Store) DriftEvent(ctx context.Context, v models.Viewer, id models.DriftEventID) (*models.DriftEvent, error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (*models.DriftEvent, error) {
		return rowOf[models.DriftEvent](ctx, tx, withoutEvidence, id, "drift event")
	})
}

// DriftEventsByID are those of the events that the customer has.
func (s *Store) DriftEventsByID(ctx context.Context, v models.Viewer, ids []models.DriftEventID) (map[models.DriftEventID]*models.DriftEvent, error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (map[models.DriftEventID]*models.DriftEvent, error) {
		return rowsOf(ctx, tx, withoutEvidence, ids, func(e *models.DriftEvent) models.DriftEventID { return e.ID })
	})
}

// DriftTests lists every test a run made; NOT_FOUND when the customer has no
// such run.
func (s *Store) DriftTests(ctx context.Context, v models.Viewer, run models.ReportRunID, f models.DriftTestFilter, l models.List[models.DriftTestOrderField]) (*models.Rows[*models.DriftTest], error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (*models.Rows[*models.DriftTest], error) {
		if err := tx.mustExist(ctx, (*models.ReportRun)(nil), run, "report run"); err != nil {
			return nil, err
		}
		ofRun := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("dt.report_run_id = ?", run) }
		return list(ctx, tx, driftTestSpec(), run.String(), ofRun, f, l)
	})
}

// DriftTestsOfRuns lists the tests of each of the runs.
func (s *Store) DriftTestsOfRuns(ctx context.Context, v models.Viewer, ids []models.ReportRunID, f models.DriftTestFilter, l models.List[models.DriftTestOrderField]) (map[models.ReportRunID]*models.Rows[*models.DriftTest], error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (map[models.ReportRunID]*models.Rows[*models.DriftTest], error) {
		ofRun := byColumn("dt", "report_run_id", func(t *models.DriftTest) models.ReportRunID { return t.ReportRunID })
		return listOf(ctx, tx, driftTestSpec(), ofRun, ids, f, l)
	})
}
