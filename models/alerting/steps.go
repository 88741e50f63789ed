package alerting

import "upstream/models"

// steps are what to do about a change: five when it is urgent, else four.
func steps(u Urgency, kind models.DriftType, direction models.TrendDirection) []string {
	if direction == models.TrendImproving {
		return improvementSteps(u)
	}
	look, follow := inquiry(kind)
	switch u {
	case UrgencyHigh:
		return []string{
			"Open the evidence today and read the claims behind it.",
			look,
			follow,
			"Ask the payer's representative what changed, and since when.",
			"Record your verdict, and any money recovered, on this alert.",
		}
	case UrgencyMedium:
		return []string{"Read the evidence this week.", look, follow, "Record your verdict on this alert."}
	default:
		return []string{
			"Read the evidence when there is time.",
			look,
			"See whether the next run finds it again.",
			"Judge it to be noise if nothing is behind it.",
		}
	}
}

func improvementSteps(u Urgency) []string {
	verify := []string{
		"Check that no claims are missing from the latest files.",
		"Find out what changed: a contract, a policy of the payer, or your own process.",
	}
	switch u {
	case UrgencyHigh:
		return append(
			append([]string{"Open the evidence and see whether the improvement is real."}, verify...),
			"If your own process caused it, tell the others who could follow it.",
			"Record your verdict on this alert.",
		)
	case UrgencyMedium:
		return append(append([]string{"Read the evidence this week."}, verify...), "Record your verdict on this alert.")
	default:
		return append(append([]string{"Read the evidence when there is time."}, verify...), "See whether the next run finds it again.")
	}
}

// inquiry is where to look first and what to do then, by type.
func inquiry(kind models.DriftType) (look, follow string) {
	switch kind {
	case models.DriftDenialRate:
		return "Group the new denials by reason code and by procedure.",
			"Compare them with the payer's latest policies, and appeal those that contradict them."
	case models.DriftApprovalRate:
		return "See what became of the claims that are no longer paid: denied, or left open.",
			"Compare them with the payer's latest policies."
	case models.DriftAuthFailureRate:
		return "Find the procedures that are now denied for want of an authorization.",
			"See to it that the authorization is asked for before the service."
	case models.DriftDecisionTime:
		return "List the claims that wait longer for a decision than is usual.",
			"Ask whether the payer has a backlog or waits for records."
	case models.DriftProcessingDelay:
		return "List the claims that were approved and are not paid yet.",
			"Compare remittances with the bank, and ask about the payments that are late."
	case models.DriftPaymentAmount:
		return "Compare the allowed amounts with the contracted fees, by procedure.",
			"Mark the claims paid below the contract for an appeal."
	default:
		return "Look for what the claims behind it have in common.", "Compare them with the payer's latest policies."
	}
}
