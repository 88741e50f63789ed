package models

import (
	"fmt"
	"time"
)

// AlertSettings are the numbers of one customer by which alerts are suppressed,
// remembered and resolved.
type AlertSettings struct {
	// CooldownMinutes is how long after a message the next about the same signal
	// is suppressed, 0 (never) to 10080.
	CooldownMinutes int
	// NoiseThreshold is how many alerts judged noise within NoiseWindowDays
	// suppress the next about the same signal: 0 (never) to 100, and 1 to 365 days.
	NoiseThreshold  int
	NoiseWindowDays int
	// MemoryDays is how far back judgments are shown beside later alerts about the
	// same signal, 1 to 365.
	MemoryDays int
	// AutoResolveRuns is how many runs in a row must miss a signal until its
	// alerts are resolved, 0 (never) to 52.
	AutoResolveRuns int
}

// Bounds of alert settings.
const (
	maxCooldownMinutes = 7 * 24 * 60
	maxNoiseThreshold  = 100
	maxAlertDays       = 365
	maxAutoResolveRuns = 52
)

// DefaultAlertSettings are those of new customers: a cooldown of four hours,
// two noise verdicts within 30 days, a memory of 60 days, two runs.
func DefaultAlertSettings() AlertSettings {
	return AlertSettings{CooldownMinutes: 240, NoiseThreshold: 2, NoiseWindowDays: 30, MemoryDays: 60, AutoResolveRuns: 2}
}

// AlertSettings are those of the customer.
func (c *Customer) AlertSettings() AlertSettings {
	return AlertSettings{
		CooldownMinutes: c.AlertCooldownMinutes, NoiseThreshold: c.AlertNoiseThreshold, NoiseWindowDays: c.AlertNoiseWindowDays,
		MemoryDays: c.AlertMemoryDays, AutoResolveRuns: c.AlertAutoResolveRuns,
	}
}

// SetAlertSettings gives the customer settings.
func (c *Customer) SetAlertSettings(s AlertSettings) {
	c.AlertCooldownMinutes, c.AlertNoiseThreshold, c.AlertNoiseWindowDays = s.CooldownMinutes, s.NoiseThreshold, s.NoiseWindowDays
	c.AlertMemoryDays, c.AlertAutoResolveRuns = s.MemoryDays, s.AutoResolveRuns
}

// Cooldown is CooldownMinutes as a duration.
func (s AlertSettings) Cooldown() time.Duration {
	return time.Duration(s.CooldownMinutes) * time.Minute
}

// NoiseWindow is NoiseWindowDays as a duration, a day being 24 hours.
func (s AlertSettings) NoiseWindow() time.Duration {
	return time.Duration(s.NoiseWindowDays) * 24 * time.Hour
}

// Memory is MemoryDays as a duration, a day being 24 hours.
func (s AlertSettings) Memory() time.Duration { return time.Duration(s.MemoryDays) * 24 * time.Hour }

// Validate lists what is wrong with the settings.
func (s AlertSettings) Validate() error {
	var fields []FieldError
	for _, f := range []struct {
		path             string
		value, low, high int
	}{
		{"cooldown_minutes", s.CooldownMinutes, 0, maxCooldownMinutes},
		{"noise_threshold", s.NoiseThreshold, 0, maxNoiseThreshold},
		{"noise_window_days", s.NoiseWindowDays, 1, maxAlertDays},
		{"memory_days", s.MemoryDays, 1, maxAlertDays},
		{"auto_resolve_runs", s.AutoResolveRuns, 0, maxAutoResolveRuns},
	} {
		if f.value < f.low || f.value > f.high {
			fields = append(fields, FieldError{f.path, "invalid", fmt.Sprintf("must be from %d to %d", f.low, f.high)})
		}
	}
	return Invalid(fields...)
}
