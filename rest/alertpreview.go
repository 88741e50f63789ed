package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// trialAlertRule is the body that tries a rule.
type trialAlertRule struct {
	NewAlertRuleCondition

	Name *string `json:"name,omitempty" doc:"What people would call it; none is needed." example:"Denials rise"`
	Runs *int    `json:"runs,omitempty" doc:"How many of the last successful runs to look at, 1 to 20; 5 unless given." example:"5"`
}

func (b trialAlertRule) input() models.AlertRulePreview {
	rule := b.NewAlertRuleCondition.input()
	if b.Name != nil {
		rule.Name = *b.Name
	}
	return models.AlertRulePreview{Rule: rule, Runs: b.Runs}
}

// alertRulePreview is the representation of models.AlertRulePreviewResult.
type alertRulePreview struct {
	Runs            []models.ReportRunID `json:"runs" doc:"The runs that were looked at, newest first."`
	EventCount      int                  `json:"event_count" minimum:"0" doc:"How many drift events they have." example:"12"`
	MatchCount      int                  `json:"match_count" minimum:"0" doc:"On how many of them the rule fires." example:"1"`
	SuppressedCount int                  `json:"suppressed_count" minimum:"0" doc:"Of how many of those nobody would have been told." example:"0"`
	Matches         []alertRuleMatch     `json:"matches" maxItems:"100" doc:"The drift events that the rule fires on, newest run first; the first 100 of them."`
}

// alertRuleMatch is the representation of models.AlertRuleMatch.
type alertRuleMatch struct {
	DriftEvent        driftEvent                `json:"drift_event"`
	Value             float64                   `json:"value" doc:"The value of the rule's metric that met the threshold." example:"0.75"`
	SuppressionReason *models.SuppressionReason `json:"suppression_reason" doc:"Why nobody would have been told, had the alert been due when the run ended; null when people would have been."`
}

func showPreview(l links, p *models.AlertRulePreviewResult) alertRulePreview {
	out := alertRulePreview{
		Runs: make([]models.ReportRunID, len(p.Runs)), EventCount: p.EventCount, MatchCount: p.MatchCount, SuppressedCount: p.SuppressedCount,
		Matches: make([]alertRuleMatch, len(p.Matches)),
	}
	for i, r := range p.Runs {
		out.Runs[i] = r.ID
	}
	for i, m := range p.Matches {
		out.Matches[i] = alertRuleMatch{DriftEvent: showDriftEvent(l, m.Event), Value: m.Value, SuppressionReason: m.Suppression}
	}
	return out
}

func (a *api) registerAlertRulePreview() {
	op := alertOperation(http.MethodPost, "previewAlertRule", "Try an alert rule",
		"What a rule would have done: the drift events of the last runs that it would have fired on. Nothing is stored and nobody is told.", alertRules, "preview")
	op.hasBody, op.readsOnly = true, true
	op.rules = rulesOf(func(b trialAlertRule, _ time.Time) error { return b.input().Validate() })
	register(a, op, func(ctx context.Context, in *struct{ Body trialAlertRule }) (*struct{ Body alertRulePreview }, error) {
		result, err := a.store.PreviewAlertRule(ctx, auth.ViewerFrom(ctx), in.Body.input())
		if err != nil {
			return nil, err
		}
		return &struct{ Body alertRulePreview }{showPreview(linksFor(ctx), result)}, nil
	})
}
