package demo

// cell is the design of one payer's business in one group before any change.
type cell struct {
	// share is its part of all claims, 0..1.
	share float64
	// denial is the denial rate among paid and denied claims.
	denial float64
	// auth is the part of its claims that need an authorization.
	auth   float64
	effect effect
}

// newBook lays out every cell.
func newBook() *[payerCount][groupCount]cell {
	book := new([payerCount][groupCount]cell)
	for i := range payers {
		p := &payers[i]
		weights := groupWeights(p)
		for g := range groups {
			book[i][g] = cell{
				share:  p.share * weights[g],
				denial: min(max(p.denial*groups[g].denial, minDenial), maxDenial),
				auth:   min(groups[g].auth*p.auth, .95),
				effect: effectOn(i, group(g)), //nolint:gosec // seven groups
			}
		}
	}
	return book
}

// groupWeights is the payer's mix of groups; it adds up to 1.
func groupWeights(p *payer) [groupCount]float64 {
	var weights [groupCount]float64
	var total float64
	for g := range groups {
		weights[g] = groups[g].share
		if p.tilt[g] > 0 {
			weights[g] *= p.tilt[g]
		}
		total += weights[g]
	}
	for g := range weights {
		weights[g] /= total
	}
	return weights
}

// authFailure is the part of claims in need of an authorization that are
// denied for it, before any change.
func (c *cell) authFailure() float64 { return (1 - otherShare) * c.denial * authDenialShare }

// extraAuthDenial is the chance that a claim in need of an authorization that
// would have been paid is denied for it, so that the failure rate rises by the
// planted size.
func (c *cell) extraAuthDenial() float64 {
	return c.effect.authFailure / ((1 - otherShare) * (1 - c.denial))
}

// lateDenial is the denial rate after the planted changes.
func (c *cell) lateDenial() float64 {
	return c.denial + c.effect.denial + c.auth*c.effect.authFailure/(1-otherShare)
}

// meanCents is the mean allowed amount of a group at price level 1, with the
// usual case mix or the late one.
func (g *cptGroup) meanCents(late bool) float64 {
	var sum, total float64
	for _, c := range g.codes {
		sum += float64(c.cents) * float64(c.weight(late))
		total += float64(c.weight(late))
	}
	return sum / total
}

// weight is the code's part of its group.
func (c code) weight(late bool) int {
	if late {
		return c.lateShare
	}
	return c.share
}
