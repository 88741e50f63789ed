package store

import (
	"context"

	"upstream/models"
)

// attemptLog gathers what attempts at deliveries to one endpoint change.
type attemptLog struct {
	store    *Store
	tx       *tenantTx
	endpoint *models.WebhookEndpoint

	wasDisabled bool
	rows        []attemptedRow
	attempts    []*models.DeliveryAttempt
	sent, dead  []*models.WebhookDelivery
}

// add notes the result of one attempt.
func (l *attemptLog) add(d *models.WebhookDelivery, r *models.AttemptResult) {
	l.endpoint.EndpointHealth = l.store.webhooks.Record(l.endpoint.EndpointHealth, r.Outcome, l.tx.now)
	d.AttemptsTotal++
	l.attempts = append(l.attempts, &models.DeliveryAttempt{
		CustomerID: d.CustomerID, DeliveryID: d.ID, Number: d.AttemptsTotal, EndpointID: l.endpoint.ID,
		StartedAt: r.StartedAt.UTC(), DurationMS: r.Duration.Milliseconds(), Outcome: r.Outcome,
		ResponseCode: statusCode(r), Error: nonEmpty(r.Error), ResponseBody: nonEmpty(r.Body),
	})
	l.settle(d, r)
	l.rows = append(l.rows, attemptedRow{
		ID: d.ID.UUID(), Status: d.Status, Attempts: d.Attempts, AttemptsTotal: d.AttemptsTotal, LastAttemptAt: r.StartedAt.UTC(),
		NextAttemptAt: d.NextAttemptAt, LastError: nonEmpty(r.Error), ResponseCode: statusCode(r), ResponseBody: nonEmpty(r.Body),
	})
}

// settle decides what becomes of the delivery. One that is done, because a
// process that was taken for dead came too late with this result, stays so.
func (l *attemptLog) settle(d *models.WebhookDelivery, r *models.AttemptResult) {
	if d.Status.Done() && (d.Status == models.DeliverySuccess || r.Outcome != models.AttemptDelivered) {
		return
	}
	d.Attempts = min(d.Attempts+1, d.MaxAttempts)
	if r.Outcome == models.AttemptDelivered {
		d.Status, d.NextAttemptAt = models.DeliverySuccess, nil
		l.sent = append(l.sent, d)
		return
	}
	wait, again := l.store.webhooks.Next(d.Attempts, r.RetryAfter)
	if again && d.Attempts < d.MaxAttempts && r.Outcome != models.AttemptGone {
		d.Status, d.NextAttemptAt = models.DeliveryRetrying, new(l.tx.now.Add(wait))
		return
	}
	d.Status, d.NextAttemptAt = models.DeliveryDead, nil
	l.dead = append(l.dead, d)
}

func statusCode(r *models.AttemptResult) *int {
	if r.StatusCode == 0 {
		return nil
	}
	return &r.StatusCode
}

// tell leaves the lines of the audit log, and tells people what they may have to
// do something about.
func (l *attemptLog) tell(ctx context.Context) error {
	if err := l.audit(ctx); err != nil {
		return err
	}
	e := l.endpoint
	if !l.wasDisabled && e.DisabledAt != nil {
		err := l.tx.auditChange(ctx, auditEndpointDisabled, "webhook_endpoint", e.ID.String(), change{
			after: map[string]any{"disabled_at": *e.DisabledAt, "disabled_reason": *e.DisabledReason},
		})
		if err != nil {
			return err
		}
		return l.tx.notify(ctx, e, models.NoticeDisabled)
	}
	if len(l.dead) > 0 && (e.DeadToldAt == nil || l.tx.now.Sub(*e.DeadToldAt) >= deadNoticeEvery) {
		e.DeadToldAt = &l.tx.now
		return l.tx.notify(ctx, e, models.NoticeDead)
	}
	return nil
}

// audit writes one line for what was taken in one go, and one for each delivery
// that is given up.
func (l *attemptLog) audit(ctx context.Context) error {
	id := l.endpoint.ID.String()
	if len(l.sent) > 0 {
		sequences := make([]int64, len(l.sent))
		for i, d := range l.sent {
			sequences[i] = d.Sequence
		}
		said := map[string]any{"sequences": sequences}
		if err := l.tx.audit(ctx, auditDeliverySent, "webhook_endpoint", id, said); err != nil {
			return err
		}
	}
	for _, d := range l.dead {
		said := map[string]any{"webhook_endpoint": id, "event_type": d.EventType, "sequence": d.Sequence, "attempts": d.Attempts}
		if err := l.tx.audit(ctx, auditDeliveryFailed, "webhook_delivery", d.ID.String(), said); err != nil {
			return err
		}
	}
	return nil
}

// notify leaves a mail for who made the endpoint, while they are a member, and
// for each of the customer's owners.
func (tx *tenantTx) notify(ctx context.Context, e *models.WebhookEndpoint, notice models.WebhookNotice) error {
	var members []*models.Member
	err := ofMembers(tx.selectFrom(&members)).Where("mb.role = ? OR mb.user_id = ?", models.RoleOwner, e.CreatedBy).Scan(ctx)
	if err != nil {
		return err
	}
	for _, m := range members {
		job := models.WebhookNoticeMailJob{CustomerID: tx.customer, EndpointID: e.ID, UserID: m.UserID, Notice: notice}
		if err := tx.enqueue(ctx, job); err != nil {
			return err
		}
	}
	return nil
}

// WebhookNoticeLetter is what a mail about an endpoint says to a member;
// NOT_FOUND when there is nobody to tell any more, or nothing.
func (s *Store) WebhookNoticeLetter(ctx context.Context, job models.WebhookNoticeMailJob) (*models.WebhookLetter, error) {
	v := models.JobViewer(job.CustomerID, job.Kind(), "")
	return read(ctx, s, v, models.PermissionViewWebhooks, func(tx *tenantTx) (*models.WebhookLetter, error) {
		var members []*models.Member
		if err := ofMembers(tx.selectFrom(&members)).Where("mb.user_id = ?", job.UserID).Scan(ctx); err != nil {
			return nil, err
		}
		if len(members) == 0 {
			return nil, models.NotFound("member")
		}
		endpoint, err := tx.shownEndpoint(ctx, job.EndpointID)
		if err != nil {
			return nil, err
		}
		if job.Notice == models.NoticeDisabled && endpoint.DisabledAt == nil {
			return nil, models.NotFound("reason to write") // it was switched on again
		}
		letter := &models.WebhookLetter{Email: members[0].Email, FirstName: members[0].FirstName, Endpoint: endpoint, At: tx.now}
		err = tx.query(`SELECT cu.name, count(*) FILTER (WHERE wd.status = 'dead'), count(*) FILTER (WHERE wd.status <> 'dead')
			FROM customers AS cu LEFT JOIN webhook_deliveries AS wd
				ON wd.customer_id = cu.id AND wd.endpoint_id = ?1 AND wd.status <> 'success'
			WHERE cu.id = ?0 GROUP BY cu.name`, endpoint.ID).Scan(ctx, &letter.Customer, &letter.Dead, &letter.Waiting)
		return letter, err
	})
}
