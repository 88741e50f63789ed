package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"upstream/bench/document"
)

// grows is the exponent above which a line is said to grow with the claims: 1
// would be in proportion to them, 0 not at all.
const grows = 0.3

// result is a line with its figures, one of each size that was measured.
type result struct {
	line
	figures []figures
}

// report gathers what was measured.
type report struct {
	sizes   []int
	rows    int
	results []*result
}

// note adds the figures of the next size.
func (r *report) note(l line, f figures) {
	for _, known := range r.results {
		if known.name == l.name {
			known.figures = append(known.figures, f)
			return
		}
	}
	r.results = append(r.results, &result{line: l, figures: []figures{f}})
}

// exponent is how the elapsed time of a line depends on the claims: the slope of
// the straight line that fits the logarithms of both best, or that between the
// two largest sizes when it is steeper. Elapsed time, because it has in it what
// PostgreSQL's parallel workers do.
func (r *result) exponent(sizes []int) float64 {
	x, y := make([]float64, len(r.figures)), make([]float64, len(r.figures))
	for i, f := range r.figures {
		x[i], y[i] = math.Log(float64(sizes[i])), math.Log(max(f.elapsed.Seconds(), 1e-6))
	}
	n := len(x)
	return max(slope(x, y), slope(x[n-2:], y[n-2:]))
}

// slope is that of the least squares.
func slope(x, y []float64) float64 {
	var mx, my float64
	for i := range x {
		mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(x))
	}
	var xx, xy float64
	for i := range x {
		xx, xy = xx+(x[i]-mx)*(x[i]-mx), xy+(x[i]-mx)*(y[i]-my)
	}
	return xy / xx
}

// table is the Markdown of all lines.
func (r *report) table() string {
	var b strings.Builder
	b.WriteString("Milliseconds of elapsed time, and of processor time of server + PostgreSQL.\n\n| |")
	for _, n := range r.sizes {
		_, _ = fmt.Fprintf(&b, " %s claims |", number(n))
	}
	_, _ = fmt.Fprintf(&b, " exponent |\n|%s\n", strings.Repeat("---|", len(r.sizes)+2))
	growing := 0
	for _, result := range r.results {
		cells := []string{result.name}
		for _, f := range result.figures {
			cells = append(cells, f.String())
		}
		e := result.exponent(r.sizes)
		mark := ""
		if e > grows {
			growing++
			mark = " **grows**"
		}
		_, _ = fmt.Fprintf(&b, "| %s | %.2f%s |\n", strings.Join(cells, " | "), e, mark)
	}
	_, _ = fmt.Fprintf(&b, "\n%d of %d lines grow (exponent above %.1f). The file has %s rows: %s.\n",
		growing, len(r.results), grows, number(r.rows), r.rates())
	return b.String()
}

// rates says how many rows a second were ingested at each size.
func (r *report) rates() string {
	last := r.results[len(r.results)-1]
	all := make([]string, len(last.figures))
	for i, f := range last.figures {
		all[i] = fmt.Sprintf("%s rows/s into %s", number(int(float64(r.rows)/f.elapsed.Seconds())), number(r.sizes[i]))
	}
	return strings.Join(all, ", ")
}

// String is the elapsed time, and the processor time in server and database.
func (f figures) String() string {
	text := fmt.Sprintf("%s (%s + %s)", ms(f.elapsed), ms(f.used.Program), ms(f.used.Database))
	if f.peak > 0 {
		text += fmt.Sprintf(", %d MB", f.peak>>20)
	}
	return text
}

// ms is milliseconds with two digits that say something.
func ms(d time.Duration) string {
	v := d.Seconds() * 1e3
	switch {
	case v >= 10:
		return number(int(math.Round(v)))
	default:
		return fmt.Sprintf("%.1f", v)
	}
}

// number writes thousands apart.
func number(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// write replaces the block of the document and its plot, or prints the table.
func (r *report) write(out string) error {
	if out == "" {
		_, err := fmt.Println(r.table())
		return err
	}
	images := filepath.Join(filepath.Dir(out), "images")
	if err := os.MkdirAll(images, 0o755); err != nil { //nolint:gosec // documents are for everybody
		return err
	}
	if err := os.WriteFile(filepath.Join(images, "growth.svg"), []byte(r.plot()), 0o644); err != nil { //nolint:gosec // as above
		return err
	}
	return block().ReplaceIn(out, "\n"+r.table()+"\n")
}

// block is where the table stands in the document.
func block() document.Block {
	return document.Block{Name: "the table", Begin: "<!-- begin: go run ./bench/growth -->\n", End: "<!-- end -->"}
}
