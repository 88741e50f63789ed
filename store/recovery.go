package store

import (
	"context"

	"upstream/models"
)

// recentRecoveries is how many judgments the statistics show.
const recentRecoveries = 5

// recoveryDays is how many days, with today, the statistics of the last days
// count.
const recoveryDays = 30

// RecoveryStats sums up the money that came of alerts.
func (s *Store) RecoveryStats(ctx context.Context, v models.Viewer) (*models.RecoveryStats, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (*models.RecoveryStats, error) {
		customer, err := tx.ownCustomer(ctx)
		if err != nil {
			return nil, err
		}
		stats := &models.RecoveryStats{Recent: []*models.OperatorJudgment{}}
		if err := tx.sumRecoveries(ctx, customer.Today(tx.now), stats); err != nil {
			return nil, err
		}
		err = tx.selectFrom(&stats.Recent).Where("oj.recovered_amount IS NOT NULL AND oj.recovered_date IS NOT NULL").
			OrderExpr("oj.recovered_date DESC, oj.judged_at DESC, oj.id DESC").Limit(recentRecoveries).Scan(ctx)
		return stats, err
	})
}

func (tx *tenantTx) sumRecoveries(ctx context.Context, today models.Date, stats *models.RecoveryStats) error {
	month, days := today.FirstOfMonth(), today.AddDays(1-recoveryDays)
	return tx.selectFrom((*models.OperatorJudgment)(nil)).
		ColumnExpr("coalesce(sum(recovered_amount) FILTER (WHERE recovered_date >= ?), 0)", month).
		ColumnExpr("count(*) FILTER (WHERE recovered_date >= ?)", month).
		ColumnExpr("coalesce(sum(recovered_amount) FILTER (WHERE recovered_date >= ?), 0)", days).
		ColumnExpr("count(*) FILTER (WHERE recovered_date >= ?)", days).
		ColumnExpr("coalesce(sum(recovered_amount), 0)").
		ColumnExpr("count(*)").
		Where("oj.recovered_amount IS NOT NULL").
		Scan(ctx, &stats.ThisMonth.Total, &stats.ThisMonth.Count, &stats.Last30Days.Total, &stats.Last30Days.Count,
			&stats.AllTime.Total, &stats.AllTime.Count)
}
