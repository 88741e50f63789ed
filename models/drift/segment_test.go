package drift

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"upstream/models"
)

func testParams() models.DetectParams {
	return models.DetectParams{
		AsOf: models.NewDate(2026, time.May, 1), RunType: models.RunWeekly,
		Method: models.MethodStatistical, WindowBy: models.WindowByDecided,
		CurrentDays: 14, BaselineDays: 90, MinVolume: 30, Alpha: 0.05,
	}
}

func thresholdParams() models.DetectParams {
	p := testParams()
	p.Method, p.WindowBy = models.MethodThreshold, models.WindowBySubmitted
	return p
}

// rows are the two aggregates of a run.
type rows struct {
	cells []Cell
	days  []DaysRow
}

// cell adds PAID and DENIED claims of one group to one week of a window.
func (r *rows) cell(w Window, week int, payer, group string, paid, denied int) *Cell {
	r.cells = append(r.cells, Cell{
		Window: w, Week: week, Payer: payer, CPTGroup: group, CPT: group + "-1",
		Counts: Counts{Paid: paid, Denied: denied},
	})
	return &r.cells[len(r.cells)-1]
}

func (r *rows) took(w Window, payer, group string, days, count int) {
	r.days = append(r.days, DaysRow{
		Window: w, Measure: DecisionDays, Payer: payer, CPTGroup: group, Days: days, Count: count,
	})
}

// rate spreads a baseline of 12 whole weeks and two weeks of the current window.
func (r *rows) rate(payer, group string, base, cur Proportion) {
	spread := func(w Window, weeks int, p Proportion) {
		for week := range weeks {
			part := func(n int) int { return n/weeks + min(1, max(0, n%weeks-week)) }
			denied := part(p.X)
			r.cell(w, week, payer, group, part(p.N-p.X), denied)
		}
	}
	spread(Baseline, 12, base)
	spread(Current, 2, cur)
}

func (r *rows) segments(t testing.TB, p models.DetectParams) []*Segment {
	t.Helper()
	a := NewAccumulator(p)
	for _, c := range r.cells {
		if err := a.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range r.days {
		if err := a.AddDays(d); err != nil {
			t.Fatal(err)
		}
	}
	return a.Segments()
}

func usd(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func names(segments []*Segment) []string {
	var out []string
	for _, s := range segments {
		out = append(out, s.Payer+"/"+s.CPTGroup)
	}
	return out
}

func TestSegmentsAddWholePayers(t *testing.T) {
	t.Parallel()
	var r rows
	r.cell(Baseline, 0, "Beta", "SURGERY", 10, 2)
	r.cell(Current, 0, "Acme", "IMAGING", 5, 1)
	r.cell(Baseline, 3, "Acme", "EVAL", 7, 3)
	r.took(Baseline, "Acme", "EVAL", 12, 10)
	r.took(Current, "Acme", "IMAGING", 12, 4)
	r.took(Current, "Acme", "IMAGING", 20, 2)

	segments := r.segments(t, testParams())
	// One group in each window makes two groups in the windows together.
	want := []string{"Acme/ALL", "Acme/EVAL", "Acme/IMAGING", "Beta/SURGERY"}
	if diff := cmp.Diff(want, names(segments)); diff != "" {
		t.Fatal(diff)
	}
	all := segments[0]
	if all.Baseline.Denied != 3 || all.Current.Paid != 5 || len(all.Baseline.Weeks) != 4 || all.Baseline.Weeks[3].Paid != 7 {
		t.Errorf("ALL = %+v", all)
	}
	if diff := cmp.Diff(Histogram{12: 4, 20: 2}, all.Current.DecisionDays); diff != "" {
		t.Error(diff)
	}
	if len(all.Baseline.ByCPT) != 1 || len(all.Current.ByCPT) != 1 {
		t.Errorf("codes of ALL: %v, %v", all.Baseline.ByCPT, all.Current.ByCPT)
	}

	want = []string{"Acme/EVAL", "Acme/IMAGING", "Beta/SURGERY"}
	if diff := cmp.Diff(want, names(r.segments(t, thresholdParams()))); diff != "" {
		t.Errorf("threshold: %s", diff)
	}
}

func TestAccumulatorSumsMoney(t *testing.T) {
	t.Parallel()
	var r rows
	c := r.cell(Current, 1, "Acme", "EVAL", 2, 1)
	c.Allowed = Moments{N: 2, Sum: usd("0.30"), SumSquares: usd("0.05")}
	c.Value = Amount{N: 3, Sum: usd("100.30")}
	c = r.cell(Current, 0, "Acme", "EVAL", 1, 0)
	c.Allowed = Moments{N: 1, Sum: usd("0.10"), SumSquares: usd("0.01")}
	c.Value = Amount{N: 1, Sum: usd("0.10")}
	got := r.segments(t, testParams())[0].Current
	if got.Allowed.N != 3 || !got.Allowed.Sum.Equal(usd("0.4")) || !got.Allowed.SumSquares.Equal(usd("0.06")) {
		t.Errorf("allowed = %+v", got.Allowed)
	}
	if got.Value.N != 4 || !got.Value.Sum.Equal(usd("100.4")) {
		t.Errorf("value = %+v", got.Value)
	}
	if by := got.ByCPT["EVAL-1"]; by.Allowed.N != 3 || !by.Allowed.Sum.Equal(usd("0.4")) || by.Paid != 3 || by.Denied != 1 {
		t.Errorf("by code = %+v", by)
	}
}

func TestAccumulatorRefusesContradictions(t *testing.T) {
	t.Parallel()
	good := Cell{Window: Baseline, Week: 12, Payer: "Acme", CPTGroup: "EVAL", CPT: "99213", Counts: Counts{Paid: 3, Denied: 1}}
	for name, spoil := range map[string]func(*Cell){
		"no window":               func(c *Cell) { c.Window = "" },
		"week before the window":  func(c *Cell) { c.Week = 13 },
		"week after the window":   func(c *Cell) { c.Week = -1 },
		"week of the other":       func(c *Cell) { c.Window = Current; c.Week = 2 },
		"negative count":          func(c *Cell) { c.Other = -1 },
		"too many authorisations": func(c *Cell) { c.AuthRequired = 5 },
		"too many failures":       func(c *Cell) { c.AuthRequired, c.AuthDenied = 3, 2 },
		"too many allowed":        func(c *Cell) { c.Allowed.N = 4 },
		"too many values":         func(c *Cell) { c.Value.N = 5 },
		"reserved group":          func(c *Cell) { c.CPTGroup = models.CPTGroupAll },
	} {
		a := NewAccumulator(testParams())
		c := good
		spoil(&c)
		if err := a.Add(c); !errors.Is(err, ErrRow) {
			t.Errorf("%s: %v", name, err)
		}
		if len(a.Segments()) != 0 {
			t.Errorf("%s: left a segment", name)
		}
	}
	if err := NewAccumulator(testParams()).Add(good); err != nil {
		t.Errorf("a good cell: %v", err)
	}
	for name, row := range map[string]DaysRow{
		"no window":      {Measure: DecisionDays, Count: 1},
		"no measure":     {Window: Current, Count: 1},
		"negative count": {Window: Current, Measure: PaymentDays, Count: -1},
		"reserved group": {Window: Current, Measure: PaymentDays, Count: 1, CPTGroup: models.CPTGroupAll},
	} {
		a := NewAccumulator(testParams())
		if err := a.AddDays(row); !errors.Is(err, ErrRow) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Rows by week and rows by code make what cells of both make.
func TestAccumulator_WeeksAndCodesAreCells(t *testing.T) {
	t.Parallel()
	cells, apart := NewAccumulator(testParams()), NewAccumulator(testParams())
	for i := range 60 {
		cell := Cell{
			Window: []Window{Baseline, Current}[i%2], Week: i % 3 / 2, Payer: "A", CPTGroup: []string{"E&M", "TEST"}[i/2%2],
			CPT: []string{"99213", "80053", "70450"}[i/4%3], Counts: Counts{Paid: 5 + i, Denied: i, Other: 1, AuthRequired: 2, AuthDenied: i % 2},
			Allowed: Moments{N: 3, Sum: decimal.New(int64(100*i), -2), SumSquares: decimal.New(int64(i*i), 0)},
			Value:   Amount{N: 4, Sum: decimal.New(int64(i), 0)},
		}
		if cell.AuthDenied > cell.Denied {
			t.Fatal("a cell that cannot be")
		}
		if err := errors.Join(cells.Add(cell), apart.AddWeek(cell.week()), apart.AddCode(cell.code())); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(cells.Segments(), apart.Segments()); diff != "" {
		t.Errorf("cells (-), weeks and codes (+):\n%s", diff)
	}
}

// Money apart from the weeks makes what weeks with their money make.
func TestAccumulator_MoneyApartFromWeeks(t *testing.T) {
	t.Parallel()
	whole, apart := NewAccumulator(testParams()), NewAccumulator(testParams())
	for i := range 12 {
		week := WeekRow{
			Window: []Window{Baseline, Current}[i%2], Week: i % 3 / 2, Payer: "A", CPTGroup: []string{"E&M", "TEST"}[i/2%2],
			Counts:  Counts{Paid: 5 + i, Denied: i},
			Allowed: Moments{N: 3, Sum: decimal.New(int64(100*i), -2), SumSquares: decimal.New(int64(i*i), 0)},
			Value:   Amount{N: 4, Sum: decimal.New(int64(i), 0)},
		}
		money := MoneyRow{Window: week.Window, Payer: week.Payer, CPTGroup: week.CPTGroup, Allowed: week.Allowed, Value: week.Value}
		bare := week
		bare.Allowed, bare.Value = Moments{}, Amount{}
		if err := errors.Join(whole.AddWeek(week), apart.AddWeek(bare), apart.AddMoney(money)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(whole.Segments(), apart.Segments()); diff != "" {
		t.Errorf("weeks with money (-), weeks and money (+):\n%s", diff)
	}
}

func TestAccumulator_RefusesMoney(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]MoneyRow{
		"no window":             {Allowed: Moments{N: 1}},
		"negative count":        {Window: Current, Allowed: Moments{N: -1}},
		"negative count of all": {Window: Current, Value: Amount{N: -1}},
		"reserved group":        {Window: Current, CPTGroup: models.CPTGroupAll},
	} {
		a := NewAccumulator(testParams())
		if err := a.AddMoney(row); !errors.Is(err, ErrRow) {
			t.Errorf("%s: %v", name, err)
		}
		if len(a.Segments()) != 0 {
			t.Errorf("%s: left something behind", name)
		}
	}
}

func TestAccumulator_RefusesCodes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]CodeRow{
		"no window":                {CPTTotals: CPTTotals{Paid: 1}},
		"negative count":           {Window: Current, CPTTotals: CPTTotals{Denied: -1}},
		"more amounts than claims": {Window: Current, CPTTotals: CPTTotals{Paid: 1, Allowed: Amount{N: 2}}},
		"reserved group":           {Window: Current, CPTGroup: models.CPTGroupAll},
	} {
		a := NewAccumulator(testParams())
		if err := a.AddCode(row); !errors.Is(err, ErrRow) {
			t.Errorf("%s: %v", name, err)
		}
		if len(a.Segments()) != 0 {
			t.Errorf("%s: left something behind", name)
		}
	}
}
