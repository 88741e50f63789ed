package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"upstream/models"
	"upstream/models/alerting"
)

// AlertMemory is what operators made, within the customer's memory, of other
// alerts about the same signals as the alerts. How many statements it takes does
// not depend on how many alerts there are.
func (s *Store) AlertMemory(ctx context.Context, v models.Viewer, ids []models.AlertEventID) (map[models.AlertEventID]models.AlertMemory, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (map[models.AlertEventID]models.AlertMemory, error) {
		_, memories, err := tx.alertsWithMemory(ctx, ids)
		return memories, err
	})
}

// alertsWithMemory are those of the alerts that the customer has, and what is
// remembered beside each.
func (tx *tenantTx) alertsWithMemory(ctx context.Context, ids []models.AlertEventID) (
	alerts map[models.AlertEventID]*models.AlertEvent, memories map[models.AlertEventID]models.AlertMemory, err error,
) {
	customer, err := tx.ownCustomer(ctx)
	if err != nil {
		return nil, nil, err
	}
	alerts, err = rowsOf(ctx, tx, everything, ids, func(a *models.AlertEvent) models.AlertEventID { return a.ID })
	if err != nil {
		return nil, nil, err
	}
	memories, err = tx.memories(ctx, customer.AlertSettings(), slices.Collect(maps.Values(alerts)))
	return alerts, memories, err
}

// memories are what is remembered beside each of the alerts.
func (tx *tenantTx) memories(ctx context.Context, settings models.AlertSettings, alerts []*models.AlertEvent) (map[models.AlertEventID]models.AlertMemory, error) {
	judged, err := tx.judgedSince(ctx, tx.now.Add(-settings.Memory()), alerts)
	if err != nil {
		return nil, err
	}
	found := make(map[models.AlertEventID]models.AlertMemory, len(alerts))
	for _, alert := range alerts {
		found[alert.ID] = remember(settings, tx.now, alert, judged[alerting.KeyOf(alert)])
	}
	return found, nil
}

// judgedAlert is an alert with judgments of it, the latest first.
type judgedAlert struct {
	alert     *models.AlertEvent
	judgments []*models.OperatorJudgment
}

// judgedSince are the alerts about the same signals as the given ones that were
// judged since an instant.
func (tx *tenantTx) judgedSince(ctx context.Context, since time.Time, like []*models.AlertEvent) (map[alerting.Key][]judgedAlert, error) {
	if len(like) == 0 {
		return nil, nil
	}
	payers, types := keysOf(like)
	var judgments []*models.OperatorJudgment
	err := tx.selectFrom(&judgments).
		Join("JOIN alert_events AS ae ON ae.customer_id = oj.customer_id AND ae.id = oj.alert_event_id").
		Join("JOIN unnest(?::text[], ?::text[]) AS key(payer, drift_type) ON key.payer = ae.payer AND key.drift_type = ae.drift_type",
			pgdialect.Array(payers), pgdialect.Array(types)).
		Where("oj.judged_at >= ?", since).OrderExpr("oj.judged_at DESC, oj.id DESC").Scan(ctx)
	if err != nil || len(judgments) == 0 {
		return nil, err
	}
	of := map[models.AlertEventID][]*models.OperatorJudgment{}
	for _, j := range judgments {
		of[j.AlertEventID] = append(of[j.AlertEventID], j)
	}
	alerts, err := rowsOf(ctx, tx, everything, slices.Collect(maps.Keys(of)), func(a *models.AlertEvent) models.AlertEventID { return a.ID })
	byKey := map[alerting.Key][]judgedAlert{}
	for id, alert := range alerts {
		byKey[alerting.KeyOf(alert)] = append(byKey[alerting.KeyOf(alert)], judgedAlert{alert, of[id]})
	}
	return byKey, err
}

// keysOf are the distinct payers and drift types of alerts, side by side.
func keysOf(alerts []*models.AlertEvent) (payers, types []string) {
	seen := map[alerting.Key]bool{}
	for _, alert := range alerts {
		if key := alerting.KeyOf(alert); !seen[key] {
			seen[key] = true
			payers, types = append(payers, key.Payer), append(types, string(key.DriftType))
		}
	}
	return payers, types
}

// past is a judged alert as suppression and memory see it.
func (j judgedAlert) past() alerting.Past {
	past := alerting.Past{Alert: j.alert}
	for _, judgment := range j.judgments {
		at := &past.FollowUpAt
		switch judgment.Verdict {
		case models.VerdictNoise:
			at = &past.NoiseAt
		case models.VerdictReal:
			at = &past.RealAt
		default:
		}
		if *at == nil {
			*at = new(judgment.JudgedAt)
		}
	}
	return past
}

// later reports whether the first judgment was given after the second; of two
// of the same instant the one made last counts.
func later(a, b *models.OperatorJudgment) bool {
	if a.JudgedAt.Equal(b.JudgedAt) {
		return a.ID.String() > b.ID.String()
	}
	return a.JudgedAt.After(b.JudgedAt)
}

// remember sums up what was made of other alerts about the signal of one.
func remember(settings models.AlertSettings, now time.Time, alert *models.AlertEvent, judged []judgedAlert) models.AlertMemory {
	var memory models.AlertMemory
	past := make([]alerting.Past, 0, len(judged))
	for _, j := range judged {
		if j.alert.ID == alert.ID {
			continue
		}
		p := j.past()
		past = append(past, p)
		for _, verdict := range []struct {
			at    *time.Time
			count *int
		}{{p.NoiseAt, &memory.Noise}, {p.RealAt, &memory.Confirmed}, {p.FollowUpAt, &memory.FollowUp}} {
			if verdict.at != nil {
				*verdict.count++
			}
		}
		if latest := j.judgments[0]; memory.Latest == nil || later(latest, memory.Latest) {
			memory.Latest = latest
		}
	}
	memory.Badge = alerting.Memory(settings, now, alert, past)
	return memory
}

// pastOf are the alerts about the same signals as the given ones that suppression
// looks at: those that were sent, and those that were judged, since an instant.
func (tx *tenantTx) pastOf(ctx context.Context, since time.Time, like []*models.AlertEvent) ([]alerting.Past, error) {
	if len(like) == 0 {
		return nil, nil
	}
	payers, types := keysOf(like)
	var sent []*models.AlertEvent
	err := tx.selectFrom(&sent).
		Join("JOIN unnest(?::text[], ?::text[]) AS key(payer, drift_type) ON key.payer = ae.payer AND key.drift_type = ae.drift_type",
			pgdialect.Array(payers), pgdialect.Array(types)).
		Where("ae.notification_sent_at >= ?", since).Scan(ctx)
	if err != nil {
		return nil, err
	}
	judged, err := tx.judgedSince(ctx, since, like)
	if err != nil {
		return nil, err
	}
	var past []alerting.Past
	known := map[models.AlertEventID]bool{}
	for _, alerts := range judged {
		for _, j := range alerts {
			known[j.alert.ID] = true
			past = append(past, j.past())
		}
	}
	for _, alert := range sent {
		if !known[alert.ID] {
			past = append(past, alerting.Past{Alert: alert})
		}
	}
	return past, nil
}
