package graph

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"
)

// columnsOfClaim are the columns that each field of Claim is made of. The rows of
// claims are wide, and a page of ten columns takes half the time of a whole one.
func columnsOfClaim() map[string][]string {
	return map[string][]string{
		fieldTypename: {}, "id": {"id"}, "upload": {"upload_id"}, "claimNumber": {"claim_number"}, "lineNumber": {"line_number"},
		"payer": {"payer"}, "cpt": {"cpt"}, "cptGroup": {"cpt_group"}, "submittedDate": {"submitted_date"}, "decidedDate": {"decided_date"},
		"daysToDecision": {"submitted_date", "decided_date"}, "outcome": {"outcome"}, "billedAmount": {"billed_amount"},
		"allowedAmount": {"allowed_amount"}, "paidAmount": {"paid_amount"}, "paymentVariance": {"paid_amount", "allowed_amount"},
		"denialReasonCode": {"denial_reason_code"}, "denialReasonText": {"denial_reason_text"}, "paymentDate": {"payment_date"},
		"daysToPayment": {"submitted_date", "payment_date"}, "authorizationRequired": {"authorization_required"},
		"authorizationObtained": {"authorization_obtained"}, "authorizationNumber": {"authorization_number"},
		"modifierCodes": {"modifier_codes"}, "diagnosisCodes": {"diagnosis_codes"}, "procedureCount": {"procedure_count"},
		"dataQualityScore": {"data_quality_score"}, "submittedVia": {"submitted_via"}, "sourceRowNumber": {"source_row_number"},
		"processedAt": {"processed_at"},
	}
}

// columnsOf are the columns that the selected fields of a connection's rows are
// made of; nil, which means all, for other nouns than claims, and where a field
// is not known here.
func columnsOf(op *graphql.OperationContext, connection string, rows []graphql.CollectedField) []string {
	if connection != "ClaimConnection" {
		return nil
	}
	columns, columnsOfField := []string{}, columnsOfClaim()
	for _, row := range rows {
		for _, f := range graphql.CollectFields(op, row.Selections, nil) {
			some, known := columnsOfField[f.Name]
			if !known {
				return nil
			}
			columns = append(columns, some...)
		}
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}
