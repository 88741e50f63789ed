package demo

import "upstream/models"

// shiftLead is how long before today the planted changes begin: the first day
// of a default run's current window.
const shiftLead = models.DefaultCurrentDays

// wholeBook plants a change on all groups of a payer.
const wholeBook = -1

// planted is one change of a payer's behaviour.
type planted struct {
	id    string
	payer int
	// group is a group, or wholeBook.
	group int
	kind  models.DriftType
	// size is what is added to the value: a fraction for rates, days for times;
	// for amounts the factor, less 1, on what each code is paid.
	size float64
	// mix changes the case mix instead of what the payer does.
	mix bool
	// reason is what the extra denials say, by position in generalReasons, or
	// anyReason.
	reason int
	note   string
}

const anyReason = -1

// plantedShifts lists what changes at Harbor. Sizes suit the group they are
// planted on: a test of 120,000 claims finds them, and no two share a cell.
var plantedShifts = [...]planted{
	{
		id: "lab-medical-necessity", payer: payerNorthgate, group: int(groupTest),
		kind: models.DriftDenialRate, size: .12, reason: reasonMedicalNecessity,
		note: "The largest payer tightens its medical-necessity rules for laboratory work.",
	},
	{
		id: "medicare-book", payer: payerMedicare, group: wholeBook,
		kind: models.DriftDenialRate, size: .06, reason: anyReason,
		note: "A new edit denies more claims of every kind.",
	},
	{
		id: "larkfield-recovers", payer: payerLarkfield, group: wholeBook,
		kind: models.DriftDenialRate, size: -.08, reason: anyReason,
		note: "Cleaner claims: the payer denies less across its book.",
	},
	{
		id: "slow-decisions", payer: payerStonebridge, group: wholeBook,
		kind: models.DriftDecisionTime, size: 5, reason: anyReason,
		note: "A backlog: every decision takes five days longer.",
	},
	{
		id: "imaging-authorizations", payer: payerPinecrest, group: int(groupImaging),
		kind: models.DriftAuthFailureRate, size: .22, reason: anyReason,
		note: "Imaging is denied for want of an authorization.",
	},
	{
		id: "office-visit-fees", payer: payerNorthgate, group: int(groupEM),
		kind: models.DriftPaymentAmount, size: -.08, reason: anyReason,
		note: "Every visit code is paid eight percent less.",
	},
	{
		id: "office-visit-mix", payer: payerMedicaid, group: int(groupEM),
		kind: models.DriftPaymentAmount, mix: true, reason: anyReason,
		note: "The clinic sees simpler cases; the payer pays each code as before.",
	},
}

// effect is what the planted changes do to one cell once they have begun.
type effect struct {
	// denial is added to the denial rate.
	denial float64
	// reason is what the added denials say, or anyReason.
	reason int
	// slowDays is added to every decision time.
	slowDays int
	// authFailure is added to the part of claims in need of an authorization
	// that are denied for it.
	authFailure float64
	// payFactor scales the allowed amount.
	payFactor float64
	// lateMix draws codes by their lateShare.
	lateMix bool
}

// noEffect is what holds before the planted changes.
var noEffect = effect{reason: anyReason, payFactor: 1}

// touches reports whether the change is planted on a cell.
func (s *planted) touches(payer int, g group) bool {
	return s.payer == payer && (s.group == wholeBook || s.group == int(g))
}

// effectOn sums up the changes planted on a cell.
func effectOn(payer int, g group) effect {
	e := noEffect
	for i := range plantedShifts {
		s := &plantedShifts[i]
		if !s.touches(payer, g) {
			continue
		}
		switch s.kind {
		case models.DriftDenialRate:
			e.denial += s.size
			e.reason = s.reason
		case models.DriftDecisionTime:
			e.slowDays += int(s.size)
		case models.DriftAuthFailureRate:
			e.authFailure += s.size
		case models.DriftPaymentAmount:
			e.payFactor += s.size
			e.lateMix = e.lateMix || s.mix
		case models.DriftApprovalRate, models.DriftProcessingDelay: // follow from the others, never planted
		}
	}
	return e
}
