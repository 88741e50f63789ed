package webhook_test

import (
	"testing"
	"testing/synctest"
	"time"

	"upstream/internal/await"
	"upstream/internal/webhook"
	"upstream/models"
)

var _ models.URLChecker = webhook.Policy{}

// A partner that is away for good is tried six times in about two and a half
// hours, and left alone while its circuit is open.
func TestPolicy_ADeliveryByTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		policy := webhook.NewPolicy(webhook.NewGuard(webhook.Targets{}))
		health, begun := models.Healthy(), time.Now()
		var at []time.Duration
		for failed := 1; ; failed++ {
			for {
				after, ok := policy.Admit(health, time.Now())
				if health = after; ok {
					break
				}
				await.Pass(time.Until(*health.RetryAt))
			}
			at = append(at, time.Since(begun))
			health = policy.Record(health, models.AttemptTimedOut, time.Now())
			wait, again := policy.Next(failed, 0)
			if !again {
				break
			}
			await.Pass(wait)
		}
		if len(at) != policy.MaxAttempts() || len(at) != models.MaxDeliveryAttempts {
			t.Fatalf("tried at %v", at)
		}
		for i, want := range []time.Duration{0, 5 * time.Second, 65 * time.Second, 365 * time.Second, 2165 * time.Second, 9365 * time.Second} {
			if low, high := want*8/10, want*12/10; at[i] < low || at[i] > high {
				t.Errorf("attempt %d after %s, want %s to %s", i+1, at[i], low, high)
			}
		}
		if health.Circuit != models.CircuitOpen || health.DisabledAt != nil {
			t.Errorf("afterwards %+v", health)
		}
		if wait, _ := policy.Next(1, time.Hour); wait != time.Hour {
			t.Errorf("an hour was asked for, and %s it is", wait)
		}
	})
}

func TestPolicy_Secrets(t *testing.T) {
	t.Parallel()
	policy := webhook.NewPolicy(webhook.NewGuard(webhook.Targets{}))
	first, second := policy.NewSecret(), policy.NewSecret()
	if _, err := webhook.ParseSecret(first); err != nil || first == second {
		t.Errorf("two secrets, %v", err)
	}
	if policy.CheckURL("https://127.0.0.1/") == nil || policy.CheckURL("https://hooks.example.com/") != nil {
		t.Error("the guard does not guard")
	}
}
