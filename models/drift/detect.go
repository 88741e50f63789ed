package drift

import (
	"cmp"
	"math"
	"slices"
	"time"

	"upstream/models"
)

// EngineVersion is written into the evidence of every event and rises whenever
// the same claims could give other numbers.
const EngineVersion = 1

// Input is everything a run decides on.
type Input struct {
	Params models.DetectParams
	// Signals are the drift types to look at, at least one. The threshold
	// method ignores those it does not know.
	Signals []models.DriftType
	// Segments come from Accumulator.Segments.
	Segments []*Segment
	// Previous are the events of the previous successful run of the same type
	// with an earlier as-of; nil when there is none.
	Previous []models.DriftEvent
	// Watermark is the highest upload the aggregates have seen; nil without claims.
	Watermark *models.UploadID
}

// Finding is one test and the event it became, if it passed every gate.
type Finding struct {
	Test  models.DriftTest
	Event *models.DriftEvent
}

// Result is the outcome of a run.
type Result struct {
	// Findings are all tests made, ordered by payer, CPT group and drift type.
	Findings []Finding
	// GroupsConsidered is the number of (payer, CPT group) pairs with claims
	// in either window, payers as a whole not counted.
	GroupsConsidered int
}

// Detect makes one test per segment and signal with at least MinVolume claims
// of the signal's population in both windows, and an event of every test that
// passes the gates: practical size and, for the statistical method, a q-value
// of at most Alpha. The same input gives the same output, in whatever order the
// segments come.
//
// It answers VALIDATION for parameters out of bounds and for unknown or no
// signals.
func Detect(in Input) (Result, error) {
	if err := in.validate(); err != nil {
		return Result{}, err
	}
	candidates := in.candidates()
	if in.Params.Method == models.MethodStatistical {
		correct(candidates, in.Params.Alpha)
	}
	result := Result{GroupsConsidered: in.groups(), Findings: make([]Finding, len(candidates))}
	streaks := streaksOf(in.Previous)
	for i, c := range candidates {
		result.Findings[i].Test = c.test
		if !c.passes(in.Params.Method) {
			continue
		}
		event, err := c.event(in, streaks, len(candidates))
		if err != nil {
			return Result{}, err
		}
		result.Findings[i].Event = event
	}
	return result, nil
}

func (in Input) validate() error {
	var fields []models.FieldError
	refuse := func(bad bool, path, message string) {
		if bad {
			fields = append(fields, models.FieldError{Path: path, Code: "invalid", Message: message})
		}
	}
	p := in.Params
	refuse(!models.ValidEnum(p.Method), "method", "must be one of statistical, threshold")
	refuse(p.CurrentDays < 1, "current_days", "must be at least 1")
	refuse(p.BaselineDays < 1, "baseline_days", "must be at least 1")
	refuse(p.MinVolume < 1, "min_volume", "must be at least 1")
	refuse(math.IsNaN(p.Alpha) || p.Alpha <= 0 || p.Alpha > models.MaxAlpha,
		"alpha", "must be greater than 0 and at most 0.5")
	refuse(len(in.Signals) == 0, "signals", "must name at least one drift type")
	for _, s := range in.Signals {
		refuse(!models.ValidEnum(s), "signals", "must be drift types")
	}
	return models.Invalid(fields...)
}

func (in Input) groups() int {
	n := 0
	for _, s := range in.Segments {
		if s.CPTGroup != models.CPTGroupAll {
			n++
		}
	}
	return n
}

// candidates are the tests with enough volume, in the order of the output.
func (in Input) candidates() []*candidate {
	segments := slices.Clone(in.Segments)
	slices.SortStableFunc(segments, func(a, b *Segment) int {
		return cmp.Or(cmp.Compare(a.Payer, b.Payer), cmp.Compare(a.CPTGroup, b.CPTGroup))
	})
	signals := chosenSignals(in.Params.Method, in.Signals)
	var found []*candidate
	for _, segment := range segments {
		for _, s := range signals {
			c := newCandidate(segment, s)
			if min(c.test.BaselineSampleSize, c.test.CurrentSampleSize) < in.Params.MinVolume {
				continue
			}
			c.decide(in.Params)
			found = append(found, c)
		}
	}
	return found
}

// correct fills in the q-values over the whole family and the gate they open.
func correct(family []*candidate, alpha float64) {
	p := make([]float64, len(family))
	for i, c := range family {
		p[i] = *c.test.PValue
	}
	for i, q := range BenjaminiHochberg(p) {
		family[i].test.QValue = new(q)
		family[i].test.Significant = q <= alpha
	}
}

// Owner is what the store knows about the rows of a run and the statistics do not.
type Owner struct {
	CustomerID  models.CustomerID
	ReportRunID models.ReportRunID
	// Now becomes the creation time of the events.
	Now time.Time
	// NewEventID gives each event its identifier, in the order of the findings.
	NewEventID func() models.DriftEventID
}

// Rows are the findings as rows to store: every test, linked to its event, and
// every event, at version 1.
func (r Result) Rows(o Owner) ([]models.DriftTest, []models.DriftEvent) {
	tests := make([]models.DriftTest, len(r.Findings))
	var events []models.DriftEvent
	for i, f := range r.Findings {
		tests[i] = f.Test
		tests[i].CustomerID, tests[i].ReportRunID = o.CustomerID, o.ReportRunID
		if f.Event == nil {
			continue
		}
		event := *f.Event
		event.CustomerID, event.ReportRunID = o.CustomerID, o.ReportRunID
		event.ID, event.CreatedAt, event.Version = o.NewEventID(), o.Now, 1
		tests[i].DriftEventID = new(event.ID)
		events = append(events, event)
	}
	return tests, events
}
