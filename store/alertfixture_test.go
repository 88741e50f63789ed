package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: factory.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// alarm is a customer whose alerts a test makes, sends and looks at, on a store
// with a clock of its own.
type alarm struct {
	*factory.Tenant

	s     *store.Store
	clock *clock
	// v may do everything.
	v models.Viewer
}

func newAlarm(t *testing.T, rules ...models.NewAlertRule) *alarm {
	t.Helper()
	return alarmAt(t, factory.New(t), "cedar", rules...)
}

// alarmAt is newAlarm in a database that there is. Without rules there is one
// that fires on everything.
func alarmAt(t *testing.T, w *factory.World, slug string, rules ...models.NewAlertRule) *alarm {
	t.Helper()
	c := newClock()
	a := &alarm{Tenant: w.Tenant(slug), s: w.StoreWith(w.DB.App, store.Options{Now: c.Now}), clock: c}
	a.v = a.User(models.RoleOwner)
	if len(rules) == 0 {
		rules = []models.NewAlertRule{{Name: "Everything", ThresholdValue: new(0.0)}}
	}
	for _, rule := range rules {
		must(a.s.CreateAlertRule(t.Context(), a.v, rule))(t)
	}
	return a
}

// channel makes a channel.
func (a *alarm) channel(t *testing.T, name string, kind models.ChannelType, config models.ChannelConfig) *models.NotificationChannel {
	t.Helper()
	return must(a.s.CreateNotificationChannel(t.Context(), a.v, models.NewNotificationChannel{Name: name, ChannelType: &kind, Config: config}))(t)
}

// mails makes a channel that writes to these addresses.
func (a *alarm) mails(t *testing.T, name string, addresses ...string) *models.NotificationChannel {
	t.Helper()
	return a.channel(t, name, models.ChannelEmail, models.ChannelConfig{Recipients: addresses})
}

// run stores a successful run for a day as far from today as days says, with
// events, and evaluates the rules for it. Signals that were tested and not
// found are given by payer.
func (a *alarm) run(t *testing.T, days int, events []*models.DriftEvent, missed ...string) *models.ReportRun {
	t.Helper()
	run := a.RunRow(func(r *models.ReportRun) {
		r.AsOf = r.AsOf.AddDays(days)
		r.BaselineStart, r.BaselineEnd = r.AsOf.AddDays(-104), r.AsOf.AddDays(-14)
		r.CurrentStart, r.CurrentEnd = r.AsOf.AddDays(-14), r.AsOf
		r.StartedAt, r.FinishedAt = a.clock.Now(), new(a.clock.Now())
	})
	a.Insert(run)
	found := make([]models.DriftEvent, 0, len(events))
	for _, e := range events {
		e.ReportRunID = run.ID
		e.SignalKey += "|" + run.AsOf.String()
		a.Insert(e, a.TestRow(run.ID, e.Payer, func(d *models.DriftTest) {
			d.CPTGroup, d.DriftType, d.DriftEventID, d.Practical = e.CPTGroup, e.DriftType, &e.ID, true
		}))
		found = append(found, *e)
	}
	for _, payer := range missed {
		a.Insert(a.TestRow(run.ID, payer))
	}
	if err := store.EvaluateAlerts(t.Context(), a.s, a.System(), run, found); err != nil {
		t.Fatal(err)
	}
	return run
}

// event is a drift event about a payer, which run stores.
func (a *alarm) event(payer string, changes ...func(*models.DriftEvent)) *models.DriftEvent {
	return a.EventRow(models.ReportRunID{}, payer, changes...)
}

// alert makes one alert about a payer.
func (a *alarm) alert(t *testing.T, payer string) *models.AlertEvent {
	t.Helper()
	run := a.run(t, 0, []*models.DriftEvent{a.event(payer, func(e *models.DriftEvent) { e.SignalKey = factory.Slug() })})
	alerts := a.alerts(t, models.AlertEventFilter{ReportRun: &run.ID})
	equal(t, "alerts", 1, len(alerts))
	return alerts[0]
}

func (a *alarm) alerts(t *testing.T, f models.AlertEventFilter) []*models.AlertEvent {
	t.Helper()
	return must(a.s.AlertEvents(t.Context(), a.v, f, everyRow[models.AlertEventOrderField]()))(t).Items
}

// again is the alert as it is now.
func (a *alarm) again(t *testing.T, alert *models.AlertEvent) *models.AlertEvent {
	t.Helper()
	return must(a.s.AlertEvent(t.Context(), a.v, alert.ID))(t)
}

// history are the actions of an alert's history.
func (a *alarm) history(t *testing.T, alert *models.AlertEvent) (actions []models.AlertAction) {
	t.Helper()
	lines := must(a.s.AlertHistory(t.Context(), a.v, alert.ID, models.AlertHistoryFilter{}, everyRow[models.AlertHistoryOrderField]()))(t).Items
	for i, line := range lines {
		equal(t, "number of a line", i+1, line.Number)
		actions = append(actions, line.Action)
	}
	return actions
}

func (a *alarm) notifications(t *testing.T, alert *models.AlertEvent) []*models.AlertNotification {
	t.Helper()
	return must(a.s.AlertNotifications(t.Context(), a.v, alert.ID, everyRow[models.AlertNotificationOrderField]()))(t).Items
}

// begin is what a job does first.
func (a *alarm) begin(t *testing.T, alert *models.AlertEvent) (*store.AlertNotice, time.Duration) {
	t.Helper()
	notice, wait, err := a.s.BeginNotice(t.Context(), a.System(), alert.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	return notice, wait
}

// tell does what a job does, once: outcome is what became of the mail to an
// address or the message to a URL, "" when it arrived. It answers who was tried.
func (a *alarm) tell(t *testing.T, alert *models.AlertEvent, outcome func(string) string) (tried []string) {
	t.Helper()
	notice, _ := a.begin(t, alert)
	if notice == nil {
		return nil
	}
	for _, target := range notice.Targets {
		problem := target.Problem
		for _, address := range append(target.Recipients, target.URL) {
			if address == "" {
				continue
			}
			tried = append(tried, address)
			if failed := outcome(address); failed != "" {
				problem = failed
			} else if target.ChannelType == models.ChannelEmail {
				if err := a.s.NoticeTaken(t.Context(), a.System(), notice, target.Number, address); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := a.s.NoticeTried(t.Context(), a.System(), notice, target.Number, problem); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.s.EndNotice(t.Context(), a.System(), notice); err != nil {
		t.Fatal(err)
	}
	return tried
}

// arrives is the outcome of messages that arrive.
func arrives(string) string { return "" }

// fails is the outcome of messages that do not.
func fails(string) string { return "refused the message" }

// jobsOf counts the jobs that are to tell people of an alert.
func (a *alarm) jobsOf(t *testing.T, alert *models.AlertEvent) (n int) {
	t.Helper()
	err := a.DB.Owner.QueryRow(context.Background(),
		`SELECT count(*) FROM river.river_job WHERE kind = 'notify_alert' AND args->>'alert_event_id' = $1`, alert.ID.String()).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// audited counts the audit lines of an action about an alert.
func (a *alarm) audited(t *testing.T, alert *models.AlertEvent, action string) int {
	t.Helper()
	f := models.AuditEventFilter{Action: &action, EntityID: new(alert.ID.String())}
	return len(must(a.s.AuditEvents(t.Context(), a.v, f, everyRow[models.AuditEventOrderField]()))(t).Items)
}
