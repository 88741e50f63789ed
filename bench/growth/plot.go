package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"upstream/bench/document"
)

// The drawing area of the plot, whose axes are both logarithmic.
const (
	plotWidth, plotHeight = 860, 420
	plotLeft, plotRight   = 70, 560
	plotTop, plotBottom   = 46, 360
	labelGap              = 15
)

// style serves light and dark: the document's reader chooses.
const style = `<style>
text { font: 12px sans-serif; fill: #222 }
.grid { stroke: #ddd }
.title { font-size: 14px }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .grid { stroke: #444 } }
</style>
`

// dashes tell lines of one colour apart.
func dashes(i int) string {
	if i < 6 {
		return ""
	}
	return ` stroke-dasharray="6 3"`
}

// axes place sizes and milliseconds.
type axes struct{ left, right, low, high float64 }

func (a axes) x(size int) float64 {
	return plotLeft + (plotRight-plotLeft)*(math.Log10(float64(size))-a.left)/(a.right-a.left)
}

func (a axes) y(ms float64) float64 {
	return plotBottom - (plotBottom-plotTop)*(math.Log10(ms)-a.low)/(a.high-a.low)
}

// plot draws the plotted lines by their elapsed time.
func (r *report) plot() string {
	var shown []*result
	a := axes{left: math.Log10(float64(r.sizes[0])), right: math.Log10(float64(r.sizes[len(r.sizes)-1])), low: math.Inf(1), high: math.Inf(-1)}
	for _, result := range r.results {
		if !result.plotted {
			continue
		}
		shown = append(shown, result)
		for _, f := range result.figures {
			a.low, a.high = min(a.low, math.Floor(math.Log10(milliseconds(f)))), max(a.high, math.Ceil(math.Log10(milliseconds(f))))
		}
	}
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d">`+"\n", plotWidth, plotHeight)
	const title = "Median time of an answer, by the claims of the customer"
	_, _ = fmt.Fprintf(&b, "<title>%s</title>\n%s", title, style)
	_, _ = fmt.Fprintf(&b, `<text class="title" x="%d" y="24">%s</text>`+"\n", plotLeft, title)
	r.grid(&b, a)
	for i, result := range shown {
		r.draw(&b, a, i, result)
	}
	label(&b, shown, a)
	b.WriteString("</svg>\n")
	return b.String()
}

// milliseconds is the elapsed time, at least what can be drawn.
func milliseconds(f figures) float64 { return max(f.elapsed.Seconds()*1e3, 1e-3) }

func (r *report) grid(b *strings.Builder, a axes) {
	for power := a.low; power <= a.high; power++ {
		v := math.Pow(10, power)
		y := a.y(v)
		_, _ = fmt.Fprintf(b, `<path class="grid" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%g ms</text>`+"\n",
			plotLeft, y, plotRight, plotLeft-8, y+4, v)
	}
	for _, n := range r.sizes {
		x := a.x(n)
		_, _ = fmt.Fprintf(b, `<path class="grid" d="M%.1f %dV%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x, plotTop, plotBottom, x, plotBottom+20, number(n))
	}
	_, _ = fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">claims of the customer</text>`+"\n", (plotLeft+plotRight)/2, plotBottom+44)
}

func (r *report) draw(b *strings.Builder, a axes, i int, result *result) {
	points := make([]string, len(result.figures))
	for j, f := range result.figures {
		x, y := a.x(r.sizes[j]), a.y(milliseconds(f))
		points[j] = fmt.Sprintf("%.1f,%.1f", x, y)
		_, _ = fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x, y, document.Colour(i))
	}
	_, _ = fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", strings.Join(points, " "), document.Colour(i), dashes(i))
}

// label names the lines at their right ends, from above to below, none over
// another.
func label(b *strings.Builder, shown []*result, a axes) {
	end := func(i int) float64 { return a.y(milliseconds(shown[i].figures[len(shown[i].figures)-1])) }
	order := make([]int, len(shown))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return int(math.Copysign(1, end(i)-end(j))) })
	below := float64(plotTop - labelGap)
	for rank, i := range order {
		left := float64(len(order)-1-rank) * labelGap
		below = min(max(end(i), below+labelGap), plotBottom-left)
		_, _ = fmt.Fprintf(b, `<path d="M%d %.1fL%d %.1f" stroke="%s"%s/><text x="%d" y="%.1f">%s</text>`+"\n",
			plotRight+4, end(i), plotRight+20, below, document.Colour(i), dashes(i), plotRight+25, below+4, html.EscapeString(shown[i].name))
	}
}
