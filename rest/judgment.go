package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"upstream/internal/auth"
	"upstream/models"
)

// operatorJudgment is the representation of models.OperatorJudgment.
type operatorJudgment struct {
	ID               models.OperatorJudgmentID `json:"id"`
	Customer         models.CustomerID         `json:"customer"`
	AlertEvent       models.AlertEventID       `json:"alert_event" doc:"The alert that was judged."`
	Verdict          models.Verdict            `json:"verdict"`
	ReasonCodes      []string                  `json:"reason_codes_json" doc:"Words of the operators' own choosing." example:"[\"policy_change\"]"`
	RecoveredAmount  *string                   `json:"recovered_amount" pattern:"^\\d+\\.\\d{2}$" doc:"Money recovered, USD." example:"1250.00"`
	RecoveredDate    *models.Date              `json:"recovered_date" doc:"The day it was recovered."`
	Notes            string                    `json:"notes" doc:"What the operator wrote." example:"Appealed; the payer corrected its policy."`
	Operator         *models.UserID            `json:"operator" doc:"Who judged; null once the user is gone."`
	OperatorUsername string                    `json:"operator_username" doc:"What the operator was called then: the full name, else the e-mail address; of an API key or a command its name." example:"analyst@cedar.test"`
	JudgedAt         time.Time                 `json:"judged_at" doc:"When the verdict was given last."`
	CreatedAt        time.Time                 `json:"created_at"`
	UpdatedAt        time.Time                 `json:"updated_at"`
	Links            operatorJudgmentLinks     `json:"_links"`
}

type operatorJudgmentLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
	Alert      link `json:"alert"`
}

const judgments = "judgments"

func showJudgment(l links, j *models.OperatorJudgment) operatorJudgment {
	return operatorJudgment{
		ID: j.ID, Customer: j.CustomerID, AlertEvent: j.AlertEventID, Verdict: j.Verdict, ReasonCodes: j.ReasonCodes,
		RecoveredAmount: usd(j.RecoveredAmount), RecoveredDate: j.RecoveredDate, Notes: j.Notes, Operator: j.OperatorID,
		OperatorUsername: j.OperatorName, JudgedAt: j.JudgedAt.UTC(), CreatedAt: j.CreatedAt.UTC(), UpdatedAt: j.UpdatedAt.UTC(),
		Links: operatorJudgmentLinks{
			Self: l.to(judgments, j.ID.String()), Collection: l.to(judgments), Alert: l.to(alerts, j.AlertEventID.String()),
		},
	}
}

// alertFeedback is the body that judges an alert.
type alertFeedback struct {
	Verdict         models.Verdict   `json:"verdict" doc:"noise resolves the alert, real acknowledges it, needs_followup opens it and tells nobody again."`
	ReasonCodes     []string         `json:"reason_codes,omitempty" doc:"Words of the operators' own choosing, at most 20 of at most 50 characters." example:"[\"policy_change\"]"`
	RecoveredAmount *decimal.Decimal `json:"recovered_amount,omitempty" nullable:"true" doc:"Money recovered, USD."`
	RecoveredDate   *models.Date     `json:"recovered_date,omitempty" nullable:"true" doc:"The day it was recovered, today at the latest; needs an amount."`
	Notes           string           `json:"notes,omitempty" doc:"Notes, at most 4000 characters." example:"Appealed; the payer corrected its policy."`
}

func (b alertFeedback) input(alert models.AlertEventID) models.AlertFeedback {
	return models.AlertFeedback{
		AlertEventID: alert, Verdict: b.Verdict, ReasonCodes: b.ReasonCodes, Notes: b.Notes,
		RecoveredAmount: b.RecoveredAmount, RecoveredDate: b.RecoveredDate,
	}
}

type feedbackInput struct {
	ID   models.AlertEventID `path:"id" doc:"The identifier of the row."`
	Body alertFeedback
}

// feedbackOutput is a judgment: a new one, or one that took the place of the
// operator's earlier one.
type feedbackOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the judgment is."`
	ETag     string `header:"ETag" doc:"Strong entity tag: the version of the row."`
	Body     operatorJudgment
}

func (a *api) registerJudgments() {
	version := func(j *models.OperatorJudgment) int64 { return j.Version }
	about := "Search looks at verdict and operator."
	registerList(a, alertOperation(http.MethodGet, "listJudgments", "List judgments",
		"What operators made of the customer's alerts, the newest first unless ordered otherwise. "+about, judgments),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.OperatorJudgmentFilter, l models.List[models.OperatorJudgmentOrderField]) (*models.Rows[*models.OperatorJudgment], error) {
			return a.store.OperatorJudgments(ctx, v, f, l)
		}, showJudgment)
	registerDetail(a, alertOperation(http.MethodGet, "getJudgment", "Show a judgment",
		"One operator's verdict on one alert, and the money that came of it.", judgments, "{id}"), a.store.OperatorJudgment, showJudgment, version)
	ofAlert := alertOperation(http.MethodGet, "listAlertJudgments", "List the judgments of an alert",
		"What operators made of the alert, the newest first unless ordered otherwise. "+about, alerts, "{id}", "judgments")
	ofAlert.fixed = []string{"alert"}
	registerList(a, ofAlert, a.judgmentsOfAlert, showJudgment)
	a.registerFeedback()
	a.registerRecoveryStats()
}

// judgmentsOfAlert lists what operators made of one alert. The alert is looked
// up first, so that one that does not exist is told from one nobody judged.
func (a *api) judgmentsOfAlert(ctx context.Context, v models.Viewer, in *byID[models.AlertEventID], f models.OperatorJudgmentFilter, l models.List[models.OperatorJudgmentOrderField]) (*models.Rows[*models.OperatorJudgment], error) {
	alert, err := a.store.AlertEvent(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	f.AlertEvent = &alert.ID
	return a.store.OperatorJudgments(ctx, v, f, l)
}

func (a *api) registerFeedback() {
	op := handlingOperation("submitAlertFeedback", "Judge an alert",
		"Says what you make of the alert: `noise` resolves it, `real` acknowledges it, `needs_followup` opens it and tells nobody again. "+
			"Your earlier judgment is replaced whole (200): what the body leaves out is empty afterwards.", "feedback")
	op.hasBody, op.status, op.codes = true, http.StatusCreated, []models.Code{models.CodeNotFound, models.CodeConflict}
	op.rules = rulesOf(func(b alertFeedback, now time.Time) error {
		// Where the customer is, it may be tomorrow already; the store knows.
		return b.input(models.AlertEventID{}).Validate(models.DateOf(now).AddDays(1))
	})
	register(a, op, func(ctx context.Context, in *feedbackInput) (*feedbackOutput, error) {
		given, err := a.store.GiveFeedback(ctx, auth.ViewerFrom(ctx), in.Body.input(in.ID))
		if err != nil {
			return nil, err
		}
		body := showJudgment(linksFor(ctx), given.Judgment)
		out := &feedbackOutput{Status: http.StatusOK, Location: body.Links.Self.Href, ETag: etag(given.Judgment.Version), Body: body}
		if given.Created {
			out.Status = http.StatusCreated
		}
		return out, nil
	})
	documented := a.huma.OpenAPI().Paths[op.path].Post
	replaced := *documented.Responses[statusKey(http.StatusCreated)]
	replaced.Description = "It took the place of your earlier judgment."
	documented.Responses[statusKey(http.StatusOK)] = &replaced
}
