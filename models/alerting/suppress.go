package alerting

import (
	"time"

	"upstream/models"
)

// Key is what suppression and memory go by: alerts with equal keys are about the
// same signal. The CPT group is no part of it, nor is the rule.
type Key struct {
	Customer  models.CustomerID
	DriftType models.DriftType
	Payer     string
}

// KeyOf is the key of an alert.
func KeyOf(a *models.AlertEvent) Key {
	return Key{Customer: a.CustomerID, DriftType: a.DriftType, Payer: a.Payer}
}

// Past is an earlier alert, with when anybody last judged it so; nil for never.
type Past struct {
	Alert *models.AlertEvent
	// NoiseAt, RealAt and FollowUpAt are the newest judgments by verdict.
	NoiseAt, RealAt, FollowUpAt *time.Time
}

// Horizon is how far back the past matters to suppression; older messages and
// judgments need not be read.
func Horizon(s models.AlertSettings) time.Duration { return max(s.Cooldown(), s.NoiseWindow()) }

// Suppression says why nobody is to be told of an alert at an instant; nil when
// people are to be told. Of past only the alerts with the same key count, and
// never the alert itself. A cooldown begins with a message that somebody got and
// has neither acknowledged nor resolved; what was suppressed does not prolong it.
func Suppression(s models.AlertSettings, now time.Time, alert *models.AlertEvent, past []Past) *models.SuppressionReason {
	key, noise := KeyOf(alert), map[models.AlertEventID]bool{}
	for _, p := range past {
		if p.Alert.ID == alert.ID || KeyOf(p.Alert) != key {
			continue
		}
		if coolsDown(s, now, p.Alert) {
			return new(models.SuppressedCooldown)
		}
		if within(s.NoiseWindow(), now, p.NoiseAt) {
			noise[p.Alert.ID] = true
		}
	}
	if s.NoiseThreshold > 0 && len(noise) >= s.NoiseThreshold {
		return new(models.SuppressedNoise)
	}
	return nil
}

func coolsDown(s models.AlertSettings, now time.Time, a *models.AlertEvent) bool {
	return s.CooldownMinutes > 0 && a.Status == models.AlertSent && a.SuppressionReason == nil &&
		within(s.Cooldown(), now, a.NotificationSentAt)
}

// within reports whether at is at most a span before now. What other clocks put
// after now is within any.
func within(span time.Duration, now time.Time, at *time.Time) bool {
	return at != nil && now.Sub(*at) <= span
}

// Memory is the badge that is shown beside an alert: judgments of other alerts
// with the same key within the customer's memory.
func Memory(s models.AlertSettings, now time.Time, alert *models.AlertEvent, past []Past) models.MemoryBadge {
	var noise, confirmed, pending int
	key := KeyOf(alert)
	for _, p := range past {
		if p.Alert.ID == alert.ID || KeyOf(p.Alert) != key {
			continue
		}
		noise += count(within(s.Memory(), now, p.NoiseAt))
		confirmed += count(within(s.Memory(), now, p.RealAt))
		pending += count(within(s.Memory(), now, p.FollowUpAt))
	}
	switch {
	case noise >= 2:
		return models.BadgeNoise
	case confirmed >= 1:
		return models.BadgeConfirmed
	case pending >= 1:
		return models.BadgePending
	default:
		return models.BadgeNone
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// Sighting is what a later run says about the signal of an alert.
type Sighting int

// The sightings.
const (
	// Untested means the run had too few claims to look.
	Untested Sighting = iota
	// Seen means the run found it again, in the same direction.
	Seen
	// Missed means the run looked and found nothing.
	Missed
)

// Gone reports whether a signal is gone for good: the latest of the runs that
// could have seen it all missed it, as many as the settings ask for. The runs
// are those after the alert, newest first. A run that did not look says nothing.
func Gone(s models.AlertSettings, later []Sighting) bool {
	missed := 0
	for _, sighting := range later {
		if sighting == Seen {
			break
		}
		if sighting == Missed {
			missed++
		}
	}
	return s.AutoResolveRuns > 0 && missed >= s.AutoResolveRuns
}
