package store

import (
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"upstream/models"
)

func alertEventSpec() listSpec[models.AlertEvent] {
	type alert = models.AlertEvent
	return listSpec[alert]{
		noun: "alert", alias: "ae", search: []string{"payer", "drift_type"},
		order: []term{{column: "triggered_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[alert]{
			"id":           {cast: "uuid", value: func(a *alert) any { return a.ID }},
			"triggered_at": {cast: "timestamptz", value: func(a *alert) any { return a.TriggeredAt }},
			"status":       {cast: "text", value: func(a *alert) any { return string(a.Status) }},
			"payer":        {cast: "text", value: func(a *alert) any { return a.Payer }},
		},
	}
}

type alertEventRows = models.Rows[*models.AlertEvent]

// AlertEvents lists the customer's alerts, each with its judgments.
func (s *Store) AlertEvents(ctx context.Context, v models.Viewer, f models.AlertEventFilter, l models.List[models.AlertEventOrderField]) (*alertEventRows, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (*alertEventRows, error) {
		rows, err := list(ctx, tx, alertEventSpec(), "", everything, f, l)
		if err != nil {
			return nil, err
		}
		return rows, tx.readJudgments(ctx, rows.Items...)
	})
}

// AlertEventsOfDriftEvents lists the alerts about each of the drift events.
func (s *Store) AlertEventsOfDriftEvents(ctx context.Context, v models.Viewer, ids []models.DriftEventID, f models.AlertEventFilter, l models.List[models.AlertEventOrderField]) (map[models.DriftEventID]*alertEventRows, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (map[models.DriftEventID]*alertEventRows, error) {
		ofEvent := byColumn("ae", "drift_event_id", func(a *models.AlertEvent) models.DriftEventID { return a.DriftEventID })
		return listOf(ctx, tx, alertEventSpec(), ofEvent, ids, f, l)
	})
}

// AlertEventsOfRules lists the alerts that each of the rules made.
func (s *Store) AlertEventsOfRules(ctx context.Context, v models.Viewer, ids []models.AlertRuleID, f models.AlertEventFilter, l models.List[models.AlertEventOrderField]) (map[models.AlertRuleID]*alertEventRows, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (map[models.AlertRuleID]*alertEventRows, error) {
		ofRule := byColumn("ae", "alert_rule_id", func(a *models.AlertEvent) models.AlertRuleID { return a.AlertRuleID })
		return listOf(ctx, tx, alertEventSpec(), ofRule, ids, f, l)
	})
}

// AlertEvent is one alert of the customer, with its judgments; NOT_FOUND when it
// has none of this id.
func (s *Store) AlertEvent(ctx context.Context, v models.Viewer, id models.AlertEventID) (*models.AlertEvent, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (*models.AlertEvent, error) {
		alert, err := rowOf[models.AlertEvent](ctx, tx, everything, id, "alert")
		if err != nil {
			return nil, err
		}
		return alert, tx.readJudgments(ctx, alert)
	})
}

// AlertEventsByID are those of the alerts that the customer has.
func (s *Store) AlertEventsByID(ctx context.Context, v models.Viewer, ids []models.AlertEventID) (map[models.AlertEventID]*models.AlertEvent, error) {
	return byID(ctx, s, v, models.PermissionViewAlerts, ids, func(a *models.AlertEvent) models.AlertEventID { return a.ID })
}

// readJudgments gives alerts their judgments, the latest first.
func (tx *tenantTx) readJudgments(ctx context.Context, alerts ...*models.AlertEvent) error {
	judged := map[models.AlertEventID]*models.AlertEvent{}
	for _, alert := range alerts {
		alert.Judgments = []*models.OperatorJudgment{}
		if alert.HasJudgment() {
			judged[alert.ID] = alert
		}
	}
	if len(judged) == 0 {
		return nil
	}
	var judgments []*models.OperatorJudgment
	err := tx.selectFrom(&judgments).Where("oj.alert_event_id IN (?)", bun.List(slices.Collect(maps.Keys(judged)))).
		OrderExpr("oj.judged_at DESC, oj.id DESC").Scan(ctx)
	for _, judgment := range judgments {
		alert := judged[judgment.AlertEventID]
		alert.Judgments = append(alert.Judgments, judgment)
	}
	return err
}

func alertHistorySpec() listSpec[models.AlertHistoryEntry] {
	type entry = models.AlertHistoryEntry
	return listSpec[entry]{
		noun: "alert history", alias: "ah", order: []term{{column: "number"}},
		columns: map[string]column[entry]{
			"number": {cast: "integer", value: func(e *entry) any { return e.Number }},
		},
	}
}

type alertHistoryRows = models.Rows[*models.AlertHistoryEntry]

// AlertHistory lists who did what to an alert; NOT_FOUND when the customer has
// no such alert.
func (s *Store) AlertHistory(ctx context.Context, v models.Viewer, id models.AlertEventID, f models.AlertHistoryFilter, l models.List[models.AlertHistoryOrderField]) (*alertHistoryRows, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (*alertHistoryRows, error) {
		if err := tx.mustExist(ctx, (*models.AlertEvent)(nil), id, "alert"); err != nil {
			return nil, err
		}
		ofAlert := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("ah.alert_event_id = ?", id) }
		return list(ctx, tx, alertHistorySpec(), id.String(), ofAlert, f, l)
	})
}

// AlertHistoryOfAlerts lists who did what to each of the alerts.
func (s *Store) AlertHistoryOfAlerts(ctx context.Context, v models.Viewer, ids []models.AlertEventID, f models.AlertHistoryFilter, l models.List[models.AlertHistoryOrderField]) (map[models.AlertEventID]*alertHistoryRows, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (map[models.AlertEventID]*alertHistoryRows, error) {
		ofAlert := byColumn("ah", "alert_event_id", func(e *models.AlertHistoryEntry) models.AlertEventID { return e.AlertEventID })
		return listOf(ctx, tx, alertHistorySpec(), ofAlert, ids, f, l)
	})
}

func alertNotificationSpec() listSpec[models.AlertNotification] {
	type notification = models.AlertNotification
	return listSpec[notification]{
		noun: "alert notification", alias: "an", order: []term{{column: "number"}},
		columns: map[string]column[notification]{
			"number": {cast: "integer", value: func(n *notification) any { return n.Number }},
		},
	}
}

type alertNotificationRows = models.Rows[*models.AlertNotification]

// AlertNotifications lists how each channel took an alert; NOT_FOUND when the
// customer has no such alert.
func (s *Store) AlertNotifications(ctx context.Context, v models.Viewer, id models.AlertEventID, l models.List[models.AlertNotificationOrderField]) (*alertNotificationRows, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (*alertNotificationRows, error) {
		if err := tx.mustExist(ctx, (*models.AlertEvent)(nil), id, "alert"); err != nil {
			return nil, err
		}
		ofAlert := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("an.alert_event_id = ?", id) }
		return list(ctx, tx, alertNotificationSpec(), id.String(), ofAlert, struct{}{}, l)
	})
}

// AlertNotificationsOfAlerts lists how each channel took each of the alerts.
func (s *Store) AlertNotificationsOfAlerts(ctx context.Context, v models.Viewer, ids []models.AlertEventID, l models.List[models.AlertNotificationOrderField]) (map[models.AlertEventID]*alertNotificationRows, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (map[models.AlertEventID]*alertNotificationRows, error) {
		ofAlert := byColumn("an", "alert_event_id", func(n *models.AlertNotification) models.AlertEventID { return n.AlertEventID })
		return listOf(ctx, tx, alertNotificationSpec(), ofAlert, ids, struct{}{}, l)
	})
}
