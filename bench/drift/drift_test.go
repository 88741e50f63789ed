package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"upstream/models"
	"upstream/models/drift"
)

// atMost is a number of successes that n trials with chance p exceed less than
// once in a million, by the normal approximation with a margin.
func atMost(n int, p float64) int {
	return int(float64(n)*p + 5*math.Sqrt(float64(n)*p*(1-p)) + 1)
}

func TestNullDataRaisesFewAlarms(t *testing.T) {
	t.Parallel()
	const n = 40
	f, err := measureNull(101, usual(1000, 1), n)
	if err != nil {
		t.Fatal(err)
	}
	if f.all.n != n || f.all.x > atMost(n, models.DefaultAlpha) {
		t.Errorf("statistical: %d of %d runs with an event", f.all.x, f.all.n)
	}
	if x := f.denial[statistical].x; x > atMost(n, models.DefaultAlpha) {
		t.Errorf("denial rates alone: %d of %d", x, n)
	}
	// Sixteen tests at level 0.05 make an alarm in a third of all runs or more.
	if f.denial[plainZ].x <= f.denial[statistical].x || f.fixed.x <= f.all.x {
		t.Errorf("plain z-tests %d, threshold %d, statistical %d", f.denial[plainZ].x, f.fixed.x, f.all.x)
	}
	if f.strict.x > f.all.x || f.denial[student].x > f.denial[statistical].x {
		t.Errorf("stricter and more alarms: %+v", f)
	}
}

func TestOverdispersionIsHeldAgainstTheData(t *testing.T) {
	t.Parallel()
	const n = 40
	f, err := measureNull(102, usual(1000, 3), n)
	if err != nil {
		t.Fatal(err)
	}
	// Far from the aim, as docs/evaluation.md says, and far from doing without.
	if 2*f.denial[statistical].x >= f.denial[withoutPhi].x || f.denial[withoutPhi].x > f.denial[plainZ].x {
		t.Errorf("with φ %d, without %d, plain z-tests %d", f.denial[statistical].x, f.denial[withoutPhi].x, f.denial[plainZ].x)
	}
}

// Two reasons for false alarms: the normal distribution for an estimated φ, and
// Fisher's test, which has none. Where t takes the place of the normal
// distribution, the second remains.
func TestWhatStudentLeavesIsFishers(t *testing.T) {
	t.Parallel()
	runs, err := replicate(108, 40, usual(300, 3).once(nothing()))
	if err != nil {
		t.Fatal(err)
	}
	var all, sparse int
	for _, r := range runs {
		for _, v := range r.denial[student] {
			all++
			if v.method == models.TestFisherExact {
				sparse++
			}
		}
	}
	if all == 0 || 4*sparse < 3*all {
		t.Errorf("%d of %d findings are by Fisher's test", sparse, all)
	}
}

func TestHugeShiftsAreFound(t *testing.T) {
	t.Parallel()
	for kind, s := range map[models.DriftType]struct {
		size    float64
		planted shift
	}{
		models.DriftDenialRate:      {0.6, shift{denial: 0.6}},
		models.DriftDecisionTime:    {20, shift{decision: 20}},
		models.DriftProcessingDelay: {30, shift{paying: 30}},
		models.DriftPaymentAmount:   {-0.6, shift{allowed: 0.4}},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p, err := measurePower(103, usual(1000, 2), kind, s.size, s.planted, 5)
			if err != nil || p.group != (share{5, 5}) || p.either != (share{5, 5}) {
				t.Errorf("found %+v, %+v, %v", p.group, p.either, err)
			}
			if kind == models.DriftDenialRate && (p.byArm[threshold].x != 5 || p.byArm[plainZ].x != 5) {
				t.Errorf("by arm %+v", p.byArm)
			}
		})
	}
}

func TestMixAloneIsNoPaymentDrift(t *testing.T) {
	t.Parallel()
	m, err := measureMix(104, usual(1000, 2), 15)
	if err != nil {
		t.Fatal(err)
	}
	if m.split.x != 0 || m.fixed.x == 0 {
		t.Errorf("with the split %+v, without %+v", m.split, m.fixed)
	}
}

func TestHugeShiftIsFoundWithinAWeek(t *testing.T) {
	t.Parallel()
	d, err := measureDelay(105, clinic{payers: 1, groups: 2, volume: 1000, denial: 0.1, phi: 1, spread: 0.05}, 0.6, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		daily, weekly := d.daily[statistical][i], d.weekly[statistical][i]
		if daily < 1 || daily > 7 || weekly != 7 {
			t.Errorf("found on day %d by daily runs and day %d by weekly ones", daily, weekly)
		}
	}
}

// What an arm decides on DENIAL_RATE alone is what the engine decides.
func TestArmsAgreeWithTheEngine(t *testing.T) {
	t.Parallel()
	c := usual(1000, 3)
	for i := range uint64(8) {
		h := c.generate(seeded(106, i), windowDays, fromCurrent(shift{denial: 0.2}))
		j, err := c.judge(h, windowDays)
		if err != nil {
			t.Fatal(err)
		}
		_, segments, err := c.detect(h, models.MethodStatistical, windowDays)
		if err != nil {
			t.Fatal(err)
		}
		p := params(models.MethodStatistical, windowDays)
		alone, err := drift.Detect(drift.Input{
			Params: p, Signals: []models.DriftType{models.DriftDenialRate}, Segments: segments,
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(places(events(alone)), places(j.denial[statistical])); diff != "" {
			t.Errorf("engine (-) and arm (+):\n%s", diff)
		}
	}
}

func places(verdicts []verdict) []string {
	var out []string
	for _, v := range verdicts {
		out = append(out, v.payer+"/"+v.group)
	}
	return out
}

func TestGeneratedClaimsAreWhatTheClinicSays(t *testing.T) {
	t.Parallel()
	const weeks = 2000
	c := clinic{payers: 1, groups: 1, volume: 900, denial: 0.1, phi: 3, spread: 0.05}
	days := c.generate(seeded(107, 0), weeks*weekDays, nothing())[0]
	var buckets []drift.Proportion
	var all tally
	for week := range weeks - 1 {
		var sum tally
		for _, d := range days[week*weekDays+weekDays-1:][:weekDays] { // weeks end with the window
			for code := range d.codes {
				sum.add(&d.codes[code])
			}
		}
		all.add(&sum)
		buckets = append(buckets, drift.Proportion{X: sum.denied, N: sum.paid + sum.denied})
	}
	decided := float64(all.paid + all.denied)
	for name, v := range map[string]struct{ got, want, slack float64 }{
		"claims a week":         {(decided + float64(all.other)) / (weeks - 1), 70, 1},
		"denial rate":           {float64(all.denied) / decided, 0.1, 0.005},
		"overdispersion":        {drift.Overdispersion(buckets), 3, 0.5},
		"other":                 {float64(all.other) / (decided + float64(all.other)), otherShare, 0.005},
		"authorisations":        {float64(all.authRequired) / (decided + float64(all.other)), authShare, 0.01},
		"failed authorisations": {float64(all.authNo) / float64(all.denied), authShare * authOfDenials, 0.02},
		"mean allowed":          {float64(all.cents) / float64(all.paid) / 100, 0.4*80 + 0.3*120 + 0.2*200 + 0.1*350, 2},
	} {
		if math.Abs(v.got-v.want) > v.slack {
			t.Errorf("%s = %v, want %v", name, v.got, v.want)
		}
	}
}

func TestSameSeedSameClaims(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := clinic{
			payers: 1, groups: 2, volume: rapid.IntRange(90, 300).Draw(t, "volume"), denial: 0.1,
			phi: rapid.Float64Range(1, 4).Draw(t, "phi"), daysSD: 1, spread: 0.1,
		}
		seed := rapid.Uint64().Draw(t, "seed")
		planted := shift{from: 5, denial: 0.1, allowed: 0.9, mix: []float64{0, 0, 0, 1}}
		a, b := c.generate(seeded(1, seed), 14, planted), c.generate(seeded(1, seed), 14, planted)
		if !slices.EqualFunc(a, b, slices.Equal) {
			t.Fatal("two histories from one seed")
		}
		for d, today := range a[0] {
			for code := range codes - 1 {
				if d >= planted.from && today.codes[code] != (tally{}) {
					t.Fatalf("claims of code %d on day %d, after the mix changed", code, d)
				}
			}
		}
	})
}

func TestReplicatesKeepTheirOrderAndErrors(t *testing.T) {
	t.Parallel()
	draw := func(s *sampler) (uint64, error) { return s.Uint64(), nil }
	got, err := replicate(7, 20, draw)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if want := seeded(7, uint64(i)).Uint64(); got[i] != want {
			t.Fatalf("replicate %d = %d, want %d", i, got[i], want)
		}
	}
	broken := errors.New("broken")
	if _, err := replicate(7, 3, func(*sampler) (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	l := &lab{log: io.Discard}
	measured(l, "one", func(uint64) (int, error) { return 0, broken })
	measured(l, "two", func(uint64) (int, error) { t.Error("measured after an error"); return 0, nil })
	if !errors.Is(l.err, broken) || l.seed != 2 {
		t.Errorf("lab = %+v", l)
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	var s share
	for i := range 100 {
		s.count(i < 20)
	}
	if s.value() != 0.2 || math.Abs(s.err()-0.04) > 1e-12 || s.String() != "20.0 ± 4.0 %" {
		t.Errorf("%v ± %v: %s", s.value(), s.err(), s)
	}
	if none := (share{0, 100}); none.err() <= 0 {
		t.Error("no error of a share of 0")
	}
	for text, days := range map[string][]int{"never": {0, 0}, "5 d (67 %)": {3, 0, 7}, "4 d (100 %)": {9, 1, 4}} {
		if got := firstDays(days); got != text {
			t.Errorf("first days of %v: %s, want %s", days, got, text)
		}
	}
	if got := cumulated([]int{1, 0, 3, 28}); got[0] != 0.25 || got[2] != 0.5 || got[26] != 0.5 || got[27] != 0.75 {
		t.Errorf("cumulated = %v", got)
	}
}

// A document of a few made-up measurements has all tables and plots.
func TestDocumentIsWhole(t *testing.T) {
	t.Parallel()
	m := measurements{nullRuns: 1, powerRuns: 1, delayRuns: 1}
	kinds := make(map[models.DriftType]*share)
	for _, kind := range params(models.MethodStatistical, windowDays).Signals {
		kinds[kind] = &share{1, 10}
	}
	one := share{1, 10}
	by := [arms]share{one, one, one, one, one, one}
	f := falseAlarms{volume: comparedVolume, phi: shiftPhi, all: one, fixed: one, strict: one, byKind: kinds, denial: by}
	m.lateWeeks = []falseAlarms{f}
	for _, volume := range []int{300, comparedVolume} {
		for _, phi := range []float64{1, 1.5, 2, 3} {
			f.volume, f.phi = volume, phi
			m.null = append(m.null, f)
		}
	}
	for _, size := range []float64{0.05, comparedSize} {
		p := power{volume: comparedVolume, size: size, group: one, either: one, byArm: by}
		m.denial = append(m.denial, p)
		m.decision, m.paying, m.allowed = []power{p}, []power{p}, []power{p}
		d := delay{volume: comparedVolume, size: size}
		for a := range arms {
			d.daily[a], d.weekly[a] = []int{3}, []int{7}
		}
		m.delays = append(m.delays, d)
	}
	m.mix = []mixOnly{{volume: 1, spread: 0.05, split: one, fixed: one}}
	document, err := m.document()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(document, "<no value>") || !strings.Contains(document, m.comparison().String()) {
		t.Error(document)
	}
	for name := range m.plots() {
		if !strings.Contains(document, "images/"+name) {
			t.Errorf("the document does not show %s", name)
		}
	}
	for name, svg := range m.plots() {
		wellFormed(t, name, svg)
	}
}

func wellFormed(t *testing.T, name, svg string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		element, ok := token.(xml.StartElement)
		for _, a := range element.Attr {
			if ok && strings.Contains(a.Value, "NaN") {
				t.Fatalf("%s: %s of %s is %s", name, a.Name.Local, element.Name.Local, a.Value)
			}
		}
	}
}

func TestChartEscapesItsTexts(t *testing.T) {
	t.Parallel()
	c := chart{title: "a < b & c", categories: []string{"<"}, top: 1, lines: []line{{name: `"x"`, values: []float64{2}}}}
	svg := c.svg()
	wellFormed(t, "chart", svg)
	if strings.Contains(svg, "a < b") || !strings.Contains(svg, "a &lt; b &amp; c") {
		t.Error(svg)
	}
	if c.atY(2) != plotTop || c.atY(0) != plotBottom || c.atY(-1) != plotBottom {
		t.Error("values are drawn outside the area")
	}
}

func TestSections(t *testing.T) {
	t.Parallel()
	changed, err := section().Replace("a\n"+section().Begin+"old"+section().End+"\nb", "new")
	if err != nil || changed != "a\n"+section().Begin+"new"+section().End+"\nb" {
		t.Errorf("%q, %v", changed, err)
	}
	if _, err := section().Replace("no place", "new"); err == nil {
		t.Error("no error without a place")
	}
}

// The committed documents agree with each other and with what is drawn.
func TestCommittedDocuments(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		body, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	evaluation := read("docs/evaluation.md")
	short, err := section().Of(read("README.md"))
	if err != nil || !strings.Contains(evaluation, short) {
		t.Errorf("README.md has a table that docs/evaluation.md does not have:\n%s", short)
	}
	if diff := cmp.Diff(workedPlot().svg(), read("docs/images/weekly-denial-rate.svg")); diff != "" {
		t.Errorf("drawn (-) and committed (+):\n%s", diff)
	}
	for _, image := range regexp.MustCompile(`images/[\w-]+\.svg`).FindAllString(evaluation, -1) {
		wellFormed(t, image, read("docs/"+image))
	}
	// The prose of the template is that of the document.
	for paragraph := range strings.SplitSeq(documentTemplate, "\n\n") {
		if !strings.Contains(paragraph, "{{") && !strings.Contains(evaluation, strings.TrimSpace(paragraph)) {
			t.Errorf("docs/evaluation.md was written from another template: run go run ./bench/drift\n%s", paragraph)
		}
	}
}
