package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"upstream/models"
)

// rollup is a table of counts that migration 0016 keeps in step with claims,
// as whoever checks it counts anew.
type rollup struct {
	table string
	// keys and counts are its columns.
	keys, counts []string
	// plain are the keys and counts over the claims themselves.
	plain string
}

func rollups() []rollup {
	return []rollup{
		{
			table: "claim_days", keys: []string{"decided_date"}, counts: []string{"claims", "denied"},
			plain: `decided_date, count(*), count(*) FILTER (WHERE outcome = 'DENIED')`,
		},
		{
			table: "claim_payer_days", keys: []string{"submitted_date", "payer"},
			counts: []string{"paid", "denied", "other", "allowed", "allowed_amount"},
			plain: `submitted_date, payer, count(*) FILTER (WHERE outcome = 'PAID')::integer, count(*) FILTER (WHERE outcome = 'DENIED')::integer,
				count(*) FILTER (WHERE outcome = 'OTHER')::integer, count(allowed_amount)::integer, coalesce(sum(allowed_amount), 0)`,
		},
		{
			table: "claim_months", keys: []string{"month", "payer", "cpt_group", "outcome", "denial_reason_code"},
			counts: []string{"claims", "billed_amount", "allowed_amount", "paid_amount"},
			plain: `(extract(year FROM decided_date) || '-' || extract(month FROM decided_date) || '-1')::date, payer, cpt_group, outcome,
				coalesce(denial_reason_code, ''), count(*), coalesce(sum(billed_amount), 0), coalesce(sum(allowed_amount), 0), coalesce(sum(paid_amount), 0)`,
		},
	}
}

// differences compares a roll-up with the plain aggregate, in one snapshot.
func (r rollup) differences() string {
	var groups []string
	for i := range r.keys {
		groups = append(groups, strconv.Itoa(i+1))
	}
	columns := strings.Join(append(append([]string{}, r.keys...), r.counts...), ", ")
	return fmt.Sprintf(`
WITH stored AS (SELECT %[1]s FROM %[2]s WHERE customer_id = ?0),
counted (%[1]s) AS (SELECT %[3]s FROM claims WHERE customer_id = ?0 GROUP BY %[4]s)
SELECT '%[2]s' AS table, concat_ws(' ', %[5]s) AS key, (s.*)::text AS stored, (c.*)::text AS counted
FROM stored s FULL JOIN counted c USING (%[5]s)
WHERE (s.*) IS DISTINCT FROM (c.*)
ORDER BY key
LIMIT ?1`, columns, r.table, r.plain, strings.Join(groups, ", "), strings.Join(r.keys, ", "))
}

// checkSettings let the check of a large customer take its time.
const checkSettings = `SELECT set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true)`

// maxDifferences bounds how many differences of one table are told.
const maxDifferences = 100

// RollupDifferences counts all claims of the customer anew and answers where
// the roll-ups say otherwise: nothing, unless somebody wrote to them by hand.
// At most a hundred rows of each table are told.
func (s *Store) RollupDifferences(ctx context.Context, v models.Viewer) ([]models.RollupDifference, error) {
	return readWithSettings(ctx, s, v, models.PermissionViewClaims, func(tx *tenantTx) ([]models.RollupDifference, error) {
		if _, err := tx.tx.ExecContext(ctx, checkSettings); err != nil {
			return nil, err
		}
		var all []models.RollupDifference
		for _, r := range rollups() {
			var found []models.RollupDifference
			if err := unlessNone(tx.query(r.differences(), maxDifferences).Scan(ctx, &found)); err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	})
}
