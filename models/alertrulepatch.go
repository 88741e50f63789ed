package models

import "slices"

// AlertRulePatch is what a client may change of an alert rule.
type AlertRulePatch struct {
	Name            Change[string]                  `json:"name" maxLength:"100" doc:"The name people read; no two rules have the same (upper and lower case do not differ)." example:"Denials at Aetna"`
	Description     Change[string]                  `json:"description" maxLength:"2000" doc:"What the rule is for." example:"Somebody has to call the payer."`
	Scope           Change[AlertScope]              `json:"scope" doc:"Which drift events the rule looks at; replaces the former scope whole."`
	Metric          Change[AlertMetric]             `json:"metric" doc:"The number the rule looks at."`
	ThresholdType   Change[ThresholdType]           `json:"threshold_type" doc:"How the number is compared with the threshold."`
	ThresholdValue  Change[float64]                 `json:"threshold_value" doc:"The threshold, in the unit of the metric; deltas are signed." example:"0.7"`
	Enabled         Change[bool]                    `json:"enabled" doc:"Whether runs evaluate the rule." example:"true"`
	Severity        Change[AlertSeverity]           `json:"severity" doc:"How urgent its alerts are."`
	RoutingChannels Change[[]NotificationChannelID] `json:"routing_channels" maxItems:"50" doc:"Where its alerts go; none means every enabled channel."`
	RoutingPriority Change[int]                     `json:"routing_priority" minimum:"-1000" maximum:"1000" doc:"Rules with a higher one are evaluated earlier." example:"0"`
	RoutingTags     Change[[]string]                `json:"routing_tags" maxItems:"20" doc:"Words of your own choosing." example:"[\"denials\"]"`
}

// Validate lists which changes leave a field without a value that has to have
// one. What is wrong with the values themselves depends on one another: see
// [AlertRule.Validate].
func (in AlertRulePatch) Validate() error {
	return Invalid(slices.Concat(
		checked("name", in.Name, anything[string]),
		checked("description", in.Description, anything[string]),
		checked("scope", in.Scope, anything[AlertScope]),
		checked("metric", in.Metric, anything[AlertMetric]),
		checked("threshold_type", in.ThresholdType, anything[ThresholdType]),
		checked("threshold_value", in.ThresholdValue, anything[float64]),
		checked("enabled", in.Enabled, anything[bool]),
		checked("severity", in.Severity, anything[AlertSeverity]),
		checked("routing_channels", in.RoutingChannels, anything[[]NotificationChannelID]),
		checked("routing_priority", in.RoutingPriority, anything[int]),
		checked("routing_tags", in.RoutingTags, anything[[]string]),
	)...)
}

// Apply makes the changes, unless the rule were wrong with them.
func (in AlertRulePatch) Apply(r *AlertRule) error {
	changed := *r
	in.Name.apply(&changed.Name)
	in.Description.apply(&changed.Description)
	in.Scope.apply(&changed.Scope)
	in.Metric.apply(&changed.Metric)
	in.ThresholdType.apply(&changed.ThresholdType)
	in.ThresholdValue.apply(&changed.ThresholdValue)
	in.Enabled.apply(&changed.Enabled)
	in.Severity.apply(&changed.Severity)
	in.RoutingChannels.apply(&changed.RoutingChannels)
	in.RoutingPriority.apply(&changed.RoutingPriority)
	in.RoutingTags.apply(&changed.RoutingTags)
	if err := changed.Validate(); err != nil {
		return err
	}
	changed.settle()
	*r = changed
	return nil
}

// settle gives the rule the one form in which it is stored.
func (r *AlertRule) settle() {
	r.RoutingChannels = slices.SortedFunc(slices.Values(r.RoutingChannels), func(a, b NotificationChannelID) int {
		x, y := a.UUID(), b.UUID()
		return slices.Compare(x[:], y[:])
	})
	if r.RoutingChannels == nil {
		r.RoutingChannels = []NotificationChannelID{}
	}
	if r.RoutingTags == nil {
		r.RoutingTags = []string{}
	}
}

// Patch is the input as the patch of a rule that says nothing yet.
func (in NewAlertRule) Patch() AlertRulePatch {
	r := in.Rule()
	return AlertRulePatch{
		Name: To(r.Name), Description: To(r.Description), Scope: To(r.Scope), Metric: To(r.Metric),
		ThresholdType: To(r.ThresholdType), ThresholdValue: To(r.ThresholdValue), Enabled: To(r.Enabled), Severity: To(r.Severity),
		RoutingChannels: To(r.RoutingChannels), RoutingPriority: To(r.RoutingPriority), RoutingTags: To(r.RoutingTags),
	}
}

// Bounds of previews.
const (
	DefaultPreviewRuns = 5
	MaxPreviewRuns     = 20
	// MaxPreviewMatches is how many matches a preview shows.
	MaxPreviewMatches = 100
)

// AlertRulePreview asks what a rule would have done, were there one.
type AlertRulePreview struct {
	Rule NewAlertRule
	// Runs is how many of the last successful runs are looked at, 1 to 20; 5 when
	// nil.
	Runs *int
}

// Validate lists what is wrong with the input. The rule needs no name.
func (in AlertRulePreview) Validate() error {
	rule := in.Rule.Rule()
	if rule.Name == "" {
		rule.Name = "preview"
	}
	var fields []FieldError
	if err := rule.Validate(); err != nil {
		fields = AsError(err).Fields
	}
	if runs := in.Size(); runs < 1 || runs > MaxPreviewRuns {
		fields = append(fields, FieldError{"runs", "invalid", "must be from 1 to 20"})
	}
	return Invalid(fields...)
}

// Size is how many runs are looked at.
func (in AlertRulePreview) Size() int { return valueOr(in.Runs, DefaultPreviewRuns) }

// AlertRulePreviewResult is what a rule would have done with the last runs.
type AlertRulePreviewResult struct {
	// Runs are those that were looked at, newest first.
	Runs []*ReportRun
	// EventCount is how many drift events they have.
	EventCount int
	// MatchCount is how many of those the rule fires on; Matches are the first
	// MaxPreviewMatches of them, newest run first.
	MatchCount int
	Matches    []AlertRuleMatch
	// SuppressedCount is of how many of the MatchCount nobody would have been told.
	SuppressedCount int
}

// AlertRuleMatch is a drift event that a rule fires on.
type AlertRuleMatch struct {
	Event *DriftEvent
	// Value is that of the rule's metric.
	Value float64
	// Suppression is why nobody would have been told, had the alert been due when
	// the run ended; nil when people would have been.
	Suppression *SuppressionReason
}
