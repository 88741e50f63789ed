package models_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

func detectPaths(err error) []string {
	if err == nil {
		return nil
	}
	var paths []string
	for _, f := range models.AsError(err).Fields {
		paths = append(paths, f.Path)
	}
	return paths
}

func TestDetectInput_Defaults(t *testing.T) {
	t.Parallel()
	today := models.NewDate(2026, time.June, 15)
	statistical := models.DetectParams{
		AsOf: today, RunType: models.RunWeekly, Method: models.MethodStatistical, WindowBy: models.WindowByDecided,
		CurrentDays: 14, BaselineDays: 90, MinVolume: 30, Alpha: 0.05,
		Signals: []models.DriftType{
			models.DriftDenialRate, models.DriftApprovalRate, models.DriftAuthFailureRate,
			models.DriftDecisionTime, models.DriftProcessingDelay, models.DriftPaymentAmount,
		},
	}
	some := statistical
	some.Signals = []models.DriftType{models.DriftDenialRate, models.DriftPaymentAmount}
	threshold := statistical
	threshold.Method, threshold.WindowBy = models.MethodThreshold, models.WindowBySubmitted
	monthly := statistical
	monthly.RunType, monthly.CurrentDays, monthly.BaselineDays = models.RunMonthly, 30, 365
	monthly.AsOf = models.NewDate(2026, time.June, 1)
	custom := statistical
	custom.RunType, custom.CurrentDays = models.RunCustom, 28
	decided := threshold
	decided.WindowBy = models.WindowByDecided
	for name, tt := range map[string]struct {
		in   models.DetectInput
		want models.DetectParams
	}{
		"nothing given":                {models.DetectInput{}, statistical},
		"thresholds by submission":     {models.DetectInput{Method: new(models.MethodThreshold)}, threshold},
		"thresholds by decision":       {models.DetectInput{Method: new(models.MethodThreshold), WindowBy: new(models.WindowByDecided)}, decided},
		"monthly windows":              {models.DetectInput{RunType: new(models.RunMonthly)}, monthly},
		"some signals":                 {models.DetectInput{Signals: []models.DriftType{models.DriftPaymentAmount, models.DriftDenialRate}}, some},
		"another window is a type too": {models.DetectInput{CurrentDays: new(28)}, custom},
	} {
		got, err := tt.in.Resolve(today)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(models.Date{})); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestDetectInput_Bounds(t *testing.T) {
	t.Parallel()
	today := models.NewDate(2026, time.June, 15)
	for name, tt := range map[string]struct {
		in   models.DetectInput
		want []string
	}{
		"today":             {models.DetectInput{AsOf: new(today)}, nil},
		"tomorrow":          {models.DetectInput{AsOf: new(today.AddDays(1))}, []string{"as_of"}},
		"before all claims": {models.DetectInput{AsOf: new(models.NewDate(1989, time.December, 31))}, []string{"as_of"}},
		"no window":         {models.DetectInput{CurrentDays: new(0)}, []string{"current_days"}},
		"three years":       {models.DetectInput{BaselineDays: new(3 * 365)}, nil},
		"longer":            {models.DetectInput{BaselineDays: new(3*365 + 1)}, []string{"baseline_days"}},
		"alpha zero":        {models.DetectInput{Alpha: new(0.0)}, []string{"alpha"}},
		"alpha half":        {models.DetectInput{Alpha: new(0.5)}, nil},
		"alpha more":        {models.DetectInput{Alpha: new(0.51)}, []string{"alpha"}},
		"alpha none":        {models.DetectInput{Alpha: new(math.NaN())}, []string{"alpha"}},
		"no signals":        {models.DetectInput{Signals: []models.DriftType{}}, []string{"signals"}},
		"unknown signal":    {models.DetectInput{Signals: []models.DriftType{models.DriftDenialRate, "MOOD"}}, []string{"signals"}},
		"signal twice":      {models.DetectInput{Signals: []models.DriftType{models.DriftDenialRate, models.DriftDenialRate}}, []string{"signals"}},
		"mid-month":         {models.DetectInput{RunType: new(models.RunMonthly), AsOf: new(today)}, []string{"as_of"}},
		"first of a month":  {models.DetectInput{RunType: new(models.RunMonthly), AsOf: new(models.NewDate(2026, time.May, 1))}, nil},
		"no volume":         {models.DetectInput{MinVolume: new(0)}, []string{"min_volume"}},
		"everything": {models.DetectInput{
			Method: new(models.Method("magic")), WindowBy: new(models.WindowBy("moon")), RunType: new(models.RunType("hourly")),
			AsOf: new(today.AddDays(9)), CurrentDays: new(-1), BaselineDays: new(-1), MinVolume: new(-1), Alpha: new(math.Inf(1)),
		}, []string{"method", "window_by", "run_type", "as_of", "current_days", "baseline_days", "min_volume", "alpha"}},
	} {
		_, err := tt.in.Resolve(today)
		if diff := cmp.Diff(tt.want, detectPaths(err)); diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestDetectParams_Windows(t *testing.T) {
	t.Parallel()
	p := models.DetectParams{AsOf: models.NewDate(2026, time.June, 15), CurrentDays: 14, BaselineDays: 90}
	if got := p.CurrentStart().String(); got != "2026-06-01" {
		t.Errorf("current window starts %s", got)
	}
	if got := p.BaselineStart().String(); got != "2026-03-03" {
		t.Errorf("baseline window starts %s", got)
	}
}
