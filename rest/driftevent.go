package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/models"
)

// driftEvent is the representation of models.DriftEvent.
type driftEvent struct {
	ID                      models.DriftEventID   `json:"id"`
	Customer                models.CustomerID     `json:"customer"`
	ReportRun               models.ReportRunID    `json:"report_run" doc:"The run that found it."`
	Payer                   string                `json:"payer" example:"Aetna"`
	CPTGroup                string                `json:"cpt_group" doc:"ALL for the payer as a whole." example:"Imaging"`
	DriftType               models.DriftType      `json:"drift_type"`
	BaselineValue           float64               `json:"baseline_value" doc:"A fraction, days or USD, by drift type." example:"0.1"`
	CurrentValue            float64               `json:"current_value" doc:"In the unit of baseline_value." example:"0.25"`
	DeltaValue              float64               `json:"delta_value" doc:"Current minus baseline." example:"0.15"`
	DeltaPercent            *float64              `json:"delta_percent" doc:"The change relative to the baseline in percent, two decimals; null when the baseline is zero." example:"150"`
	Severity                float64               `json:"severity" minimum:"0" maximum:"1" doc:"How large the change is, 0..1." example:"0.75"`
	SeverityLabel           models.SeverityLabel  `json:"severity_label"`
	Confidence              float64               `json:"confidence" minimum:"0" maximum:"1" doc:"How much data supports it, 0..1." example:"0.92"`
	BaselineStart           models.Date           `json:"baseline_start"`
	BaselineEnd             models.Date           `json:"baseline_end" doc:"The first day after the baseline window."`
	CurrentStart            models.Date           `json:"current_start"`
	CurrentEnd              models.Date           `json:"current_end" doc:"The first day after the current window."`
	BaselineSampleSize      int                   `json:"baseline_sample_size" minimum:"0" example:"400"`
	CurrentSampleSize       int                   `json:"current_sample_size" minimum:"0" example:"120"`
	TestMethod              models.TestMethod     `json:"test_method"`
	StatisticalSignificance *float64              `json:"statistical_significance" minimum:"0" maximum:"1" doc:"The p-value; null for the threshold method." example:"0.0004"`
	QValue                  *float64              `json:"q_value" minimum:"0" maximum:"1" doc:"The p-value after controlling the false discovery rate." example:"0.006"`
	EffectCILow             *float64              `json:"effect_ci_low" doc:"Lower end of the 95 % interval of delta_value." example:"0.07"`
	EffectCIHigh            *float64              `json:"effect_ci_high" doc:"Upper end of the 95 % interval of delta_value." example:"0.23"`
	RateEffect              *float64              `json:"rate_effect" doc:"The part of delta_value that the payer changed." example:"0.14"`
	MixEffect               *float64              `json:"mix_effect" doc:"The part of delta_value that the case mix changed." example:"0.01"`
	EstimatedRevenueImpact  *string               `json:"estimated_revenue_impact" pattern:"^-?\\d+\\.\\d{2}$" doc:"USD over the current window, for adverse changes." example:"18250.00"`
	TrendDirection          models.TrendDirection `json:"trend_direction"`
	ConsecutivePeriods      int                   `json:"consecutive_periods" minimum:"1" doc:"In how many runs in a row it was found." example:"2"`
	SignalKey               string                `json:"signal_key" doc:"The same for the same signal in every run."`
	CreatedAt               time.Time             `json:"created_at"`
	Links                   driftEventLinks       `json:"_links"`
}

type driftEventLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
	Report     link `json:"report"`
	Claims     link `json:"claims"`
	Evidence   link `json:"evidence"`
}

func showDriftEvent(l links, e *models.DriftEvent) driftEvent {
	return driftEvent{
		ID: e.ID, Customer: e.CustomerID, ReportRun: e.ReportRunID, Payer: e.Payer, CPTGroup: e.CPTGroup,
		DriftType: e.DriftType, BaselineValue: e.BaselineValue, CurrentValue: e.CurrentValue, DeltaValue: e.DeltaValue,
		DeltaPercent: e.DeltaPercent(), Severity: e.Severity, SeverityLabel: e.SeverityLabel(), Confidence: e.Confidence,
		BaselineStart: e.BaselineStart, BaselineEnd: e.BaselineEnd, CurrentStart: e.CurrentStart, CurrentEnd: e.CurrentEnd,
		BaselineSampleSize: e.BaselineSampleSize, CurrentSampleSize: e.CurrentSampleSize, TestMethod: e.TestMethod,
		StatisticalSignificance: e.StatisticalSignificance, QValue: e.QValue,
		EffectCILow: e.EffectCILow, EffectCIHigh: e.EffectCIHigh, RateEffect: e.RateEffect, MixEffect: e.MixEffect,
		EstimatedRevenueImpact: usd(e.EstimatedRevenueImpact), TrendDirection: e.TrendDirection,
		ConsecutivePeriods: e.ConsecutivePeriods, SignalKey: e.SignalKey,
		CreatedAt: e.CreatedAt.UTC(), Links: driftEventLinks{
			Self: l.to("drift-events", e.ID.String()), Collection: l.to("drift-events"), Report: l.to("reports", e.ReportRunID.String()),
			Claims: l.to("drift-events", e.ID.String(), "claims"), Evidence: l.to("drift-events", e.ID.String(), "evidence"),
		},
	}
}

func (a *api) registerDriftEvents() {
	registerList(a, operation{
		id: "listDriftEvents", method: http.MethodGet, path: resourcePath("drift-events"), tag: tagDrift,
		summary: "List drift events", description: "The drift events of all runs, the last ones first unless ordered otherwise. " +
			"Search looks at payer, CPT group and drift type.",
		permission: models.PermissionViewReports,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.DriftEventFilter, l models.List[models.DriftEventOrderField]) (*models.Rows[*models.DriftEvent], error) {
		return a.store.DriftEvents(ctx, v, f, l)
	}, showDriftEvent)
	registerList(a, operation{
		id: "listActiveDriftEvents", method: http.MethodGet, path: resourcePath("drift-events", "active"), tag: tagDrift,
		summary: "List active drift events", description: "The drift events of the newest successful run, by the time it finished; " +
			"an empty list when there is none.",
		permission: models.PermissionViewReports,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.DriftEventFilter, l models.List[models.DriftEventOrderField]) (*models.Rows[*models.DriftEvent], error) {
		return a.store.ActiveDriftEvents(ctx, v, f, l)
	}, showDriftEvent)
	registerDetail(a, operation{
		id: "getDriftEvent", method: http.MethodGet, path: resourcePath("drift-events", "{id}"), tag: tagDrift,
		summary: "Show a drift event", description: "One detected change between the windows of its run.",
		permission: models.PermissionViewReports,
	}, a.store.DriftEvent, showDriftEvent, func(e *models.DriftEvent) int64 { return e.Version })
	registerList(a, operation{
		id: "listDriftEventClaims", method: http.MethodGet, path: resourcePath("drift-events", "{id}", "claims"), tag: tagDrift,
		summary: "List the claims behind a drift event", description: "The claims of the event's segment in its current window that its test " +
			"counted, as they are now, those decided last first unless ordered otherwise. Unless claims were added since, they are " +
			"current_sample_size. Search looks at payer, procedure code and denial reason code.",
		permission: models.PermissionViewClaims, also: models.PermissionViewReports,
	}, func(ctx context.Context, v models.Viewer, in *byID[models.DriftEventID], f models.ClaimFilter, l models.List[models.ClaimOrderField]) (*models.Rows[*models.Claim], error) {
		return a.store.ClaimsOfDriftEvent(ctx, v, in.ID, f, l)
	}, showClaim)
	a.registerEvidence()
	a.registerDetect()
}
