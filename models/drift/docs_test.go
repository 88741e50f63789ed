package drift

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"upstream/models"
)

// The numbers of docs/how-drift-is-found.md are those of the engine.
func TestDocumentShowsWhatTheEngineComputes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/how-drift-is-found.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"worked example": workedExample(t), "q values": workedQ(), "split": workedSplit(),
	} {
		_, rest, begun := strings.Cut(string(page), "<!-- "+name+" -->\n")
		got, _, ended := strings.Cut(rest, "<!-- /"+name+" -->")
		if !begun || !ended {
			t.Errorf("the document marks no %s", name)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, engine (-) and document (+):\n%s", name, diff)
		}
	}
}

func documentTable(columns int, cells ...string) string {
	var b strings.Builder
	for i := 0; i < len(cells); i += columns {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells[i:i+columns], " | "))
		if i == 0 {
			b.WriteString(strings.Repeat("|---", columns) + "|\n")
		}
	}
	return b.String()
}

// workedExample runs the golden weeks through Detect, alone and among tests
// that show nothing.
func workedExample(t *testing.T) string {
	t.Helper()
	weeks := []Proportion{{3, 30}, {6, 28}, {2, 35}, {9, 31}, {4, 29}, {3, 33}, {8, 27}, {5, 32}}
	var r rows
	var shown []string
	var base Proportion
	for i, w := range weeks {
		r.cell(Baseline, len(weeks)-1-i, "Acme", "EVAL", w.N-w.X, w.X)
		shown = append(shown, fmt.Sprintf("%d/%d", w.X, w.N))
		base.X, base.N = base.X+w.X, base.N+w.N
	}
	cur := Proportion{14, 40}
	value := Amount{N: 38, Sum: usd("5700.57")}
	r.cell(Current, 0, "Acme", "EVAL", cur.N-cur.X, cur.X).Value = value
	p := testParams()
	p.BaselineDays = len(weeks) * daysPerWeek
	signals := []models.DriftType{models.DriftDenialRate}
	f := only(t, detect(t, p, signals, &r))
	for i := range 9 {
		r.cell(Baseline, 0, fmt.Sprintf("Other %d", i), "EVAL", 900, 100)
		r.cell(Current, 0, fmt.Sprintf("Other %d", i), "EVAL", 90, 10)
	}
	among := detect(t, p, signals, &r).Findings[0].Test
	test, event := f.Test, f.Event
	z, plain := TwoProportionZ(base, cur, 1)
	yes := map[bool]string{true: "yes", false: "no"}
	return documentTable(2, "step", "result",
		"weeks, denied of decided", strings.Join(shown, ", "),
		"baseline", fmt.Sprintf("%d/%d = %.2f %%", base.X, base.N, 100*test.BaselineValue),
		"current", fmt.Sprintf("%d/%d = %.2f %%", cur.X, cur.N, 100*test.CurrentValue),
		"change", fmt.Sprintf("%+.2f points", 100*test.DeltaValue),
		"smallest expected cell", fmt.Sprintf("%.2f: the z-test", SmallestExpected(base, cur)),
		"φ, from 8 weeks", fmt.Sprintf("%.6f", *test.Dispersion),
		"z without φ", fmt.Sprintf("%.6f, p = %.8f", z, plain),
		"z", fmt.Sprintf("%.6f, p = %.8f", *test.Statistic, *test.PValue),
		"q, the only test of its run", fmt.Sprintf("%.8f", *test.QValue),
		"q, if 9 more tests had shown nothing (p = 1)", fmt.Sprintf("%.8f", *among.QValue),
		"95 % interval of the change", fmt.Sprintf("%+.2f to %+.2f points", 100**test.CILow, 100**test.CIHigh),
		"minimum detectable change", fmt.Sprintf("%.2f points", 100**test.MinDetectableDelta),
		"gates", fmt.Sprintf("volume: yes; large enough: %s; q ≤ 0.05: %s", yes[test.Practical], yes[test.Significant]),
		"severity", fmt.Sprintf("%.4f (%s)", event.Severity, strings.ToLower(string(event.SeverityLabel()))),
		"confidence", fmt.Sprintf("%.4f", event.Confidence),
		"value of a current claim", fmt.Sprintf("$%s / %d = $%s", value.Sum.StringFixed(2), value.N,
			value.Sum.DivRound(decimal.NewFromInt(int64(value.N)), 2).StringFixed(2)),
		"revenue impact", "$"+event.EstimatedRevenueImpact.StringFixed(2),
	)
}

func workedQ() string {
	p := []float64{.001, .008, .039, .041, .042, .06, .074, .205, .212, .216}
	cells := []string{"p"}
	for _, v := range p {
		cells = append(cells, fmt.Sprint(v))
	}
	cells = append(cells, "q")
	for _, v := range BenjaminiHochberg(p) {
		cells = append(cells, fmt.Sprintf("%.4f", v))
	}
	return documentTable(len(p)+1, cells...)
}

func workedSplit() string {
	components := []Component{{"a", 60, 50, 6, 10}, {"b", 40, 50, 8, 10}}
	cells := []string{"code", "claims", "denied", "claims now", "denied now"}
	var base, cur Proportion
	for _, c := range components {
		cells = append(cells, c.CPT, strconv.Itoa(c.BaseN), fmt.Sprint(c.BaseTotal), strconv.Itoa(c.CurN), fmt.Sprint(c.CurTotal))
		base.X, base.N = base.X+int(c.BaseTotal), base.N+c.BaseN
		cur.X, cur.N = cur.X+int(c.CurTotal), cur.N+c.CurN
	}
	e := Kitagawa(components)
	return documentTable(5, cells...) + fmt.Sprintf(
		"\nFrom %.1f %% to %.1f %%: a change of %+.1f points, of which %+.1f points are the payer's and %+.1f points the mix.\n",
		100*base.Rate(), 100*cur.Rate(), 100*RateChange(base, cur), 100*e.Rate, 100*e.Mix)
}
