package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"upstream/models"
)

// claimSpec is how claims are listed.
func claimSpec() listSpec[models.Claim] {
	type claim = models.Claim
	return listSpec[claim]{
		noun: "claim", key: []string{"customer_id", "id"}, covered: []string{"cpt", "cpt_group", "billed_amount"}, alias: "cl", parts: true, search: []string{"payer", "cpt", "denial_reason_code"},
		order:  []term{{column: "decided_date", desc: true}, {column: "id", desc: true}},
		narrow: narrowClaims, narrowSearch: narrowClaimSearch,
		columns: map[string]column[claim]{
			"id":             {cast: "uuid", value: func(c *claim) any { return c.ID }},
			"decided_date":   {cast: "date", value: func(c *claim) any { return c.DecidedDate }},
			"submitted_date": {cast: "date", value: func(c *claim) any { return c.SubmittedDate }},
			"payer":          {cast: "text", value: func(c *claim) any { return c.Payer }},
			"outcome":        {cast: "text", value: func(c *claim) any { return string(c.Outcome) }},
		},
	}
}

// payersLike finds the customer's payers that contain a text. It hops from one
// payer to the next through the index, so its cost is the number of payers and
// not of claims.
const payersLike = `
WITH RECURSIVE payers AS (
    (SELECT payer FROM claims WHERE customer_id = ?0 ORDER BY payer LIMIT 1)
    UNION ALL
    SELECT (SELECT c.payer FROM claims c WHERE c.customer_id = ?0 AND c.payer > p.payer ORDER BY c.payer LIMIT 1)
    FROM payers p WHERE p.payer IS NOT NULL
)
SELECT payer FROM payers WHERE payer ILIKE ?1`

// narrowClaims is narrowPayer that, besides, asks the counts whether there can be
// a claim of the group and the amount at all: the list by these walks along an
// index until it has a page, and without such a claim that is to its end.
func narrowClaims(ctx context.Context, tx *tenantTx, filter any) (any, scopeFunc, error) {
	rest, ofPayer, err := narrowPayer(ctx, tx, filter)
	f, ok := filter.(models.ClaimFilter)
	if err != nil || !ok || f.CptGroup == nil && f.MinAmount == nil || f.CptGroup != nil && strings.ContainsRune(*f.CptGroup, 0) {
		return rest, ofPayer, err
	}
	of := tx.selectFrom((*claimMonth)(nil)).ColumnExpr("1")
	if f.CptGroup != nil {
		of = of.Where("cm.cpt_group = ?", *f.CptGroup)
	}
	if f.MinAmount != nil { // no claim is of more than all of its group in a month
		of = of.Where("cm.billed_amount >= ?", *f.MinAmount)
	}
	return rest, func(q *bun.SelectQuery) *bun.SelectQuery { return ofPayer(q).Where("EXISTS (?)", of) }, nil
}

// narrowPayer replaces the filter on a part of a payer's name by the names it
// fits, which the index by payer or the one by date then serves.
func narrowPayer(ctx context.Context, tx *tenantTx, filter any) (any, scopeFunc, error) {
	f, ok := filter.(models.ClaimFilter)
	if !ok || f.Payer == nil || strings.ContainsRune(*f.Payer, 0) {
		return filter, everything, nil
	}
	var payers []string
	if err := tx.query(payersLike, containing(*f.Payer)).Scan(ctx, &payers); err != nil {
		return nil, nil, err
	}
	f.Payer = nil
	return f, func(q *bun.SelectQuery) *bun.SelectQuery {
		if len(payers) == 0 {
			return q.Where("FALSE")
		}
		return q.Where("cl.payer IN (?)", bun.List(payers))
	}, nil
}

// Claims lists the customer's claims.
func (s *Store) Claims(ctx context.Context, v models.Viewer, f models.ClaimFilter, l models.List[models.ClaimOrderField]) (*models.Rows[*models.Claim], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (*models.Rows[*models.Claim], error) {
		spec := claimSpec()
		spec.tally = claimTally
		return list(ctx, tx, spec, "", everything, f, l)
	})
}

// ClaimsOfUploads lists the claims that came with each of the uploads.
func (s *Store) ClaimsOfUploads(ctx context.Context, v models.Viewer, ids []models.UploadID, f models.ClaimFilter, l models.List[models.ClaimOrderField]) (map[models.UploadID]*models.Rows[*models.Claim], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (map[models.UploadID]*models.Rows[*models.Claim], error) {
		ofUpload := byColumn("cl", "upload_id", func(c *models.Claim) models.UploadID { return c.UploadID })
		return listOf(ctx, tx, claimSpec(), ofUpload, ids, f, l)
	})
}

// Claim is one claim of the customer; NOT_FOUND when it has none of this id.
// That it was read is audited.
func (s *Store) Claim(ctx context.Context, v models.Viewer, id models.ClaimID) (*models.Claim, error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (*models.Claim, error) {
		claim, err := rowOf[models.Claim](ctx, tx, everything, id, "claim")
		if err != nil {
			return nil, err
		}
		return claim, tx.audit(ctx, auditClaimViewed, "claim", id.String(), nil)
	})
}

// ClaimsByID are those of the claims that the customer has. That each was read
// is audited.
func (s *Store) ClaimsByID(ctx context.Context, v models.Viewer, ids []models.ClaimID) (map[models.ClaimID]*models.Claim, error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (map[models.ClaimID]*models.Claim, error) {
		found, err := rowsOf(ctx, tx, everything, ids, func(c *models.Claim) models.ClaimID { return c.ID })
		if err != nil {
			return nil, err
		}
		for _, id := range slices.SortedFunc(maps.Keys(found), byText) {
			if err := tx.audit(ctx, auditClaimViewed, "claim", id.String(), nil); err != nil {
				return nil, err
			}
		}
		return found, nil
	})
}

func byText(a, b models.ClaimID) int { return strings.Compare(a.String(), b.String()) }
