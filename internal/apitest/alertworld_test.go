package apitest

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// viewerOf is a member of a clinic as the store sees them.
func (s *Server) viewerOf(clinic *factory.Tenant, role models.Role) models.Viewer {
	account := must(s.Store.AccountByEmail(s.Context(), s.names[clinic.Customer.Slug+"."+string(role)]))(s)
	return models.Viewer{UserID: account.User.ID, Email: account.User.Email, Role: role, CustomerID: clinic.Customer.ID}
}

// past is a store whose clock goes on by a microsecond with every second tick.
func (s *Server) past(day int) (st *store.Store, tick func()) {
	var ticks atomic.Int64
	return s.StoreWith(s.DB.App, store.Options{Now: func() time.Time {
		return time.Date(2026, time.June, day, 8, 30, 0, int(ticks.Load()/2)*1000, time.UTC)
	}, Logger: slog.New(slog.DiscardHandler)}), func() { ticks.Add(1) }
}

// alerts gives Cedar rules, channels, alerts and judgments that lists can tell
// apart, and Harbor one of each.
func (s *Server) alerts() {
	for _, role := range []models.Role{models.RoleAnalyst, models.RoleAdmin} {
		v := s.viewerOf(s.Cedar, role)
		s.known("user."+string(role), v.UserID.String(), v.UserID.UUID())
	}
	channels := s.alertChannels()
	rules := s.alertRules(channels)
	s.alertRows(rules, channels)
	s.judged()
	s.plantAlerts(s.Harbor, func(what string) string { return "Harbor's " + what })
	for name, table := range map[string]string{
		"harbor.rule": "alert_rules", "harbor.channel": "notification_channels", "harbor.alert": "alert_events", "harbor.judgment": "operator_judgments",
	} {
		id := uuid.MustParse(factory.Query[string](s.Harbor, `SELECT id::text FROM `+table+` ORDER BY id LIMIT 1`))
		prefix := map[string]string{
			"alert_rules": "rule", "notification_channels": "chan", "alert_events": "alert", "operator_judgments": "judg",
		}[table]
		s.known(name, typeIDOf(prefix, id), id)
	}
}

func (s *Server) alertChannels() []*models.NotificationChannel {
	before, tick := s.past(3)
	var channels []*models.NotificationChannel
	for i := range 9 {
		in := models.NewNotificationChannel{
			Name: []string{"Denials ", "50% billing_", "Équipe "}[i%3] + strconv.Itoa(i), Enabled: new(i%4 > 0),
			ChannelType: new([]models.ChannelType{models.ChannelEmail, models.ChannelSlack, models.ChannelWebhook}[i/3]),
		}
		switch *in.ChannelType {
		case models.ChannelEmail:
			in.Config.Recipients = []string{fmt.Sprintf("team%d@cedar.test", i), "desk@cedar.test"}
		case models.ChannelSlack:
			in.Config.WebhookURL = fmt.Sprintf("https://hooks.slack.com/services/T0/B0/secret%d", i)
		case models.ChannelWebhook: // has no configuration
		}
		channels = append(channels, must(before.CreateNotificationChannel(s.Context(), s.viewerOf(s.Cedar, models.RoleAdmin), in))(s))
		tick()
	}
	s.known("channel", channels[0].ID.String(), channels[0].ID.UUID())
	return channels
}

func (s *Server) alertRules(channels []*models.NotificationChannel) []*models.AlertRule {
	before, tick := s.past(4)
	var rules []*models.AlertRule
	for i := range 9 {
		in := models.NewAlertRule{
			Name: []string{"Denials rise ", "50% slower_", "Médica "}[i%3] + strconv.Itoa(i), Description: []string{"", "Tells the desk."}[i%2],
			Metric:          new([]models.AlertMetric{models.MetricSeverity, models.MetricDenialRateDelta, models.MetricDecisionTimeDelta}[i%3]),
			Severity:        new(models.AlertSeverity(models.AlertSeverity("").Values()[i%4])),
			Enabled:         new(i%4 > 0),
			RoutingPriority: []int{0, 10, -10}[i%3], RoutingTags: []string{"desk", []string{"denials", "times"}[i%2]}[i%2:],
		}
		if i%3 == 0 {
			in.Scope = models.AlertScope{
				Payer: new("Aetna"), CPTGroup: new("ALL"), DriftType: new(models.DriftDenialRate), TrendDirection: new(models.TrendDegrading),
				MinRevenueImpact: new(decimal.RequireFromString("1250.5")),
			}
			in.RoutingChannels = []models.NotificationChannelID{channels[i].ID, channels[8-i].ID}[:1+i%2]
		}
		rules = append(rules, must(before.CreateAlertRule(s.Context(), s.viewerOf(s.Cedar, models.RoleOwner), in))(s))
		tick()
	}
	s.known("rule", rules[0].ID.String(), rules[0].ID.UUID())
	return rules
}

// alertRows inserts alerts in every state, two and two of the same instant.
func (s *Server) alertRows(rules []*models.AlertRule, channels []*models.NotificationChannel) {
	v := s.Cedar.System()
	events := must(s.Store.DriftEvents(s.Context(), v, models.DriftEventFilter{}, models.List[models.DriftEventOrderField]{Page: models.Page{Limit: 60}}))(s).Items
	first := time.Date(2026, time.June, 5, 9, 0, 0, 0, time.UTC)
	analyst, admin := s.viewerOf(s.Cedar, models.RoleAnalyst), s.viewerOf(s.Cedar, models.RoleAdmin)
	for i := range 24 {
		rule, event := rules[i%3], events[i/2%len(events)]
		alert := s.Cedar.AlertRow(rule, event, func(a *models.AlertEvent) {
			a.SignalKey = fmt.Sprint(a.SignalKey, " ", i)
			a.TriggeredAt = first.Add(time.Duration(i/2) * time.Microsecond)
			s.dealtWith(a, i, analyst.UserID)
			if i%5 == 0 {
				a.AssigneeID = new([]models.UserID{analyst.UserID, admin.UserID}[i%2])
			}
		})
		s.Cedar.Insert(alert)
		s.known(fmt.Sprint("alert.", i), alert.ID.String(), alert.ID.UUID())
		s.known("alert", alert.ID.String(), alert.ID.UUID())
		s.known("alerted.event", event.ID.String(), event.ID.UUID())
	}
	id := models.AlertEventID{}.From(uuid.MustParse(s.names["alert.uuid"]))
	s.Cedar.Insert(
		s.Cedar.NotificationRow(id, 1, channels[1]), s.Cedar.NotificationRow(id, 2, channels[2], func(n *models.AlertNotification) {
			n.Status, n.SentAt, n.ErrorMessage, n.ChannelID = models.NotificationFailed, nil, new("The mail server refused the message."), nil
		}),
		s.Cedar.NotificationRow(id, 3, channels[3], func(n *models.AlertNotification) {
			n.Status, n.SentAt, n.NextAttemptAt = models.NotificationPending, nil, new(factory.Now().Add(time.Minute))
		}),
	)
}

// dealtWith puts an alert into the i-th of the states.
func (s *Server) dealtWith(a *models.AlertEvent, i int, by models.UserID) {
	at := factory.Now().Add(-time.Hour)
	switch i % 6 {
	case 0:
		a.SnoozedUntil = new(at.Add(48 * time.Hour))
	case 1:
		a.Status, a.NotificationSentAt = models.AlertSent, &at
	case 2:
		a.Status, a.ErrorMessage = models.AlertFailed, new("The mail server refused the message.")
	case 3:
		a.Status, a.AcknowledgedAt, a.AcknowledgedBy = models.AlertAcknowledged, &at, &by
	case 4:
		a.Status, a.ResolvedAt, a.ResolvedBy, a.Resolution = models.AlertResolved, &at, &by, new(models.ResolvedByOperator)
	case 5:
		a.Status, a.NotificationSentAt, a.ErrorMessage = models.AlertSent, &at, new(models.SuppressedMessage)
		a.SuppressionReason = new([]models.SuppressionReason{models.SuppressedCooldown, models.SuppressedNoise}[i/6%2])
	}
}

// judged lets people deal with and judge alerts, the last one most of all.
func (s *Server) judged() {
	st, tick := s.past(12)
	analyst, admin, owner := s.viewerOf(s.Cedar, models.RoleAnalyst), s.viewerOf(s.Cedar, models.RoleAdmin), s.viewerOf(s.Cedar, models.RoleOwner)
	alert := func(name string) models.AlertEventID {
		return models.AlertEventID{}.From(uuid.MustParse(s.names[name+".uuid"]))
	}
	busy := models.AlertChange{ID: alert("alert")}
	_ = must(st.ReopenAlert(s.Context(), analyst, busy))(s)
	_ = must(st.AcknowledgeAlert(s.Context(), analyst, busy))(s)
	_ = must(st.SnoozeAlert(s.Context(), admin, models.AlertSnooze{AlertChange: busy, Until: factory.Now().AddDate(0, 0, 3)}))(s)
	_ = must(st.AssignAlert(s.Context(), admin, models.AlertAssignment{AlertChange: busy, Assignee: &analyst.UserID}))(s)
	day := models.NewDate(2026, time.May, 28)
	for i, judge := range []models.Viewer{analyst, admin, owner, s.Cedar.System(), analyst, admin, analyst, owner} {
		in := models.AlertFeedback{
			AlertEventID: alert([]string{"alert", "alert", "alert", "alert", "alert.2", "alert.2", "alert.5", "alert.9"}[i]),
			Verdict:      models.Verdict(models.Verdict("").Values()[i%3]), ReasonCodes: []string{"policy", "seasonal"}[:i%3], Notes: []string{"", "Called them."}[i%2],
		}
		if i%2 == 0 {
			in.RecoveredAmount = new(decimal.New(int64(12500+i*5), -2))
		}
		if i%4 == 0 {
			in.RecoveredDate = new(day.AddDays(i * 2))
		}
		given := must(st.GiveFeedback(s.Context(), judge, in))(s)
		s.known("judgment", given.Judgment.ID.String(), given.Judgment.ID.UUID())
		tick()
	}
}

// plantAlerts gives a clinic two of everything about alerts, with marks in them.
func (s *Server) plantAlerts(clinic *factory.Tenant, mark func(string) string) {
	v := s.viewerOf(clinic, models.RoleOwner)
	suffix := clinic.Customer.Slug
	run := clinic.RunRow()
	clinic.Insert(run)
	for i := range 2 {
		event := clinic.EventRow(run.ID, "Payer "+suffix, func(e *models.DriftEvent) {
			e.SignalKey, e.CPTGroup = fmt.Sprint(mark("rule"), i), []string{"ALL", "E&M"}[i]
		})
		channel := must(s.Store.CreateNotificationChannel(s.Context(), v, models.NewNotificationChannel{
			Name: fmt.Sprint(mark("channel"), " ", i), Config: models.ChannelConfig{Recipients: []string{"desk@" + suffix + ".test"}},
		}))(s)
		rule := must(s.Store.CreateAlertRule(s.Context(), v, models.NewAlertRule{
			Name: fmt.Sprint(mark("rule"), " ", i), Enabled: new(false), RoutingChannels: []models.NotificationChannelID{channel.ID},
		}))(s)
		clinic.Insert(event)
		for j := range 2 {
			alert := clinic.AlertRow(rule, event, func(a *models.AlertEvent) { a.SignalKey = fmt.Sprint(a.SignalKey, j) })
			clinic.Insert(alert, clinic.NotificationRow(alert.ID, 1, channel), clinic.NotificationRow(alert.ID, 2, channel, func(n *models.AlertNotification) {
				n.ChannelID, n.ChannelName = nil, models.FallbackChannelName
			}))
			for _, judge := range []models.Viewer{v, clinic.System()} {
				_ = must(s.Store.GiveFeedback(s.Context(), judge, models.AlertFeedback{
					AlertEventID: alert.ID, Verdict: models.VerdictReal, Notes: mark("notes"),
					RecoveredAmount: new(decimal.New(100, 0)), RecoveredDate: new(factory.Today().AddDays(-1)),
				}))(s)
			}
		}
	}
}
