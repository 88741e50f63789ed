package rest

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// report is the representation of models.ReportRun.
type report struct {
	ID              models.ReportRunID `json:"id"`
	Customer        models.CustomerID  `json:"customer"`
	RunType         models.RunType     `json:"run_type"`
	Status          models.RunStatus   `json:"status"`
	Method          models.Method      `json:"method"`
	WindowBy        models.WindowBy    `json:"window_by" doc:"The claim date that places a claim in a window."`
	AsOf            models.Date        `json:"as_of" doc:"The first day after the current window."`
	BaselineStart   models.Date        `json:"baseline_start"`
	BaselineEnd     models.Date        `json:"baseline_end" doc:"The first day after the baseline window."`
	CurrentStart    models.Date        `json:"current_start"`
	CurrentEnd      models.Date        `json:"current_end" doc:"The first day after the current window."`
	MinVolume       int                `json:"min_volume" minimum:"1" doc:"Claims each window needs for a test." example:"30"`
	Alpha           float64            `json:"alpha" exclusiveMinimum:"0" maximum:"0.5" doc:"The false discovery rate." example:"0.05"`
	Signals         []models.DriftType `json:"signals" doc:"The drift types looked at."`
	StartedAt       time.Time          `json:"started_at" doc:"When the run began; when it was queued, while it waits."`
	FinishedAt      *time.Time         `json:"finished_at"`
	ErrorCode       *string            `json:"error_code" doc:"Of failed runs."`
	ErrorMessage    *string            `json:"error_message" doc:"Of failed runs."`
	TestCount       int                `json:"test_count" minimum:"0" doc:"How many tests were made." example:"98"`
	DriftEventCount int                `json:"drift_event_count" minimum:"0" doc:"How many of them became drift events." example:"4"`
	SummaryJSON     jsonObject         `json:"summary_json" doc:"The run in numbers; null until it ended."`
	CreatedBy       *models.UserID     `json:"created_by" doc:"Who asked for it; null for schedules and commands."`
	CreatedAt       time.Time          `json:"created_at"`
	UpdatedAt       time.Time          `json:"updated_at"`
	Links           reportLinks        `json:"_links"`
}

type reportLinks struct {
	Self        link `json:"self"`
	Collection  link `json:"collection"`
	DriftEvents link `json:"drift_events"`
	Tests       link `json:"tests"`
}

func showReport(l links, r *models.ReportRun) report {
	id := r.ID.String()
	return report{
		ID: r.ID, Customer: r.CustomerID, RunType: r.RunType, Status: r.Status, Method: r.Method, WindowBy: r.WindowBy,
		AsOf: r.AsOf, BaselineStart: r.BaselineStart, BaselineEnd: r.BaselineEnd, CurrentStart: r.CurrentStart,
		CurrentEnd: r.CurrentEnd, MinVolume: r.MinVolume, Alpha: r.Alpha, Signals: r.Signals, StartedAt: r.StartedAt.UTC(),
		FinishedAt: utc(r.FinishedAt), ErrorCode: r.ErrorCode, ErrorMessage: r.ErrorMessage, TestCount: r.TestCount,
		DriftEventCount: r.DriftEventCount, SummaryJSON: jsonObject(r.SummaryJSON), CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), Links: reportLinks{
			Self: l.to("reports", id), Collection: l.to("reports"),
			DriftEvents: l.to("reports", id, "drift-events"), Tests: l.to("reports", id, "tests"),
		},
	}
}

// Report makes report embeddable: the schema generator skips embedded types
// whose names are not exported.
type Report = report

// reportDetail is a run with the first page of its events.
type reportDetail struct {
	Report
	DriftEvents page[driftEvent] `json:"drift_events" doc:"The first page of the run's drift events; the rest is under _links.drift_events."`
}

// driftTest is the representation of models.DriftTest.
type driftTest struct {
	ReportRun          models.ReportRunID   `json:"report_run"`
	Payer              string               `json:"payer" example:"Aetna"`
	CPTGroup           string               `json:"cpt_group" doc:"ALL for the payer as a whole." example:"ALL"`
	DriftType          models.DriftType     `json:"drift_type"`
	Method             models.TestMethod    `json:"method"`
	BaselineSampleSize int                  `json:"baseline_sample_size" minimum:"0" example:"400"`
	CurrentSampleSize  int                  `json:"current_sample_size" minimum:"0" example:"120"`
	BaselineValue      float64              `json:"baseline_value" doc:"A fraction, days or USD, by drift type." example:"0.1"`
	CurrentValue       float64              `json:"current_value" example:"0.11"`
	DeltaValue         float64              `json:"delta_value" doc:"Current minus baseline." example:"0.01"`
	Statistic          *float64             `json:"statistic" doc:"z, U or t, by method; null where the method has none." example:"0.31"`
	Dispersion         *float64             `json:"dispersion" minimum:"1" doc:"Overdispersion factor of the baseline, for rates." example:"1.2"`
	PValue             *float64             `json:"p_value" minimum:"0" maximum:"1" example:"0.76"`
	QValue             *float64             `json:"q_value" minimum:"0" maximum:"1" example:"0.91"`
	CILow              *float64             `json:"ci_low" doc:"Lower end of the 95 % interval of delta_value." example:"-0.05"`
	CIHigh             *float64             `json:"ci_high" doc:"Upper end of the 95 % interval of delta_value." example:"0.07"`
	MinDetectableDelta *float64             `json:"min_detectable_delta" doc:"The smallest change this test would have found with 80 % power." example:"0.09"`
	Practical          bool                 `json:"practical" doc:"Whether the change is large enough to matter."`
	Significant        bool                 `json:"significant" doc:"Whether it is statistically significant."`
	DriftEvent         *models.DriftEventID `json:"drift_event" doc:"The event it became, if it did."`
	Links              driftTestLinks       `json:"_links"`
}

type driftTestLinks struct {
	Collection link  `json:"collection"`
	Report     link  `json:"report"`
	DriftEvent *link `json:"drift_event,omitempty"`
}

func showDriftTest(l links, t *models.DriftTest) driftTest {
	run := t.ReportRunID.String()
	out := driftTest{
		ReportRun: t.ReportRunID, Payer: t.Payer, CPTGroup: t.CPTGroup, DriftType: t.DriftType, Method: t.Method,
		BaselineSampleSize: t.BaselineSampleSize, CurrentSampleSize: t.CurrentSampleSize,
		BaselineValue: t.BaselineValue, CurrentValue: t.CurrentValue, DeltaValue: t.DeltaValue, Statistic: t.Statistic,
		Dispersion: t.Dispersion, PValue: t.PValue, QValue: t.QValue, CILow: t.CILow, CIHigh: t.CIHigh,
		MinDetectableDelta: t.MinDetectableDelta, Practical: t.Practical, Significant: t.Significant, DriftEvent: t.DriftEventID,
		Links: driftTestLinks{Collection: l.to("reports", run, "tests"), Report: l.to("reports", run)},
	}
	if t.DriftEventID != nil {
		event := l.to("drift-events", t.DriftEventID.String())
		out.Links.DriftEvent = &event
	}
	return out
}

func (a *api) registerReports() {
	registerList(a, operation{
		id: "listReports", method: http.MethodGet, path: resourcePath("reports"), tag: tagReports,
		summary: "List detection runs", description: "The customer's runs, the last one first unless ordered otherwise.",
		permission: models.PermissionViewReports, unsearchable: true,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.ReportRunFilter, l models.List[models.ReportRunOrderField]) (*models.Rows[*models.ReportRun], error) {
		return a.store.ReportRuns(ctx, v, f, l)
	}, showReport)
	register(a, operation{
		id: "getReport", method: http.MethodGet, path: resourcePath("reports", "{id}"), tag: tagReports,
		summary: "Show a detection run", description: "One run, with the first page of what it found.",
		permission: models.PermissionViewReports, codes: []models.Code{models.CodeNotFound}, notModified: true,
	}, a.getReport)
	registerList(a, operation{
		id: "listReportTests", method: http.MethodGet, path: resourcePath("reports", "{id}", "tests"), tag: tagReports,
		summary: "List the tests of a run", description: "Every test the run made, whether or not it became an event: what was " +
			"looked at, and the smallest change it could have seen.",
		permission: models.PermissionViewReports, unsearchable: true,
	}, func(ctx context.Context, v models.Viewer, in *byID[models.ReportRunID], f models.DriftTestFilter, l models.List[models.DriftTestOrderField]) (*models.Rows[*models.DriftTest], error) {
		return a.store.DriftTests(ctx, v, in.ID, f, l)
	}, showDriftTest)
	registerList(a, operation{
		id: "listReportDriftEvents", method: http.MethodGet, path: resourcePath("reports", "{id}", "drift-events"), tag: tagReports,
		summary: "List the drift events of a run", description: "What the run found. Search looks at payer, CPT group and drift type.",
		permission: models.PermissionViewReports, fixed: []string{"report_run"},
	}, a.eventsOfRun, showDriftEvent)
}

// eventsOfRun lists what one run found. The run is looked up first, so that one
// that does not exist is told from one that found nothing.
func (a *api) eventsOfRun(ctx context.Context, v models.Viewer, in *byID[models.ReportRunID], f models.DriftEventFilter, l models.List[models.DriftEventOrderField]) (*models.Rows[*models.DriftEvent], error) {
	run, err := a.store.ReportRun(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	f.ReportRun = &run.ID
	return a.store.DriftEvents(ctx, v, f, l)
}

func (a *api) getReport(ctx context.Context, in *detailInput[models.ReportRunID]) (*detailOutput[reportDetail], error) {
	run, err := a.store.ReportRun(ctx, auth.ViewerFrom(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	shown, err := a.showRun(ctx, run)
	if err != nil {
		return nil, err
	}
	return detail(in.IfNoneMatch, run.Version, func() reportDetail { return shown }), nil
}

// showRun reads the first page of a run's events and puts it into the run. One
// that has not ended has none, also when it is shown again later.
func (a *api) showRun(ctx context.Context, run *models.ReportRun) (reportDetail, error) {
	list := models.List[models.DriftEventOrderField]{Page: models.Page{Number: 1, Limit: models.DefaultPageSize}}
	out := reportDetail{Report: showReport(linksFor(ctx), run)}
	rows := new(models.Rows[*models.DriftEvent])
	if run.DriftEventCount > 0 {
		var err error
		if rows, err = a.store.DriftEvents(ctx, auth.ViewerFrom(ctx), models.DriftEventFilter{ReportRun: &run.ID}, list); err != nil {
			return out, err
		}
	}
	total := int64(run.DriftEventCount)
	rows.Total = &total
	place := pager{address: out.Links.DriftEvents.Href, query: url.Values{}, page: list.Page}
	out.DriftEvents = envelope(ctx, place, rows, showDriftEvent).Body
	return out, nil
}
