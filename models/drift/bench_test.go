package drift

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

// BenchmarkDetect is a run over 100 payers x 15 CPT groups with all signals,
// from rows to findings.
func BenchmarkDetect(b *testing.B) {
	random := rand.New(rand.NewPCG(7, 11))
	var r rows
	for payer := range 100 {
		for group := range 15 {
			benchmarkGroup(random, &r, fmt.Sprintf("payer %03d", payer), fmt.Sprintf("group %02d", group), 20+random.IntN(200))
		}
	}
	b.Logf("%d cells, %d histogram rows", len(r.cells), len(r.days))
	p := testParams()
	b.ReportAllocs()
	for b.Loop() {
		result := detect(b, p, everySignal(), &r)
		b.ReportMetric(float64(len(result.Findings)), "tests")
	}
}

func benchmarkGroup(random *rand.Rand, r *rows, payer, group string, weekly int) {
	rate := 0.02 + 0.2*random.Float64()
	for w, weeks := range map[Window]int{Baseline: 13, Current: 2} {
		for week := range weeks {
			for code := range 4 {
				n := weekly / 4
				denied := int(float64(n)*rate + random.Float64())
				c := r.cell(w, week, payer, group, n-denied, denied)
				c.CPT = strconv.Itoa(code)
				c.AuthRequired, c.AuthDenied = n/2, denied/2
				c.Allowed = Moments{N: n - denied, Sum: usd("120.50").Mul(usd(strconv.Itoa(n - denied)))}
				c.Allowed.SumSquares = usd("16000").Mul(usd(strconv.Itoa(n - denied)))
				c.Value = Amount{N: n, Sum: usd("150.25").Mul(usd(strconv.Itoa(n)))}
			}
		}
		for days := range 45 {
			for _, m := range []Measure{DecisionDays, PaymentDays} {
				r.days = append(r.days, DaysRow{
					Window: w, Measure: m, Payer: payer, CPTGroup: group, Days: days, Count: random.IntN(weekly),
				})
			}
		}
	}
}
