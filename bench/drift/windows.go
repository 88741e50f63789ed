package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"upstream/models"
	"upstream/models/drift"
)

// params are the defaults of a run that ends after so many days of a history.
func params(method models.Method, asOf int) models.DetectParams {
	p := models.DetectParams{
		AsOf: models.NewDate(2026, time.January, 1).AddDays(asOf), RunType: models.RunWeekly,
		Method: method, WindowBy: models.WindowByDecided,
		CurrentDays: currentDays, BaselineDays: baselineDays,
		MinVolume: models.DefaultMinVolume, Alpha: models.DefaultAlpha,
	}
	for _, kind := range models.DriftType("").Values() {
		p.Signals = append(p.Signals, models.DriftType(kind))
	}
	return p
}

// groupName and payerName label the groups of a clinic.
func groupName(i int) string { return fmt.Sprintf("GROUP %d", i+1) }
func payerName(i int) string { return fmt.Sprintf("Payer %c", 'A'+rune(i)) }

// detect aggregates the windows that end after asOf days of a history, as the
// database would, and runs the engine on them.
func (c clinic) detect(h history, method models.Method, asOf int) (drift.Result, []*drift.Segment, error) {
	p := params(method, asOf)
	a := drift.NewAccumulator(p)
	for g := range h {
		f := feeder{to: a, payer: payerName(g / c.groups), group: groupName(g % c.groups)}
		f.window(drift.Current, h[g][asOf-currentDays:asOf])
		f.window(drift.Baseline, h[g][asOf-windowDays:asOf-currentDays])
		if f.err != nil {
			return drift.Result{}, nil, f.err
		}
	}
	segments := a.Segments()
	result, err := drift.Detect(drift.Input{Params: p, Signals: p.Signals, Segments: segments})
	return result, segments, err
}

// feeder adds one group's days to the aggregates, keeping the first error.
type feeder struct {
	to           *drift.Accumulator
	payer, group string
	err          error
}

func (f *feeder) window(w drift.Window, days []day) {
	var decision, paying [longest + 1]int
	for end := len(days); end > 0 && f.err == nil; end -= weekDays {
		var sum [codes]tally
		for i := max(0, end-weekDays); i < end; i++ {
			for code := range sum {
				sum[code].add(&days[i].codes[code])
			}
		}
		f.cells(w, (len(days)-end)/weekDays, &sum)
	}
	for i := range days {
		for n := range decision {
			decision[n] += days[i].decision[n]
			paying[n] += days[i].paying[n]
		}
	}
	f.days(w, drift.DecisionDays, &decision)
	f.days(w, drift.PaymentDays, &paying)
}

func (t *tally) add(o *tally) {
	t.paid += o.paid
	t.denied += o.denied
	t.other += o.other
	t.authRequired += o.authRequired
	t.authNo += o.authNo
	t.cents += o.cents
	t.squares += o.squares
	t.valueCents += o.valueCents
}

func (f *feeder) cells(w drift.Window, week int, sum *[codes]tally) {
	for code := range sum {
		t := &sum[code]
		cell := drift.Cell{
			Window: w, Week: week, Payer: f.payer, CPTGroup: f.group, CPT: strconv.Itoa(99210 + code),
			Counts: drift.Counts{
				Paid: t.paid, Denied: t.denied, Other: t.other,
				AuthRequired: t.authRequired, AuthDenied: t.authNo,
			},
			Allowed: drift.Moments{N: t.paid, Sum: decimal.New(t.cents, -2), SumSquares: decimal.New(t.squares, -4)},
		}
		cell.Value = drift.Amount{N: cell.Claims(), Sum: decimal.New(t.valueCents, -2)}
		if cell.Claims() > 0 && f.err == nil {
			f.err = f.to.Add(cell)
		}
	}
}

func (f *feeder) days(w drift.Window, m drift.Measure, counts *[longest + 1]int) {
	for n, count := range counts {
		if count > 0 && f.err == nil {
			f.err = f.to.AddDays(drift.DaysRow{
				Window: w, Measure: m, Payer: f.payer, CPTGroup: f.group, Days: n, Count: count,
			})
		}
	}
}
