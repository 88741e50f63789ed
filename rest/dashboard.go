package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// dashboard is the representation of models.Dashboard.
type dashboard struct {
	TotalClaims       int64               `json:"total_claims" minimum:"0" doc:"All claims." example:"48210"`
	TotalUploads      int64               `json:"total_uploads" minimum:"0" doc:"Uploads of which at least a part was stored." example:"31"`
	ActiveDriftEvents int64               `json:"active_drift_events" minimum:"0" doc:"How many drift events the last report found." example:"4"`
	LastReportRun     *models.ReportRunID `json:"last_report_run" doc:"The newest successful run, by the time it finished; null when there is none."`
	LastReportDate    *time.Time          `json:"last_report_date" doc:"When that run finished."`
	DenialRateTrend   []monthlyDenialRate `json:"denial_rate_trend" doc:"The decisions of the last 180 days by month, ascending: the first month begins where these days do, and months without a decision are absent."`
	TopDriftPayers    []topDriftPayer     `json:"top_drift_payers" doc:"The five gravest events of that run; a payer may repeat."`
	Links             dashboardLinks      `json:"_links"`
}

// monthlyDenialRate is the representation of models.MonthlyDenialRate.
type monthlyDenialRate struct {
	Month        models.Month `json:"month" doc:"The month of decided_date."`
	DenialRate   float64      `json:"denial_rate" minimum:"0" maximum:"100" doc:"Percent of all claims, two decimals." example:"12.5"`
	TotalClaims  int64        `json:"total_claims" minimum:"1" example:"1600"`
	DeniedClaims int64        `json:"denied_claims" minimum:"0" example:"200"`
}

// topDriftPayer is the representation of models.TopDriftPayer.
type topDriftPayer struct {
	Payer      string              `json:"payer" example:"Aetna"`
	Severity   float64             `json:"severity" minimum:"0" maximum:"1" doc:"How large the change is, 0..1." example:"0.75"`
	DeltaValue float64             `json:"delta_value" doc:"Current minus baseline: a fraction, days or USD, by drift type." example:"0.15"`
	DriftEvent models.DriftEventID `json:"drift_event"`
}

type dashboardLinks struct {
	Self         link  `json:"self"`
	Report       *link `json:"report,omitempty"`
	DriftEvents  link  `json:"drift_events"`
	PayerSummary link  `json:"payer_summary"`
}

func showDashboard(l links, d *models.Dashboard) dashboard {
	out := dashboard{
		TotalClaims: d.TotalClaims, TotalUploads: d.TotalUploads, ActiveDriftEvents: d.ActiveDriftEvents,
		LastReportRun: d.LastReportRunID, LastReportDate: utc(d.LastReportDate),
		DenialRateTrend: make([]monthlyDenialRate, len(d.DenialRateTrend)), TopDriftPayers: make([]topDriftPayer, len(d.TopDriftPayers)),
		Links: dashboardLinks{
			Self: l.to("dashboard"), DriftEvents: l.to("drift-events", "active"), PayerSummary: l.to("claims", "payer_summary"),
		},
	}
	for i := range d.DenialRateTrend {
		m := &d.DenialRateTrend[i]
		out.DenialRateTrend[i] = monthlyDenialRate{Month: m.Month, DenialRate: m.DenialPercent(), TotalClaims: m.TotalClaims, DeniedClaims: m.DeniedClaims}
	}
	for i, t := range d.TopDriftPayers {
		out.TopDriftPayers[i] = topDriftPayer{Payer: t.Payer, Severity: t.Severity, DeltaValue: t.DeltaValue, DriftEvent: t.EventID}
	}
	if d.LastReportRunID != nil {
		report := l.to("reports", d.LastReportRunID.String())
		out.Links.Report = &report
	}
	return out
}

type dashboardOutput struct{ Body dashboard }

func (a *api) registerDashboard() {
	register(a, operation{
		id: "getDashboard", method: http.MethodGet, path: resourcePath("dashboard"), tag: tagReports,
		summary: "Show the dashboard", description: "The organisation at one glance: totals, the denial rate month by month, and the " +
			"gravest findings of the last report. It is never behind: what a request stored, the next one counts.",
		permission: models.PermissionViewReports,
	}, func(ctx context.Context, _ *noInput) (*dashboardOutput, error) {
		d, err := a.store.Dashboard(ctx, auth.ViewerFrom(ctx))
		if err != nil {
			return nil, err
		}
		return &dashboardOutput{Body: showDashboard(linksFor(ctx), d)}, nil
	})
}
