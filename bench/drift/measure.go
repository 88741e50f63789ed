package main

import (
	"fmt"
	"io"

	"upstream/models"
)

// measurements are everything the document shows.
type measurements struct {
	null, lateWeeks           []falseAlarms
	denial                    []power
	decision, paying, allowed []power
	delays                    []delay
	mix                       []mixOnly
	// The numbers of replicates of null data, of planted shifts and of delays.
	nullRuns, powerRuns, delayRuns int
}

// lab makes measurements one after the other, each with a seed of its own,
// until one fails.
type lab struct {
	seed uint64
	err  error
	log  io.Writer
}

func measured[T any](l *lab, what string, measure func(seed uint64) (T, error)) T {
	l.seed++
	var out T
	if l.err == nil {
		_, _ = fmt.Fprintln(l.log, what)
		out, l.err = measure(l.seed)
	}
	return out
}

// measureAll makes every measurement with a part of the usual replicates; 1 is
// what the document is made with.
func measureAll(part float64, log io.Writer) (measurements, error) {
	times := func(n int) int { return max(2, int(float64(n)*part)) }
	m := measurements{nullRuns: times(800), powerRuns: times(250), delayRuns: times(60)}
	l := &lab{log: log}
	m.measureNull(l)
	m.measureDenials(l)
	m.measureOthers(l)
	m.measureMix(l)
	return m, l.err
}

func (m *measurements) measureNull(l *lab) {
	for _, volume := range []int{300, 1000} {
		for _, phi := range []float64{1, 1.5, 2, 3} {
			m.null = append(m.null, measured(l, fmt.Sprintf("null: %d claims, phi %g", volume, phi),
				func(seed uint64) (falseAlarms, error) { return measureNull(seed, usual(volume, phi), m.nullRuns) }))
		}
	}
	for _, sd := range []float64{1, 2, 4} {
		c := usual(1000, 1)
		c.daysSD = sd
		m.lateWeeks = append(m.lateWeeks, measured(l, fmt.Sprintf("null: weeks late by %g days", sd),
			func(seed uint64) (falseAlarms, error) { return measureNull(seed, c, m.powerRuns) }))
	}
}

// The overdispersion of the scenarios with a planted shift.
const shiftPhi = 2

func (m *measurements) measureDenials(l *lab) {
	for _, volume := range []int{100, 300, 1000, 3000} {
		for _, size := range []float64{0.03, 0.05, 0.08, 0.15} {
			m.denial = append(m.denial, measured(l, fmt.Sprintf("denial rate: %d claims, %g", volume, size),
				func(seed uint64) (power, error) {
					return measurePower(seed, usual(volume, shiftPhi), models.DriftDenialRate, size, shift{denial: size}, m.powerRuns)
				}))
		}
	}
	for _, volume := range []int{300, 1000, 3000} {
		for _, size := range []float64{0.05, 0.08, 0.15} {
			m.delays = append(m.delays, measured(l, fmt.Sprintf("delay: %d claims, %g", volume, size),
				func(seed uint64) (delay, error) {
					return measureDelay(seed, usual(volume, shiftPhi), size, m.delayRuns)
				}))
		}
	}
}

func (m *measurements) measureOthers(l *lab) {
	for _, volume := range []int{300, 1000, 3000} {
		one := func(into *[]power, kind models.DriftType, size float64, planted shift) {
			*into = append(*into, measured(l, fmt.Sprintf("%s: %d claims, %g", kind, volume, size),
				func(seed uint64) (power, error) {
					return measurePower(seed, usual(volume, shiftPhi), kind, size, planted, m.powerRuns/2)
				}))
		}
		for _, days := range []int{2, 3, 5} {
			one(&m.decision, models.DriftDecisionTime, float64(days), shift{decision: days})
		}
		for _, days := range []int{5, 7, 10} {
			one(&m.paying, models.DriftProcessingDelay, float64(days), shift{paying: days})
		}
		for _, cut := range []float64{0.03, 0.05, 0.08, 0.15} {
			one(&m.allowed, models.DriftPaymentAmount, -cut, shift{allowed: 1 - cut})
		}
	}
}

func (m *measurements) measureMix(l *lab) {
	for _, spread := range []float64{0.05, 0.20} {
		for _, volume := range []int{300, 1000, 3000} {
			c := usual(volume, shiftPhi)
			c.spread = spread
			m.mix = append(m.mix, measured(l, fmt.Sprintf("mix: %d claims, spread %g", volume, spread),
				func(seed uint64) (mixOnly, error) { return measureMix(seed, c, m.powerRuns) }))
		}
	}
}
