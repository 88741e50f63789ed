package demo

// The independent random streams of a seed.
const (
	streamCycles = 1
	streamRows   = 2
)

const (
	// maxDelay bounds a decision time, planted delays included, in days.
	maxDelay = 160
	// maxRho bounds how alike claims of one weekly batch are. It keeps thin
	// cells from swinging between nothing and everything.
	maxRho = .02
	// priceSpread is the log-normal spread of one code's price.
	priceSpread = .05
	// priceScale is the unit of the price table.
	priceScale = 10_000
	// markupPercent is the list price over what price level 1 allows.
	markupPercent = 260
)

// plan is everything about a file that does not depend on the single row.
type plan struct {
	Harbor
	book *[payerCount][groupCount]cell
	// shiftDay is the first day of the planted changes; days count from 0, the
	// first decided day.
	shiftDay int
	// payerTable draws a payer, by the day modulo 7.
	payerTable [7][]chance
	groupTable [payerCount][]chance
	// codeTable draws a code of a group.
	codeTable [groupCount]struct{ usual, late []chance }
	delays    [payerCount][]int64
	prices    []int64
	// denial holds the denial chance of each cell in each weekly cycle, before
	// the changes and after.
	denial [payerCount][groupCount]struct{ early, late []chance }

	generalTable, authTable, paidTable, countTable []chance
	dates                                          []string
}

// paidShares are the parts of the allowed amount that payers remit, in
// percent; the rest is the patient's.
var paidShares = [...]struct {
	percent int64
	weight  float64
}{{100, 55}, {80, 30}, {90, 8}, {60, 7}}

// procedureWeights are how common claims with 1, 2, ... procedures are.
var procedureWeights = []float64{70, 18, 8, 4}

func newPlan(h Harbor) *plan {
	p := &plan{
		Harbor: h, book: newBook(), shiftDay: h.Days + endLead - 1 - shiftLead,
		prices:       logNormalTable(priceScale, priceSpread, .8*priceScale, 1.25*priceScale),
		generalTable: reasonTable(generalReasons[:]), authTable: reasonTable(authReasons[:]),
		countTable: cumulative(procedureWeights),
	}
	var paid []float64
	for _, s := range paidShares {
		paid = append(paid, s.weight)
	}
	p.paidTable = cumulative(paid)
	for day := range p.payerTable {
		p.payerTable[day] = cumulative(p.payerWeights(day))
	}
	for i := range payers {
		weights := groupWeights(&payers[i])
		p.groupTable[i] = cumulative(weights[:])
		p.delays[i] = logNormalTable(payers[i].medianDays, payers[i].sigma, 1, maxDelay-10)
	}
	for g := range groups {
		p.codeTable[g].usual, p.codeTable[g].late = groups[g].codeWeights(false), groups[g].codeWeights(true)
	}
	p.drawCycles(newSource(h.Seed, streamCycles))
	for day := -maxDelay; day < h.Days; day++ {
		p.dates = append(p.dates, h.FirstDecided().AddDays(day).String())
	}
	return p
}

func reasonTable(reasons []reason) []chance {
	weights := make([]float64, len(reasons))
	for i := range reasons {
		weights[i] = reasons[i].weight
	}
	return cumulative(weights)
}

func (g *cptGroup) codeWeights(late bool) []chance {
	weights := make([]float64, len(g.codes))
	for i, c := range g.codes {
		weights[i] = float64(c.weight(late))
	}
	return cumulative(weights)
}

// phase shifts the weekly cycles of payers against each other and against the
// windows of a detection run.
func phase(payer int) int { return payer * 2 % 7 }

// cyclePosition is the weekly cycle a day belongs to and its day within it.
// Days are counted from the planted changes, not from a calendar week, so that
// the same seed finds the same on whatever weekday it is run.
func (p *plan) cyclePosition(payer, day int) (cycle, weekday int) {
	weeks := p.Days/7 + 3
	n := day - p.shiftDay + phase(payer) + 7*weeks
	return n / 7, n % 7
}

// payerWeights is the share of each payer among the decisions of a day.
func (p *plan) payerWeights(day int) []float64 {
	weights := make([]float64, payerCount)
	for i := range payers {
		_, weekday := p.cyclePosition(i, day)
		weights[i] = payers[i].share * cycleProfile[weekday]
	}
	return weights
}

// drawCycles draws the denial chance of every cell and cycle.
func (p *plan) drawCycles(rng source) {
	last, _ := p.cyclePosition(0, p.Days-1)
	for i := range payers {
		for g := range groups {
			c := &p.book[i][g]
			rho := p.correlation(payers[i].phi, c.share)
			early, late := make([]chance, last+2), make([]chance, last+2)
			for k := range early {
				early[k] = chanceOf(rng.beta(c.denial, rho))
				late[k] = chanceOf(rng.beta(c.denial+c.effect.denial, rho))
			}
			p.denial[i][g].early, p.denial[i][g].late = early, late
		}
	}
}

// correlation is the intra-class correlation that makes the denials of an
// average week vary phi times as much as binomial ones.
func (p *plan) correlation(phi, share float64) float64 {
	week := share * float64(p.Claims) / float64(p.Days) * 7
	if (week-1)*maxRho <= phi-1 {
		return maxRho
	}
	return (phi - 1) / (week - 1)
}

// dayCounts spreads the claims over the days, to the claim.
func (p *plan) dayCounts() []int {
	ends, sum := make([]float64, p.Days), 0.0
	for day := range ends {
		for _, w := range p.payerWeights(day) {
			sum += w
		}
		ends[day] = sum
	}
	counts, before := make([]int, p.Days), 0
	for day := range counts {
		end := p.Claims
		if day < p.Days-1 {
			end = int(float64(p.Claims) * ends[day] / sum)
		}
		counts[day], before = end-before, end
	}
	return counts
}
