package webhook_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"upstream/internal/await"
	"upstream/internal/webhook"
	"upstream/models"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

const failed, delivered = models.AttemptTimedOut, models.AttemptDelivered

// after is the health after failures in a row, a second apart, the last at noon.
func after(b webhook.Breaker, failures int) models.EndpointHealth {
	h := models.Healthy()
	for i := range failures {
		h = b.Record(h, failed, noon.Add(time.Duration(i+1-failures)*time.Second))
	}
	return h
}

func TestBreaker_Opens(t *testing.T) {
	t.Parallel()
	b := webhook.DefaultBreaker()
	for n := range 5 {
		h, admission := b.Admit(after(b, n), noon)
		if !admission.OK || h.Circuit != models.CircuitClosed {
			t.Errorf("after %d failures: %+v, %+v", n, admission, h)
		}
	}
	h := after(b, 5)
	if h.Circuit != models.CircuitOpen || !h.RetryAt.Equal(noon.Add(30*time.Second)) || h.Openings != 1 {
		t.Errorf("after 5 failures: %+v", h)
	}
	same, admission := b.Admit(h, noon.Add(29*time.Second))
	if admission.OK || !admission.RetryAt.Equal(noon.Add(30*time.Second)) || same != h {
		t.Errorf("while open: %+v", admission)
	}
	straggler := b.Record(h, failed, noon.Add(time.Second))
	if !straggler.RetryAt.Equal(*h.RetryAt) || straggler.Openings != 1 || straggler.ConsecutiveFailures != 6 {
		t.Errorf("an attempt that had begun before: %+v", straggler)
	}
}

func TestBreaker_Probe(t *testing.T) {
	t.Parallel()
	b := webhook.DefaultBreaker()
	at := noon.Add(30 * time.Second)
	half, admission := b.Admit(after(b, 5), at)
	if !admission.OK || half.Circuit != models.CircuitHalfOpen {
		t.Fatalf("after the pause: %+v, %+v", admission, half)
	}
	if _, second := b.Admit(half, at); second.OK || !second.RetryAt.Equal(at.Add(time.Minute)) {
		t.Errorf("a second one: %+v", second)
	}
	if h, lost := b.Admit(half, at.Add(time.Minute)); !lost.OK || h.Circuit != models.CircuitHalfOpen || !h.RetryAt.Equal(at.Add(2*time.Minute)) {
		t.Errorf("when the probe is lost: %+v", lost)
	}
	if h := b.Record(half, delivered, at); h != models.Healthy() {
		t.Errorf("a success: %+v", h)
	}
	if h := b.Record(half, failed, at); h.Circuit != models.CircuitOpen || !h.RetryAt.Equal(at.Add(time.Minute)) {
		t.Errorf("a failure: %+v", h)
	}
}

func TestBreaker_PauseDoubles(t *testing.T) {
	t.Parallel()
	b := webhook.DefaultBreaker()
	h, now := after(b, 5), noon
	for _, want := range []float64{30, 60, 120, 240, 480, 960, 1800, 1800, 1800} {
		if got := h.RetryAt.Sub(now).Seconds(); got != want {
			t.Errorf("opening %d: %v seconds, want %v", h.Openings, got, want)
		}
		now = *h.RetryAt
		half, admission := b.Admit(h, now)
		if !admission.OK {
			t.Fatal("no probe after the pause")
		}
		h = b.Record(half, failed, now)
	}
	h.Openings = 1 << 40
	if half, _ := b.Admit(h, now.Add(time.Hour)); b.Record(half, failed, now).RetryAt.Sub(now) != 30*time.Minute {
		t.Error("the pause outgrows its bound")
	}
}

func TestBreaker_Disables(t *testing.T) {
	t.Parallel()
	b := webhook.DefaultBreaker()
	failing := func(failures int, span time.Duration) models.EndpointHealth {
		h := models.Healthy()
		for i := range failures {
			h = b.Record(h, failed, noon.Add(span*time.Duration(i)/time.Duration(failures-1)))
		}
		return h
	}
	const days = 24 * time.Hour
	for name, tt := range map[string]struct {
		health models.EndpointHealth
		want   bool
	}{
		"five days":            {failing(10, 5*days), true},
		"nearly five days":     {failing(100, 5*days-time.Second), false},
		"two in a week":        {failing(2, 7*days), false},
		"nine in a week":       {failing(9, 7*days), false},
		"a success in between": {b.Record(b.Record(failing(50, 4*days), delivered, noon.Add(4*days)), failed, noon.Add(6*days)), false},
	} {
		if disabled := tt.health.DisabledAt != nil; disabled != tt.want || disabled && *tt.health.DisabledReason != models.DisabledFailing {
			t.Errorf("%s: %+v", name, tt.health)
		}
	}
	gone := b.Record(models.Healthy(), models.AttemptGone, noon)
	if gone.DisabledAt == nil || *gone.DisabledReason != models.DisabledGone {
		t.Errorf("410: %+v", gone)
	}
	if _, admission := b.Admit(gone, noon.Add(1000*time.Hour)); admission != (webhook.Admission{}) {
		t.Errorf("a disabled endpoint: %+v", admission)
	}
	if h := b.Record(gone, delivered, noon.Add(time.Hour)); h.DisabledAt == nil || h.ConsecutiveFailures != 0 {
		t.Errorf("a late success switches on what was switched off: %+v", h)
	}
	if h := b.Record(gone, failed, noon.Add(999*days)); !h.DisabledAt.Equal(noon) || *h.DisabledReason != models.DisabledGone {
		t.Errorf("disabled twice: %+v", h)
	}
}

func TestBreaker_Zero(t *testing.T) {
	t.Parallel()
	var b webhook.Breaker
	h := models.EndpointHealth{}
	for i := range 1000 {
		h = b.Record(h, failed, noon.Add(time.Duration(i)*time.Hour))
	}
	if _, admission := b.Admit(h, noon); !admission.OK || h.DisabledAt != nil {
		t.Errorf("%+v", h)
	}
}

// Whatever happens: an open or half-open circuit has a time, a closed one none,
// and waiting until that time always lets one delivery pass, and one only.
func TestBreaker_NeverStuck(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := webhook.DefaultBreaker()
		h, now := models.Healthy(), noon
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "seconds")) * time.Second)
			next, admission := b.Admit(h, now)
			if !admission.OK {
				if h.DisabledAt != nil {
					break
				}
				if !admission.RetryAt.After(now) || next != h {
					t.Fatalf("refused until %v at %v", admission.RetryAt, now)
				}
				if _, later := b.Admit(h, admission.RetryAt); !later.OK {
					t.Fatal("refused when it was to be asked again")
				}
				continue
			}
			if _, again := b.Admit(next, now); again.OK && next.Circuit != models.CircuitClosed {
				t.Fatal("two pass a half-open circuit")
			}
			h = next
			if rapid.IntRange(0, 3).Draw(t, "lost") > 0 {
				h = b.Record(h, rapid.SampledFrom([]models.AttemptOutcome{failed, failed, failed, delivered, models.AttemptRejected}).Draw(t, "outcome"), now)
			}
			if (h.Circuit == models.CircuitClosed) != (h.RetryAt == nil) || (h.ConsecutiveFailures == 0) != (h.FailingSince == nil) {
				t.Fatalf("%+v", h)
			}
		}
	})
}

// A hundred deliveries to an endpoint that is down for an hour: together they
// try it a few times and not hundreds, and when it is back they all arrive.
func TestBreaker_SparesTheWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, back := webhook.DefaultBreaker(), time.Now().Add(time.Hour)
		var mu sync.Mutex // stands for the row that processes share
		health, attempts := models.Healthy(), 0
		var arrived atomic.Int64
		var workers sync.WaitGroup
		for range 100 {
			workers.Go(func() {
				for {
					mu.Lock()
					next, admission := b.Admit(health, time.Now())
					health = next
					mu.Unlock()
					if !admission.OK {
						await.Pass(time.Until(admission.RetryAt))
						continue
					}
					await.Pass(10 * time.Millisecond)
					outcome := failed
					if !time.Now().Before(back) {
						outcome = delivered
					}
					mu.Lock()
					attempts++
					health = b.Record(health, outcome, time.Now())
					mu.Unlock()
					if outcome == delivered {
						arrived.Add(1)
						return
					}
				}
			})
		}
		workers.Wait()
		// All were on their way at once, the four that failed first came again before
		// the circuit opened; then one for each of the six pauses.
		if failures := attempts - 100; arrived.Load() != 100 || failures > 100+4+6 {
			t.Errorf("%d arrived, %d failed", arrived.Load(), failures)
		}
		if late := time.Since(back); late > webhook.DefaultBreaker().MaxPause+time.Minute {
			t.Errorf("the last arrived %v after the endpoint was back", late)
		}
	})
}
