package graph

import "upstream/models"

// payerOf is what rows name the payer of a summary by.
func payerOf(s *models.PayerSummary) string { return s.Payer }
