package main

import (
	"strconv"

	"upstream/models/drift"
)

// workedWeeks is the worked example of docs/how-drift-is-found.md: eight weeks
// of a baseline and a current window, denied of decided claims.
func workedWeeks() (weeks []drift.Proportion, current drift.Proportion) {
	return []drift.Proportion{
		{X: 3, N: 30},
		{X: 6, N: 28},
		{X: 2, N: 35},
		{X: 9, N: 31},
		{X: 4, N: 29},
		{X: 3, N: 33},
		{X: 8, N: 27},
		{X: 5, N: 32},
	}, drift.Proportion{X: 14, N: 40}
}

// workedPlot shows the weekly denial rates with both windows, and where the
// current rate lies by the interval of the difference.
func workedPlot() chart {
	weeks, current := workedWeeks()
	c := chart{
		title: "Weekly denial rate of the worked example", x: "week", y: "denied of decided claims",
		top: 0.6, percent: true,
	}
	var base drift.Proportion
	values := line{name: "rate of the week", points: true}
	for i, w := range weeks {
		base.X, base.N = base.X+w.X, base.N+w.N
		c.categories = append(c.categories, strconv.Itoa(i+1))
		values.values = append(values.values, w.Rate())
	}
	c.categories = append(c.categories, "now")
	values.values = append(values.values, current.Rate())
	interval := drift.Newcombe(base, current, 0.95)
	c.bands = []band{
		{name: "baseline and its rate", from: 0, to: len(weeks) - 1, mean: base.Rate()},
		{
			name: "current, 95 % interval of Δ", from: len(weeks), to: len(weeks), mean: current.Rate(),
			low: base.Rate() + interval.Low, high: base.Rate() + interval.High,
		},
	}
	c.lines = []line{values}
	return c
}
