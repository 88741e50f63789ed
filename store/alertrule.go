package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"upstream/models"
)

// What the audit log calls the changes of alert rules.
const (
	auditAlertRuleCreated auditAction = "alert_rule_created"
	auditAlertRuleUpdated auditAction = "alert_rule_updated"
	auditAlertRuleDeleted auditAction = "alert_rule_deleted"
)

func alertRuleSpec() listSpec[models.AlertRule] {
	type rule = models.AlertRule
	return listSpec[rule]{
		noun: "alert rule", alias: "ar", search: []string{"name", "description"}, shown: withRouting,
		order: []term{{column: "routing_priority", desc: true}, {column: "id"}},
		columns: map[string]column[rule]{
			"id":               {cast: "uuid", value: func(r *rule) any { return r.ID }},
			"routing_priority": {cast: "integer", value: func(r *rule) any { return r.RoutingPriority }},
			"name":             {cast: "text", value: func(r *rule) any { return r.Name }},
			"created_at":       {cast: "timestamptz", value: func(r *rule) any { return r.CreatedAt }},
		},
	}
}

// withRouting reads rules with the channels that they name.
func withRouting(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("ar.*").ColumnExpr(`ARRAY(SELECT arc.channel_id FROM alert_rule_channels AS arc
		WHERE arc.customer_id = ar.customer_id AND arc.alert_rule_id = ar.id ORDER BY arc.channel_id) AS routing_channels`)
}

// alertRuleRows are rules with the channels that they name.
type alertRuleRows struct{ *tenantTx }

func (r alertRuleRows) selectFrom(model any) *bun.SelectQuery {
	return withRouting(r.tenantTx.selectFrom(model))
}

// AlertRules lists the customer's rules, in the order of evaluation unless
// another is asked for.
func (s *Store) AlertRules(ctx context.Context, v models.Viewer, f models.AlertRuleFilter, l models.List[models.AlertRuleOrderField]) (*models.Rows[*models.AlertRule], error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (*models.Rows[*models.AlertRule], error) {
		return list(ctx, tx, alertRuleSpec(), "", everything, f, l)
	})
}

// AlertRule is one rule of the customer; NOT_FOUND when it has none of this id.
func (s *Store) AlertRule(ctx context.Context, v models.Viewer, id models.AlertRuleID) (*models.AlertRule, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (*models.AlertRule, error) {
		return rowOf[models.AlertRule](ctx, tx, withRouting, id, "alert rule")
	})
}

// AlertRulesByID are those of the rules that the customer has.
func (s *Store) AlertRulesByID(ctx context.Context, v models.Viewer, ids []models.AlertRuleID) (map[models.AlertRuleID]*models.AlertRule, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (map[models.AlertRuleID]*models.AlertRule, error) {
		return rowsOf(ctx, tx, withRouting, ids, func(r *models.AlertRule) models.AlertRuleID { return r.ID })
	})
}

// CreateAlertRule stores a rule, which runs evaluate from now on. It answers
// VALIDATION for bad input, and CONFLICT when another rule has the name,
// whatever its case.
func (s *Store) CreateAlertRule(ctx context.Context, v models.Viewer, in models.NewAlertRule) (*models.AlertRule, error) {
	if err := admit(v, models.PermissionManageAlerts, in); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (*models.AlertRule, error) {
		rule := &models.AlertRule{
			CustomerID: tx.customer, ID: models.AlertRuleID{}.From(tx.newUUID()), CreatedBy: tx.actorID(),
			Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
		}
		return tx.alertRule(auditAlertRuleCreated, rule.ID, nil, in.Patch()).create(ctx, tx, rule)
	})
}

// UpdateAlertRule changes a rule, for the runs from now on: alerts that it has
// made say what it said then. It answers VALIDATION for bad input, NOT_FOUND,
// STALE, and CONFLICT when another rule has the name.
func (s *Store) UpdateAlertRule(ctx context.Context, v models.Viewer, in models.Update[models.AlertRuleID, models.AlertRulePatch]) (*models.AlertRule, error) {
	if err := admit(v, models.PermissionManageAlerts, in.Patch); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (*models.AlertRule, error) {
		_, after, err := amend(ctx, tx, alertRuleRows{tx}, tx.alertRule(auditAlertRuleUpdated, in.ID, in.ExpectedVersion, in.Patch))
		return after, err
	})
}

// DeleteAlertRule forgets a rule. It answers NOT_FOUND, STALE, and IN_USE for
// one that has made alerts: those stay, and so does their rule.
func (s *Store) DeleteAlertRule(ctx context.Context, v models.Viewer, in models.Deletion[models.AlertRuleID]) error {
	_, err := write(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (struct{}, error) {
		none := models.AlertRulePatch{}
		return struct{}{}, tx.alertRule(auditAlertRuleDeleted, in.ID, in.ExpectedVersion, none).erase(ctx, tx)
	})
	return err
}

func (tx *tenantTx) alertRule(action auditAction, id models.AlertRuleID, expected *int64, patch models.AlertRulePatch) amendment[models.AlertRule] {
	return amendment[models.AlertRule]{
		noun: "alert rule", entity: "alert_rule", id: id, expected: expected, action: action,
		apply: patch.Apply,
		stamp: func(r *models.AlertRule) (*int64, *time.Time) { return &r.Version, &r.UpdatedAt },
		taken: func(ctx context.Context, r *models.AlertRule) (string, error) {
			existing := new(models.AlertRule)
			err := tx.selectFrom(existing).Column("id").Where("lower(ar.name) = lower(?)", r.Name).Scan(ctx)
			return existing.ID.String(), err
		},
		beside: &beside[models.AlertRule]{columns: []string{"routing_channels"}, store: tx.storeRouting},
	}
}

// alertRuleChannel is one channel that a rule names.
type alertRuleChannel struct {
	bun.BaseModel `bun:"table:alert_rule_channels,alias:arc"`

	CustomerID  models.CustomerID            `bun:"customer_id,pk,type:uuid"`
	AlertRuleID models.AlertRuleID           `bun:"alert_rule_id,pk,type:uuid"`
	ChannelID   models.NotificationChannelID `bun:"channel_id,pk,type:uuid"`
}

// storeRouting makes the channels that a rule names those that it is to name.
// Whoever does so has written the rule's row, so that one does at a time.
func (tx *tenantTx) storeRouting(ctx context.Context, r *models.AlertRule) error {
	if _, err := tx.deleteFrom((*alertRuleChannel)(nil)).Where("arc.alert_rule_id = ?", r.ID).Exec(ctx); err != nil {
		return err
	}
	if len(r.RoutingChannels) == 0 {
		return nil
	}
	rows := make([]alertRuleChannel, len(r.RoutingChannels))
	for i, channel := range r.RoutingChannels {
		rows[i] = alertRuleChannel{CustomerID: tx.customer, AlertRuleID: r.ID, ChannelID: channel}
	}
	return tx.insert(ctx, &rows)
}
