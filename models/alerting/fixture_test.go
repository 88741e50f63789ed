package alerting_test

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"upstream/models"
)

var (
	noon   = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	clinic = models.CustomerID{}.From(uuid.MustParse("0195a000-0000-7000-8000-000000000001"))
)

func userID(n byte) *models.UserID { return new(models.UserID{}.From(uuid.UUID{15: n})) }

func alertID(n byte) models.AlertEventID { return models.AlertEventID{}.From(uuid.UUID{15: n}) }

// denials is a denial rate that rose from 10 % to 25 %.
func denials(change ...func(*models.DriftEvent)) models.DriftEvent {
	e := models.DriftEvent{
		CustomerID: clinic, ID: models.DriftEventID{}.From(uuid.UUID{15: 9}), ReportRunID: models.ReportRunID{}.From(uuid.UUID{15: 8}),
		Payer: "Aetna", CPTGroup: "SURGERY", DriftType: models.DriftDenialRate, TrendDirection: models.TrendDegrading,
		BaselineValue: 0.10, CurrentValue: 0.25, DeltaValue: 0.15, Severity: 0.30, Confidence: 0.98,
		BaselineSampleSize: 100, CurrentSampleSize: 40, ConsecutivePeriods: 1,
		BaselineStart: models.NewDate(2025, time.November, 18), BaselineEnd: models.NewDate(2026, time.February, 16),
		CurrentStart: models.NewDate(2026, time.February, 16), CurrentEnd: models.NewDate(2026, time.March, 2),
		EstimatedRevenueImpact: new(decimal.RequireFromString("750.00")), SignalKey: "Aetna|SURGERY|DENIAL_RATE|degrading|w",
	}
	for _, f := range change {
		f(&e)
	}
	return e
}

func rule(change ...func(*models.AlertRule)) models.AlertRule {
	r := models.NewAlertRule{Name: "Denials"}.Rule()
	r.ID = models.AlertRuleID{}.From(uuid.UUID{15: 1})
	for _, f := range change {
		f(&r)
	}
	return r
}

func when(metric models.AlertMetric, how models.ThresholdType, threshold float64) func(*models.AlertRule) {
	return func(r *models.AlertRule) { r.Metric, r.ThresholdType, r.ThresholdValue = metric, how, threshold }
}
