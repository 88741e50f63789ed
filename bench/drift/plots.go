package main

import (
	"fmt"
	"slices"
	"strconv"
)

// plots are the images of the document by file name.
func (m measurements) plots() map[string]string {
	return map[string]string{
		"evaluation-null.svg":  m.nullPlot().svg(),
		"evaluation-power.svg": m.powerPlot().svg(),
		"evaluation-delay.svg": m.delayPlot().svg(),
	}
}

func (m measurements) nullPlot() chart {
	c := chart{
		title: fmt.Sprintf("False alarms on null data, DENIAL_RATE, %d claims per group", comparedVolume),
		x:     "φ: variance of weekly denials over that of independent claims", y: "runs with any event",
		top: 1, percent: true, levels: []level{{"aim: 5 %", 0.05}},
	}
	for a := range arms {
		l := line{name: plain(a)}
		c.categories = nil
		for _, f := range m.null {
			if f.volume == comparedVolume {
				c.categories = append(c.categories, fmt.Sprint(f.phi))
				l.values = append(l.values, f.denial[a].value())
			}
		}
		c.lines = append(c.lines, l)
	}
	return c
}

// plain is the name of an arm short enough for a legend.
func plain(a arm) string {
	return [arms]string{
		"statistical", "threshold", "φ, no BH", "BH, no φ", "plain z-tests", "statistical with t",
	}[a]
}

func (m measurements) powerPlot() chart {
	c := chart{
		title: fmt.Sprintf("Shifts of the denial rate found at once, φ = %d", shiftPhi),
		x:     "planted shift", y: "runs that find it in the group", top: 1, percent: true,
	}
	byVolume := make(map[int]*line)
	var volumes []int
	for _, p := range m.denial {
		if byVolume[p.volume] == nil {
			volumes = append(volumes, p.volume)
			byVolume[p.volume] = &line{name: fmt.Sprintf("%d claims", p.volume)}
		}
		if size := points(p.size); !slices.Contains(c.categories, size) {
			c.categories = append(c.categories, size)
		}
		byVolume[p.volume].values = append(byVolume[p.volume].values, p.group.value())
	}
	for _, v := range volumes {
		c.lines = append(c.lines, *byVolume[v])
	}
	return c
}

func (m measurements) delayPlot() chart {
	c := chart{
		title: "Shifts of the denial rate found by day, daily runs, statistical",
		x:     "days since the shift began", y: "found by then", top: 1, percent: true,
	}
	for day := range horizon {
		name := ""
		if (day+1)%weekDays == 0 {
			name = strconv.Itoa(day + 1)
		}
		c.categories = append(c.categories, name)
	}
	for _, d := range m.delays {
		if d.volume != comparedVolume && d.size != comparedSize {
			continue
		}
		c.lines = append(c.lines, line{
			name: fmt.Sprintf("%d claims, %s", d.volume, points(d.size)), values: cumulated(d.daily[statistical]),
		})
	}
	return c
}

// cumulated is the share found by each day of the horizon.
func cumulated(days []int) []float64 {
	out := make([]float64, horizon)
	for i := range out {
		n := 0
		for _, d := range days {
			if d > 0 && d <= i+1 {
				n++
			}
		}
		out[i] = float64(n) / float64(len(days))
	}
	return out
}
