package store_test

import (
	"sync"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// at is the World's store with another clock.
func at(w *factory.World, now string) *store.Store {
	w.Helper()
	instant, err := time.Parse(time.RFC3339, now)
	if err != nil {
		w.Fatal(err)
	}
	return w.StoreWith(w.DB.App, store.Options{Now: func() time.Time { return instant }})
}

// reschedule changes a tenant's settings.
func reschedule(t *testing.T, s *store.Store, tenant *factory.Tenant, patch models.CustomerPatch) *models.Customer {
	t.Helper()
	in := models.Update[models.CustomerID, models.CustomerPatch]{ID: tenant.Customer.ID, Patch: patch}
	return must(s.UpdateCustomer(t.Context(), tenant.System(), in))(t)
}

// due queues what is due at an instant, as several servers do at once, and
// answers how much that was in all.
func due(t *testing.T, w *factory.World, now string) (queued int) {
	t.Helper()
	var wg sync.WaitGroup
	counts := make(chan int, 4)
	for range cap(counts) {
		s := at(w, now)
		wg.Go(func() {
			n, err := s.QueueDueRuns(t.Context())
			if err != nil {
				t.Error(err)
			}
			counts <- n
		})
	}
	wg.Wait()
	close(counts)
	for n := range counts {
		queued += n
	}
	return queued
}

// scheduled are the as-of days of the runs that the schedule asked for, newest first.
func scheduled(t *testing.T, tenant *factory.Tenant) (days []string) {
	t.Helper()
	for _, run := range runsOf(t, tenant) {
		if run.Origin == models.OriginSchedule {
			days = append(days, string(run.RunType)+" "+run.AsOf.String())
		}
	}
	return days
}

// finishAll computes what is queued.
func finishAll(t *testing.T, tenant *factory.Tenant) {
	t.Helper()
	for _, run := range runsOf(t, tenant) {
		if err := tenant.Store.PerformRun(t.Context(), tenant.System(), run.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// The clock of factory stands at Monday 2026-06-15, 12:00 UTC.
func TestSchedule_Weekly(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, empty := w.Tenant("cedar"), w.Tenant("empty")
	cedar.Drifting()
	equal(t, "new customers make up for nothing", 0, due(t, w, "2026-06-15T12:00:00Z"))
	equal(t, "a second early", 0, due(t, w, "2026-06-22T01:59:59Z"))
	equal(t, "on time, by four servers", 1, due(t, w, "2026-06-22T02:00:00Z"))
	equal(t, "a minute later", 0, due(t, w, "2026-06-22T02:01:00Z"))
	finishAll(t, cedar)
	equal(t, "runs", []string{"weekly 2026-06-22"}, scheduled(t, cedar))
	equal(t, "three weeks without a server make one run", 1, due(t, w, "2026-07-15T00:00:00Z"))
	finishAll(t, cedar)
	equal(t, "runs", []string{"weekly 2026-07-13", "weekly 2026-06-22"}, scheduled(t, cedar))
	equal(t, "then it goes on", 1, due(t, w, "2026-07-20T02:00:30Z"))
	equal(t, "a customer without claims", 0, len(runsOf(t, empty)))
	equal(t, "jobs", 3, detectJobs(t, w))
}

func TestSchedule_WaitsForTheRunInTheBackground(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	must(w.Store.TriggerReport(t.Context(), cedar.System(), models.DetectInput{}))(t)
	equal(t, "while one is queued", 0, due(t, w, "2026-06-22T02:00:00Z"))
	finishAll(t, cedar)
	equal(t, "when it has ended", 1, due(t, w, "2026-06-22T02:10:00Z"))
	finishAll(t, cedar)
	equal(t, "only once", 0, due(t, w, "2026-06-22T02:11:00Z"))
	equal(t, "runs", []string{"weekly 2026-06-22"}, scheduled(t, cedar))
}

func TestSchedule_ZoneAndSummerTime(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	changed := reschedule(t, w.Store, cedar, models.CustomerPatch{
		TimeZone: models.To("America/New_York"), MonthlyRunEnabled: models.To(true),
	})
	equal(t, "next", []string{"2026-06-22T06:00:00Z", "2026-07-01T06:00:00Z"}, []string{
		changed.NextWeeklyRunAt.UTC().Format(time.RFC3339), changed.NextMonthlyRunAt.UTC().Format(time.RFC3339),
	})
	equal(t, "audit lines", 1, audited(cedar, "settings_updated"))
	equal(t, "at 02:00 UTC", 0, due(t, w, "2026-06-22T02:00:00Z"))
	equal(t, "at 02:00 in New York", 1, due(t, w, "2026-06-22T06:00:00Z"))
	finishAll(t, cedar)
	equal(t, "the first of a month", 1, due(t, w, "2026-07-01T06:00:00Z"))
	finishAll(t, cedar)
	due(t, w, "2026-10-26T06:00:00Z")
	finishAll(t, cedar)
	equal(t, "the monthly one that waited", 1, due(t, w, "2026-10-26T06:05:00Z"))
	finishAll(t, cedar)
	equal(t, "an hour early, in winter", 0, due(t, w, "2026-11-01T06:59:00Z")) // monthly: 02:00 EST
	equal(t, "in winter", 1, due(t, w, "2026-11-02T07:00:00Z"))

	// The day of a run is the customer's, whatever day UTC has.
	w = factory.New(t)
	kiwi := w.Tenant("kiwi")
	kiwi.Drifting()
	reschedule(t, w.Store, kiwi, models.CustomerPatch{TimeZone: models.To("Pacific/Auckland")})
	equal(t, "on Sunday in UTC", 1, due(t, w, "2026-06-21T14:00:00Z"))
	finishAll(t, kiwi)
	equal(t, "runs", []string{"weekly 2026-06-22"}, scheduled(t, kiwi))
	// Who moves west that day does not get the same day again.
	reschedule(t, at(w, "2026-06-21T15:00:00Z"), kiwi, models.CustomerPatch{TimeZone: models.To("Pacific/Honolulu")})
	equal(t, "the same Monday in Hawaii", 0, due(t, w, "2026-06-22T12:00:00Z"))
	equal(t, "the next one", 1, due(t, w, "2026-06-29T12:00:00Z"))
}

func TestSchedule_OffAndChanged(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	cedar.Drifting()
	off := reschedule(t, w.Store, cedar, models.CustomerPatch{WeeklyRunEnabled: models.To(false)})
	equal(t, "off", []any{false, true}, []any{off.WeeklyRunEnabled, off.NextWeeklyRunAt == nil})
	equal(t, "while off", 0, due(t, w, "2026-06-22T02:00:00Z"))
	again := at(w, "2026-06-24T00:00:00Z")
	reschedule(t, again, cedar, models.CustomerPatch{
		WeeklyRunEnabled: models.To(true), WeeklyRunWeekday: models.To(models.Thursday), RunLocalTime: models.To("05:30"),
	})
	equal(t, "Thursday", []int{0, 1}, []int{due(t, w, "2026-06-25T05:29:59Z"), due(t, w, "2026-06-25T05:30:00Z")})
	finishAll(t, cedar)

	// Whatever changes the zone without knowing of schedules: they are planned anew.
	if err := asOwner(t, cedar, `UPDATE customers SET time_zone = 'America/Denver'`); err != nil {
		t.Fatal(err)
	}
	planned := factory.Query[bool](cedar, `SELECT next_weekly_run_at IS NULL FROM customers`)
	equal(t, "to be planned", true, planned)
	equal(t, "planned", 0, due(t, w, "2026-06-26T00:00:00Z"))
	equal(t, "in Denver", []int{0, 1}, []int{due(t, w, "2026-07-02T11:29:00Z"), due(t, w, "2026-07-02T11:30:00Z")})
}

// A change that leaves one of the next times as it was keeps that one, too.
func TestSchedule_ChangedInPart(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	before := reschedule(t, w.Store, cedar, models.CustomerPatch{})
	after := reschedule(t, w.Store, cedar, models.CustomerPatch{MonthlyRunEnabled: models.To(true)})
	equal(t, "the weekly run", before.NextWeeklyRunAt.UTC(), after.NextWeeklyRunAt.UTC())
	stored := must(w.Store.Customer(t.Context(), cedar.System()))(t)
	if stored.NextWeeklyRunAt == nil || stored.NextMonthlyRunAt == nil {
		t.Fatalf("stored are %v and %v", stored.NextWeeklyRunAt, stored.NextMonthlyRunAt)
	}
	equal(t, "stored", []time.Time{after.NextWeeklyRunAt.UTC(), after.NextMonthlyRunAt.UTC()},
		[]time.Time{stored.NextWeeklyRunAt.UTC(), stored.NextMonthlyRunAt.UTC()})
	equal(t, "audited", `{"monthly_run_enabled": true, "next_monthly_run_at": "2026-07-01T02:00:00Z"}`,
		factory.Query[string](cedar, `SELECT after::text FROM audit_events WHERE action = 'settings_updated'`))
}
