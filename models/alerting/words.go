package alerting

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"upstream/models"
)

// unit is what the values of a drift type are measured in.
type unit int

const (
	fraction unit = iota
	days
	dollars
)

func unitOf(kind models.DriftType) unit {
	switch kind {
	case models.DriftDecisionTime, models.DriftProcessingDelay:
		return days
	case models.DriftPaymentAmount:
		return dollars
	default:
		return fraction
	}
}

// FormatValue writes a value of a drift type for people: "25.0%", "21 days",
// "$90.45".
func FormatValue(kind models.DriftType, value float64) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return "unknown"
	}
	switch unitOf(kind) {
	case days:
		return plural(value, "day")
	case dollars:
		return money(decimal.NewFromFloat(value))
	default:
		return fixed(100*value) + "%"
	}
}

// FormatDelta writes a change of a drift type for people, with its sign:
// "+15.0 points", "-3 days", "-$22.67".
func FormatDelta(kind models.DriftType, delta float64) string {
	if math.IsNaN(delta) || math.IsInf(delta, 0) {
		return "unknown"
	}
	sign := "+"
	if delta < 0 {
		sign = "-"
	}
	return sign + size(kind, delta)
}

// size is a change without its sign.
func size(kind models.DriftType, delta float64) string {
	if unitOf(kind) == fraction {
		return fixed(100*math.Abs(delta)) + " points"
	}
	return FormatValue(kind, math.Abs(delta))
}

// fixed writes one decimal and never a negative zero.
func fixed(value float64) string {
	return strconv.FormatFloat(math.Round(value*10)/10+0, 'f', 1, 64)
}

// plural writes days with a half where a median has one.
func plural(value float64, word string) string {
	text := strings.TrimSuffix(fixed(value), ".0")
	if text != "1" {
		word += "s"
	}
	return text + " " + word
}

func money(amount decimal.Decimal) string {
	if amount.IsNegative() {
		return "-$" + amount.Neg().StringFixed(2)
	}
	return "$" + amount.StringFixed(2)
}

// Explain says in one sentence what changed, in the unit of its type.
func Explain(p *models.AlertPayload) string {
	was, is := FormatValue(p.DriftType, p.BaselineValue), FormatValue(p.DriftType, p.CurrentValue)
	claims := "claims"
	if p.CPTGroup != "ALL" && p.CPTGroup != "" {
		claims = p.CPTGroup + " claims"
	}
	how := size(p.DriftType, p.DeltaValue)
	switch p.DriftType {
	case models.DriftDenialRate:
		return fmt.Sprintf("%s denied %s of %s, %s from %s before.", p.Payer, is, claims, moved(p, how), was)
	case models.DriftApprovalRate:
		return fmt.Sprintf("%s paid %s of %s, %s from %s before.", p.Payer, is, claims, moved(p, how), was)
	case models.DriftAuthFailureRate:
		return fmt.Sprintf("%s denied %s of %s that needed an authorization for want of it, %s from %s before.", p.Payer, is, claims, moved(p, how), was)
	case models.DriftDecisionTime:
		return fmt.Sprintf("%s took %s to decide on half of its %s, %s than %s before.", p.Payer, is, claims, longer(p, how), was)
	case models.DriftProcessingDelay:
		return fmt.Sprintf("%s took %s to pay half of its %s, %s than %s before.", p.Payer, is, claims, longer(p, how), was)
	case models.DriftPaymentAmount:
		return fmt.Sprintf("%s allowed %s for each of the %s it paid, %s than %s before.", p.Payer, is, claims, more(p, how), was)
	default:
		return fmt.Sprintf("%s changed from %s to %s.", p.Payer, was, is)
	}
}

func moved(p *models.AlertPayload, how string) string {
	return choose(p, "up ", "down ") + how
}

func longer(p *models.AlertPayload, how string) string {
	return how + choose(p, " longer", " less")
}

func more(p *models.AlertPayload, how string) string {
	return how + choose(p, " more", " less")
}

func choose(p *models.AlertPayload, rise, fall string) string {
	if p.DeltaValue < 0 {
		return fall
	}
	return rise
}

// meaning is what follows the explanation: whom the change helps, and how much.
func meaning(p *models.AlertPayload) string {
	switch {
	case p.TrendDirection == models.TrendImproving:
		return " This helps the clinic."
	case p.RevenueImpact != nil && p.RevenueImpact.IsPositive():
		return fmt.Sprintf(" This cost the clinic about %s from %s to %s.",
			money(*p.RevenueImpact), p.CurrentStart, p.CurrentEnd.AddDays(-1))
	default:
		return " This hurts the clinic."
	}
}

// history is what is known from before.
func history(periods int, badge models.MemoryBadge) string {
	seen := "This is the first run that found it."
	switch {
	case periods > 1:
		seen = fmt.Sprintf("It was found %d runs in a row.", periods)
	case periods < 1:
		seen = "How often it was found is not known."
	}
	switch badge {
	case models.BadgeNoise:
		return seen + " Operators judged similar alerts to be noise."
	case models.BadgeConfirmed:
		return seen + " Operators confirmed a similar alert."
	case models.BadgePending:
		return seen + " A similar alert is still being followed up."
	default:
		return seen + " Nobody has judged a similar alert lately."
	}
}
