package store

import (
	"cmp"
	"context"
	"strings"

	"upstream/models"
	"upstream/models/alerting"
)

func operatorJudgmentSpec() listSpec[models.OperatorJudgment] {
	type judgment = models.OperatorJudgment
	return listSpec[judgment]{
		noun: "judgment", alias: "oj", search: []string{"verdict", "operator_name"},
		order: []term{{column: "judged_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[judgment]{
			"id":        {cast: "uuid", value: func(j *judgment) any { return j.ID }},
			"judged_at": {cast: "timestamptz", value: func(j *judgment) any { return j.JudgedAt }},
			"recovered_date": {cast: "date", nullable: true, value: func(j *judgment) any {
				if j.RecoveredDate == nil {
					return nil
				}
				return *j.RecoveredDate
			}},
			"recovered_amount": {cast: "numeric", nullable: true, value: func(j *judgment) any {
				if j.RecoveredAmount == nil {
					return nil
				}
				return *j.RecoveredAmount
			}},
		},
	}
}

type operatorJudgmentRows = models.Rows[*models.OperatorJudgment]

// OperatorJudgments lists what the customer's operators made of alerts.
func (s *Store) OperatorJudgments(ctx context.Context, v models.Viewer, f models.OperatorJudgmentFilter, l models.List[models.OperatorJudgmentOrderField]) (*operatorJudgmentRows, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (*operatorJudgmentRows, error) {
		return list(ctx, tx, operatorJudgmentSpec(), "", everything, f, l)
	})
}

// OperatorJudgment is one judgment of the customer; NOT_FOUND when it has none
// of this id.
func (s *Store) OperatorJudgment(ctx context.Context, v models.Viewer, id models.OperatorJudgmentID) (*models.OperatorJudgment, error) {
	return one[models.OperatorJudgment](ctx, s, v, models.PermissionViewAlerts, id, "judgment")
}

// OperatorJudgmentsByID are those of the judgments that the customer has.
func (s *Store) OperatorJudgmentsByID(ctx context.Context, v models.Viewer, ids []models.OperatorJudgmentID) (map[models.OperatorJudgmentID]*models.OperatorJudgment, error) {
	return byID(ctx, s, v, models.PermissionViewAlerts, ids, func(j *models.OperatorJudgment) models.OperatorJudgmentID { return j.ID })
}

// JudgmentsOfAlerts lists the judgments of each of the alerts.
func (s *Store) JudgmentsOfAlerts(ctx context.Context, v models.Viewer, ids []models.AlertEventID, f models.OperatorJudgmentFilter, l models.List[models.OperatorJudgmentOrderField]) (map[models.AlertEventID]*operatorJudgmentRows, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (map[models.AlertEventID]*operatorJudgmentRows, error) {
		ofAlert := byColumn("oj", "alert_event_id", func(j *models.OperatorJudgment) models.AlertEventID { return j.AlertEventID })
		return listOf(ctx, tx, operatorJudgmentSpec(), ofAlert, ids, f, l)
	})
}

// GiveFeedback stores what the viewer makes of an alert, in place of what the
// viewer made of it before: noise resolves the alert, real acknowledges it, and
// needs_followup leaves it open and marked. Nobody is told again. Keys and
// commands together are one operator. It answers VALIDATION and NOT_FOUND.
func (s *Store) GiveFeedback(ctx context.Context, v models.Viewer, in models.AlertFeedback) (*models.FeedbackResult, error) {
	return write(ctx, s, v, models.PermissionHandleAlerts, func(tx *tenantTx) (*models.FeedbackResult, error) {
		customer, err := tx.ownCustomer(ctx)
		if err != nil {
			return nil, err
		}
		if err := in.Validate(customer.Today(tx.now)); err != nil {
			return nil, err
		}
		if err := tx.holdAlert(ctx, in.AlertEventID); err != nil {
			return nil, err
		}
		judgment, created, err := tx.judge(ctx, in)
		if err != nil {
			return nil, err
		}
		said := func(a *models.AlertEvent) { a.LatestVerdict = new(in.Verdict) }
		change, event := models.AlertChange{ID: in.AlertEventID}, alerting.Event{Action: alerting.ActionOf(in.Verdict)}
		alert, err := tx.happen(ctx, change, auditFeedbackSubmitted, event, said)
		if err != nil {
			return nil, err
		}
		return &models.FeedbackResult{Judgment: judgment, Created: created, Alert: alert}, tx.readJudgments(ctx, alert)
	})
}

// holdAlert keeps others from changing an alert.
func (tx *tenantTx) holdAlert(ctx context.Context, id models.AlertEventID) error {
	alert := new(models.AlertEvent)
	err := tx.selectFrom(alert).Column("id").Where("ae.id = ?", id).For("NO KEY UPDATE").Scan(ctx)
	return orNotFound(err, "alert")
}

// judge stores the viewer's judgment of an alert that is held; created is set
// when it is the viewer's first.
func (tx *tenantTx) judge(ctx context.Context, in models.AlertFeedback) (judgment *models.OperatorJudgment, created bool, err error) {
	judgment = &models.OperatorJudgment{
		CustomerID: tx.customer, ID: models.OperatorJudgmentID{}.From(tx.newUUID()), AlertEventID: in.AlertEventID,
		OperatorID: tx.actorID(), Version: 1, CreatedAt: tx.now,
	}
	var earlier []*models.OperatorJudgment
	err = tx.selectFrom(&earlier).
		Where("oj.alert_event_id = ? AND oj.operator_id IS NOT DISTINCT FROM ?", in.AlertEventID, judgment.OperatorID).Scan(ctx)
	if err != nil {
		return nil, false, err
	}
	if created = len(earlier) == 0; !created {
		judgment = earlier[0]
		judgment.Version++
	}
	judgment.Verdict, judgment.ReasonCodes, judgment.Notes = in.Verdict, append([]string{}, in.ReasonCodes...), in.Notes
	judgment.RecoveredAmount, judgment.RecoveredDate = in.RecoveredAmount, in.RecoveredDate
	judgment.JudgedAt, judgment.UpdatedAt = tx.now, tx.now
	if judgment.OperatorName, err = tx.actorName(ctx); err != nil {
		return nil, false, err
	}
	if created {
		return judgment, true, tx.insert(ctx, judgment)
	}
	_, err = tx.updateOf(judgment).ExcludeColumn("customer_id", "id", "alert_event_id", "operator_id", "created_at").
		Where("oj.id = ?", judgment.ID).Exec(ctx)
	return judgment, false, err
}

// actorName is what the one who acts is called: the full name, else the address.
func (tx *tenantTx) actorName(ctx context.Context) (string, error) {
	if tx.viewer.UserID.IsZero() {
		return clipTo(tx.viewer.Email, maxOperatorName), nil
	}
	var members []*models.Member
	if err := ofMembers(tx.selectFrom(&members)).Where("mb.user_id = ?", tx.viewer.UserID).Scan(ctx); err != nil {
		return "", err
	}
	name := ""
	if len(members) > 0 {
		name = strings.TrimSpace(members[0].FirstName + " " + members[0].LastName)
	}
	return clipTo(cmp.Or(name, tx.viewer.Email), maxOperatorName), nil
}

// maxOperatorName is how many characters of an operator's name are kept.
const maxOperatorName = 320

func clipTo(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}

// ownCustomer is the customer whose transaction it is.
func (tx *tenantTx) ownCustomer(ctx context.Context) (*models.Customer, error) {
	customer := new(models.Customer)
	err := customerRows{tx: tx.tx, own: tx.customer}.selectFrom(customer).Scan(ctx)
	return customer, orNotFound(err, "customer")
}
