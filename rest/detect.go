package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
)

// detectBody is models.DetectInput with its documentation; the conversion
// between the two keeps them the same.
type detectBody struct {
	AsOf         *models.Date     `json:"as_of,omitempty" doc:"The first day after the current window, today at the latest; today unless given (the first of this month for monthly runs)."`
	RunType      *models.RunType  `json:"run_type,omitempty" doc:"weekly unless given, custom when a window is. A monthly run ends with a calendar month."`
	Method       *models.Method   `json:"method,omitempty" doc:"statistical unless given."`
	WindowBy     *models.WindowBy `json:"window_by,omitempty" doc:"The claim date that places a claim in a window; decided unless given (submitted for the threshold method)."`
	CurrentDays  *int             `json:"current_days,omitempty" minimum:"1" maximum:"1095" doc:"Length of the current window in days; 14 unless given (30 for monthly runs)." example:"14"`
	BaselineDays *int             `json:"baseline_days,omitempty" minimum:"1" maximum:"1095" doc:"Length of the baseline window in days; 90 unless given (365 for monthly runs)." example:"90"`
	MinVolume    *int             `json:"min_volume,omitempty" minimum:"1" maximum:"1000000" doc:"Claims each window needs for a test; 30 unless given." example:"30"`
	Alpha        *float64         `json:"alpha,omitempty" exclusiveMinimum:"0" maximum:"0.5" doc:"The false discovery rate; 0.05 unless given." example:"0.05"`

	Signals []models.DriftType `json:"signals,omitempty" minItems:"1" uniqueItems:"true" doc:"The drift types to look at; all of them unless given."`
}

type detectInput struct{ Body *detectBody }

func (a *api) registerDetect() {
	register(a, operation{
		id: "detectDrift", method: http.MethodPost, path: resourcePath("drift", "detect"), tag: tagDrift, status: http.StatusCreated,
		summary: "Detect drift now",
		description: "Compares the current with the baseline window and answers with the run and the first page of what it found. " +
			"The body may be left out. One run at a time per customer; when concurrent changes keep it from finishing the answer " +
			"is 409 `SERIALIZATION_CONFLICT` with Retry-After.",
		permission: models.PermissionRunDetection, codes: []models.Code{models.CodeSerializationConflict}, hasBody: true,
		throttle: []throttle.Class{throttle.ReportGeneration}, rules: rulesOf(detectRules), patient: true,
	}, a.detectDrift)
	register(a, operation{
		id: "triggerReport", method: http.MethodPost, path: resourcePath("reports", "trigger"), tag: tagReports, status: http.StatusAccepted,
		summary: "Queue a detection run",
		description: "Queues a run and answers at once; its status goes from `queued` over `running` to `success` or `failed`. The body " +
			"may be left out. While a run is queued or running in the background for the customer, the answer is that run, and what " +
			"the body asks for is not done.",
		permission: models.PermissionRunDetection, hasBody: true, throttle: []throttle.Class{throttle.ReportGeneration},
		rules: rulesOf(detectRules),
	}, a.triggerReport)
}

// detectRules are those of the parameters of a run.
func detectRules(b detectBody, now time.Time) error {
	_, err := models.DetectInput(b).Resolve(models.DateOf(now))
	return err
}

func (a *api) triggerReport(ctx context.Context, in *detectInput) (*createdOutput[reportDetail], error) {
	var input models.DetectInput
	if in.Body != nil {
		input = models.DetectInput(*in.Body)
	}
	run, err := a.store.TriggerReport(ctx, auth.ViewerFrom(ctx), input)
	if err != nil {
		return nil, err
	}
	body, err := a.showRun(ctx, run)
	if err != nil {
		return nil, err
	}
	return &createdOutput[reportDetail]{Location: body.Links.Self.Href, ETag: etag(run.Version), Body: body}, nil
}

func (a *api) detectDrift(ctx context.Context, in *detectInput) (*createdOutput[reportDetail], error) {
	var input models.DetectInput
	if in.Body != nil {
		input = models.DetectInput(*in.Body)
	}
	run, err := a.store.DetectDrift(ctx, auth.ViewerFrom(ctx), input)
	if err != nil {
		return nil, err
	}
	body, err := a.showRun(ctx, run) // reading what was just committed
	if err != nil {
		return nil, err
	}
	return &createdOutput[reportDetail]{Location: body.Links.Self.Href, ETag: etag(run.Version), Body: body}, nil
}
