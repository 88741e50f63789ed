package main

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"upstream/models"
	"upstream/models/drift"
)

// arm is one way of deciding on the same tests.
type arm int

// The arms. All but threshold ask for the same volume and the same practical
// size of a change and differ in what they take for significant.
const (
	// statistical is the engine as it is: φ and Benjamini-Hochberg.
	statistical arm = iota
	// threshold is the engine's older method: no test at all.
	threshold
	// withoutBH calls every p-value of at most alpha significant.
	withoutBH
	// withoutPhi takes weeks for independent draws.
	withoutPhi
	// plainZ is the z-test of the textbook, one segment at a time: neither.
	plainZ
	// student is statistical with Student's t, on the weeks behind φ less one,
	// in the place of the normal distribution. No method of the engine: it
	// shows what taking an estimated φ for a known one costs.
	student
	arms
)

func (a arm) String() string {
	return [arms]string{
		"`statistical`", "`threshold`", "with φ, without BH", "without φ, with BH",
		"plain z-tests (neither)", "`statistical`, t for normal",
	}[a]
}

// verdict is one change found by one arm.
type verdict struct {
	payer, group string
	kind         models.DriftType
	method       models.TestMethod
	rise         bool
	// q is that of the engine, 0 for the threshold method.
	q float64
}

// judged are the findings of one run: by the whole engine with all signals,
// and by every arm on DENIAL_RATE alone, where they can be compared.
type judged struct {
	all, allThreshold []verdict
	denial            [arms][]verdict
}

// judge runs both methods on the windows that end after asOf days.
func (c clinic) judge(h history, asOf int) (judged, error) {
	var j judged
	result, segments, err := c.detect(h, models.MethodStatistical, asOf)
	if err != nil {
		return j, err
	}
	fixed, _, err := c.detect(h, models.MethodThreshold, asOf)
	if err != nil {
		return j, err
	}
	j.all, j.allThreshold = events(result), events(fixed)
	for _, v := range j.allThreshold {
		if v.kind == models.DriftDenialRate {
			j.denial[threshold] = append(j.denial[threshold], v)
		}
	}
	j.judgeDenials(result, segments)
	return j, nil
}

func verdictOf(t models.DriftTest) verdict {
	v := verdict{
		payer: t.Payer, group: t.CPTGroup, kind: t.DriftType, method: t.Method, rise: t.DeltaValue > 0,
	}
	if t.QValue != nil {
		v.q = *t.QValue
	}
	return v
}

func events(r drift.Result) []verdict {
	var found []verdict
	for _, f := range r.Findings {
		if f.Event != nil {
			found = append(found, verdictOf(f.Test))
		}
	}
	return found
}

// judgeDenials decides on the tests of DENIAL_RATE, which make up a family of
// their own here.
func (j *judged) judgeDenials(r drift.Result, segments []*drift.Segment) {
	weeks := make(map[[2]string]int, len(segments))
	for _, s := range segments {
		weeks[[2]string{s.Payer, s.CPTGroup}] = usableWeeks(s)
	}
	var tests []models.DriftTest
	var p [arms][]float64
	for _, f := range r.Findings {
		t := f.Test
		if t.DriftType != models.DriftDenialRate {
			continue
		}
		tests = append(tests, t)
		for a, value := range pValues(t, weeks[[2]string{t.Payer, t.CPTGroup}]) {
			p[a] = append(p[a], value)
		}
	}
	for _, a := range []arm{statistical, withoutBH, withoutPhi, plainZ, student} {
		q := p[a]
		if a != withoutBH && a != plainZ {
			q = drift.BenjaminiHochberg(q)
		}
		for i, t := range tests {
			if t.Practical && q[i] <= models.DefaultAlpha {
				j.denial[a] = append(j.denial[a], verdictOf(t))
			}
		}
	}
}

// usableWeeks counts the baseline's weeks that φ rests on.
func usableWeeks(s *drift.Segment) int {
	const fewest = 5
	n := 0
	for i, w := range s.Baseline.Weeks {
		if i < baselineDays/weekDays && w.Paid+w.Denied >= fewest {
			n++
		}
	}
	return n
}

// pValues are the p-values of one test of a rate in each arm.
func pValues(t models.DriftTest, weeks int) [arms]float64 {
	count := func(rate float64, n int) drift.Proportion {
		return drift.Proportion{X: int(math.Round(rate * float64(n))), N: n}
	}
	base, cur := count(t.BaselineValue, t.BaselineSampleSize), count(t.CurrentValue, t.CurrentSampleSize)
	_, plain := drift.TwoProportionZ(base, cur, 1)
	p := [arms]float64{statistical: *t.PValue, withoutBH: *t.PValue, withoutPhi: *t.PValue, plainZ: plain, student: *t.PValue}
	if t.Method == models.TestTwoProportionZ {
		p[withoutPhi] = plain
		if weeks > 1 {
			p[student] = 2 * distuv.StudentsT{Sigma: 1, Nu: float64(weeks - 1)}.CDF(-math.Abs(*t.Statistic))
		}
	}
	return p
}
