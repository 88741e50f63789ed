package drift

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"upstream/models"
)

// Window says which of the two windows of a run a row belongs to.
type Window string

// The windows.
const (
	Baseline Window = "baseline"
	Current  Window = "current"
)

// Measure is the duration a histogram is about.
type Measure string

// The measures: days from submission to decision over PAID and DENIED claims,
// and days from submission to payment over PAID claims with a payment date.
const (
	DecisionDays Measure = "decision"
	PaymentDays  Measure = "payment"
)

// Counts are numbers of claims. Paid, Denied and Other are disjoint and add up
// to all claims; AuthRequired counts those that needed an authorisation, and
// AuthDenied the ones among them denied for want of it (see [IsAuthDenial]).
type Counts struct {
	Paid, Denied, Other      int
	AuthRequired, AuthDenied int
}

// Claims is the number of claims of any outcome.
func (c Counts) Claims() int { return c.Paid + c.Denied + c.Other }

func (c *Counts) add(other Counts) {
	c.Paid += other.Paid
	c.Denied += other.Denied
	c.Other += other.Other
	c.AuthRequired += other.AuthRequired
	c.AuthDenied += other.AuthDenied
}

func (c Counts) check() error {
	switch {
	case min(c.Paid, c.Denied, c.Other, c.AuthRequired, c.AuthDenied) < 0:
		return errors.New("negative count")
	case c.AuthRequired > c.Claims():
		return errors.New("more claims required authorisation than there are")
	case c.AuthDenied > min(c.AuthRequired, c.Denied):
		return errors.New("more authorisation denials than denials of claims that required one")
	default:
		return nil
	}
}

// Amount is a sum of money, USD, over N claims.
type Amount struct {
	N   int
	Sum decimal.Decimal
}

func (a *Amount) add(other Amount) {
	a.N += other.N
	a.Sum = a.Sum.Add(other.Sum)
}

// WeekRow is one row of the weeks described in the package comment: the claims
// of a group in one week.
type WeekRow struct {
	Window Window
	// Week counts 7-day buckets back from the end of the window, from 0.
	Week            int
	Payer, CPTGroup string
	Counts
	// Allowed is over PAID claims with an allowed amount.
	Allowed Moments
	// Value is over claims of any outcome: the allowed amount, or the billed
	// amount where a claim has no allowed one.
	Value Amount
}

// MoneyRow is the money of a group over a whole window, for those who have it
// apart from the weeks: a [WeekRow] of the same claims leaves it out then.
type MoneyRow struct {
	Window          Window
	Payer, CPTGroup string
	// Allowed and Value are as in WeekRow.
	Allowed Moments
	Value   Amount
}

// CodeRow is one row of the codes: what a procedure code contributes to a
// group, over the whole window.
type CodeRow struct {
	Window               Window
	Payer, CPTGroup, CPT string
	CPTTotals
}

// Cell is the claims of one week and one code at once: a [WeekRow] and a
// [CodeRow] for those who have both in hand.
type Cell struct {
	Window Window
	// Week counts 7-day buckets back from the end of the window, from 0.
	Week                 int
	Payer, CPTGroup, CPT string
	Counts
	// Allowed and Value are as in WeekRow.
	Allowed Moments
	Value   Amount
}

func (c Cell) week() WeekRow {
	return WeekRow{
		Window: c.Window, Week: c.Week, Payer: c.Payer, CPTGroup: c.CPTGroup,
		Counts: c.Counts, Allowed: c.Allowed, Value: c.Value,
	}
}

func (c Cell) code() CodeRow {
	return CodeRow{Window: c.Window, Payer: c.Payer, CPTGroup: c.CPTGroup, CPT: c.CPT, CPTTotals: CPTTotals{
		Paid: c.Paid, Denied: c.Denied, Allowed: Amount{N: c.Allowed.N, Sum: c.Allowed.Sum},
	}}
}

// DaysRow is one row of a histogram: Count claims took Days days.
type DaysRow struct {
	Window          Window
	Measure         Measure
	Payer, CPTGroup string
	Days            int
	Count           int
}

// ErrRow is wrapped by every error about a row that contradicts itself or the
// run it is added to: a mistake in the query, never in the claims.
var ErrRow = errors.New("drift: bad row")

func (r WeekRow) check(p models.DetectParams) error {
	days, err := r.Window.days(p)
	if err != nil {
		return err
	}
	if r.Week < 0 || r.Week*daysPerWeek >= days {
		return fmt.Errorf("%w: week %d outside a window of %d days", ErrRow, r.Week, days)
	}
	if err := r.Counts.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrRow, err)
	}
	if r.Allowed.N < 0 || r.Allowed.N > r.Paid || r.Value.N < 0 || r.Value.N > r.Claims() {
		return fmt.Errorf("%w: more amounts than claims", ErrRow)
	}
	return checkGroup(r.CPTGroup)
}

func (r MoneyRow) check(p models.DetectParams) error {
	if _, err := r.Window.days(p); err != nil {
		return err
	}
	if min(r.Allowed.N, r.Value.N) < 0 {
		return fmt.Errorf("%w: negative count", ErrRow)
	}
	return checkGroup(r.CPTGroup)
}

func (r CodeRow) check(p models.DetectParams) error {
	if _, err := r.Window.days(p); err != nil {
		return err
	}
	if min(r.Paid, r.Denied, r.Allowed.N) < 0 {
		return fmt.Errorf("%w: negative count", ErrRow)
	}
	if r.Allowed.N > r.Paid {
		return fmt.Errorf("%w: more amounts than claims", ErrRow)
	}
	return checkGroup(r.CPTGroup)
}

func (r DaysRow) check(p models.DetectParams) error {
	if _, err := r.Window.days(p); err != nil {
		return err
	}
	if r.Count < 0 {
		return fmt.Errorf("%w: negative count", ErrRow)
	}
	return checkGroup(r.CPTGroup)
}

// checkGroup refuses the reserved group: a claim that carried it would be
// counted twice, as a group and as its payer.
func checkGroup(group string) error {
	if group == models.CPTGroupAll {
		return fmt.Errorf("%w: CPT group %s is reserved for payers as a whole", ErrRow, group)
	}
	return nil
}

func (w Window) days(p models.DetectParams) (int, error) {
	switch w {
	case Baseline:
		return p.BaselineDays, nil
	case Current:
		return p.CurrentDays, nil
	default:
		return 0, fmt.Errorf("%w: unknown window %q", ErrRow, w)
	}
}
