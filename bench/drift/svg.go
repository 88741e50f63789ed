package main

import (
	"fmt"
	"html"
	"strings"

	"upstream/bench/document"
)

// chart is a line plot over evenly spaced categories, drawn as SVG. Values run
// from 0 to top.
type chart struct {
	title, x, y string
	top         float64
	percent     bool
	categories  []string
	lines       []line
	// levels are horizontal dashed lines, bands shaded ranges of categories.
	levels []level
	bands  []band
}

// line is one series; marked without being joined when it is points.
type line struct {
	name   string
	values []float64
	points bool
}

type level struct {
	name string
	at   float64
}

// band shades the categories from one to another, both included; values of a
// range, when high > low, are drawn darker and joined by an interval.
type band struct {
	name      string
	from, to  int
	mean      float64
	low, high float64
}

// The drawing area.
const (
	chartWidth, chartHeight = 720, 360
	plotLeft, plotRight     = 64, 520
	plotTop, plotBottom     = 44, 304
)

func (c chart) atX(i float64) float64 {
	return plotLeft + (plotRight-plotLeft)*(i+0.5)/float64(len(c.categories))
}

func (c chart) atY(v float64) float64 {
	return plotBottom - (plotBottom-plotTop)*min(1, max(0, v/c.top))
}

// svg draws the chart; the same chart gives the same bytes.
func (c chart) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" font-family="sans-serif" font-size="12">`+"\n",
		chartWidth, chartHeight)
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(c.title))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, chartHeight)
	text(&b, plotLeft, 22, "start", 14, c.title)
	c.drawBands(&b)
	c.drawAxes(&b)
	c.drawLevels(&b)
	for i, l := range c.lines {
		c.drawLine(&b, i, l)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func text(b *strings.Builder, x, y float64, anchor string, size int, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" fill="#222222">%s</text>`+"\n",
		x, y, anchor, size, html.EscapeString(s))
}

func (c chart) label(v float64) string {
	if c.percent {
		return fmt.Sprintf("%.0f %%", 100*v)
	}
	return fmt.Sprintf("%.0f", v)
}

func (c chart) drawAxes(b *strings.Builder) {
	const steps = 5
	for i := range steps + 1 {
		v := c.top * float64(i) / steps
		y := c.atY(v)
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#dddddd"/>`+"\n", plotLeft, y, plotRight)
		text(b, plotLeft-8, y+4, "end", 12, c.label(v))
	}
	for i, name := range c.categories {
		text(b, c.atX(float64(i)), plotBottom+18, "middle", 12, name)
	}
	text(b, (plotLeft+plotRight)/2, plotBottom+40, "middle", 12, c.x)
	fmt.Fprintf(b, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle" fill="#222222">%s</text>`+"\n",
		(plotTop+plotBottom)/2, html.EscapeString(c.y))
}

func (c chart) drawBands(b *strings.Builder) {
	for i, band := range c.bands {
		left, right := c.atX(float64(band.from)-0.5), c.atX(float64(band.to)+0.5)
		colour := document.Colour(i)
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" fill-opacity="0.08"/>`+"\n",
			left, plotTop, right-left, plotBottom-plotTop, colour)
		if band.high > band.low {
			low, high := c.atY(band.low), c.atY(band.high)
			fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" fill-opacity="0.25"/>`+"\n",
				left, high, right-left, low-high, colour)
		}
		fmt.Fprintf(b, `<path d="M%.1f %.1fH%.1f" stroke="%s" stroke-width="2"/>`+"\n", left, c.atY(band.mean), right, colour)
		text(b, plotRight+30, plotTop+16+18*float64(i), "start", 12, band.name)
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="8" height="8" fill="%s"/>`+"\n", plotRight+16, plotTop+8+18*i, colour)
	}
}

func (c chart) drawLevels(b *strings.Builder) {
	for _, l := range c.levels {
		y := c.atY(l.at)
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#666666" stroke-dasharray="5 4"/>`+"\n", plotLeft, y, plotRight)
		text(b, plotRight+8, y+4, "start", 12, l.name)
	}
}

func (c chart) drawLine(b *strings.Builder, i int, l line) {
	colour := document.Colour(i)
	if len(c.bands) > 0 {
		colour = "#222222"
	}
	var path strings.Builder
	for j, v := range l.values {
		x, y := c.atX(float64(j)), c.atY(v)
		step := "L"
		if j == 0 {
			step = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", step, x, y)
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x, y, colour)
	}
	if !l.points {
		fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", path.String(), colour)
	}
	row := plotTop + 18*float64(i+len(c.bands))
	fmt.Fprintf(b, `<circle cx="%d" cy="%.1f" r="3.5" fill="%s"/>`+"\n", plotRight+20, row+12, colour)
	text(b, plotRight+30, row+16, "start", 12, l.name)
}
