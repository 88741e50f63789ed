package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"upstream/models"
)

// eventWindows is one row for each of the drift events: the segment that its
// claims are in and their window. A claim is decided no sooner than submitted,
// so the bounds of the decision serve the index by payer whichever date places
// claims in the window; a window by submission has an open end there.
const eventWindows = `(SELECT de.id, de.customer_id, de.payer, de.drift_type, nullif(de.cpt_group, '` + models.CPTGroupAll + `') AS cpt_group,
	de.current_start, de.current_end, rr.window_by = 'submitted' AS by_submission,
	CASE WHEN rr.window_by = 'submitted' THEN 'infinity' ELSE de.current_end END AS decided_before
	FROM drift_events AS de JOIN report_runs AS rr ON (rr.customer_id, rr.id) = (de.customer_id, de.report_run_id)
	WHERE de.id = ANY (?::uuid[])) AS parent`

// behindEvent is the condition for a claim of the current window that the test
// behind the event counted; their number is the event's current sample size. It
// says of a claim what package drift says of counts, where allSignals chooses
// the population of each drift type.
const behindEvent = `cl.customer_id = parent.customer_id AND cl.payer = parent.payer
	AND (parent.cpt_group IS NULL OR cl.cpt_group = parent.cpt_group)
	AND cl.decided_date >= parent.current_start AND cl.decided_date < parent.decided_before
	AND CASE WHEN parent.by_submission THEN cl.submitted_date >= parent.current_start AND cl.submitted_date < parent.current_end ELSE true END
	AND CASE parent.drift_type
		WHEN 'DENIAL_RATE' THEN cl.outcome <> 'OTHER'
		WHEN 'DECISION_TIME' THEN cl.outcome <> 'OTHER'
		WHEN 'AUTH_FAILURE_RATE' THEN cl.authorization_required
		WHEN 'PAYMENT_AMOUNT' THEN cl.outcome = 'PAID' AND cl.allowed_amount IS NOT NULL
		WHEN 'PROCESSING_DELAY' THEN cl.outcome = 'PAID' AND cl.payment_date IS NOT NULL
		ELSE true END`

// eventClaim is a claim behind a drift event. One claim may be behind many, so
// the row says which it was read for.
type eventClaim struct {
	models.Claim `bun:",extend"`

	EventID models.DriftEventID `bun:"event_id,type:uuid,scanonly"`
}

// eventClaimSpec lists claims as claimSpec does.
func eventClaimSpec() listSpec[eventClaim] {
	claims := claimSpec()
	spec := listSpec[eventClaim]{
		noun: claims.noun, alias: claims.alias, parts: claims.parts, search: claims.search, order: claims.order, narrow: claims.narrow, narrowSearch: claims.narrowSearch,
		columns: make(map[string]column[eventClaim], len(claims.columns)),
	}
	for name, c := range claims.columns {
		spec.columns[name] = column[eventClaim]{
			cast: c.cast, nullable: c.nullable, value: func(e *eventClaim) any { return c.value(&e.Claim) },
		}
	}
	return spec
}

// ClaimsOfDriftEvents lists the claims behind each of the events: those of its
// segment in its current window that its test counted, as they are now. An
// event that the customer does not have has none.
func (s *Store) ClaimsOfDriftEvents(ctx context.Context, v models.Viewer, ids []models.DriftEventID, f models.ClaimFilter, l models.List[models.ClaimOrderField]) (map[models.DriftEventID]*models.Rows[*models.Claim], error) {
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (map[models.DriftEventID]*models.Rows[*models.Claim], error) {
		ofEvent := parentOf[eventClaim, models.DriftEventID]{
			name: "drift_event", table: eventWindows, of: behindEvent, columns: "page.*, parent.id AS event_id",
			id: func(c *eventClaim) models.DriftEventID { return c.EventID },
		}
		found, err := listOf(ctx, tx, eventClaimSpec(), ofEvent, ids, f, l)
		if err != nil {
			return nil, err
		}
		claims := make(map[models.DriftEventID]*models.Rows[*models.Claim], len(found))
		for id, rows := range found {
			claims[id] = plainClaims(rows)
		}
		return claims, nil
	})
}

func plainClaims(of *models.Rows[*eventClaim]) *models.Rows[*models.Claim] {
	rows := &models.Rows[*models.Claim]{
		Items: make([]*models.Claim, len(of.Items)), Cursors: of.Cursors, HasNext: of.HasNext, HasPrevious: of.HasPrevious, Total: of.Total, Number: of.Number,
	}
	for i, item := range of.Items {
		rows.Items[i] = &item.Claim
	}
	return rows
}

// ClaimsOfDriftEvent is ClaimsOfDriftEvents for one event; NOT_FOUND when the
// customer has no such event. Which claims they are says what the event is, so
// it takes the permission to read events, too.
func (s *Store) ClaimsOfDriftEvent(ctx context.Context, v models.Viewer, id models.DriftEventID, f models.ClaimFilter, l models.List[models.ClaimOrderField]) (*models.Rows[*models.Claim], error) {
	if err := v.Authorize(models.PermissionViewReports); err != nil {
		return nil, err
	}
	return read(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) (*models.Rows[*models.Claim], error) {
		if err := tx.mustExist(ctx, (*models.DriftEvent)(nil), id, "drift event"); err != nil {
			return nil, err
		}
		behind := func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Join("JOIN "+eventWindows+" ON "+behindEvent, arrayOf([]models.DriftEventID{id}))
		}
		return list(ctx, tx, claimSpec(), fmt.Sprint(".behind ", id), behind, f, l)
	})
}
