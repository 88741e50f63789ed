package demo

import (
	"fmt"
	"io"

	"upstream/models"
)

// The size of the demo's file, and the seed it is drawn with. On most seeds
// chance hides one planted change or raises a false alarm, as it does in real
// claims; on this one a run finds all that is planted and nothing else.
const (
	HarborClaims  = 120_000
	HarborDays    = 240
	HarborBadRows = 25
	HarborSeed    = 29
)

// endLead is how long before today the file ends: claims of yesterday are still
// on their way.
const endLead = 2

// The bounds of a file.
const (
	maxClaims = 100_000_000
	maxDays   = 3650
)

// flushSize is how many bytes are collected before they are written.
const flushSize = 64 << 10

// Harbor describes one claims file of the hospital group. Files with equal
// descriptions are equal byte for byte; files that differ in Today alone differ
// in their dates alone.
type Harbor struct {
	Seed uint64
	// Today is the current day; the last claims were decided two days before,
	// and what is planted began 14 days before.
	Today models.Date
	// Claims is the number of good rows.
	Claims int
	// Days is the number of days that decisions span.
	Days int
	// BadRows is the number of rows that no reader should accept, on top of
	// Claims and at most as many.
	BadRows int
}

// NewHarbor describes the file that the demo shows.
func NewHarbor(today models.Date) Harbor {
	return Harbor{
		Seed: HarborSeed, Today: today, Claims: HarborClaims, Days: HarborDays, BadRows: HarborBadRows,
	}
}

// Validate lists what is wrong with the description, as a VALIDATION error.
func (h Harbor) Validate() error {
	var fields []models.FieldError
	within := func(path string, value, lowest, highest int) {
		if value < lowest || value > highest {
			message := fmt.Sprintf("must be between %d and %d", lowest, highest)
			fields = append(fields, models.FieldError{Path: path, Code: "invalid", Message: message})
		}
	}
	within("claims", h.Claims, 1, maxClaims)
	within("days", h.Days, 1, maxDays)
	within("bad_rows", h.BadRows, 0, max(h.Claims, 0))
	return models.Invalid(fields...)
}

// FirstDecided is the first day that claims were decided on.
func (h Harbor) FirstDecided() models.Date { return h.LastDecided().AddDays(1 - h.Days) }

// LastDecided is the last day that claims were decided on.
func (h Harbor) LastDecided() models.Date { return h.Today.AddDays(-endLead) }

// ShiftStart is the first day of the planted changes.
func (h Harbor) ShiftStart() models.Date { return h.Today.AddDays(-shiftLead) }

// WriteCSV writes the file in the order of decision, in little memory whatever
// its size. It answers a VALIDATION error for a description out of bounds, else
// the error of w.
func (h Harbor) WriteCSV(w io.Writer) error {
	if err := h.Validate(); err != nil {
		return err
	}
	p := newPlan(h)
	out := &rowWriter{w: w, plan: p, buf: append(make([]byte, 0, flushSize+1024), header...)}
	rng := newSource(h.Seed, streamRows)
	for day, count := range p.dayCounts() {
		for range count {
			r := p.draw(rng, day)
			if err := out.write(&r); err != nil {
				return err
			}
		}
	}
	return out.flush()
}

// rowWriter numbers and buffers rows, and slips the bad ones in between.
type rowWriter struct {
	w    io.Writer
	plan *plan
	buf  []byte
	// rows counts every row written, good and bad those of each sort.
	rows, good, bad int
}

// write adds a good row, and after it the bad row that is due there.
func (o *rowWriter) write(r *row) error {
	if err := o.add(r); err != nil {
		return err
	}
	o.good++
	if o.bad == o.plan.BadRows || o.good < o.plan.badRowAfter(o.bad) {
		return nil
	}
	spoiled := *r
	defectOf(o.bad).spoil(&spoiled)
	o.bad++
	return o.add(&spoiled)
}

func (o *rowWriter) add(r *row) error {
	o.rows++
	o.buf = o.plan.appendCSV(o.buf, o.rows, r)
	if len(o.buf) < flushSize {
		return nil
	}
	return o.flush()
}

func (o *rowWriter) flush() error {
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}

// badRowAfter is the number of good rows that precede the i-th bad row, counted
// from 0: each stands in the middle of its part of the file, and no two behind
// the same good row.
func (h Harbor) badRowAfter(i int) int {
	return ((2*i+1)*h.Claims + h.BadRows) / (2 * h.BadRows)
}

// defect is one way to spoil a row.
type defect struct {
	name string
	// column is where a reader should see it.
	column string
	spoil  func(*row)
}

// defects are taken in turn.
var defects = [...]defect{
	{"reversed_dates", "decided_date", func(r *row) { r.submitted, r.decided = r.decided, r.submitted }},
	{"negative_amount", "billed_amount", func(r *row) { r.billed = -r.billed }},
	{"missing_payer", "payer", func(r *row) { r.payer = "" }},
}

// defectOf is what is wrong with the i-th bad row.
func defectOf(i int) defect { return defects[i%len(defects)] }
