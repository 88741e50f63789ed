package demo

import (
	"math"
	"strconv"

	"upstream/models"
)

// header names the columns of the file, in order.
const header = "claim_number,payer,cpt,submitted_date,decided_date,outcome," +
	"billed_amount,allowed_amount,paid_amount,payment_date,denial_reason_code,denial_reason_text," +
	"authorization_required,authorization_obtained,authorization_number,procedure_count\n"

// absent marks an amount or a day that a row leaves empty.
const absent = -1 << 31

// row is one line of the file. Days count from the first decided day, amounts
// are cents.
type row struct {
	payer, cpt                 string
	submitted, decided         int
	outcome                    models.Outcome
	billed, allowed, paid      int64
	payment                    int
	reason                     *reason
	authRequired, authObtained bool
	// authNumber is 0 when there is none.
	authNumber int
	procedures int
}

// draw makes a claim decided on a day.
func (p *plan) draw(rng source, day int) row {
	i := rng.pick(p.payerTable[day%7])
	g := rng.pick(p.groupTable[i])
	c := &p.book[i][g]
	change, denial := noEffect, p.denial[i][g].early
	if day >= p.shiftDay {
		change, denial = c.effect, p.denial[i][g].late
	}
	codes := p.codeTable[g].usual
	if change.lateMix {
		codes = p.codeTable[g].late
	}
	procedure := &groups[g].codes[rng.pick(codes)]
	r := row{
		payer: payers[i].name, cpt: procedure.cpt, decided: day,
		submitted: day - int(p.delays[i][rng.below(quantileSteps)]) - change.slowDays,
		billed:    procedure.cents * markupPercent / 100 * p.prices[rng.below(quantileSteps)] / priceScale,
		allowed:   absent, paid: absent, payment: absent,
		authRequired: rng.hit(chanceOf(c.auth)), procedures: 1 + rng.pick(p.countTable),
	}
	if payers[i].alias != "" && rng.hit(chanceOf(aliasShare)) {
		r.payer = payers[i].alias
	}
	cycle, _ := p.cyclePosition(i, day)
	r.outcome, r.reason = p.decide(rng, c, change, denial[cycle], r.authRequired)
	r.authorize(rng)
	if r.outcome == models.OutcomePaid {
		p.pay(rng, &r, &payers[i], float64(procedure.cents)*change.payFactor)
	}
	return r
}

// decide draws the outcome and, for a denial, the reason.
func (p *plan) decide(
	rng source, c *cell, change effect, denial chance, authRequired bool,
) (models.Outcome, *reason) {
	if rng.hit(chanceOf(otherShare)) {
		return models.OutcomeOther, nil
	}
	if !rng.hit(denial) {
		if authRequired && change.authFailure > 0 && rng.hit(chanceOf(c.extraAuthDenial())) {
			return models.OutcomeDenied, &authReasons[authAbsent]
		}
		return models.OutcomePaid, nil
	}
	if change.denial > 0 && change.reason != anyReason && rng.hit(chanceOf(change.denial/(c.denial+change.denial))) {
		return models.OutcomeDenied, &generalReasons[change.reason]
	}
	if authRequired && rng.hit(chanceOf(authDenialShare)) {
		return models.OutcomeDenied, &authReasons[rng.pick(p.authTable)]
	}
	return models.OutcomeDenied, &generalReasons[rng.pick(p.generalTable)]
}

// authorize fills in the authorization so that it agrees with the outcome.
func (r *row) authorize(rng source) {
	if !r.authRequired || r.reason == &authReasons[authAbsent] {
		return
	}
	r.authObtained = rng.hit(chanceOf(.97))
	if r.authObtained && r.reason != &authReasons[authNumberInvalid] {
		r.authNumber = 1 + rng.below(99_999_999)
	}
}

// pay fills in the amounts and the day of payment; money that arrives after the
// file's last day is not in it.
func (p *plan) pay(rng source, r *row, from *payer, cents float64) {
	level := int64(math.Round(cents * from.fee))
	r.allowed = level * p.prices[rng.below(quantileSteps)] / priceScale
	r.paid = r.allowed * paidShares[rng.pick(p.paidTable)].percent / 100
	if day := r.decided + from.remitDays; day < p.Days {
		r.payment = day
	}
}

// appendCSV writes the row. No value holds a comma, a quote or a line break.
func (p *plan) appendCSV(b []byte, number int, r *row) []byte {
	b = appendPadded(append(b, "HRB"...), number, 9)
	b = append(append(append(b, ','), r.payer...), ',')
	b = append(append(b, r.cpt...), ',')
	b = p.appendDate(b, r.submitted)
	b = p.appendDate(b, r.decided)
	b = append(append(b, r.outcome...), ',')
	b = appendCents(b, r.billed)
	b = appendCents(b, r.allowed)
	b = appendCents(b, r.paid)
	b = p.appendDate(b, r.payment)
	if r.reason != nil {
		b = append(append(append(b, r.reason.code...), ','), r.reason.text...)
	} else {
		b = append(b, ',')
	}
	b = append(strconv.AppendBool(append(b, ','), r.authRequired), ',')
	b = append(strconv.AppendBool(b, r.authObtained), ',')
	if r.authNumber > 0 {
		b = appendPadded(append(b, "AU"...), r.authNumber, 8)
	}
	b = strconv.AppendInt(append(b, ','), int64(r.procedures), 10)
	return append(b, '\n')
}

func (p *plan) appendDate(b []byte, day int) []byte {
	if day != absent {
		b = append(b, p.dates[day+maxDelay]...)
	}
	return append(b, ',')
}

// appendCents writes dollars with two decimals.
func appendCents(b []byte, cents int64) []byte {
	if cents == absent {
		return append(b, ',')
	}
	if cents < 0 {
		b, cents = append(b, '-'), -cents
	}
	b = append(strconv.AppendInt(b, cents/100, 10), '.')
	return append(b, byte('0'+cents/10%10), byte('0'+cents%10), ',')
}

// appendPadded writes a number with leading zeros up to a width.
func appendPadded(b []byte, n, width int) []byte {
	limit := 10
	for i := 1; i < width; i++ {
		if n < limit {
			b = append(b, '0')
		}
		limit *= 10
	}
	return strconv.AppendInt(b, int64(n), 10)
}
