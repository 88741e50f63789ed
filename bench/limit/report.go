package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"upstream/bench/document"
	"upstream/bench/meter"
)

// median is that of one figure of the rounds.
func median[T any](all []T, of func(T) time.Duration) time.Duration {
	values := make([]time.Duration, len(all))
	for i, one := range all {
		values[i] = of(one)
	}
	return meter.Median(values)
}

func ofProgram(u meter.Used) time.Duration  { return u.Program }
func ofDatabase(u meter.Used) time.Duration { return u.Database }

// ratio is the median over the rounds of what a request takes over what its
// statements do.
func (f figures) ratio(of func(meter.Ran) time.Duration) float64 {
	all := make([]float64, len(f.now))
	for i := range all {
		all[i] = f.now[i].All().Seconds() / of(f.bare[i]).Seconds()
	}
	return meter.Median(all)
}

func microseconds(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

func times(ratio float64) string { return fmt.Sprintf("%.1f", ratio) }

// table is one in Markdown.
func table(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { _, _ = fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---"
	}
	line(rule)
	for _, row := range rows {
		line(row)
	}
	return b.String()
}

// limits is the table of what requests cost against the least they could.
func limits(all []figures) string {
	var rows [][]string
	for _, f := range all {
		backend := func(r meter.Ran) time.Duration { return r.Backend }
		rows = append(rows, []string{
			f.name, microseconds(median(f.bare, backend)),
			microseconds(median(f.bare, func(r meter.Ran) time.Duration { return r.Client })),
			microseconds(median(f.now, ofProgram)), microseconds(median(f.now, ofDatabase)),
			times(f.ratio(meter.Ran.All)), times(f.ratio(backend)),
		})
	}
	return table([]string{"case", "bare SQL", "pgbench", "server", "database", "ratio", "over SQL"}, rows)
}

// changes is the table of what another build took in the same rounds; empty
// without one.
func changes(all []figures) string {
	var rows [][]string
	for _, f := range all {
		if len(f.earlier) == 0 {
			return ""
		}
		then, now := median(f.earlier, meter.Used.All), median(f.now, meter.Used.All)
		rows = append(rows, []string{
			f.name, sum(f.earlier), sum(f.now), fmt.Sprintf("%+.0f %%", 100*(now.Seconds()/then.Seconds()-1)),
		})
	}
	return "\n" + table([]string{"case", "before", "after", "change"}, rows)
}

// sum shows the program and the database apart.
func sum(all []meter.Used) string {
	return microseconds(median(all, ofProgram)) + " + " + microseconds(median(all, ofDatabase))
}

// deeper says what pages far behind take of what the first pages of the same
// lists do.
func deeper(all []figures) string {
	byName := map[string]figures{}
	for _, f := range all {
		byName[f.name] = f
	}
	var said []string
	for _, f := range all {
		if near, ok := byName[f.first]; ok {
			ratio := median(f.now, meter.Used.All).Seconds() / median(near.now, meter.Used.All).Seconds()
			said = append(said, fmt.Sprintf("%s: %.2f of the first page.", f.name, ratio))
		}
	}
	return strings.Join(said, " ")
}

// report is what the program prints.
func report(p plan, version string, all []figures) string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%d claims, %s; medians of %d rounds of %s, in µs of processor time:\n\n",
		p.claims, version, p.rounds, p.lasting)
	b.WriteString(limits(all))
	if said := deeper(all); said != "" {
		_, _ = fmt.Fprintf(&b, "\n%s\n", said)
	}
	b.WriteString(changes(all))
	return b.String()
}

// section is where the report stands in a document.
func section() document.Block {
	return document.Block{Name: "the figures", Begin: "<!-- begin: go run ./bench/limit -->\n", End: "<!-- end -->"}
}
