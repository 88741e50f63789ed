package store

import (
	"context"

	"upstream/models"
)

func reportRunSpec() listSpec[models.ReportRun] {
	type run = models.ReportRun
	return listSpec[run]{
		noun: "report_run", key: []string{"customer_id", "id"}, alias: "rr",
		order: []term{{column: "started_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[run]{
			"id":         {cast: "uuid", value: func(r *run) any { return r.ID }},
			"started_at": {cast: "timestamptz", value: func(r *run) any { return r.StartedAt }},
			"status":     {cast: "text", value: func(r *run) any { return string(r.Status) }},
			"run_type":   {cast: "text", value: func(r *run) any { return string(r.RunType) }},
		},
	}
}

// ReportRuns lists the customer's detection runs.
func (s *Store) ReportRuns(ctx context.Context, v models.Viewer, f models.ReportRunFilter, l models.List[models.ReportRunOrderField]) (*models.Rows[*models.ReportRun], error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (*models.Rows[*models.ReportRun], error) {
		return list(ctx, tx, reportRunSpec(), "", everything, f, l)
	})
}

// ReportRun is one run of the customer; NOT_FOUND when it has none of this id.
func (s *Store) ReportRun(ctx context.Context, v models.Viewer, id models.ReportRunID) (*models.ReportRun, error) {
	return one[models.ReportRun](ctx, s, v, models.PermissionViewReports, id, "report run")
}

// ReportRunsByID are those of the runs that the customer has.
func (s *Store) ReportRunsByID(ctx context.Context, v models.Viewer, ids []models.ReportRunID) (map[models.ReportRunID]*models.ReportRun, error) {
	return byID(ctx, s, v, models.PermissionViewReports, ids, func(r *models.ReportRun) models.ReportRunID { return r.ID })
}
