package apitest

import (
	"net/url"
	"slices"

	"github.com/google/uuid"
	"go.jetify.com/typeid/base32"
)

// typeIDOf is an identifier as the APIs show it.
func typeIDOf(prefix string, id uuid.UUID) string { return prefix + "_" + base32.Encode(id) }

// given is a flag of whether a column has a value.
func given(name, column string, value bool) probe {
	p := flag(name, value)
	p.where = "(" + column + " IS NOT NULL) = " + p.text
	return p
}

// without leaves out the probes of one field.
func without(probes []probe, name string) []probe {
	return slices.DeleteFunc(slices.Clone(probes), func(p probe) bool { return p.name == name })
}

func alertRuleList() list {
	return list{
		name: "alert rules", path: "alert-rules/", parent: "Query", field: "alertRules", from: "alert_rules", key: "id", prefix: "rule",
		order: []string{"-routing_priority", "id"}, tie: []string{"routing_priority", "id"}, search: []string{"name", "description"},
		words: []string{"denials", "RISE desk", "50%", "_", "nothing like it"},
		filters: []probe{
			holds("name", "name", "DENIALS"), holds("name", "name", "%"), flag("enabled", true), flag("enabled", false),
			word("metric", "metric", "severity"), word("metric", "metric", "decision_time_delta"),
			word("severity", "severity", "info"), word("severity", "severity", "emergency"),
			tagged("denials"), tagged("desk"),
		},
	}
}

// tagged is a probe of a rule's tags.
func tagged(tag string) probe {
	return probe{name: "tag", text: tag, where: literal(tag) + " = ANY (routing_tags)"}
}

func channelList() list {
	return list{
		name: "notification channels", path: "notification-channels/", parent: "Query", field: "notificationChannels",
		from: "notification_channels", key: "id", prefix: "chan",
		order: []string{"name", "id"}, tie: []string{"name", "id"}, search: []string{"name"},
		words: []string{"denials", "BILLING 50%", "_", "équ", "nothing like it"},
		filters: []probe{
			holds("name", "name", "BILL"), holds("name", "name", "_"), flag("enabled", true), flag("enabled", false),
			word("channel_type", "channel_type", "email"), word("channel_type", "channel_type", "slack"), word("channel_type", "channel_type", "webhook"),
		},
	}
}

func alertEventList() list {
	return list{
		name: "alerts", path: "alerts/", parent: "Query", field: "alertEvents", from: "alert_events", key: "id", prefix: "alert",
		order: []string{"-triggered_at", "-id"}, tie: []string{"triggered_at", "id"}, search: []string{"payer", "drift_type"},
		words: []string{"aetna", "CIGNA denial", "%", "nothing like it"},
		filters: []probe{
			word("status", "status", "pending"), word("status", "status", "sent"), word("status", "status", "failed"),
			word("status", "status", "acknowledged"), word("status", "status", "resolved"),
			given("acknowledged", "acknowledged_at", true), given("acknowledged", "acknowledged_at", false),
			given("resolved", "resolved_at", true), given("resolved", "resolved_at", false),
			identifier("alert_rule", "alert_rule_id", "rule"), identifier("drift_event", "drift_event_id", "alerted.event"),
			identifier("report_run", "report_run_id", "run"), holds("payer", "payer", "AET"), word("drift_type", "drift_type", "DECISION_TIME"),
			identifier("assignee", "assignee_id", "user.analyst"), given("assigned", "assignee_id", true), given("assigned", "assignee_id", false),
			given("suppressed", "suppression_reason", true), given("suppressed", "suppression_reason", false),
			word("suppression_reason", "suppression_reason", "cooldown"), word("suppression_reason", "suppression_reason", "noise_pattern"),
			flag("needs_follow_up", true), flag("needs_follow_up", false),
			atLeast("triggered_after", "triggered_at", "2026-06-05T09:00:00.000004Z"),
			atMost("triggered_before", "triggered_at", "2026-06-05T11:00:00.000004+02:00"),
		},
	}
}

func judgmentList() list {
	return list{
		name: "judgments", path: "judgments/", parent: "Query", field: "operatorJudgments", from: "operator_judgments", key: "id", prefix: "judg",
		order: []string{"-judged_at", "-id"}, tie: []string{"judged_at", "id"}, search: []string{"verdict", "operator_name"},
		words: []string{"noise", "REAL okafor", "_", "nothing like it"},
		filters: []probe{
			identifier("alert", "alert_event_id", "alert"),
			word("verdict", "verdict", "noise"), word("verdict", "verdict", "real"), word("verdict", "verdict", "needs_followup"),
			identifier("operator", "operator_id", "user.analyst"),
			given("recovered", "recovered_amount", true), given("recovered", "recovered_amount", false),
			atLeast("recovered_after", "recovered_date", "2026-06-05"), atMost("recovered_before", "recovered_date", "2026-06-04"),
		},
	}
}

// alertLists are all that is about alerts, and the ways to it.
func alertLists() []list {
	alerts, judgments := alertEventList(), judgmentList()
	ofRule := alerts
	ofRule.name, ofRule.fixed, ofRule.where = "alerts of a rule", url.Values{"alert_rule": {"{rule}"}}, "alert_rule_id = '{rule.uuid}'"
	ofRule.parent, ofRule.id, ofRule.filters = "AlertRule", "{rule}", trivial(without(alerts.filters, "alert_rule"))
	ofEvent := alerts
	ofEvent.name, ofEvent.fixed = "alerts about a drift event", url.Values{"drift_event": {"{alerted.event}"}}
	ofEvent.where, ofEvent.parent, ofEvent.id = "drift_event_id = '{alerted.event.uuid}'", "DriftEvent", "{alerted.event}"
	ofEvent.filters = trivial(without(alerts.filters, "drift_event"))
	ofAlert := judgments
	ofAlert.name, ofAlert.path, ofAlert.where = "judgments of an alert", "alerts/{alert}/judgments/", "alert_event_id = '{alert.uuid}'"
	ofAlert.parent, ofAlert.field, ofAlert.id = "AlertEvent", "judgments", "{alert}"
	ofAlert.filters = trivial(without(judgments.filters, "alert"))
	history := list{
		name: "history of an alert", path: "alerts/{alert}/history/", parent: "AlertEvent", field: "history", id: "{alert}",
		from: "alert_history", where: "alert_event_id = '{alert.uuid}'", key: "number::text", order: []string{"number"}, tie: []string{"number"},
		filters: []probe{
			word("action", "action", "acknowledge"), word("action", "action", "snooze"), word("action", "action", "judge_real"),
			identifier("user", "user_id", "user.analyst"),
		},
	}
	notifications := list{
		name: "notifications of an alert", path: "alerts/{alert}/notifications/", parent: "AlertEvent", field: "notifications", id: "{alert}",
		from: "alert_notifications", where: "alert_event_id = '{alert.uuid}'", key: "number::text", order: []string{"number"}, tie: []string{"number"},
	}
	return []list{alertRuleList(), channelList(), alerts, ofRule, ofEvent, judgments, ofAlert, history, notifications}
}

// trivial are probes of so few rows that any of them may match all or none.
func trivial(probes []probe) []probe {
	for i := range probes {
		probes[i].trivial = true
	}
	return probes
}
