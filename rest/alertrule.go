package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"upstream/models"
)

// alertScope is the representation of models.AlertScope.
type alertScope struct {
	Payer            *string                `json:"payer" doc:"Only events of exactly this payer; of any when null." example:"Aetna"`
	CPTGroup         *string                `json:"cpt_group" doc:"Only events of exactly this CPT group, ALL being the payer as a whole; of any when null." example:"ALL"`
	DriftType        *models.DriftType      `json:"drift_type" doc:"Only events of this type; of any when null."`
	TrendDirection   *models.TrendDirection `json:"trend_direction" doc:"Only changes in this direction; in any when null."`
	MinRevenueImpact *string                `json:"min_revenue_impact" pattern:"^\\d+\\.\\d{2}$" doc:"Only events estimated to cost at least this much, USD over the current window." example:"5000.00"`
}

func showAlertScope(s models.AlertScope) alertScope {
	return alertScope{
		Payer: s.Payer, CPTGroup: s.CPTGroup, DriftType: s.DriftType, TrendDirection: s.TrendDirection,
		MinRevenueImpact: usd(s.MinRevenueImpact),
	}
}

// alertRule is the representation of models.AlertRule.
type alertRule struct {
	ID              models.AlertRuleID             `json:"id"`
	Customer        models.CustomerID              `json:"customer"`
	Name            string                         `json:"name" doc:"What people call it." example:"Denials rise"`
	Description     string                         `json:"description" doc:"What it is for." example:"Tells the denials team."`
	Scope           alertScope                     `json:"scope" doc:"Which drift events it looks at."`
	Metric          models.AlertMetric             `json:"metric" doc:"The number of an event that it looks at. The deltas are signed, and only events of their own drift type have them."`
	ThresholdType   models.ThresholdType           `json:"threshold_type" doc:"How the number is compared with the threshold."`
	ThresholdValue  float64                        `json:"threshold_value" doc:"In the unit of the metric: 0..1, a fraction, or days." example:"0.7"`
	Enabled         bool                           `json:"enabled" doc:"Whether it is evaluated." example:"true"`
	Severity        models.AlertSeverity           `json:"severity" doc:"How urgent its alerts are held to be."`
	RoutingChannels []models.NotificationChannelID `json:"routing_channels" doc:"Where its alerts go; empty for every enabled channel."`
	RoutingPriority int                            `json:"routing_priority" minimum:"-1000" maximum:"1000" doc:"Rules with higher numbers are evaluated first." example:"10"`
	RoutingTags     []string                       `json:"routing_tags" doc:"Words of the customer's own by which rules are found." example:"[\"denials\"]"`
	CreatedBy       *models.UserID                 `json:"created_by" doc:"Who made it; null for API keys and commands."`
	CreatedAt       time.Time                      `json:"created_at"`
	UpdatedAt       time.Time                      `json:"updated_at"`
	Links           alertRuleLinks                 `json:"_links"`
}

type alertRuleLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
	Alerts     link `json:"alerts"`
}

const alertRules = "alert-rules"

func showAlertRule(l links, r *models.AlertRule) alertRule {
	made := l.to(alerts)
	made.Href += "?alert_rule=" + r.ID.String()
	return alertRule{
		ID: r.ID, Customer: r.CustomerID, Name: r.Name, Description: r.Description, Scope: showAlertScope(r.Scope),
		Metric: r.Metric, ThresholdType: r.ThresholdType, ThresholdValue: r.ThresholdValue, Enabled: r.Enabled, Severity: r.Severity,
		RoutingChannels: r.RoutingChannels, RoutingPriority: r.RoutingPriority, RoutingTags: r.RoutingTags,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		Links: alertRuleLinks{Self: l.to(alertRules, r.ID.String()), Collection: l.to(alertRules), Alerts: made},
	}
}

// newAlertScope is the scope within a body that makes or tries a rule.
type newAlertScope struct {
	Payer            *string                `json:"payer,omitempty" doc:"Only events of exactly this payer; of any unless given." example:"Aetna"`
	CPTGroup         *string                `json:"cpt_group,omitempty" doc:"Only events of exactly this CPT group, ALL being the payer as a whole; of any unless given." example:"ALL"`
	DriftType        *models.DriftType      `json:"drift_type,omitempty" doc:"Only events of this type; of any unless given."`
	TrendDirection   *models.TrendDirection `json:"trend_direction,omitempty" doc:"Only changes in this direction; in any unless given."`
	MinRevenueImpact *decimal.Decimal       `json:"min_revenue_impact,omitempty" doc:"Only events estimated to cost at least this much, USD over the current window. Events without an estimate, such as improvements, do not reach any."`
}

// NewAlertRuleCondition is all of a new rule but its name; exported because the
// schema generator skips embedded types whose names are not.
type NewAlertRuleCondition struct {
	Description     string                         `json:"description,omitempty" doc:"What it is for, at most 2000 characters." example:"Tells the denials team."`
	Scope           *newAlertScope                 `json:"scope,omitempty" doc:"Which drift events it looks at; all unless given."`
	Metric          *models.AlertMetric            `json:"metric,omitempty" doc:"The number of an event that it looks at; severity unless given. The deltas are signed, and only events of their own drift type have them."`
	ThresholdType   *models.ThresholdType          `json:"threshold_type,omitempty" doc:"How it compares; gte unless given."`
	ThresholdValue  *float64                       `json:"threshold_value,omitempty" doc:"In the unit of the metric: 0..1, a fraction, or days; 0.7 unless given." example:"0.7"`
	Enabled         *bool                          `json:"enabled,omitempty" doc:"Whether it is evaluated; true unless given." example:"true"`
	Severity        *models.AlertSeverity          `json:"severity,omitempty" doc:"How urgent its alerts are held to be; warning unless given."`
	RoutingChannels []models.NotificationChannelID `json:"routing_channels,omitempty" doc:"Where its alerts go, at most 50; every enabled channel unless given."`
	RoutingPriority int                            `json:"routing_priority,omitempty" doc:"Rules with higher numbers are evaluated first, -1000 to 1000; 0 unless given." example:"10"`
	RoutingTags     []string                       `json:"routing_tags,omitempty" doc:"Words of the customer's own, at most 20 of at most 50 characters." example:"[\"denials\"]"`
}

func (b NewAlertRuleCondition) input() models.NewAlertRule {
	in := models.NewAlertRule{
		Description: b.Description, Metric: b.Metric, ThresholdType: b.ThresholdType, ThresholdValue: b.ThresholdValue,
		Enabled: b.Enabled, Severity: b.Severity, RoutingChannels: b.RoutingChannels, RoutingPriority: b.RoutingPriority,
		RoutingTags: b.RoutingTags,
	}
	if b.Scope != nil {
		in.Scope = models.AlertScope(*b.Scope)
	}
	return in
}

// newAlertRule is the body that makes a rule.
type newAlertRule struct {
	NewAlertRuleCondition

	Name string `json:"name" doc:"What people call it, 1 to 100 characters; no two rules have the same." example:"Denials rise"`
}

// input is the body as the store takes it.
func (b newAlertRule) input() models.NewAlertRule {
	in := b.NewAlertRuleCondition.input()
	in.Name = b.Name
	return in
}

// Validate lists what is wrong with the body.
func (b newAlertRule) Validate() error { return b.input().Validate() }

// alertOperation reads alerts, rules or channels, or, by another method than
// GET, changes rules or channels.
func alertOperation(method, id, summary, description string, path ...string) operation {
	op := operation{
		id: id, method: method, path: resourcePath(path...), tag: tagAlerts, summary: summary, description: description,
		permission: models.PermissionManageAlerts,
	}
	if method == http.MethodGet {
		op.permission = models.PermissionViewAlerts
	}
	return op
}

// inUse is the operation that may find that something refers to the row.
func (op operation) inUse() operation {
	op.codes = append(op.codes, models.CodeInUse)
	return op
}

func (a *api) registerAlertRules() {
	version := func(r *models.AlertRule) int64 { return r.Version }
	registerList(a, alertOperation(http.MethodGet, "listAlertRules", "List alert rules",
		"The customer's rules in the order of their evaluation unless ordered otherwise: highest priority first. Search looks at name and description.", alertRules),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.AlertRuleFilter, l models.List[models.AlertRuleOrderField]) (*models.Rows[*models.AlertRule], error) {
			return a.store.AlertRules(ctx, v, f, l)
		}, showAlertRule)
	registerDetail(a, alertOperation(http.MethodGet, "getAlertRule", "Show an alert rule", "One condition on drift events.", alertRules, "{id}"),
		a.store.AlertRule, showAlertRule, version)
	registerCreate(a, alertOperation(http.MethodPost, "createAlertRule", "Create an alert rule",
		"Makes a rule, which is evaluated from the next run on. A name that another rule has is a conflict.", alertRules),
		func(ctx context.Context, v models.Viewer, body newAlertRule) (*models.AlertRule, error) {
			return a.store.CreateAlertRule(ctx, v, body.input())
		}, showAlertRule, version, func(r alertRule) string { return r.Links.Self.Href })
	registerPatch(a, alertOperation(http.MethodPatch, "updateAlertRule", "Change an alert rule",
		"Changes a rule; alerts that it made stay as they are. A scope, a list of channels or of tags is replaced as a whole.", alertRules, "{id}").conflicting(),
		a.store.UpdateAlertRule, showAlertRule, version)
	registerDelete(a, alertOperation(http.MethodDelete, "deleteAlertRule", "Delete an alert rule",
		"Deletes a rule. One that has made alerts stays, because they refer to it (409, `IN_USE`): disable it instead.",
		alertRules, "{id}").inUse(), a.store.DeleteAlertRule)
	a.registerAlertRulePreview()
}
