package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"upstream/models"
)

//go:embed evaluation.md.tmpl
var documentTemplate string

// table is a Markdown table.
type table struct {
	head []string
	rows [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t table) String() string {
	var b strings.Builder
	write := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	write(t.head)
	write(slices.Repeat([]string{"---"}, len(t.head)))
	for _, r := range t.rows {
		write(r)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// String is a share in percent with its standard error.
func (s share) String() string {
	return fmt.Sprintf("%.1f ± %.1f %%", 100*s.value(), 100*s.err())
}

func points(rate float64) string { return fmt.Sprintf("%+.0f points", 100*rate) }
func days(n float64) string      { return fmt.Sprintf("%+.0f days", n) }
func percent(v float64) string   { return fmt.Sprintf("%+.0f %%", 100*v) }

func (m measurements) nullTable() table {
	t := table{head: []string{
		"claims per group", "φ", "`statistical`", "`statistical`, alpha 0.005", "`threshold`", "by Fisher's test, of all events",
	}}
	for _, f := range m.null {
		sparse := "–"
		if f.sparse.n > 0 {
			sparse = fmt.Sprintf("%d of %d", f.sparse.x, f.sparse.n)
		}
		t.row(strconv.Itoa(f.volume), fmt.Sprint(f.phi), f.all.String(), f.strict.String(), f.fixed.String(), sparse)
	}
	return t
}

func (m measurements) kindTable() table {
	kinds := params(models.MethodStatistical, windowDays).Signals
	t := table{head: []string{"claims per group", "φ"}}
	for _, kind := range kinds {
		t.head = append(t.head, "`"+string(kind)+"`")
	}
	for _, f := range m.null {
		cells := []string{strconv.Itoa(f.volume), fmt.Sprint(f.phi)}
		for _, kind := range kinds {
			cells = append(cells, fmt.Sprintf("%.1f %%", 100*f.byKind[kind].value()))
		}
		t.row(cells...)
	}
	return t
}

func (m measurements) armTable() table {
	t := table{head: []string{"claims per group", "φ"}}
	for a := range arms {
		t.head = append(t.head, a.String())
	}
	for _, f := range m.null {
		cells := []string{strconv.Itoa(f.volume), fmt.Sprint(f.phi)}
		for a := range arms {
			cells = append(cells, f.denial[a].String())
		}
		t.row(cells...)
	}
	return t
}

func (m measurements) lateTable() table {
	t := table{head: []string{"weeks differ by (standard deviation)", "any event", "`DECISION_TIME`", "`PROCESSING_DELAY`", "`threshold`"}}
	for _, f := range m.lateWeeks {
		t.row(fmt.Sprintf("%g days", f.daysSD), f.all.String(), f.byKind[models.DriftDecisionTime].String(),
			f.byKind[models.DriftProcessingDelay].String(), f.fixed.String())
	}
	return t
}

func powerTable(measured []power, size func(float64) string) table {
	t := table{head: []string{"claims per group", "shift", "found in the group", "in the group or its payer"}}
	for _, p := range measured {
		t.row(strconv.Itoa(p.volume), size(p.size), p.group.String(), p.either.String())
	}
	return t
}

// firstDays is the share found and the median day of those found.
func firstDays(days []int) string {
	var hits []int
	for _, d := range days {
		if d > 0 {
			hits = append(hits, d)
		}
	}
	if len(hits) == 0 {
		return "never"
	}
	slices.Sort(hits)
	middle := float64(hits[(len(hits)-1)/2]+hits[len(hits)/2]) / 2
	return fmt.Sprintf("%g d (%.0f %%)", middle, 100*float64(len(hits))/float64(len(days)))
}

func (m measurements) delayTable() table {
	t := table{head: []string{"claims per group", "shift"}}
	for _, a := range compared() {
		t.head = append(t.head, a.String()+", daily runs", "weekly runs")
	}
	for _, d := range m.delays {
		cells := []string{strconv.Itoa(d.volume), points(d.size)}
		for _, a := range compared() {
			cells = append(cells, firstDays(d.daily[a]), firstDays(d.weekly[a]))
		}
		t.row(cells...)
	}
	return t
}

func (m measurements) mixTable() table {
	t := table{head: []string{"claims per group", "spread of amounts within a code", "`PAYMENT_AMOUNT` events", "without the split"}}
	for _, x := range m.mix {
		t.row(strconv.Itoa(x.volume), fmt.Sprintf("%.0f %%", 100*x.spread), x.split.String(), x.fixed.String())
	}
	return t
}

// The scenario of the short comparison.
const (
	comparedVolume = 1000
	comparedSize   = 0.08
)

// comparison is the short table of the README, on DENIAL_RATE.
func (m measurements) comparison() table {
	t := table{head: []string{
		"method", "runs with a false alarm", "finds +5 points", "finds +8 points", "days until +8 points is found (daily runs)",
	}}
	for _, a := range compared() {
		t.row(a.String(), m.nullAt(comparedVolume, shiftPhi).denial[a].String(),
			m.powerAt(comparedVolume, 0.05).byArm[a].String(), m.powerAt(comparedVolume, 0.08).byArm[a].String(),
			firstDays(m.delayAt(comparedVolume, comparedSize).daily[a]))
	}
	return t
}

func (m measurements) nullAt(volume int, phi float64) falseAlarms {
	i := slices.IndexFunc(m.null, func(f falseAlarms) bool { return f.volume == volume && f.phi == phi })
	return m.null[i]
}

func (m measurements) powerAt(volume int, size float64) power {
	i := slices.IndexFunc(m.denial, func(p power) bool { return p.volume == volume && p.size == size })
	return m.denial[i]
}

func (m measurements) delayAt(volume int, size float64) delay {
	i := slices.IndexFunc(m.delays, func(d delay) bool { return d.volume == volume && d.size == size })
	return m.delays[i]
}

// document is docs/evaluation.md.
func (m measurements) document() (string, error) {
	null := func(volume int, phi float64) string { return m.nullAt(volume, phi).all.String() }
	parsed, err := template.New("evaluation").Funcs(template.FuncMap{"null": null}).Parse(documentTemplate)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = parsed.Execute(&b, map[string]any{
		"Command": "go run ./bench/drift -out .", "Comparison": m.comparison(),
		"NullRuns": m.nullRuns, "PowerRuns": m.powerRuns, "DelayRuns": m.delayRuns, "Horizon": horizon,
		"Null": m.nullTable(), "Kinds": m.kindTable(), "Arms": m.armTable(), "Late": m.lateTable(),
		"Denial": powerTable(m.denial, points), "Delay": m.delayTable(),
		"Decision": powerTable(m.decision, days), "Paying": powerTable(m.paying, days),
		"Allowed": powerTable(m.allowed, percent), "Mix": m.mixTable(), "ShiftPhi": shiftPhi,
	})
	return b.String(), err
}
