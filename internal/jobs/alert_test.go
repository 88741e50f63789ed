package jobs

import (
	"context"
	"io"
	"log/slog"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"upstream/internal/factory"
	"upstream/internal/mail"
	"upstream/internal/webhook"
	"upstream/models"
	"upstream/store"
)

// siren is a customer with an alert that is to be sent, on a clock that a test
// moves.
type siren struct {
	*factory.Tenant

	s      *store.Store
	v      models.Viewer
	passed atomic.Int64
	alerts []*models.AlertEvent
	opts   Options
}

// newSiren makes an alert by a detection, one for each rule. Channels are made
// before.
func newSiren(t *testing.T, sender mail.Sender, rules int, channels ...models.NewNotificationChannel) *siren {
	t.Helper()
	w := factory.New(t)
	r := &siren{Tenant: w.Tenant("cedar")}
	r.s = w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return factory.Now().Add(time.Duration(r.passed.Load())) }})
	r.v = r.User(models.RoleOwner)
	r.v.RequestID = "req-77"
	slack := webhook.NewSender(webhook.Options{Guard: factory.Webhooks(t).Guard})
	t.Cleanup(slack.Close)
	r.opts = Options{
		Store: r.s, Mail: sender, Slack: slack, PublicURL: "https://upstream.example", PollInterval: 10 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler), AlertEmail: "ops@upstream.example",
	}
	for _, channel := range channels {
		if _, err := r.s.CreateNotificationChannel(t.Context(), r.v, channel); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rules {
		rule := models.NewAlertRule{Name: "Denials " + string(rune('A'+i)), Metric: new(models.MetricDenialRateDelta), ThresholdValue: new(0.05)}
		if _, err := r.s.CreateAlertRule(t.Context(), r.v, rule); err != nil {
			t.Fatal(err)
		}
	}
	r.Drifting()
	if _, err := r.s.DetectDrift(t.Context(), r.v, models.DetectInput{}); err != nil {
		t.Fatal(err)
	}
	r.alerts = r.read(t)
	if len(r.alerts) != rules {
		t.Fatalf("%d alerts of %d rules", len(r.alerts), rules)
	}
	return r
}

func (r *siren) read(t *testing.T) []*models.AlertEvent {
	t.Helper()
	rows, err := r.s.AlertEvents(t.Context(), r.v, models.AlertEventFilter{}, models.List[models.AlertEventOrderField]{Page: models.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return rows.Items
}

func (r *siren) pass(d time.Duration) { r.passed.Add(int64(d)) }

// work does the job of the first alert, as a worker does.
func (r *siren) work(ctx context.Context) error {
	job := &river.Job[models.AlertJob]{
		JobRow: &rivertype.JobRow{Kind: models.AlertJob{}.Kind(), Metadata: []byte(`{"request_id":"req-77"}`)},
		Args:   models.AlertJob{CustomerID: r.Customer.ID, AlertEventID: r.alerts[0].ID},
	}
	return (&alertNotice{opts: r.opts}).Work(ctx, job)
}

// statuses are how the channels took the first alert.
func (r *siren) statuses(t *testing.T) map[string]models.NotificationStatus {
	t.Helper()
	rows, err := r.s.AlertNotifications(t.Context(), r.v, r.alerts[0].ID, models.List[models.AlertNotificationOrderField]{Page: models.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]models.NotificationStatus{}
	for _, n := range rows.Items {
		all[n.ChannelName] = n.Status
	}
	return all
}

func mailing(name string, addresses ...string) models.NewNotificationChannel {
	return models.NewNotificationChannel{Name: name, Config: models.ChannelConfig{Recipients: addresses}}
}

// completed works until so many jobs of a kind are done.
func completed(t *testing.T, opts Options, kind string, jobs int) {
	t.Helper()
	workers, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := workers.queue.Subscribe(river.EventKindJobCompleted)
	defer cancel()
	if err := workers.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < jobs; {
		if event := <-done; event.Job.Kind == kind {
			n++
		}
	}
	if err := workers.Stop(); err != nil {
		t.Error(err)
	}
}

// From the detection to a mail server: the mail says what happened, opens the
// alert and names the request.
func TestAlert_ByMail(t *testing.T) {
	t.Parallel()
	server, sender := startMailServer(t)
	r := newSiren(t, sender, 1, mailing("Billing", "ada@cedar.test", "bob@cedar.test"))
	completed(t, r.opts, models.AlertJob{}.Kind(), 1)
	if diff := cmp.Diff(map[string]int{"ada@cedar.test": 1, "bob@cedar.test": 1}, server.counts()); diff != "" {
		t.Errorf("mails (+):\n%s", diff)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(server.mails()[0].text)))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(body), "\r\n", "\n")
	for _, want := range []string{
		"\nhttps://upstream.example/alerts/" + r.alerts[0].ID.String() + "\n",
		`href="https://upstream.example/alerts/` + r.alerts[0].ID.String(),
		"Payer A denied 40.0% of", "Investigate today", "  5. Record your verdict", "30.0 points", "Clinic cedar", "Denials A", "req-77",
		"What this run found about Payer A",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the mail lacks %q:\n%s", want, text)
		}
	}
	if after := r.read(t)[0]; after.Status != models.AlertSent || after.NotificationSentAt == nil || after.NotifyingUntil != nil {
		t.Errorf("after the mail: %+v", after)
	}
}

// Two rules fire on one signal, and their jobs run at the same time: people get
// one message.
func TestAlert_TwoOfOneSignalAtOnce(t *testing.T) {
	t.Parallel()
	server, sender := startMailServer(t)
	r := newSiren(t, sender, 3, mailing("Billing", "ada@cedar.test"))
	completed(t, r.opts, models.AlertJob{}.Kind(), 3)
	if diff := cmp.Diff(map[string]int{"ada@cedar.test": 1}, server.counts()); diff != "" {
		t.Errorf("mails (+):\n%s", diff)
	}
	suppressed := 0
	for _, alert := range r.read(t) {
		if alert.Status != models.AlertSent {
			t.Errorf("%s is %s", alert.ID, alert.Status)
		}
		if alert.SuppressionReason != nil && *alert.SuppressionReason == models.SuppressedCooldown {
			suppressed++
		}
	}
	if suppressed != 2 {
		t.Errorf("%d are suppressed", suppressed)
	}
}

// A server that refuses one reader keeps the others from nothing, and the one
// gets the mail once it does not refuse any more.
func TestAlert_AServerThatRefuses(t *testing.T) {
	t.Parallel()
	server, sender := startMailServer(t)
	r := newSiren(t, sender, 1, mailing("Billing", "ada@cedar.test", "bob@cedar.test"), mailing("Office", "office@cedar.test"))
	server.refuse("ada@cedar.test", true)
	for range 3 {
		var snoozed *river.JobSnoozeError
		if err := r.work(t.Context()); !asSnooze(err, &snoozed) {
			t.Fatalf("the job ends with %v", err)
		}
		r.pass(snoozed.Duration)
	}
	if diff := cmp.Diff(map[string]int{"bob@cedar.test": 1, "office@cedar.test": 1}, server.counts()); diff != "" {
		t.Errorf("mails (+):\n%s", diff)
	}
	server.refuse("ada@cedar.test", false)
	if err := r.work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"ada@cedar.test": 1, "bob@cedar.test": 1, "office@cedar.test": 1}, server.counts()); diff != "" {
		t.Errorf("mails (+):\n%s", diff)
	}
	want := map[string]models.NotificationStatus{"Billing": models.NotificationSent, "Office": models.NotificationSent}
	if diff := cmp.Diff(want, r.statuses(t)); diff != "" {
		t.Errorf("notifications (+):\n%s", diff)
	}
}

func asSnooze(err error, to **river.JobSnoozeError) bool {
	snoozed, ok := err.(*river.JobSnoozeError) //nolint:errorlint // the library looks for this very type
	*to = snoozed
	return ok
}

// Without a server, every try fails, the last one is to the address of the
// installation, and the alert says that nobody knows.
func TestAlert_NoServer(t *testing.T) {
	t.Parallel()
	server, sender := startMailServer(t)
	_ = server.listener.Close()
	r := newSiren(t, sender, 1, mailing("Billing", "ada@cedar.test"))
	tries := 0
	for err := r.work(t.Context()); err != nil; err = r.work(t.Context()) {
		var snoozed *river.JobSnoozeError
		if !asSnooze(err, &snoozed) {
			t.Fatal(err)
		}
		tries++
		r.pass(snoozed.Duration)
	}
	after := r.read(t)[0]
	if after.Status != models.AlertFailed || !strings.Contains(*after.ErrorMessage, "cannot be reached") || tries < 10 {
		t.Errorf("after %d tries: %+v", tries, after)
	}
	if diff := cmp.Diff(map[string]models.NotificationStatus{
		"Billing": models.NotificationFailed, models.FallbackChannelName: models.NotificationFailed,
	}, r.statuses(t)); diff != "" {
		t.Errorf("notifications (+):\n%s", diff)
	}
}

// dying is a way to send mail whose process ends as soon as one was sent to an
// address: nothing after that happens.
type dying struct {
	mail.Sender

	at string
}

func (d *dying) Send(ctx context.Context, m mail.Message) error {
	if err := d.Sender.Send(ctx, m); err != nil {
		return err
	}
	if m.To == d.at {
		panic("the process ends here")
	}
	return nil
}

// A process that ends between sending and saying so: the alert is taken up
// again, and only that one reader has the mail twice.
func TestAlert_ACrashAfterSending(t *testing.T) {
	t.Parallel()
	server, sender := startMailServer(t)
	r := newSiren(t, &dying{sender, "bob@cedar.test"}, 1, mailing("Billing", "ada@cedar.test", "bob@cedar.test", "eve@cedar.test"), mailing("Office", "office@cedar.test"))
	if _, err := r.DB.Owner.Exec(t.Context(), `DELETE FROM river.river_job`); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = r.work(t.Context())
	}()
	if diff := cmp.Diff(map[string]int{"ada@cedar.test": 1, "bob@cedar.test": 1}, server.counts()); diff != "" {
		t.Fatalf("mails (+):\n%s", diff)
	}
	r.opts.Mail = sender
	r.pass(store.AlertTimeout + time.Minute)
	if n, err := r.s.ResumeAlerts(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d resumed, %v", n, err)
	}
	completed(t, r.opts, models.AlertJob{}.Kind(), 1)
	want := map[string]int{"ada@cedar.test": 1, "bob@cedar.test": 2, "eve@cedar.test": 1, "office@cedar.test": 1}
	if diff := cmp.Diff(want, server.counts()); diff != "" {
		t.Errorf("mails (+):\n%s", diff)
	}
	if n, err := r.s.ResumeAlerts(t.Context()); n != 0 || err != nil {
		t.Errorf("%d resumed when all is done, %v", n, err)
	}
}

// leaving is a way to send mail that is broken off.
type leaving struct{ leave context.CancelFunc }

func (l *leaving) Send(ctx context.Context, _ mail.Message) error {
	l.leave()
	<-ctx.Done()
	return ctx.Err()
}

// A process that is told to stop says nothing about the channels.
func TestAlert_BrokenOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := newSiren(t, &leaving{cancel}, 1, mailing("Billing", "ada@cedar.test"))
	if err := r.work(ctx); err == nil {
		t.Error("the job is done")
	}
	if diff := cmp.Diff(map[string]models.NotificationStatus{"Billing": models.NotificationPending}, r.statuses(t)); diff != "" {
		t.Errorf("notifications (+):\n%s", diff)
	}
	box := &post{}
	r.opts.Mail = box
	if err := r.work(t.Context()); err != nil || len(box.sent) != 1 {
		t.Errorf("%d mails afterwards, %v", len(box.sent), err)
	}
}

// slack is an incoming webhook that answers as it is told to.
type slack struct {
	mu     sync.Mutex
	status int
	bodies []string
}

func (s *slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.bodies = append(s.bodies, string(body))
	w.WriteHeader(s.status)
}

func (s *slack) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func TestAlert_BySlack(t *testing.T) {
	t.Parallel()
	hook := &slack{status: http.StatusInternalServerError}
	web := httptest.NewServer(hook)
	t.Cleanup(web.Close)
	server, sender := startMailServer(t)
	chat := models.NewNotificationChannel{Name: "Chat", ChannelType: new(models.ChannelSlack), Config: models.ChannelConfig{WebhookURL: web.URL + "/services/x"}}
	r := newSiren(t, sender, 1, chat, mailing("Billing", "ada@cedar.test"))
	var snoozed *river.JobSnoozeError
	if err := r.work(t.Context()); !asSnooze(err, &snoozed) {
		t.Fatal(err)
	}
	rows, err := r.s.AlertNotifications(t.Context(), r.v, r.alerts[0].ID, models.List[models.AlertNotificationOrderField]{Page: models.Page{Limit: 10}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range rows.Items {
		if n.ChannelType == models.ChannelSlack && (n.ErrorMessage == nil || *n.ErrorMessage != "Slack answered with status 500") {
			t.Errorf("why it failed: %+v", n)
		}
	}
	hook.answer(http.StatusOK)
	r.pass(snoozed.Duration)
	if err := r.work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(hook.bodies) != 2 || server.counts()["ada@cedar.test"] != 1 {
		t.Errorf("%d messages to Slack, mails %v", len(hook.bodies), server.counts())
	}
	for _, want := range []string{"HIGH", "Payer A", "Denial rate", "+30.0 points", "https://upstream.example/alerts/" + r.alerts[0].ID.String()} {
		if !strings.Contains(hook.bodies[1], want) {
			t.Errorf("the message lacks %q: %s", want, hook.bodies[1])
		}
	}
}

// A channel can be tried, and says what became of that.
func TestChannelTest(t *testing.T) {
	t.Parallel()
	server, sender := startMailServer(t)
	hook := &slack{status: http.StatusNotFound}
	web := httptest.NewServer(hook)
	t.Cleanup(web.Close)
	chat := models.NewNotificationChannel{Name: "Chat", ChannelType: new(models.ChannelSlack), Config: models.ChannelConfig{WebhookURL: web.URL}}
	r := newSiren(t, sender, 0, chat, mailing("Billing", "ada@cedar.test"))
	rows, err := r.s.NotificationChannels(t.Context(), r.v, models.NotificationChannelFilter{}, models.List[models.NotificationChannelOrderField]{Page: models.Page{Limit: 10}})
	if err != nil {
		t.Fatal(err)
	}
	for _, channel := range rows.Items {
		if _, err := r.s.TestNotificationChannel(t.Context(), r.v, channel.ID); err != nil {
			t.Fatal(err)
		}
	}
	completed(t, r.opts, models.ChannelTestJob{}.Kind(), 2)
	for _, channel := range rows.Items {
		after, err := r.s.NotificationChannel(t.Context(), r.v, channel.ID)
		if err != nil || after.TestedAt == nil {
			t.Fatalf("%s: %+v, %v", channel.Name, after, err)
		}
		if failed := after.TestError != nil; failed != (channel.Name == "Chat") || failed && *after.TestError != "Slack answered with status 404" {
			t.Errorf("%s: %+v", channel.Name, after)
		}
	}
	if got := server.mails(); len(got) != 1 || !strings.Contains(got[0].text, "A test of the channel Billing") {
		t.Errorf("mails: %+v", got)
	}
}
