package demo

import (
	"math"

	"upstream/models"
)

// Truth is what a generated file holds by design.
type Truth struct {
	Clinic       string      `json:"clinic"`
	Seed         uint64      `json:"seed"`
	Today        models.Date `json:"today"`
	FirstDecided models.Date `json:"first_decided"`
	LastDecided  models.Date `json:"last_decided"`
	// Rows counts data rows; Accepted and Rejected add up to it.
	Rows     int `json:"rows"`
	Accepted int `json:"accepted"`
	Rejected int `json:"rejected"`
	// Rejections lists the bad rows in the order of the file.
	Rejections   []BadRow     `json:"rejections"`
	PayerAliases []PayerAlias `json:"payer_aliases"`
	// Shifts lists the planted changes and what follows from them.
	Shifts []Shift `json:"shifts"`
	// Cells lists every payer and group before any change.
	Cells []Cell `json:"cells"`
}

// BadRow is a row that no reader should accept.
type BadRow struct {
	// RowNumber counts from 1, the header being row 1.
	RowNumber int64  `json:"row_number"`
	Column    string `json:"column"`
	// Defect is reversed_dates, negative_amount or missing_payer.
	Defect string `json:"defect"`
}

// Shift is one change of a value of one payer, planted or following from a
// planted one.
type Shift struct {
	ID       string `json:"id"`
	Payer    string `json:"payer"`
	CPTGroup string `json:"cpt_group"`
	// DriftType says which value changed; the unit of the values is its.
	DriftType models.DriftType `json:"drift_type"`
	// Start and End are the first and the last day affected, by decision date.
	Start models.Date `json:"start"`
	End   models.Date `json:"end"`
	// Baseline and Current are the values by design; Size is their difference.
	Baseline float64 `json:"baseline"`
	Current  float64 `json:"current"`
	Size     float64 `json:"size"`
	// Direction is what the change means to the clinic.
	Direction models.TrendDirection `json:"direction"`
	// Fires is false for a change that must not become an event, because the
	// payer changed nothing.
	Fires bool `json:"fires"`
	// Follows names the planted change that this one is a consequence of.
	Follows string `json:"follows,omitempty"`
	Note    string `json:"note"`
}

// Cell is one payer's business in one group by design, before any change.
type Cell struct {
	Payer    string `json:"payer"`
	CPTGroup string `json:"cpt_group"`
	// Share is its part of all claims, 0..1.
	Share float64 `json:"share"`
	// DenialRate is denied over paid and denied, 0..1.
	DenialRate float64 `json:"denial_rate"`
	// AuthorizationShare is the part of claims in need of an authorization,
	// AuthFailureRate the part of those that are denied for it, 0..1.
	AuthorizationShare float64 `json:"authorization_share"`
	AuthFailureRate    float64 `json:"auth_failure_rate"`
	MedianDecisionDays float64 `json:"median_decision_days"`
	// MeanAllowed is the mean allowed amount of paid claims, USD.
	MeanAllowed float64 `json:"mean_allowed"`
}

// Truth says what WriteCSV writes. The description must be valid.
func (h Harbor) Truth() Truth {
	p := newPlan(h)
	t := Truth{
		Clinic: HarborSlug, Seed: h.Seed, Today: h.Today,
		FirstDecided: h.FirstDecided(), LastDecided: h.LastDecided(),
		Rows: h.Claims + h.BadRows, Accepted: h.Claims, Rejected: h.BadRows,
		Rejections: h.badRows(), PayerAliases: PayerAliases(),
	}
	for i := range plantedShifts {
		t.Shifts = append(t.Shifts, p.shift(&plantedShifts[i]))
		if plantedShifts[i].kind == models.DriftAuthFailureRate {
			t.Shifts = append(t.Shifts, p.deniedWithoutAuth(&plantedShifts[i]))
		}
	}
	for i := range payers {
		for g := range groups {
			t.Cells = append(t.Cells, p.cellTruth(i, g))
		}
	}
	return t
}

// Touches reports whether a change in a segment's value has a planted cause:
// the same payer, the same group or a payer as a whole on either side, and a
// drift type that reads the same claims. A finding it denies is a false alarm.
func (t Truth) Touches(payer, cptGroup string, kind models.DriftType) bool {
	for _, s := range t.Shifts {
		sameGroup := s.CPTGroup == cptGroup || s.CPTGroup == models.CPTGroupAll || cptGroup == models.CPTGroupAll
		if s.Payer == payer && sameGroup && related(s.DriftType, kind) {
			return true
		}
	}
	return false
}

// related reports whether a change of one type shows in the other. Authorization
// failures are denials, and more denials of any cause are more of these, too.
func related(a, b models.DriftType) bool { return family(a) == family(b) }

func family(kind models.DriftType) models.DriftType {
	switch kind {
	case models.DriftApprovalRate, models.DriftAuthFailureRate:
		return models.DriftDenialRate
	case models.DriftProcessingDelay:
		return models.DriftDecisionTime
	default:
		return kind
	}
}

// badRows places the bad rows in the file.
func (h Harbor) badRows() []BadRow {
	list := make([]BadRow, 0, h.BadRows)
	for i := range h.BadRows {
		d := defectOf(i)
		// The header, the good rows before it, the bad rows before it.
		row := int64(1 + h.badRowAfter(i) + i + 1)
		list = append(list, BadRow{RowNumber: row, Column: d.column, Defect: d.name})
	}
	return list
}

// shift describes a planted change by the values it moves.
func (p *plan) shift(s *planted) Shift {
	out := Shift{
		ID: s.id, Payer: payers[s.payer].name, CPTGroup: s.groupName(), DriftType: s.kind,
		Start: p.ShiftStart(), End: p.LastDecided(), Fires: !s.mix, Note: s.note,
	}
	out.Baseline = p.baseline(s, s.kind)
	switch {
	case s.mix:
		out.Current = p.meanAllowed(s.payer, s.group, true)
	case s.kind == models.DriftPaymentAmount:
		out.Current = out.Baseline * (1 + s.size)
	default:
		out.Current = out.Baseline + s.size
	}
	return out.finish()
}

// deniedWithoutAuth is the rise of the denial rate that comes with
// authorization failures.
func (p *plan) deniedWithoutAuth(s *planted) Shift {
	c := &p.book[s.payer][s.group]
	out := p.shift(s)
	out.ID, out.Follows, out.DriftType = s.id+"-denials", s.id, models.DriftDenialRate
	out.Baseline, out.Current = c.denial, c.lateDenial()
	return out.finish()
}

// finish rounds the values for readers and derives the size and its meaning.
// Only amounts are better when higher.
func (s Shift) finish() Shift {
	s.Baseline, s.Current = rounded(s.Baseline), rounded(s.Current)
	s.Size = rounded(s.Current - s.Baseline)
	s.Direction = models.TrendImproving
	if worse := s.DriftType != models.DriftPaymentAmount; (s.Size > 0) == worse {
		s.Direction = models.TrendDegrading
	}
	return s
}

func (s *planted) groupName() string {
	if s.group == wholeBook {
		return models.CPTGroupAll
	}
	return groups[s.group].name
}

// baseline is the value that a planted change starts from, over its cells.
func (p *plan) baseline(s *planted, kind models.DriftType) float64 {
	var sum, weight float64
	for g := range groups {
		if !s.touches(s.payer, group(g)) { //nolint:gosec // seven groups
			continue
		}
		c := &p.book[s.payer][g]
		sum += c.share * p.value(s.payer, g, kind)
		weight += c.share
	}
	return sum / weight
}

// value is one cell's value before any change.
func (p *plan) value(payer, g int, kind models.DriftType) float64 {
	switch kind {
	case models.DriftAuthFailureRate:
		return p.book[payer][g].authFailure()
	case models.DriftDecisionTime:
		return tableMedian(p.delays[payer])
	case models.DriftPaymentAmount:
		return p.meanAllowed(payer, g, false)
	default:
		return p.book[payer][g].denial
	}
}

// meanAllowed is the mean allowed amount of a cell's paid claims, USD.
func (p *plan) meanAllowed(payer, g int, late bool) float64 {
	var noise int64
	for _, price := range p.prices {
		noise += price
	}
	scale := float64(noise) / quantileSteps / priceScale
	return groups[g].meanCents(late) * payers[payer].fee * scale / 100
}

func (p *plan) cellTruth(payer, g int) Cell {
	c := &p.book[payer][g]
	return Cell{
		Payer: payers[payer].name, CPTGroup: groups[g].name, Share: rounded(c.share),
		DenialRate: rounded(c.denial), AuthorizationShare: rounded(c.auth), AuthFailureRate: rounded(c.authFailure()),
		MedianDecisionDays: tableMedian(p.delays[payer]), MeanAllowed: rounded(p.meanAllowed(payer, g, false)),
	}
}

// rounded keeps six decimals, more than any file of claims can tell apart.
func rounded(x float64) float64 { return math.Round(x*1e6) / 1e6 }
