package apitest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"upstream/internal/factory"
	"upstream/models"
)

var (
	alertRule = resource{typ: "AlertRule", path: "alert-rules/", table: "alert_rules", enums: map[string]bool{
		"metric": true, "threshold_type": true, "severity": true, "trend_direction": true,
	}}
	channel = resource{typ: "NotificationChannel", path: "notification-channels/", table: "notification_channels", enums: map[string]bool{"channel_type": true}}
	alert   = resource{typ: "AlertEvent", path: "alerts/", table: "alert_events", enums: map[string]bool{"verdict": true}}
)

// seedAlerts gives each of twins rules and channels, and alerts that a run made:
// of each clinic one rule fires on everything.
func seedAlerts(s *Server) {
	both := models.NewAPIKey{Name: "alerts", Scopes: []models.Scope{models.ScopeAlertsRead, models.ScopeAlertsWrite}}
	s.usable("alerts", must(s.Store.CreateAPIKey(s.Context(), s.Cedar.System(), both))(s))
	s.seedAlertsOf(s.Cedar, "")
	s.seedAlertsOf(s.Harbor, "harbor.")
}

func (s *Server) seedAlertsOf(clinic *factory.Tenant, prefix string) {
	v := clinic.System()
	for i, in := range []models.NewNotificationChannel{
		{Name: "Desk", Config: models.ChannelConfig{Recipients: []string{"desk@clinic.test"}}},
		{Name: "Denials", ChannelType: new(models.ChannelSlack), Config: models.ChannelConfig{WebhookURL: "https://hooks.slack.com/services/T0/B0/secret"}},
		{Name: "Partners", ChannelType: new(models.ChannelWebhook)},
	} {
		row := must(s.Store.CreateNotificationChannel(s.Context(), v, in))(s)
		s.known(prefix+[]string{"first.channel", "second.channel", "third.channel"}[i], row.ID.String(), row.ID.UUID())
	}
	desk := models.NotificationChannelID{}.From(uuid.MustParse(s.names[prefix+"first.channel.uuid"]))
	for i, in := range []models.NewAlertRule{
		{Name: "Everything", ThresholdValue: new(0.0)},
		{Name: "Nothing", ThresholdValue: new(1.0), ThresholdType: new(models.ThresholdGT), RoutingChannels: []models.NotificationChannelID{desk}},
	} {
		row := must(s.Store.CreateAlertRule(s.Context(), v, in))(s)
		s.known(prefix+[]string{"first.rule", "second.rule"}[i], row.ID.String(), row.ID.UUID())
	}
	clinic.Ingest(shift(factory.Today())...)
	_ = must(s.Store.DetectDrift(s.Context(), v, models.DetectInput{}))(s)
	rows := must(s.Store.AlertEvents(s.Context(), v, models.AlertEventFilter{}, models.List[models.AlertEventOrderField]{Page: models.Page{Limit: 10}}))(s)
	if len(rows.Items) < 2 {
		s.Fatal("no alerts were made")
	}
	for i, row := range rows.Items {
		s.known(fmt.Sprintf("%salert.%d", prefix, i), row.ID.String(), row.ID.UUID())
	}
	for _, role := range []models.Role{models.RoleAnalyst, models.RoleViewer} {
		user := s.viewerOf(clinic, role).UserID
		s.known(prefix+"user."+string(role), user.String(), user.UUID())
	}
	_ = factory.Query[int](clinic, `UPDATE alert_events SET status = 'failed', error_message = 'Refused.' WHERE id = ? RETURNING 1`, s.names[prefix+"alert.1.uuid"])
}

// handles is the case that does something to an alert, at any version when that
// is 0.
func handles(verb, name, user, id string, version int, body map[string]any) write {
	w := write{changes: []string{"alert_events", "alert_history", "audit_events", "audit_heads"}, Case: Case{
		Name: verb + " " + name, As: Asker{User: user}, REST: Call{Method: "POST", Path: alert.path + id + "/" + verb + "/"},
		GraphQL: Operation{
			Document: fmt.Sprintf("mutation($input: %s%sAlertInput!) { %s%sAlert(input: $input) { userErrors { code message path reason existingId } alertEvent { %s } } }",
				strings.ToUpper(verb[:1]), verb[1:], strings.ToLower(verb[:1]), verb[1:], selection("AlertEvent")),
			Variables: map[string]any{"input": alert.input(body, map[string]any{"id": id})}, At: verb + "Alert.alertEvent", Type: "AlertEvent",
		},
	}}
	if body != nil {
		w.REST.Body = body
	}
	return w.at(version)
}

// judges is the case that judges an alert.
func judges(name, user, id string, body map[string]any) write {
	return write{changes: []string{"alert_events", "alert_history", "audit_events", "audit_heads", "operator_judgments"}, Case: Case{
		Name: "judge " + name, As: Asker{User: user}, REST: Call{Method: "POST", Path: alert.path + id + "/feedback/", Body: body},
		GraphQL: Operation{
			Document: "mutation($input: SubmitAlertFeedbackInput!) { submitAlertFeedback(input: $input) { userErrors { code message path reason existingId } " +
				"operatorJudgment { " + selection("OperatorJudgment") + " } } }",
			Variables: map[string]any{"input": alert.input(body, map[string]any{"id": id})}, At: "submitAlertFeedback.operatorJudgment", Type: "OperatorJudgment",
		},
	}}
}

// tries is the case that sends a test message.
func tries(name, user, id string) write {
	return write{changes: []string{"audit_events", "audit_heads"}, Case: Case{
		Name: "try " + name, As: Asker{User: user}, REST: Call{Method: "POST", Path: channel.path + id + "/test/"},
		GraphQL: channel.mutation("test", map[string]any{"id": id}),
	}}
}

// previews is the case that tries a rule.
func previews(name, user string, body map[string]any) write {
	return write{Case: Case{
		Name: "preview " + name, As: Asker{User: user}, REST: Call{Method: "POST", Path: "alert-rules/preview/", Body: body},
		GraphQL: Operation{
			Document:  "query($input: PreviewAlertRuleInput!) { previewAlertRule(input: $input) { " + selection("AlertRulePreview") + " } }",
			Variables: map[string]any{"input": alertRule.input(body, nil)}, At: "previewAlertRule", Type: "AlertRulePreview",
		},
	}}
}

// heard is a write that partners hear of.
func heard(w write) write {
	w.changes = append(slices.Clone(w.changes), "webhook_events", "webhook_streams")
	return w
}

// audited are the tables of a change, sorted.
func audited(w write, tables ...string) write {
	w.changes = append([]string{"audit_events", "audit_heads"}, tables...)
	slices.Sort(w.changes)
	return w
}

// alertRuleChanges succeed one after another.
func alertRuleChanges() []write {
	r := alertRule
	byKey := audited(r.changing("a key", "", "{second.rule}", 0, object("description", "Too much of it.")), r.table)
	byKey.As = Asker{Key: "alerts"}
	byRoot := audited(r.changing("a superuser", "root", "{second.rule}", 0, object("routing_priority", -5)), r.table)
	byRoot.As.Customer = "{cedar}"
	whole := object(
		"name", "Denials at Aetna", "description", "Call them.\nAt once.", "metric", "denial_rate_delta", "threshold_type", "gt", "threshold_value", 0.05,
		"enabled", false, "severity", "critical", "routing_priority", 7, "routing_tags", []any{"desk", "denials"}, "routing_channels", []any{"{second.channel}", "{first.channel}"},
		"scope", object("payer", "Aetna", "cpt_group", "ALL", "drift_type", "DENIAL_RATE", "trend_direction", "degrading", "min_revenue_impact", "1250.50"),
	)
	return []write{
		audited(r.creating("an admin makes one that says everything", "cedar.admin", whole), "alert_rules", "alert_rule_channels"),
		audited(r.creating("an owner makes one that has a name", "cedar.owner", object("name", "Severe")), "alert_rules"),
		audited(r.changing("a threshold", "cedar.admin", "{first.rule}", 1, object("threshold_value", 0.5)), r.table),
		audited(r.changing("where its alerts go", "cedar.admin", "{second.rule}", 0, object("routing_channels", []any{"{second.channel}"})), "alert_rules", "alert_rule_channels"),
		audited(r.changing("everywhere again", "cedar.admin", "{second.rule}", 0, object("routing_channels", []any{}, "routing_tags", []any{"x"})), "alert_rules", "alert_rule_channels"),
		audited(r.changing("the scope as a whole", "cedar.owner", "{second.rule}", 0, object("scope", object("payer", "Aetna", "min_revenue_impact", "10.00"))), r.table),
		audited(r.changing("no scope", "cedar.owner", "{second.rule}", 0, object("scope", object())), r.table),
		idle(r.changing("what is so already", "cedar.admin", "{first.rule}", 2, object("threshold_value", 0.5, "name", "Everything"))),
		idle(r.changing("nothing", "cedar.admin", "{first.rule}", 0, object())),
		byKey, byRoot,
		previews("everything", "cedar.admin", object("threshold_value", 0)),
		previews("of one run", "cedar.owner", object("name", "A name", "threshold_value", 0, "runs", 1, "scope", object("drift_type", "DENIAL_RATE"))),
		previews("nothing", "cedar.admin", object("threshold_value", 1, "threshold_type", "gt")),
		audited(r.deleting("an admin deletes one without alerts", "cedar.admin", "{second.rule}", 0), r.table),
	}
}

// alertRuleRefusals leave everything as it is.
func alertRuleRefusals() []write {
	r, own := alertRule, "{first.rule}"
	name := object("name", "x")
	return []write{
		refusing(r.creating("nobody", "", name), models.CodeUnauthenticated),
		refusing(r.creating("an analyst", "cedar.analyst", name), models.CodeForbidden),
		refusing(r.creating("everything wrong", "cedar.admin", object(
			"name", " ", "description", strings.Repeat("é", 2001), "metric", "denial_rate_delta", "threshold_value", 2, "routing_priority", 1001,
			"routing_tags", []any{"a", "a", " "}, "scope", object("payer", "", "drift_type", "DECISION_TIME", "min_revenue_impact", "-1.00"),
		)), models.CodeValidation, "description invalid", "name invalid", "routing_priority invalid", "routing_tags.1 repeated", "routing_tags.2 invalid",
			"scope.drift_type never_matches", "scope.min_revenue_impact invalid", "scope.payer invalid", "threshold_value invalid"),
		inWords(refusing(r.creating("no name", "cedar.admin", object("severity", "info")), models.CodeValidation, "name required")),
		inWords(refusing(r.creating("another metric", "cedar.admin", object("name", "x", "metric", "volume")), models.CodeValidation, "metric invalid")),
		inWords(refusing(r.creating("another scope", "cedar.admin", object("name", "x", "scope", object("payor", "x"))), models.CodeValidation, "scope.payor unknown")),
		refusing(r.creating("another customer's channel", "cedar.admin", object("name", "x", "routing_channels", []any{"{harbor.first.channel}"})), models.CodeValidation, "routing_channels invalid"),
		refusing(r.creating("no channel", "cedar.admin", object("name", "x", "routing_channels", []any{"chan" + nowhere})), models.CodeValidation, "routing_channels invalid"),
		refusing(r.creating("a name that is taken", "cedar.admin", object("name", "EVERYTHING")), models.CodeConflict, "name taken"),
		refusing(r.changing("to a name that is taken", "cedar.admin", own, 0, object("name", "nothing")), models.CodeConflict, "name taken"),
		refusing(r.changing("an analyst changes", "cedar.analyst", own, 0, name), models.CodeForbidden),
		refusing(r.changing("everything null", "cedar.admin", own, 0, object(
			"name", nil, "description", nil, "scope", nil, "metric", nil, "threshold_type", nil, "threshold_value", nil, "enabled", nil,
			"severity", nil, "routing_channels", nil, "routing_priority", nil, "routing_tags", nil,
		)), models.CodeValidation, "description required", "enabled required", "metric required", "name required", "routing_channels required",
			"routing_priority required", "routing_tags required", "scope required", "severity required", "threshold_type required", "threshold_value required"),
		refusing(r.changing("to what never matches", "cedar.admin", own, 0, object("metric", "decision_time_delta", "scope", object("drift_type", "DENIAL_RATE"))),
			models.CodeValidation, "scope.drift_type never_matches"),
		inWords(refusing(r.changing("an unknown scope", "cedar.admin", own, 0, object("scope", object("payor", "x"))), models.CodeValidation, "scope.payor unknown")),
		inWords(refusing(r.changing("a scope of numbers", "cedar.admin", own, 0, object("scope", object("payer", []any{}))), models.CodeValidation, "scope.payer invalid")),
		inWords(refusing(r.changing("a member to be read only", "cedar.admin", own, 0, object("created_by", nil)), models.CodeValidation, "created_by read_only")),
		refusing(r.changing("a version that was not", "cedar.admin", own, 7, name), models.CodeStale),
		refusing(r.changing("another customer's", "cedar.admin", "{harbor.first.rule}", 0, name), models.CodeNotFound),
		refusing(r.changing("none", "cedar.admin", "rule"+nowhere, 0, name), models.CodeNotFound),
		refusing(r.changing("of another kind", "cedar.admin", "{first.channel}", 0, name), models.CodeValidation, "id invalid"),
		refusing(r.deleting("one that has made alerts", "cedar.owner", own, 0), models.CodeInUse),
		refusing(r.deleting("an analyst deletes", "cedar.analyst", "{second.rule}", 0), models.CodeForbidden),
		refusing(r.deleting("at a version that was not", "cedar.owner", "{second.rule}", 3), models.CodeStale),
		refusing(r.deleting("another customer's rule", "cedar.owner", "{harbor.second.rule}", 0), models.CodeNotFound),
		refusing(previews("an analyst", "cedar.analyst", object()), models.CodeForbidden),
		refusing(previews("with everything wrong", "cedar.admin", object("runs", 21, "threshold_value", 2)), models.CodeValidation, "runs invalid", "threshold_value invalid"),
	}
}

// channelChanges succeed one after another.
func channelChanges() []write {
	c := channel
	return []write{
		audited(c.creating("an e-mail channel unless said otherwise", "cedar.admin", object("name", "Mail", "config", object("recipients", []any{"a@clinic.test", "b@clinic.test"}))), c.table),
		audited(c.creating("a Slack channel", "cedar.owner", object("name", "Slack", "channel_type", "slack", "enabled", false,
			"config", object("webhook_url", "https://hooks.slack.com/services/T0/B0/s3cret"))), c.table),
		audited(c.creating("webhooks", "cedar.owner", object("name", "Hooks", "channel_type", "webhook")), c.table),
		audited(c.changing("a name", "cedar.admin", "{first.channel}", 1, object("name", "Front desk")), c.table),
		audited(c.changing("whom to tell", "cedar.admin", "{first.channel}", 2, object("config", object("recipients", []any{"c@clinic.test"}))), c.table),
		audited(c.changing("another URL", "cedar.admin", "{second.channel}", 0, object("config", object("webhook_url", "https://hooks.slack.com/services/T1/B1/other"))), c.table),
		idle(c.changing("what is so already", "cedar.admin", "{first.channel}", 3, object("name", "Front desk", "enabled", true))),
		tries("an e-mail channel", "cedar.admin", "{first.channel}"),
		tries("a Slack channel", "cedar.owner", "{second.channel}"),
		audited(c.deleting("one that no rule names", "cedar.admin", "{second.channel}", 0), c.table),
	}
}

// channelRefusals leave everything as it is.
func channelRefusals() []write {
	c, own := channel, "{first.channel}"
	name := object("name", "x")
	return []write{
		refusing(c.creating("nobody", "", name), models.CodeUnauthenticated),
		refusing(c.creating("an analyst", "cedar.analyst", name), models.CodeForbidden),
		refusing(c.creating("nobody to tell", "cedar.admin", object("name", "")), models.CodeValidation, "config.recipients required", "name invalid"),
		refusing(c.creating("no addresses", "cedar.admin", object("name", "x", "config", object("recipients", []any{"nobody", "a@b.test", "A@B.test"}, "webhook_url", "https://x.test"))),
			models.CodeValidation, "config.recipients.0 invalid", "config.recipients.2 repeated", "config.webhook_url invalid"),
		refusing(c.creating("Slack without a URL", "cedar.admin", object("name", "x", "channel_type", "slack", "config", object("recipients", []any{"a@b.test"}))),
			models.CodeValidation, "config.recipients invalid", "config.webhook_url required"),
		refusing(c.creating("Slack at home", "cedar.admin", object("name", "x", "channel_type", "slack", "config", object("webhook_url", "http://10.0.0.1/"))),
			models.CodeValidation, "config.webhook_url invalid"),
		inWords(refusing(c.creating("another type", "cedar.admin", object("name", "x", "channel_type", "fax")), models.CodeValidation, "channel_type invalid")),
		inWords(refusing(c.creating("another configuration", "cedar.admin", object("name", "x", "config", object("recipients", []any{"a@b.test"}, "to", "x"))), models.CodeValidation, "config.to unknown")),
		refusing(c.creating("a name that is taken", "cedar.admin", object("name", "DESK", "config", object("recipients", []any{"a@b.test"}))), models.CodeConflict, "name taken"),
		refusing(c.changing("to a name that is taken", "cedar.admin", own, 0, object("name", "denials")), models.CodeConflict, "name taken"),
		inWords(refusing(c.changing("its type", "cedar.admin", own, 0, object("channel_type", "slack")), models.CodeValidation, "channel_type read_only")),
		refusing(c.changing("everything null", "cedar.admin", own, 0, object("name", nil, "config", nil, "enabled", nil)), models.CodeValidation,
			"config required", "enabled required", "name required"),
		refusing(c.changing("to a URL", "cedar.admin", own, 0, object("config", object("webhook_url", "https://hooks.slack.com/x"))), models.CodeValidation,
			"config.recipients required", "config.webhook_url invalid"),
		refusing(c.changing("a version that was not", "cedar.admin", own, 7, name), models.CodeStale),
		refusing(c.changing("another customer's", "cedar.admin", "{harbor.first.channel}", 0, name), models.CodeNotFound),
		refusing(c.changing("of another kind", "cedar.admin", "{first.rule}", 0, name), models.CodeValidation, "id invalid"),
		refusing(c.deleting("one that a rule names", "cedar.admin", own, 0), models.CodeInUse),
		refusing(c.deleting("an analyst deletes", "cedar.analyst", "{second.channel}", 0), models.CodeForbidden),
		refusing(c.deleting("another customer's channel", "cedar.admin", "{harbor.second.channel}", 0), models.CodeNotFound),
		refusing(tries("an analyst", "cedar.analyst", own), models.CodeForbidden),
		refusing(tries("webhooks", "cedar.admin", "{third.channel}"), models.CodeConflict),
		refusing(tries("another customer's", "cedar.admin", "{harbor.first.channel}"), models.CodeNotFound),
		refusing(tries("none", "cedar.admin", "chan"+nowhere), models.CodeNotFound),
	}
}

// alertChanges succeed one after another.
func alertChanges() []write {
	until := factory.Now().Add(72 * time.Hour).Format(time.RFC3339)
	byKey := judges("by a key", "", "{alert.1}", object("verdict", "real"))
	byKey.As = Asker{Key: "alerts"}
	byRoot := handles("acknowledge", "by a superuser", "root", "{alert.1}", 0, nil)
	byRoot.As.Customer = "{cedar}"
	return []write{
		handles("acknowledge", "by an analyst", "cedar.analyst", "{alert.0}", 1, nil),
		idle(handles("acknowledge", "a second time", "cedar.admin", "{alert.0}", 2, nil)),
		handles("snooze", "what is acknowledged", "cedar.analyst", "{alert.0}", 2, object("until", until)),
		handles("unsnooze", "it", "cedar.analyst", "{alert.0}", 0, nil),
		idle(handles("unsnooze", "it a second time", "cedar.analyst", "{alert.0}", 0, nil)),
		handles("assign", "it to an analyst", "cedar.admin", "{alert.0}", 4, object("assignee", "{user.analyst}")),
		handles("assign", "it to nobody", "cedar.analyst", "{alert.0}", 0, object("assignee", nil)),
		heard(handles("resolve", "it", "cedar.owner", "{alert.0}", 0, nil)),
		handles("reopen", "it", "cedar.analyst", "{alert.0}", 0, nil),
		handles("retry", "what failed", "cedar.analyst", "{alert.1}", 0, nil),
		byRoot,
		judges("it to be real", "cedar.analyst", "{alert.0}", object("verdict", "real", "reason_codes", []any{"policy_change"}, "recovered_amount", "1250.50",
			"recovered_date", factory.Today().AddDays(-1).String(), "notes", "They paid.\nAt last.")),
		judges("it by somebody else", "cedar.admin", "{alert.0}", object("verdict", "needs_followup")),
		heard(judges("it again", "cedar.analyst", "{alert.0}", object("verdict", "noise"))),
		byKey,
	}
}

// alertRefusals leave everything as it is.
func alertRefusals() []write {
	own, theirs, none := "{alert.0}", "{harbor.alert.0}", "alert"+nowhere
	day := func(days int) map[string]any {
		return object("until", factory.Now().AddDate(0, 0, days).Format(time.RFC3339))
	}
	var refused []write
	for _, verb := range []string{"acknowledge", "resolve", "reopen", "unsnooze", "retry"} {
		refused = append(refused,
			refusing(handles(verb, "by nobody", "", own, 0, nil), models.CodeUnauthenticated),
			refusing(handles(verb, "by a viewer", "cedar.viewer", own, 0, nil), models.CodeForbidden),
			refusing(handles(verb, "at a version that was not", "cedar.analyst", own, 9, nil), models.CodeStale),
			refusing(handles(verb, "another customer's", "cedar.owner", theirs, 0, nil), models.CodeNotFound),
			refusing(handles(verb, "none", "cedar.owner", none, 0, nil), models.CodeNotFound),
			refusing(handles(verb, "of another kind", "cedar.owner", "{first.rule}", 0, nil), models.CodeValidation, "id invalid"),
		)
	}
	return append(refused,
		refusing(handles("snooze", "by a viewer", "cedar.viewer", own, 0, day(1)), models.CodeForbidden),
		refusing(handles("snooze", "until yesterday", "cedar.analyst", own, 0, day(-1)), models.CodeValidation, "until invalid"),
		refusing(handles("snooze", "too long", "cedar.analyst", own, 0, day(91)), models.CodeValidation, "until invalid"),
		inWords(refusing(handles("snooze", "until never", "cedar.analyst", own, 0, object("until", nil)), models.CodeValidation, "until invalid")),
		refusing(handles("snooze", "at a version that was not", "cedar.analyst", own, 9, day(1)), models.CodeStale),
		refusing(handles("assign", "by a viewer", "cedar.viewer", own, 0, object("assignee", nil)), models.CodeForbidden),
		refusing(handles("assign", "to somebody else's", "cedar.analyst", own, 0, object("assignee", "{harbor.user.analyst}")), models.CodeValidation, "assignee invalid"),
		refusing(handles("assign", "to no user", "cedar.analyst", own, 0, object("assignee", "user"+nowhere)), models.CodeValidation, "assignee invalid"),
		refusing(handles("assign", "to a rule", "cedar.analyst", own, 0, object("assignee", "{first.rule}")), models.CodeValidation, "assignee invalid"),
		refusing(handles("assign", "another customer's", "cedar.owner", theirs, 0, object("assignee", "{user.analyst}")), models.CodeNotFound),
		refusing(judges("by a viewer", "cedar.viewer", own, object("verdict", "real")), models.CodeForbidden),
		refusing(judges("another customer's", "cedar.owner", theirs, object("verdict", "real")), models.CodeNotFound),
		refusing(judges("none", "cedar.owner", none, object("verdict", "real")), models.CodeNotFound),
		inWords(refusing(judges("in another word", "cedar.analyst", own, object("verdict", "maybe")), models.CodeValidation, "verdict invalid")),
		refusing(judges("with everything wrong", "cedar.analyst", own, object("verdict", "real", "reason_codes", []any{"", "x", "x"}, "recovered_amount", "-1.00",
			"recovered_date", factory.Today().AddDays(2).String(), "notes", strings.Repeat("é", 4001))), models.CodeValidation,
			"notes invalid", "reason_codes.0 invalid", "reason_codes.2 repeated", "recovered_amount invalid", "recovered_date invalid"),
		refusing(judges("a day without money", "cedar.analyst", own, object("verdict", "real", "recovered_date", "2026-06-01")), models.CodeValidation, "recovered_date invalid"),
	)
}

func runWrites(t *testing.T, seed func(*Server), cases []write) {
	t.Helper()
	w := newTwins(t, seed)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}

func TestAlertRuleChanges(t *testing.T) {
	t.Parallel()
	runWrites(t, seedAlerts, alertRuleChanges())
}

func TestRefusedAlertRuleChanges(t *testing.T) {
	t.Parallel()
	runWrites(t, seedAlerts, alertRuleRefusals())
}

func TestChannelChanges(t *testing.T) {
	t.Parallel()
	runWrites(t, seedAlerts, channelChanges())
}

func TestRefusedChannelChanges(t *testing.T) {
	t.Parallel()
	runWrites(t, seedAlerts, channelRefusals())
}

func TestAlertChanges(t *testing.T) {
	t.Parallel()
	runWrites(t, seedAlerts, alertChanges())
}

func TestRefusedAlertChanges(t *testing.T) {
	t.Parallel()
	runWrites(t, seedAlerts, alertRefusals())
}

// TestResolvedAlertsAreLeftAlone: what may not happen to a resolved alert is a
// conflict in both APIs, and so is sending again what was sent.
func TestResolvedAlertsAreLeftAlone(t *testing.T) {
	t.Parallel()
	until := object("until", factory.Now().AddDate(0, 0, 1).Format(time.RFC3339))
	runWrites(t, seedAlerts, []write{
		heard(handles("resolve", "one", "cedar.analyst", "{alert.0}", 0, nil)),
		refusing(handles("acknowledge", "it", "cedar.analyst", "{alert.0}", 0, nil), models.CodeConflict),
		refusing(handles("snooze", "it", "cedar.analyst", "{alert.0}", 0, until), models.CodeConflict),
		refusing(handles("assign", "it", "cedar.analyst", "{alert.0}", 0, object("assignee", "{user.analyst}")), models.CodeConflict),
		refusing(handles("retry", "it", "cedar.analyst", "{alert.0}", 0, nil), models.CodeConflict),
	})
}

// TestFeedbackTellsWhetherItIsNew: 201 and created the first time, 200 and not
// created after that; the alert that comes along has the judgment's effect.
func TestFeedbackTellsWhetherItIsNew(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedAlerts)
	for i, want := range []struct {
		verdict, status string
		code            int
	}{{"noise", "RESOLVED", http.StatusCreated}, {"needs_followup", "PENDING", http.StatusOK}, {"real", "ACKNOWLEDGED", http.StatusOK}} {
		body := object("verdict", want.verdict)
		r := w.rest.rest(t, Asker{User: "cedar.analyst"}, Call{Method: "POST", Path: "alerts/{alert.0}/feedback/", Body: body})
		if r.status != want.code || r.header.Get("Location") == "" {
			t.Errorf("%s is answered with %d at %q", want.verdict, r.status, r.header.Get("Location"))
		}
		op := judges("", "", "{alert.0}", body).GraphQL
		op.Document = "mutation($input: SubmitAlertFeedbackInput!) { submitAlertFeedback(input: $input) { created alertEvent { status needsFollowUp latestJudgmentVerdict } userErrors { message } } }"
		var g struct {
			Data struct{ SubmitAlertFeedback map[string]any }
		}
		w.graphql.graphql(t, Asker{User: "cedar.analyst"}, op).decode(t, &g)
		same(t, want.verdict, map[string]any{
			"created": i == 0, "userErrors": []any{},
			"alertEvent": map[string]any{"status": want.status, "needsFollowUp": i == 1, "latestJudgmentVerdict": strings.ToUpper(want.verdict)},
		}, g.Data.SubmitAlertFeedback)
		shown := restAnswer(t, "AlertEvent", w.rest.rest(t, Asker{User: "cedar.viewer"}, Call{Path: "alerts/{alert.0}/"})).Rows[0]
		same(t, "the alert in REST", []any{want.status, strings.ToUpper(want.verdict), true}, []any{shown["status"], shown["latest_judgment_verdict"], shown["has_judgment"]})
	}
}

// alertDetails ask for what has an address of its own in REST.
func alertDetails() []Case {
	viewer := Asker{User: "cedar.viewer"}
	var cases []Case
	for _, id := range []string{"{alert}", "{alert.2}", "{harbor.alert}", "alert" + nowhere} {
		for part, typ := range map[string]string{"interpretation": "AlertInterpretation", "memory": "AlertMemory"} {
			c := Case{
				Name: part + " of " + id, As: viewer, REST: Call{Path: "alerts/" + id + "/" + part + "/"},
				GraphQL: Operation{
					Document:  "query($id: ID!) { node(id: $id) { ... on AlertEvent { " + part + " { " + selection(typ) + " } } } }",
					Variables: map[string]any{"id": id}, At: "node." + part, Type: typ,
				},
			}
			if id == "{harbor.alert}" || strings.HasPrefix(id, "alert_") {
				c.Want = models.CodeNotFound
			}
			cases = append(cases, c)
		}
	}
	return append(cases, Case{
		Name: "RecoveryStats", As: viewer, REST: Call{Path: "recovery-stats/"},
		GraphQL: Operation{Document: "{ recoveryStats { " + selection("RecoveryStats") + " } }", At: "recoveryStats", Type: "RecoveryStats"},
	})
}

// testAlertReferences compares what an alert refers to, which needs more of its
// reader in GraphQL, and the judgments that REST shows within an alert.
func (s *Server) testAlertReferences(t *testing.T) {
	t.Parallel()
	op := rootConnection("alertEvents", func(string) string {
		return "id driftEvent { id } reportRun { id } acknowledgedBy { userId } resolvedBy { userId } judgments(first: 50) { nodes { id notes } }"
	})
	op.Variables = map[string]any{"first": 50}
	var g struct {
		Data struct {
			AlertEvents struct {
				Nodes []struct {
					ID                         string
					DriftEvent, ReportRun      struct{ ID string }
					AcknowledgedBy, ResolvedBy *struct{ UserID *string }
					Judgments                  struct{ Nodes []struct{ ID, Notes string } }
				}
			}
		}
	}
	admin := Asker{User: "cedar.admin"}
	s.graphql(t, admin, op).decode(t, &g)
	var page struct {
		Results []struct {
			ID             string
			DriftEvent     string  `json:"drift_event"`
			ReportRun      string  `json:"report_run"`
			AcknowledgedBy *string `json:"acknowledged_by"`
			ResolvedBy     *string `json:"resolved_by"`
			Judgments      []struct{ ID, Notes string }
			Operator       []struct{ ID, Notes string } `json:"operator_judgments"`
		}
	}
	s.rest(t, admin, Call{Path: "alerts/?page_size=50"}).decode(t, &page)
	if len(page.Results) < 20 || len(page.Results) != len(g.Data.AlertEvents.Nodes) {
		t.Fatalf("%d alerts in REST, %d in GraphQL", len(page.Results), len(g.Data.AlertEvents.Nodes))
	}
	for i, theirs := range g.Data.AlertEvents.Nodes {
		ours := page.Results[i]
		same(t, "references", []string{ours.ID, ours.DriftEvent, ours.ReportRun}, []string{theirs.ID, theirs.DriftEvent.ID, theirs.ReportRun.ID})
		same(t, "judgments within an alert", ours.Operator, append([]struct{ ID, Notes string }{}, theirs.Judgments.Nodes...))
		if by := theirs.AcknowledgedBy; (by == nil) != (ours.AcknowledgedBy == nil) || by != nil && *by.UserID != *ours.AcknowledgedBy {
			t.Errorf("%s was acknowledged by %v and %v", ours.ID, ours.AcknowledgedBy, by)
		}
		if by := theirs.ResolvedBy; (by == nil) != (ours.ResolvedBy == nil) || by != nil && *by.UserID != *ours.ResolvedBy {
			t.Errorf("%s was resolved by %v and %v", ours.ID, ours.ResolvedBy, by)
		}
	}
}

// TestSlackURLsAreMasked looks for what lets one post to a channel in every
// answer about it.
func TestSlackURLsAreMasked(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	admin := Asker{User: "cedar.admin"}
	body := object("name", "Slack", "channel_type", "slack", "config", object("webhook_url", "https://hooks.slack.com/services/T0/B0/s3cret"))
	made := s.rest(t, admin, Call{Method: "POST", Path: channel.path, Body: body})
	var row struct{ ID string }
	made.decode(t, &row)
	answers := []reply{
		made, s.rest(t, admin, Call{Path: channel.path}), s.rest(t, admin, Call{Path: channel.path + row.ID + "/"}),
		s.rest(t, admin, Call{Method: "PATCH", Path: channel.path + row.ID + "/", Body: object("name", "Other")}),
		s.rest(t, admin, Call{Method: "POST", Path: channel.path + row.ID + "/test/"}), s.graphql(t, admin, node("NotificationChannel", row.ID)),
		s.graphql(t, admin, channel.mutation("update", channel.input(object("name", "Third"), map[string]any{"id": row.ID}))),
		s.rest(t, admin, Call{Path: "audit-events/"}),
	}
	for i, r := range answers {
		text := string(r.body)
		if r.status >= http.StatusMultipleChoices || strings.Contains(text, "s3cret") || i < len(answers)-1 && !strings.Contains(text, "https://hooks.slack.com/…") {
			t.Errorf("answer %d is %d %s", i, r.status, text)
		}
	}
}
