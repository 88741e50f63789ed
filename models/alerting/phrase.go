package alerting

import (
	"strconv"

	"upstream/models"
)

// Phrase is a finding as people read it.
type Phrase struct {
	// DriftType is such as "Denial rate".
	DriftType string
	// CPTGroup is empty where the finding is about all groups.
	CPTGroup string
	// Baseline, Current and Delta have the unit of the type: "10.0%", "+15.0 points".
	Baseline, Current, Delta string
	// Severity is from 0.00 to 1.00.
	Severity string
}

// PhraseOf is a drift event as people read it.
func PhraseOf(e *models.DriftEvent) Phrase {
	return phrase(e.DriftType, e.CPTGroup, e.BaselineValue, e.CurrentValue, e.DeltaValue, e.Severity)
}

// PhraseOfAlert is what a rule saw as people read it.
func PhraseOfAlert(p *models.AlertPayload) Phrase {
	return phrase(p.DriftType, p.CPTGroup, p.BaselineValue, p.CurrentValue, p.DeltaValue, p.Severity)
}

func phrase(kind models.DriftType, group string, baseline, current, delta, severity float64) Phrase {
	if group == "ALL" {
		group = ""
	}
	return Phrase{
		DriftType: TypeName(kind), CPTGroup: group,
		Baseline: FormatValue(kind, baseline), Current: FormatValue(kind, current), Delta: FormatDelta(kind, delta),
		Severity: strconv.FormatFloat(severity, 'f', 2, 64),
	}
}

// TypeName is a drift type as people read it.
func TypeName(kind models.DriftType) string {
	switch kind {
	case models.DriftDenialRate:
		return "Denial rate"
	case models.DriftApprovalRate:
		return "Approval rate"
	case models.DriftAuthFailureRate:
		return "Denials for want of an authorization"
	case models.DriftDecisionTime:
		return "Time to decision"
	case models.DriftProcessingDelay:
		return "Time to payment"
	case models.DriftPaymentAmount:
		return "Allowed amount"
	default:
		return string(kind)
	}
}
