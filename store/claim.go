package store

import (
	"context"

	"upstream/models"
)

var claimTerms = []term{{column: "decided_date", desc: true}, {column: "id", desc: true}}

// claimSpec is how claims are listed.
func claimSpec() listSpec[models.Claim] {
	type claim = models.Claim
	return listSpec[claim]{
		noun: "claim", alias: "cl", search: []string{"payer", "cpt", "denial_reason_code"}, order: claimTerms,
		columns: map[string]column[claim]{
			"id":             {cast: "uuid", value: func(c *claim) any { return c.ID }},
			"decided_date":   {cast: "date", value: func(c *claim) any { return c.DecidedDate }},
			"submitted_date": {cast: "date", value: func(c *claim) any { return c.SubmittedDate }},
			"payer":          {cast: "text", value: func(c *claim) any { return c.Payer }},
			"outcome":        {cast: "text", value: func(c *claim) any { return string(c.Outcome) }},
		},
	}
}

// Claims lists the customer's claims.
func (s *Store) Claims(ctx context.Context, v models.Viewer, f models.ClaimFilter, l models.List[models.ClaimOrderField]) (*models.Rows[*models.Claim], error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (*models.Rows[*models.Claim], error) {
		return list(ctx, tx, claimSpec(), "", everything, f, l)
	})
}

// ClaimsOfUploads lists the claims that came with each of the uploads.
func (s *Store) ClaimsOfUploads(ctx context.Context, v models.Viewer, ids []models.UploadID, f models.ClaimFilter, l models.List[models.ClaimOrderField]) (map[models.UploadID]*models.Rows[*models.Claim], error) {
	return read(ctx, s, v, models.PermissionViewReports, func(tx *tenantTx) (map[models.UploadID]*models.Rows[*models.Claim], error) {
		ofUpload := parentOf[models.Claim, models.UploadID]{
			column: "upload_id", id: func(c *models.Claim) models.UploadID { return c.UploadID },
		}
		return listOf(ctx, tx, claimSpec(), ofUpload, ids, f, l)
	})
}

// Claim is one claim of the customer; NOT_FOUND when it has none of this id.
func (s *Store) Claim(ctx context.Context, v models.Viewer, id models.ClaimID) (*models.Claim, error) {
	return one[models.Claim](ctx, s, v, id, "claim")
}

// ClaimsByID are those of the claims that the customer has.
func (s *Store) ClaimsByID(ctx context.Context, v models.Viewer, ids []models.ClaimID) (map[models.ClaimID]*models.Claim, error) {
	return byID(ctx, s, v, ids, func(c *models.Claim) models.ClaimID { return c.ID })
}
