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

// Cell is one row of the cell aggregate described in the package comment.
type Cell struct {
	Window Window
	// Week counts 7-day buckets back from the end of the window, from 0.
	Week                 int
	Payer, CPTGroup, CPT string
	Counts
	// Allowed is over PAID claims with an allowed amount.
	Allowed Moments
	// Value is over claims of any outcome: the allowed amount, or the billed
	// amount where a claim has no allowed one.
	Value Amount
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

func (c Cell) check(p models.DetectParams) error {
	days, err := c.Window.days(p)
	if err != nil {
		return err
	}
	if c.Week < 0 || c.Week*daysPerWeek >= days {
		return fmt.Errorf("%w: week %d outside a window of %d days", ErrRow, c.Week, days)
	}
	if err := c.Counts.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrRow, err)
	}
	if c.Allowed.N < 0 || c.Allowed.N > c.Paid || c.Value.N < 0 || c.Value.N > c.Claims() {
		return fmt.Errorf("%w: more amounts than claims", ErrRow)
	}
	return checkGroup(c.CPTGroup)
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
