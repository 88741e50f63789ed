package drift

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"upstream/models"
)

const daysPerWeek = 7

// CPTTotals is what one procedure code contributes to a window.
type CPTTotals struct {
	Paid, Denied int
	// Allowed is over PAID claims with an allowed amount.
	Allowed Amount
}

// Aggregate is everything known about one segment in one window.
type Aggregate struct {
	Counts
	// Weeks are the counts by 7-day bucket, index 0 being the last seven days
	// of the window; the oldest bucket may be shorter than a week or missing.
	Weeks []Counts
	ByCPT map[string]CPTTotals
	// Allowed and Value are as in [WeekRow].
	Allowed      Moments
	Value        Amount
	DecisionDays Histogram
	PaymentDays  Histogram
}

// Segment is a payer's CPT group, or the payer as a whole when CPTGroup is
// models.CPTGroupAll, in both windows of a run.
type Segment struct {
	Payer, CPTGroup   string
	Baseline, Current Aggregate
}

func (a *Aggregate) addWeekRow(r WeekRow) {
	a.add(r.Counts)
	a.addWeek(r.Week, r.Counts)
	a.Allowed.add(r.Allowed)
	a.Value.add(r.Value)
}

func (a *Aggregate) addWeek(week int, counts Counts) {
	for len(a.Weeks) <= week {
		a.Weeks = append(a.Weeks, Counts{})
	}
	a.Weeks[week].add(counts)
}

func (a *Aggregate) addCPT(code string, t CPTTotals) {
	if a.ByCPT == nil {
		a.ByCPT = make(map[string]CPTTotals)
	}
	sum := a.ByCPT[code]
	sum.Paid += t.Paid
	sum.Denied += t.Denied
	sum.Allowed.add(t.Allowed)
	a.ByCPT[code] = sum
}

func (a *Aggregate) addDays(m Measure, days, count int) error {
	switch m {
	case DecisionDays:
		a.DecisionDays = a.DecisionDays.plus(days, count)
	case PaymentDays:
		a.PaymentDays = a.PaymentDays.plus(days, count)
	default:
		return fmt.Errorf("%w: unknown measure %q", ErrRow, m)
	}
	return nil
}

// merge adds another segment's window, as if its rows had been added here.
func (a *Aggregate) merge(other *Aggregate) {
	a.add(other.Counts)
	for week, counts := range other.Weeks {
		a.addWeek(week, counts)
	}
	for code, totals := range other.ByCPT {
		a.addCPT(code, totals)
	}
	a.Allowed.add(other.Allowed)
	a.Value.add(other.Value)
	for days, count := range other.DecisionDays {
		a.DecisionDays = a.DecisionDays.plus(days, count)
	}
	for days, count := range other.PaymentDays {
		a.PaymentDays = a.PaymentDays.plus(days, count)
	}
}

// fullWeeks are the buckets that span seven days of a window of the given
// length, newest first; weeks without claims count as empty buckets.
func (a *Aggregate) fullWeeks(days int) []Counts {
	full := make([]Counts, days/daysPerWeek)
	copy(full, a.Weeks)
	return full
}

type segmentKey struct{ payer, group string }

// Accumulator folds aggregate rows into segments. It is not safe for
// concurrent use.
type Accumulator struct {
	params   models.DetectParams
	segments map[segmentKey]*Segment
}

// NewAccumulator starts the aggregates of one run.
func NewAccumulator(params models.DetectParams) *Accumulator {
	return &Accumulator{params: params, segments: make(map[segmentKey]*Segment)}
}

// AddWeek folds in one row of the weeks. A row that contradicts itself or the
// run is an error wrapping [ErrRow] and leaves the accumulator as it was.
func (a *Accumulator) AddWeek(r WeekRow) error {
	if err := r.check(a.params); err != nil {
		return err
	}
	a.aggregate(r.Window, r.Payer, r.CPTGroup).addWeekRow(r)
	return nil
}

// AddMoney folds in the money of a group, with the same errors as AddWeek.
func (a *Accumulator) AddMoney(r MoneyRow) error {
	if err := r.check(a.params); err != nil {
		return err
	}
	into := a.aggregate(r.Window, r.Payer, r.CPTGroup)
	into.Allowed.add(r.Allowed)
	into.Value.add(r.Value)
	return nil
}

// AddCode folds in one row of the codes, with the same errors as AddWeek.
func (a *Accumulator) AddCode(r CodeRow) error {
	if err := r.check(a.params); err != nil {
		return err
	}
	a.aggregate(r.Window, r.Payer, r.CPTGroup).addCPT(r.CPT, r.CPTTotals)
	return nil
}

// Add folds in one cell, which is a week and a code at once, with the same
// errors as AddWeek.
func (a *Accumulator) Add(c Cell) error {
	if err := a.AddWeek(c.week()); err != nil {
		return err
	}
	return a.AddCode(c.code()) // a part of what has passed
}

// AddDays folds in one histogram row, with the same errors as AddWeek.
func (a *Accumulator) AddDays(r DaysRow) error {
	if err := r.check(a.params); err != nil {
		return err
	}
	return a.aggregate(r.Window, r.Payer, r.CPTGroup).addDays(r.Measure, r.Days, r.Count)
}

func (a *Accumulator) aggregate(w Window, payer, group string) *Aggregate {
	key := segmentKey{payer, group}
	s := a.segments[key]
	if s == nil {
		s = &Segment{Payer: payer, CPTGroup: group}
		a.segments[key] = s
	}
	if w == Baseline {
		return &s.Baseline
	}
	return &s.Current
}

// Segments are the segments of the run ordered by payer and CPT group, with
// one segment models.CPTGroupAll for every payer that has two or more groups
// in the windows together, except for the threshold method, which knows no
// such segment. Call it once all rows are in: a later Add reaches the groups
// handed out, but not their ALL.
func (a *Accumulator) Segments() []*Segment {
	segments := slices.Collect(maps.Values(a.segments))
	if a.params.Method != models.MethodThreshold {
		segments = append(segments, wholePayers(segments)...)
	}
	slices.SortFunc(segments, func(x, y *Segment) int {
		return cmp.Or(cmp.Compare(x.Payer, y.Payer), cmp.Compare(x.CPTGroup, y.CPTGroup))
	})
	return segments
}

func wholePayers(segments []*Segment) []*Segment {
	byPayer := make(map[string][]*Segment)
	for _, s := range segments {
		byPayer[s.Payer] = append(byPayer[s.Payer], s)
	}
	var whole []*Segment
	for payer, groups := range byPayer {
		if len(groups) < 2 {
			continue
		}
		all := &Segment{Payer: payer, CPTGroup: models.CPTGroupAll}
		for _, g := range groups {
			all.Baseline.merge(&g.Baseline)
			all.Current.merge(&g.Current)
		}
		whole = append(whole, all)
	}
	return whole
}
