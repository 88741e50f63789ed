package demo

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

// tally counts what a cell's claims came to before the planted changes.
type tally struct {
	claims, denied, decided, auth, authFailed, allowedN int
	allowed                                             float64
}

func tallies(claims []claim, before models.Date) (cells map[segmentKey]*tally, total int) {
	cells = map[segmentKey]*tally{}
	for i := range claims {
		c := &claims[i]
		if c.defect != "" || !c.decided.Before(before) {
			continue
		}
		key := segmentKey{c.payer, c.group}
		if cells[key] == nil {
			cells[key] = &tally{}
		}
		cells[key].add(c)
		total++
	}
	return cells, total
}

func (t *tally) add(c *claim) {
	t.claims++
	if c.outcome != models.OutcomeOther {
		t.decided++
	}
	if c.outcome == models.OutcomeDenied {
		t.denied++
	}
	if c.authRequired {
		t.auth++
		if authFailed(*c) {
			t.authFailed++
		}
	}
	if c.hasAllowed {
		t.allowedN++
		t.allowed += c.allowed
	}
}

// near reports whether a rate of n draws is as designed, within four standard
// errors of a rate that varies phi times as much as a binomial one.
func near(count, n int, rate, phi float64) bool {
	if n == 0 {
		return true
	}
	return math.Abs(float64(count)/float64(n)-rate) <= 4*math.Sqrt(phi*rate*(1-rate)/float64(n))+.001
}

func TestTruth_CellsAreRealised(t *testing.T) {
	t.Parallel()
	truth := NewHarbor(testToday).Truth()
	cells, total := tallies(demoFile(), truth.Shifts[0].Start)
	if want := len(payers) * len(groups); len(truth.Cells) != want {
		t.Fatalf("%d cells, want %d", len(truth.Cells), want)
	}
	shares := 0.0
	for _, c := range truth.Cells {
		shares += c.Share
		got := cells[segmentKey{c.Payer, c.CPTGroup}]
		if got == nil {
			t.Errorf("%s %s: no claims", c.Payer, c.CPTGroup)
			continue
		}
		const phi = 2.5
		if !near(got.claims, total, c.Share, 1) {
			t.Errorf("%s %s: %d of %d claims, designed %.4f", c.Payer, c.CPTGroup, got.claims, total, c.Share)
		}
		if !near(got.denied, got.decided, c.DenialRate, phi) {
			t.Errorf("%s %s: %d of %d denied, designed %.4f", c.Payer, c.CPTGroup, got.denied, got.decided, c.DenialRate)
		}
		if !near(got.auth, got.claims, c.AuthorizationShare, 1) {
			t.Errorf("%s %s: %d of %d need authorization, designed %.4f", c.Payer, c.CPTGroup, got.auth, got.claims, c.AuthorizationShare)
		}
		if !near(got.authFailed, got.auth, c.AuthFailureRate, phi) {
			t.Errorf("%s %s: %d of %d authorizations failed, designed %.4f", c.Payer, c.CPTGroup, got.authFailed, got.auth, c.AuthFailureRate)
		}
		if mean := got.allowed / float64(got.allowedN); got.allowedN >= 400 && math.Abs(mean/c.MeanAllowed-1) > .25 {
			t.Errorf("%s %s: mean allowed %.2f, designed %.2f", c.Payer, c.CPTGroup, mean, c.MeanAllowed)
		}
		if c.DenialRate < .05 || c.DenialRate > .20 {
			t.Errorf("%s %s: denial rate %.3f is not a realistic one", c.Payer, c.CPTGroup, c.DenialRate)
		}
	}
	if math.Abs(shares-1) > 1e-4 {
		t.Errorf("the shares add up to %v", shares)
	}
}

func TestTruth_MediansAreRealised(t *testing.T) {
	t.Parallel()
	h := NewHarbor(testToday)
	days := map[string]map[int]int{}
	for _, c := range demoFile() {
		if c.defect == "" && c.decided.Before(h.ShiftStart()) {
			if days[c.payer] == nil {
				days[c.payer] = map[int]int{}
			}
			days[c.payer][c.delay]++
		}
	}
	for _, c := range h.Truth().Cells {
		if got := medianOf(days[c.Payer]); math.Abs(got-c.MedianDecisionDays) > 1 {
			t.Errorf("%s: median %v days, designed %v", c.Payer, got, c.MedianDecisionDays)
		}
	}
}

func medianOf(histogram map[int]int) float64 {
	total, seen := 0, 0
	for _, n := range histogram {
		total += n
	}
	for day := 0; ; day++ {
		if seen += histogram[day]; 2*seen >= total {
			return float64(day)
		}
	}
}

// Denials of a payer's weeks vary more than chance alone would make them.
func TestTruth_WeeksAreOverdispersed(t *testing.T) {
	t.Parallel()
	h := NewHarbor(testToday)
	type week struct{ x, n float64 }
	weeks := map[segmentKey]map[int]*week{}
	for _, c := range demoFile() {
		if c.defect != "" || c.outcome == models.OutcomeOther || !c.decided.Before(h.ShiftStart()) {
			continue
		}
		key, index := segmentKey{c.payer, c.group}, h.ShiftStart().Sub(c.decided)/7
		if weeks[key] == nil {
			weeks[key] = map[int]*week{}
		}
		if weeks[key][index] == nil {
			weeks[key][index] = &week{}
		}
		weeks[key][index].n++
		if c.outcome == models.OutcomeDenied {
			weeks[key][index].x++
		}
	}
	var sum, cells float64
	for _, buckets := range weeks {
		var x, n, chi2 float64
		for _, w := range buckets {
			x, n = x+w.x, n+w.n
		}
		if n < 1500 {
			continue
		}
		for _, w := range buckets {
			chi2 += (w.x - w.n*x/n) * (w.x - w.n*x/n) / (w.n * x / n * (1 - x/n))
		}
		sum += chi2 / float64(len(buckets)-1)
		cells++
	}
	if mean := sum / cells; mean < 1.2 || mean > 2.2 {
		t.Errorf("over %v cells the weekly counts vary %.2f times as much as chance", cells, mean)
	}
}

func TestTruth_Shifts(t *testing.T) {
	t.Parallel()
	h := NewHarbor(testToday)
	ids := map[string]bool{}
	kinds := map[models.DriftType]int{}
	for _, s := range h.Truth().Shifts {
		if ids[s.ID] || s.ID == "" || s.Note == "" {
			t.Errorf("%q is not a unique, explained shift", s.ID)
		}
		ids[s.ID] = true
		kinds[s.DriftType]++
		if s.Start != testToday.AddDays(-14) || s.End != testToday.AddDays(-2) {
			t.Errorf("%s: from %s to %s", s.ID, s.Start, s.End)
		}
		if math.Abs(s.Current-s.Baseline-s.Size) > 1e-9 || s.Size == 0 {
			t.Errorf("%s: %v to %v is not %v", s.ID, s.Baseline, s.Current, s.Size)
		}
		if s.Follows != "" && !ids[s.Follows] {
			t.Errorf("%s follows %s, which is not planted before it", s.ID, s.Follows)
		}
	}
	want := map[models.DriftType]int{
		models.DriftDenialRate: 4, models.DriftDecisionTime: 1, models.DriftAuthFailureRate: 1, models.DriftPaymentAmount: 2,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("planted changes by type (-want +got):\n%s", diff)
	}
}

func TestTruth_ShiftValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		group     string
		size      float64
		direction models.TrendDirection
		fires     bool
	}{
		"lab-medical-necessity":          {"TEST", .12, models.TrendDegrading, true},
		"medicare-book":                  {"ALL", .06, models.TrendDegrading, true},
		"larkfield-recovers":             {"ALL", -.08, models.TrendImproving, true},
		"slow-decisions":                 {"ALL", 5, models.TrendDegrading, true},
		"imaging-authorizations":         {"IMAGING", .22, models.TrendDegrading, true},
		"imaging-authorizations-denials": {"IMAGING", .77 * .22 / (1 - otherShare), models.TrendDegrading, true},
		"office-visit-fees":              {"E&M", -.08 * 110.96 * 1.35, models.TrendDegrading, true},
		"office-visit-mix":               {"E&M", (93.32 - 110.96) * .72, models.TrendDegrading, false},
	}
	shifts := NewHarbor(testToday).Truth().Shifts
	if len(shifts) != len(tests) {
		t.Errorf("%d shifts, want %d", len(shifts), len(tests))
	}
	for _, s := range shifts {
		want := tests[s.ID]
		if math.Abs(s.Size-want.size) > math.Abs(want.size)/100 {
			t.Errorf("%s: size %v, want %v", s.ID, s.Size, want.size)
		}
		if s.CPTGroup != want.group || s.Direction != want.direction || s.Fires != want.fires {
			t.Errorf("%s: got %s, %s, fires %t", s.ID, s.CPTGroup, s.Direction, s.Fires)
		}
	}
}

func TestTruth_Touches(t *testing.T) {
	t.Parallel()
	truth := NewHarbor(testToday).Truth()
	tests := []struct {
		payer, group string
		kind         models.DriftType
		want         bool
	}{
		{"Northgate Health Plan", "TEST", models.DriftDenialRate, true},
		{"Northgate Health Plan", "ALL", models.DriftDenialRate, true},
		{"Northgate Health Plan", "TEST", models.DriftApprovalRate, true},
		{"Northgate Health Plan", "IMAGING", models.DriftDenialRate, false},
		{"Northgate Health Plan", "TEST", models.DriftDecisionTime, false},
		{"Medicare Part B", "DME", models.DriftDenialRate, true},
		{"Stonebridge Advantage", "TEST", models.DriftProcessingDelay, true},
		{"Stonebridge Advantage", "TEST", models.DriftDenialRate, false},
		{"Pinecrest Care Network", "IMAGING", models.DriftDenialRate, true},
		{"Bluewater Assurance", "ALL", models.DriftDenialRate, false},
	}
	for _, tc := range tests {
		if got := truth.Touches(tc.payer, tc.group, tc.kind); got != tc.want {
			t.Errorf("Touches(%s, %s, %s) = %t", tc.payer, tc.group, tc.kind, got)
		}
	}
}

func TestTruth_JSON(t *testing.T) {
	t.Parallel()
	truth := NewHarbor(testToday).Truth()
	text, err := json.Marshal(truth)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"today":"2026-03-04"`, `"last_decided":"2026-03-02"`, `"accepted":120000,"rejected":25`,
		`"rejections":[{"row_number":2402,"column":"decided_date","defect":"reversed_dates"}`,
		`"drift_type":"DENIAL_RATE","start":"2026-02-18","end":"2026-03-02"`, `"direction":"degrading","fires":true`,
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the JSON lacks %s", part)
		}
	}
	var back Truth
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(truth, back, cmp.AllowUnexported(models.Date{})); diff != "" {
		t.Errorf("read back (-wrote +read):\n%s", diff)
	}
}
