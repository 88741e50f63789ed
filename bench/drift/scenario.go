package main

import (
	"math"
	"runtime"
	"slices"
	"sync"

	"upstream/models"
)

// usual is the clinic of every scenario: four payers with three groups each,
// which makes 16 segments and, at enough volume, 96 tests in a run.
func usual(volume int, phi float64) clinic {
	return clinic{payers: 4, groups: 3, volume: volume, denial: 0.10, phi: phi, spread: 0.05}
}

// share is how many of n replicates had a property.
type share struct{ x, n int }

func (s share) value() float64 { return float64(s.x) / float64(s.n) }

// err is the Monte Carlo standard error; at 0 and 1, that of half a replicate.
func (s share) err() float64 {
	p := max(0.5, min(float64(s.n)-0.5, float64(s.x))) / float64(s.n)
	return math.Sqrt(p * (1 - p) / float64(s.n))
}

func (s *share) count(property bool) {
	s.n++
	if property {
		s.x++
	}
}

// replicate makes n independent replicates of a scenario on all processors and
// answers them in order, so that the answer does not depend on how many there are.
func replicate[T any](scenario uint64, n int, once func(*sampler) (T, error)) ([]T, error) {
	out, errs := make([]T, n), make([]error, n)
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				out[i], errs[i] = once(seeded(scenario, uint64(i))) //nolint:gosec // counts up from 0
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// once judges a run at the end of the current window, in which the shift has
// been all along.
func (c clinic) once(planted shift) func(*sampler) (judged, error) {
	return func(s *sampler) (judged, error) {
		return c.judge(c.generate(s, windowDays, planted), windowDays)
	}
}

// nothing is the shift of null data.
func nothing() shift { return shift{from: math.MaxInt} }

// fromCurrent is a shift at the start of the current window.
func fromCurrent(s shift) shift {
	s.from = baselineDays
	return s
}

// strictAlpha is the level at which false alarms are counted beside the default.
const strictAlpha = models.DefaultAlpha / 10

// falseAlarms are the shares of runs on null data with any event.
type falseAlarms struct {
	volume      int
	phi, daysSD float64
	all, fixed  share
	// strict is all at a tenth of the level: q <= strictAlpha.
	strict share
	byKind map[models.DriftType]*share
	// sparse counts events of all signals by Fisher's test, n being all events.
	sparse share
	denial [arms]share
}

func measureNull(scenario uint64, c clinic, n int) (falseAlarms, error) {
	f := falseAlarms{volume: c.volume, phi: c.phi, daysSD: c.daysSD, byKind: make(map[models.DriftType]*share)}
	runs, err := replicate(scenario, n, c.once(nothing()))
	if err != nil {
		return f, err
	}
	for _, kind := range params(models.MethodStatistical, windowDays).Signals {
		f.byKind[kind] = &share{n: n}
	}
	for _, r := range runs {
		f.all.count(len(r.all) > 0)
		f.strict.count(slices.ContainsFunc(r.all, func(v verdict) bool { return v.q <= strictAlpha }))
		f.fixed.count(len(r.allThreshold) > 0)
		seen := make(map[models.DriftType]bool)
		for _, v := range r.all {
			f.sparse.count(v.method == models.TestFisherExact)
			if !seen[v.kind] {
				seen[v.kind] = true
				f.byKind[v.kind].x++
			}
		}
		for a := range arms {
			f.denial[a].count(len(r.denial[a]) > 0)
		}
	}
	return f, nil
}

// power is how often a planted shift was found.
type power struct {
	volume int
	size   float64
	// group and either count findings in the group itself, and in it or in its
	// payer as a whole; byArm those of DENIAL_RATE as a family of its own.
	group, either share
	byArm         [arms]share
}

// found reports whether the shift in the first group is among the verdicts.
func found(verdicts []verdict, kind models.DriftType, rise, wholeToo bool) bool {
	for _, v := range verdicts {
		if v.payer == payerName(0) && v.kind == kind && v.rise == rise &&
			(v.group == groupName(0) || wholeToo && v.group == models.CPTGroupAll) {
			return true
		}
	}
	return false
}

func measurePower(scenario uint64, c clinic, kind models.DriftType, size float64, planted shift, n int) (power, error) {
	p := power{volume: c.volume, size: size}
	runs, err := replicate(scenario, n, c.once(fromCurrent(planted)))
	rise := size > 0
	for _, r := range runs {
		p.group.count(found(r.all, kind, rise, false))
		p.either.count(found(r.all, kind, rise, true))
		for a := range arms {
			p.byArm[a].count(found(r.denial[a], kind, rise, false))
		}
	}
	return p, err
}

// horizon is how many days after a shift began runs are looked at.
const horizon = 28

// delay is when a shift of the denial rate was first found, in the group or in
// its payer as a whole, by replicate; 0 for never within the horizon.
type delay struct {
	volume        int
	size          float64
	daily, weekly [arms][]int
}

// compared are the arms of the comparison of delays.
func compared() []arm { return []arm{statistical, threshold, plainZ} }

func measureDelay(scenario uint64, c clinic, size float64, n int) (delay, error) {
	d := delay{volume: c.volume, size: size}
	type first struct{ daily, weekly [arms]int }
	runs, err := replicate(scenario, n, func(s *sampler) (first, error) {
		var f first
		h := c.generate(s, windowDays+horizon, shift{from: windowDays, denial: size})
		for day := 1; day <= horizon; day++ {
			if day%weekDays != 0 && f.daily[statistical] > 0 && f.daily[threshold] > 0 && f.daily[plainZ] > 0 {
				continue
			}
			j, err := c.judge(h, windowDays+day)
			if err != nil {
				return f, err
			}
			for _, a := range compared() {
				if !found(j.denial[a], models.DriftDenialRate, true, true) {
					continue
				}
				if f.daily[a] == 0 {
					f.daily[a] = day
				}
				if day%weekDays == 0 && f.weekly[a] == 0 {
					f.weekly[a] = day
				}
			}
		}
		return f, nil
	})
	for _, f := range runs {
		for a := range arms {
			d.daily[a], d.weekly[a] = append(d.daily[a], f.daily[a]), append(d.weekly[a], f.weekly[a])
		}
	}
	return d, err
}

// mixOnly compares the engine with the comparison of means without the split,
// on data in which only the clinic's mix of codes changed.
type mixOnly struct {
	volume       int
	spread       float64
	split, fixed share
}

func measureMix(scenario uint64, c clinic, n int) (mixOnly, error) {
	m := mixOnly{volume: c.volume, spread: c.spread}
	dearer := shift{from: baselineDays, mix: []float64{0.25, 0.25, 0.25, 0.25}}
	type outcome struct{ split, fixed bool }
	runs, err := replicate(scenario, n, func(s *sampler) (outcome, error) {
		var o outcome
		result, _, err := c.detect(c.generate(s, windowDays, dearer), models.MethodStatistical, windowDays)
		for _, f := range result.Findings {
			t := f.Test
			if t.DriftType != models.DriftPaymentAmount || t.Payer != payerName(0) || t.CPTGroup != groupName(0) {
				continue
			}
			o.split = f.Event != nil
			o.fixed = t.Significant && math.Abs(t.DeltaValue)/t.BaselineValue >= 0.05
		}
		return o, err
	})
	for _, r := range runs {
		m.split.count(r.split)
		m.fixed.count(r.fixed)
	}
	return m, err
}
