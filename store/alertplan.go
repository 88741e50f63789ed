package store

import (
	"context"
	"slices"
	"time"

	"upstream/models"
	"upstream/models/alerting"
)

// noticing is the beginning of a notice, in its transaction, which holds the
// alert.
type noticing struct {
	store        *Store
	tx           *tenantTx
	alert        *models.AlertEvent
	installation string

	customer *models.Customer
	rule     *models.AlertRule
	channels map[models.NotificationChannelID]*models.NotificationChannel
	// partners is set when an endpoint hears of alerts.
	partners bool
	// rows are how the channels took the alert so far; those after the known ones
	// are new.
	rows  []*models.AlertNotification
	known int
	// wait is when the next of them is due.
	wait time.Duration
}

func (n *noticing) begin(ctx context.Context) (*AlertNotice, error) {
	tx := n.tx
	err := tx.selectFrom(&n.rows).Where("an.alert_event_id = ?", n.alert.ID).OrderExpr("an.number").Scan(ctx)
	if err != nil {
		return nil, err
	}
	n.known = len(n.rows)
	if n.alert.Status != models.AlertPending && n.alert.Status != models.AlertSent || n.alert.SuppressionReason != nil {
		return nil, n.skipAll(ctx) // somebody was faster, or there is nothing to be done by itself
	}
	if n.customer, err = tx.ownCustomer(ctx); err != nil {
		return nil, err
	}
	if n.alert.NotificationSentAt == nil {
		if suppressed, err := n.suppress(ctx); err != nil || suppressed {
			return nil, err
		}
	}
	if err := n.plan(ctx); err != nil {
		return nil, err
	}
	return n.lease(ctx)
}

// suppress decides whether anybody is to be told at all.
func (n *noticing) suppress(ctx context.Context) (bool, error) {
	tx, settings := n.tx, n.customer.AlertSettings()
	past, err := tx.pastOf(ctx, tx.now.Add(-alerting.Horizon(settings)), []*models.AlertEvent{n.alert})
	if err != nil {
		return false, err
	}
	why := alerting.Suppression(settings, tx.now, n.alert, past)
	if why == nil {
		return false, nil
	}
	event := alerting.Event{Action: models.ActionSuppress, Reason: *why}
	if _, err := tx.happen(ctx, models.AlertChange{ID: n.alert.ID}, auditAlertSuppressed, event, nil); err != nil {
		return false, err
	}
	return true, n.skipAll(ctx)
}

// skipAll gives up what is still to be sent.
func (n *noticing) skipAll(ctx context.Context) error {
	for _, row := range n.rows {
		if row.Status == models.NotificationPending {
			row.Status, row.NextAttemptAt = models.NotificationSkipped, nil
		}
	}
	return n.storeRows(ctx)
}

// plan decides which channels the alert goes to as things are now: a channel
// may have been added, disabled or deleted since the last try.
func (n *noticing) plan(ctx context.Context) error {
	var err error
	if n.rule, err = rowOf[models.AlertRule](ctx, n.tx, withRouting, n.alert.AlertRuleID, "alert rule"); err != nil {
		return err
	}
	var channels []models.NotificationChannel
	if err := n.tx.selectFrom(&channels).OrderExpr("nc.name, nc.id").Scan(ctx); err != nil {
		return err
	}
	n.channels = make(map[models.NotificationChannelID]*models.NotificationChannel, len(channels))
	for i := range channels {
		n.channels[channels[i].ID] = &channels[i]
	}
	if n.partners, err = n.tx.hearsOfAlerts(ctx); err != nil {
		return err
	}
	var routed []models.NotificationChannelID
	for _, channel := range alerting.Route(n.rule, channels, n.done()) {
		routed = append(routed, channel.ID)
		n.include(&channel)
	}
	for _, row := range n.rows {
		if row.Status == models.NotificationPending && !row.Fallback() && !slices.Contains(routed, *row.ChannelID) {
			row.Status, row.NextAttemptAt = models.NotificationSkipped, nil
		}
	}
	n.fallBack()
	if err := n.storeRows(ctx); err != nil {
		return err
	}
	return n.settle(ctx)
}

// done are the channels that are not tried any more.
func (n *noticing) done() (done []models.NotificationChannelID) {
	for _, row := range n.rows {
		if !row.Fallback() && (row.Status == models.NotificationSent || row.Status == models.NotificationFailed) {
			done = append(done, *row.ChannelID)
		}
	}
	return done
}

// hearsOfAlerts reports whether a webhook endpoint of the customer receives new
// alerts.
func (tx *tenantTx) hearsOfAlerts(ctx context.Context) (bool, error) {
	var endpoints []*models.WebhookEndpoint
	err := tx.selectFrom(&endpoints).Where("we.active AND we.disabled_at IS NULL").Scan(ctx)
	hears := func(e *models.WebhookEndpoint) bool { return e.Receives(models.EventAlertTriggered) }
	return slices.ContainsFunc(endpoints, hears), err
}

// noPartner is why a channel of webhooks fails that leads nowhere.
const noPartner = "no webhook endpoint receives alerts"

// include makes a channel one that is to be tried. One of webhooks has taken the
// alert by then, as partners were told by the outbox when it was made; or it has
// failed, if there is no partner to be told.
func (n *noticing) include(channel *models.NotificationChannel) {
	i := slices.IndexFunc(n.rows, func(row *models.AlertNotification) bool { return !row.Fallback() && *row.ChannelID == channel.ID })
	if i < 0 {
		i = n.add(&channel.ID, channel.Name, channel.ChannelType)
	}
	row := n.rows[i]
	if row.Status == models.NotificationSkipped {
		row.Status = models.NotificationPending
	}
	if channel.ChannelType != models.ChannelWebhook {
		return
	}
	row.Attempts, row.NextAttemptAt = row.Attempts+1, nil
	row.Status, row.SentAt, row.ErrorMessage = models.NotificationSent, &n.tx.now, nil
	if !n.partners {
		row.Status, row.SentAt, row.ErrorMessage = models.NotificationFailed, nil, new(noPartner)
	}
}

func (n *noticing) add(id *models.NotificationChannelID, name string, kind models.ChannelType) int {
	n.rows = append(n.rows, &models.AlertNotification{
		CustomerID: n.tx.customer, AlertEventID: n.alert.ID, Number: len(n.rows) + 1,
		ChannelID: id, ChannelName: name, ChannelType: kind,
		Status: models.NotificationPending, Taken: []string{}, CreatedAt: n.tx.now, UpdatedAt: n.tx.now,
	})
	return len(n.rows) - 1
}

// fallBack tries an address when there is no channel, or none took the alert:
// somebody has to hear of it.
func (n *noticing) fallBack() {
	for _, row := range n.rows {
		if row.Fallback() || row.Status == models.NotificationSent || row.Status == models.NotificationPending {
			return
		}
	}
	if alerting.Fallback(n.customer, n.installation) != "" {
		n.add(nil, models.FallbackChannelName, models.ChannelEmail)
	}
}

// storeRows stores the notifications as they are now.
func (n *noticing) storeRows(ctx context.Context) error {
	for _, row := range n.rows[:n.known] {
		row.UpdatedAt = n.tx.now
	}
	if old := n.rows[:n.known]; len(old) > 0 {
		_, err := n.tx.updateOf(&old).Column("status", "attempts", "next_attempt_at", "sent_at", "error_message", "updated_at").Bulk().Exec(ctx)
		if err != nil {
			return err
		}
	}
	if fresh := n.rows[n.known:]; len(fresh) > 0 {
		return n.tx.insert(ctx, &fresh)
	}
	return nil
}

// settle says what the results of all channels so far make of the alert, if they
// make anything.
func (n *noticing) settle(ctx context.Context) error {
	pending := slices.ContainsFunc(n.rows, func(row *models.AlertNotification) bool { return row.Status == models.NotificationPending })
	action, failure := alerting.Settle(resultsOf(n.rows))
	if n.alert.NotificationSentAt != nil || pending && action == models.ActionFail {
		return nil
	}
	_, err := n.tx.happen(ctx, models.AlertChange{ID: n.alert.ID}, auditOf(action), alerting.Event{Action: action, Failure: failure}, nil)
	return err
}

// resultsOf are how the channels took the alert that were tried.
func resultsOf(rows []*models.AlertNotification) (results []alerting.Result) {
	for _, row := range rows {
		switch row.Status {
		case models.NotificationSent:
			results = append(results, alerting.Result{})
		case models.NotificationFailed:
			results = append(results, alerting.Result{Error: *row.ErrorMessage})
		default:
		}
	}
	return results
}

// auditOf is what the audit log calls how telling people went.
func auditOf(action models.AlertAction) auditAction {
	if action == models.ActionSend {
		return auditAlertSent
	}
	return auditAlertFailed
}

// lease gives the job the alert to itself and says what to send where; nil when
// nothing is due.
func (n *noticing) lease(ctx context.Context) (*AlertNotice, error) {
	tx := n.tx
	notice := &AlertNotice{Alert: n.alert, Customer: n.customer, until: tx.now.Add(noticeLease)}
	var next *time.Time
	for _, row := range n.rows {
		switch at := row.NextAttemptAt; {
		case row.Status != models.NotificationPending:
		case at == nil || !at.After(tx.now):
			notice.Targets = append(notice.Targets, n.target(ctx, row))
		case next == nil || at.Before(*next):
			next = at
		}
	}
	if len(notice.Targets) == 0 {
		if next != nil {
			n.wait = next.Sub(tx.now)
		}
		return nil, nil
	}
	memory, err := tx.memories(ctx, n.customer.AlertSettings(), []*models.AlertEvent{n.alert})
	if err != nil {
		return nil, err
	}
	notice.Interpretation = alerting.Interpret(&n.alert.Payload, memory[n.alert.ID].Badge)
	var related []models.DriftEvent
	err = withoutEvidence(tx.selectFrom(&related)).Where("de.report_run_id = ? AND de.payer = ?", n.alert.ReportRunID, n.alert.Payer).
		OrderExpr("de.severity DESC, de.id").Limit(evidenceRows).Scan(ctx)
	if err != nil {
		return nil, err
	}
	notice.Evidence = alerting.EvidenceOf(&n.alert.Payload, related)
	notice.Finding = alerting.PhraseOfAlert(&n.alert.Payload)
	for i := range notice.Evidence.Rows {
		notice.Related = append(notice.Related, alerting.PhraseOf(&notice.Evidence.Rows[i]))
	}
	_, err = tx.updateOf((*models.AlertEvent)(nil)).Set("notifying_until = ?", notice.until).Where("ae.id = ?", n.alert.ID).Exec(ctx)
	return notice, err
}

// target is where a notification leads.
func (n *noticing) target(ctx context.Context, row *models.AlertNotification) NoticeTarget {
	target := NoticeTarget{Number: row.Number, ChannelType: row.ChannelType}
	if row.Fallback() {
		target.Recipients = missing(n.fallbackAddresses(), row.Taken)
		return target
	}
	channel := n.channels[*row.ChannelID]
	if err := n.store.openConfig(channel); err != nil {
		n.store.log.ErrorContext(ctx, "no known key opens the configuration of a channel", "channel", channel.ID)
		target.Problem = "the configuration of the channel cannot be read"
		return target
	}
	target.Recipients, target.URL = missing(channel.Config.Recipients, row.Taken), channel.Config.WebhookURL
	return target
}

// fallbackAddresses are the customer's own, or the installation's.
func (n *noticing) fallbackAddresses() []string {
	addresses := []string{alerting.Fallback(n.customer, n.installation)}
	if cc := n.customer.CCEmail; cc != nil && *cc != "" && n.customer.ToEmail != nil && addresses[0] == *n.customer.ToEmail && *cc != addresses[0] {
		addresses = append(addresses, *cc)
	}
	return addresses
}

// missing are the addresses that do not have the message yet.
func missing(addresses, taken []string) []string {
	return slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return slices.Contains(taken, addressSum(a)) })
}
