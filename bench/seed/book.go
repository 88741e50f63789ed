package seed

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// book is what a customer bills to whom: the distributions its claims are drawn
// from. Lists of one length belong together, and go to the database as arrays.
type book struct {
	payers []string
	// payerUntil and codeUntil are the shares of payers and codes added up.
	payerUntil, codeUntil []float64
	// denial is the share of a payer's claims that is denied, wait the mean of
	// days its decisions take beyond the second, fee what it pays of what is
	// billed; "now" is how the two weeks before the day of the seed differ.
	denial, denialNow, wait, waitNow, fee, feeNow []float64
	codes, groups                                 []string
	// price is what is billed for a code on average, in USD.
	price []float64
}

// The parts that names of payers are made of; together they make 400.
var (
	payerFirst = []string{
		"Alder", "Beacon", "Copperfield", "Dunmore", "Eastlake", "Foxglove", "Granite", "Hollow", "Ironwood", "Juniper",
		"Kestrel", "Lantern", "Meridian", "Nettle", "Oakhurst", "Prairie", "Quillback", "Ridgeway", "Saltmarsh", "Tamarack",
	}
	payerLast = []string{
		"Health Plan", "Mutual", "Assurance", "Care Network", "Advantage", "Cooperative", "Managed Medicaid", "Benefit Trust",
		"Employers Fund", "Supplemental", "Casualty", "Life and Health", "Choice", "Premier", "Community Plan", "Physicians Plan",
		"Union Fund", "Select", "Gold", "Basic",
	}
	groupNames = []string{
		"OFFICE VISIT", "IMAGING", "LABORATORY", "THERAPY", "SURGERY", "ANESTHESIA", "CARDIOLOGY", "ONCOLOGY", "DERMATOLOGY",
		"OPHTHALMOLOGY", "ORTHOPEDICS", "BEHAVIORAL", "EMERGENCY", "DME", "INJECTION",
	}
)

// codesPerGroup times the groups is how many codes are billed.
const codesPerGroup = 4

// Shifts that detection is to find, as factors of what was before: the payer of
// that rank denies more, decides later, or pays less since two weeks.
const (
	deniesMore, deniesMoreBy = 1, 4.0
	slower, slowerBy         = 2, 2.2
	paysLess, paysLessBy     = 3, 0.75
)

// newBook draws a customer's book. Shares of payers fall off as 1/rank, so that
// the first of sixty has about a fifth; those of codes less steeply.
func newBook(payers int, random *rand.Rand) book {
	b := book{payerUntil: shares(payers, 1), codeUntil: shares(len(groupNames)*codesPerGroup, 0.8)}
	order := random.Perm(len(payerFirst) * len(payerLast))
	for i := range payers {
		at := order[i%len(order)]
		name := payerFirst[at%len(payerFirst)] + " " + payerLast[at/len(payerFirst)]
		if turn := i / len(order); turn > 0 {
			name = fmt.Sprintf("%s %d", name, turn+1)
		}
		b.payers = append(b.payers, name)
		b.denial = append(b.denial, 0.08+0.04*random.Float64())
		b.wait = append(b.wait, 8+10*random.Float64())
		b.fee = append(b.fee, 0.5+0.3*random.Float64())
	}
	b.denialNow = shifted(b.denial, deniesMore, deniesMoreBy)
	b.waitNow = shifted(b.wait, slower, slowerBy)
	b.feeNow = shifted(b.fee, paysLess, paysLessBy)
	for i := range b.codeUntil {
		b.codes = append(b.codes, fmt.Sprint(70000+317*i))
		b.groups = append(b.groups, groupNames[i%len(groupNames)])
		b.price = append(b.price, math.Round(40+760*math.Pow(random.Float64(), 2)))
	}
	return b
}

func shifted(values []float64, rank int, by float64) []float64 {
	now := append([]float64(nil), values...)
	if rank < len(now) {
		now[rank] *= by
	}
	return now
}

// shares of n ranks, which fall off with that power of the rank, added up. The
// first is 0, and what comes after the last is left out: the bounds that
// width_bucket takes.
func shares(n int, power float64) []float64 {
	until, total := make([]float64, n), 0.0
	for i := range n {
		until[i] = total
		total += math.Pow(float64(i+1), -power)
	}
	for i := range until {
		until[i] /= total
	}
	return until
}
