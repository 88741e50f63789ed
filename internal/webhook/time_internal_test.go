package webhook

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"upstream/internal/await"
	"upstream/models"
)

// silent is a network on which nothing ever answers, or a status does at last.
type silent struct {
	status func() int
	asked  []time.Time
	ids    map[string]bool
}

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, time.Now())
	s.ids[r.Header.Get("Webhook-Id")+" "+r.URL.Path] = true
	if status := s.status(); status != 0 {
		return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func bubble(status func() int) (*Sender, *silent, Message) {
	network := &silent{status: status, ids: map[string]bool{}}
	s := NewSender(Options{Guard: NewGuard(Targets{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})})
	s.client.Transport = network
	return s, network, Message{ID: "dlv_01", URL: "http://127.0.0.1:9/hook", Body: []byte("{}"), Keys: []Key{{bytes: []byte(strings.Repeat("k", 32))}}}
}

// An attempt that nobody answers ends after ten seconds.
func TestSend_TenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, m := bubble(func() int { return 0 })
		result, err := s.Send(t.Context(), m)
		if err != nil || result.Outcome != models.AttemptTimedOut || result.Duration != 10*time.Second || result.Error != "did not answer within 10s" {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

// A delivery that nobody takes is tried at once and five times more, at the
// times of the schedule, under one identifier; one that is taken at last is not
// tried again.
func TestSend_BySchedule(t *testing.T) {
	t.Parallel()
	for _, takenAt := range []int{0, 4} {
		synctest.Test(t, func(t *testing.T) {
			attempts, schedule := 0, DefaultSchedule()
			s, network, m := bubble(func() int {
				if attempts++; attempts == takenAt {
					return http.StatusOK
				}
				return http.StatusServiceUnavailable
			})
			start := time.Now()
			deliver(t, s, m, schedule)
			want := []time.Duration{0, 5 * time.Second, 65 * time.Second, 365 * time.Second, 2165 * time.Second, 9365 * time.Second}
			if takenAt > 0 {
				want = want[:takenAt]
			}
			if len(network.asked) != len(want) {
				t.Fatalf("%d attempts, want %d", len(network.asked), len(want))
			}
			for i, at := range network.asked {
				if at.Sub(start) != want[i] {
					t.Errorf("attempt %d came after %v, want %v", i+1, at.Sub(start), want[i])
				}
			}
			if len(network.ids) != 1 {
				t.Errorf("identifiers %v", network.ids)
			}
		})
	}
}

func deliver(t *testing.T, s *Sender, m Message, schedule Schedule) {
	t.Helper()
	for attempt := 1; ; attempt++ {
		result, err := s.Send(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		wait, again := schedule.Next(attempt, result.RetryAfter, 0.5)
		if result.Delivered() || !again {
			return
		}
		await.Pass(wait)
	}
}
