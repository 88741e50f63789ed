package store

import (
	"strings"

	"upstream/models"
)

// claimTally finds the roll-up that counts the claims of a filter, nil when none
// does. docs/roll-ups.md has the tables; the smallest that can tell is asked.
func claimTally(filter any) *tally {
	f, ok := filter.(models.ClaimFilter)
	if !ok || !countable(f) {
		return nil
	}
	var (
		decided   = f.StartDate != nil || f.EndDate != nil || f.DecidedAfter != nil || f.DecidedBefore != nil
		submitted = f.SubmittedAfter != nil || f.SubmittedBefore != nil
		coded     = f.CptGroup != nil || f.DenialReasonCode != nil
		daily     = f.Payer == nil && (f.Outcome == nil || *f.Outcome == models.OutcomeDenied)
	)
	switch {
	case submitted && (decided || coded):
		return nil
	case coded, decided && !daily:
		return tallyByMonth(f)
	case daily && !submitted:
		return tallyByDay(f)
	default:
		return tallyByPayer(f)
	}
}

// submittedTally is claimTally for claims of one payer submitted within a period
// that the list sets.
func submittedTally(filter any) *tally {
	f, ok := filter.(models.ClaimFilter)
	alone := models.ClaimFilter{Payer: f.Payer, Outcome: f.Outcome, SubmittedAfter: f.SubmittedAfter, SubmittedBefore: f.SubmittedBefore}
	if !ok || f != alone || !countable(f) {
		return nil
	}
	return tallyByPayer(f)
}

// countable says whether the roll-ups know all that the filter asks about. They
// do not tell an empty reason from none.
func countable(f models.ClaimFilter) bool {
	if f.Payer != nil && strings.ContainsRune(*f.Payer, 0) || f.DenialReasonCode != nil && *f.DenialReasonCode == "" {
		return false
	}
	f.Payer, f.Outcome, f.CptGroup, f.DenialReasonCode = nil, nil, nil, nil
	return withoutDecision(f) == models.ClaimFilter{SubmittedAfter: f.SubmittedAfter, SubmittedBefore: f.SubmittedBefore}
}

// withoutDecision is the filter without its bounds on the day of the decision.
func withoutDecision(f models.ClaimFilter) models.ClaimFilter {
	f.StartDate, f.EndDate, f.DecidedAfter, f.DecidedBefore = nil, nil, nil, nil
	return f
}

// tallyByDay counts by the day of the decision, all claims or denied ones.
func tallyByDay(f models.ClaimFilter) *tally {
	t := &tally{table: "claim_days AS cl", weight: "cl.claims", day: "decided_date"}
	if f.Outcome != nil {
		t.weight, f.Outcome = "cl.denied", nil
	}
	t.filter = f
	return t
}

// tallyByPayer counts by the day of submission and payer. Which payers is for
// the conditions of the list, whose column the table has.
func tallyByPayer(f models.ClaimFilter) *tally {
	t := &tally{table: "claim_payer_days AS cl", weight: "cl.paid + cl.denied + cl.other"}
	if f.Outcome != nil {
		columns := map[models.Outcome]string{models.OutcomePaid: "cl.paid", models.OutcomeDenied: "cl.denied", models.OutcomeOther: "cl.other"}
		if t.weight = columns[*f.Outcome]; t.weight == "" {
			return nil
		}
	}
	f.Payer, f.Outcome = nil, nil
	t.filter = f
	return t
}

// tallyByMonth counts the months that lie within the bounds by month, and the
// claims of those that lie within them in part one by one. It is nil when no
// month lies within them: then there is nothing to add up.
func tallyByMonth(f models.ClaimFilter) *tally {
	from, to := latest(f.StartDate, f.DecidedAfter), earliest(f.EndDate, f.DecidedBefore)
	f.Payer = nil
	months := models.ClaimStatsFilter{CptGroup: f.CptGroup, Outcome: f.Outcome, DenialReasonCode: f.DenialReasonCode}
	t := &tally{table: "claim_months AS cl", weight: "cl.claims"}
	beside := func(first, last models.Date) {
		part := withoutDecision(f)
		part.DecidedAfter, part.DecidedBefore = &first, &last
		t.beside = append(t.beside, part)
	}
	if from != nil {
		first := from.FirstOfMonth()
		if *from != first {
			first = nextMonth(*from)
			beside(*from, first.AddDays(-1))
		}
		months.FromMonth = new(models.MonthOf(first))
	}
	if to != nil {
		last := *to
		if first := to.FirstOfMonth(); nextMonth(*to) != to.AddDays(1) {
			last = first.AddDays(-1)
			beside(first, *to)
		}
		month := models.MonthOf(last)
		months.ToMonth = &month
	}
	if !hasMonth(months) {
		return nil
	}
	t.filter = months
	return t
}

// hasMonth says whether a month lies within the bounds. There is none before the
// year 1 or after 9999.
func hasMonth(f models.ClaimStatsFilter) bool {
	first, last := models.NewDate(1, 1, 1), models.NewDate(9999, 12, 1)
	if f.FromMonth != nil {
		first = f.FromMonth.First()
	}
	if f.ToMonth != nil {
		last = f.ToMonth.First()
	}
	return !first.After(last)
}

// nextMonth is the first day of the month after the day's.
func nextMonth(d models.Date) models.Date { return d.FirstOfMonth().AddDays(31).FirstOfMonth() }

// latest is the later of two days, nil when there is none.
func latest(a, b *models.Date) *models.Date {
	if a == nil || b != nil && b.After(*a) {
		return b
	}
	return a
}

// earliest is the earlier of two days, nil when there is none.
func earliest(a, b *models.Date) *models.Date {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}
