package drift

import (
	"cmp"
	"slices"
)

// Component is one procedure code's part of a segment's value in both windows:
// the number of claims and the total (denials, or USD) of each.
type Component struct {
	CPT                 string
	BaseN, CurN         int
	BaseTotal, CurTotal float64
}

// Effects split a change: Rate is what would have happened with the case mix
// unchanged, Mix what the case mix did. Together they are the change.
type Effects struct {
	Rate float64 `json:"rate"`
	Mix  float64 `json:"mix"`
}

// Kitagawa splits the change of a mean into the part caused by different means
// per code (rate) and the part caused by different shares of the codes (mix).
// A code seen in one window only uses that window's mean for both, which makes
// all of its change mix. An empty window has nothing to split: zero effects.
//
// Source: E. M. Kitagawa, Components of a difference between two rates, JASA
// 50 (1955).
func Kitagawa(components []Component) Effects {
	sorted := slices.Clone(components)
	slices.SortFunc(sorted, func(a, b Component) int { return cmp.Compare(a.CPT, b.CPT) })
	var baseN, curN int
	for _, c := range sorted {
		baseN += c.BaseN
		curN += c.CurN
	}
	var e Effects
	if baseN == 0 || curN == 0 {
		return e
	}
	for _, c := range sorted {
		w0, w1 := float64(c.BaseN)/float64(baseN), float64(c.CurN)/float64(curN)
		m0, m1 := c.means()
		e.Rate += (m1 - m0) * (w1 + w0) / 2
		e.Mix += (w1 - w0) * (m1 + m0) / 2
	}
	return e
}

func (c Component) means() (base, cur float64) {
	if c.BaseN > 0 {
		base = c.BaseTotal / float64(c.BaseN)
	}
	if c.CurN > 0 {
		cur = c.CurTotal / float64(c.CurN)
	}
	switch {
	case c.BaseN == 0:
		base = cur
	case c.CurN == 0:
		cur = base
	}
	return base, cur
}

// denialComponents are the PAID and DENIED claims of a segment by code.
func denialComponents(s *Segment) []Component {
	return components(s, func(t CPTTotals) (int, float64) { return t.Paid + t.Denied, float64(t.Denied) })
}

// allowedComponents are the allowed amounts of a segment by code.
func allowedComponents(s *Segment) []Component {
	return components(s, func(t CPTTotals) (int, float64) { return t.Allowed.N, t.Allowed.Sum.InexactFloat64() })
}

func components(s *Segment, read func(CPTTotals) (n int, total float64)) []Component {
	out := make([]Component, 0, len(s.Baseline.ByCPT)+len(s.Current.ByCPT))
	for code, totals := range s.Baseline.ByCPT {
		c := Component{CPT: code}
		c.BaseN, c.BaseTotal = read(totals)
		c.CurN, c.CurTotal = read(s.Current.ByCPT[code])
		out = append(out, c)
	}
	for code, totals := range s.Current.ByCPT {
		if _, both := s.Baseline.ByCPT[code]; !both {
			c := Component{CPT: code}
			c.CurN, c.CurTotal = read(totals)
			out = append(out, c)
		}
	}
	return out
}
