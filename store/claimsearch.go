package store

import (
	"context"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// A search looks for words in columns of claims that have few values: payers,
// codes and reasons. So it is made among the values, which are found by hopping
// from one to the next through the indexes of those columns, and the claims are
// those that have one of them: their cost is that of the values, not of all
// claims, and for a word that none of them contains there is nothing to look for.

// The most words that are looked up before the claims are read, and the most
// values that one may stand for in each column. What stands for more is common,
// and found in the order of the list in no time.
const (
	maxNarrowed = 8
	maxValues   = 200
)

// claimValues finds for each of the patterns ?1 the payers, codes and reasons
// that are like it, and says which of the patterns it is.
const claimValues = `
WITH RECURSIVE payers AS (
    (SELECT payer AS value FROM claims WHERE customer_id = ?0 ORDER BY payer LIMIT 1)
    UNION ALL
    SELECT (SELECT c.payer FROM claims c WHERE c.customer_id = ?0 AND c.payer > v.value ORDER BY c.payer LIMIT 1)
    FROM payers v WHERE v.value IS NOT NULL
), codes AS (
    (SELECT cpt AS value FROM claims WHERE customer_id = ?0 ORDER BY cpt LIMIT 1)
    UNION ALL
    SELECT (SELECT c.cpt FROM claims c WHERE c.customer_id = ?0 AND c.cpt > v.value ORDER BY c.cpt LIMIT 1)
    FROM codes v WHERE v.value IS NOT NULL
), reasons AS (
    (SELECT denial_reason_code AS value FROM claims
        WHERE customer_id = ?0 AND denial_reason_code IS NOT NULL ORDER BY denial_reason_code LIMIT 1)
    UNION ALL
    SELECT (SELECT c.denial_reason_code FROM claims c
        WHERE c.customer_id = ?0 AND c.denial_reason_code > v.value ORDER BY c.denial_reason_code LIMIT 1)
    FROM reasons v WHERE v.value IS NOT NULL
), all_values AS (
    SELECT 'payer' AS name, value FROM payers
    UNION ALL SELECT 'cpt', value FROM codes
    UNION ALL SELECT 'denial_reason_code', value FROM reasons
)
SELECT p.word - 1 AS word, v.name, v.value
FROM all_values v JOIN unnest(?1::text[]) WITH ORDINALITY AS p(pattern, word) ON v.value ILIKE p.pattern`

// narrowClaimSearch replaces a search by the values that its words stand for.
func narrowClaimSearch(ctx context.Context, tx *tenantTx, words []string) (scopeFunc, error) {
	patterns := make([]string, len(words))
	for i, word := range words {
		patterns[i] = containing(word)
	}
	var found []struct {
		Word        int
		Name, Value string
	}
	if err := unlessNone(tx.query(claimValues, pgdialect.Array(patterns)).Scan(ctx, &found)); err != nil {
		return nil, err
	}
	values := make([]map[string][]string, len(words))
	for i := range values {
		values[i] = map[string][]string{}
	}
	for _, f := range found {
		values[f.Word][f.Name] = append(values[f.Word][f.Name], f.Value)
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		for i, pattern := range patterns {
			q = q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery { return anyValue(q, pattern, values[i]) })
		}
		return q
	}, nil
}

// anyValue is the condition for claims that have one of the values in one of the
// columns. Where they are too many to name they are described by the pattern.
func anyValue(q *bun.SelectQuery, pattern string, values map[string][]string) *bun.SelectQuery {
	if len(values) == 0 {
		return q.Where("FALSE")
	}
	for _, name := range []string{"payer", "cpt", "denial_reason_code"} {
		column := bun.Ident("cl." + name)
		switch of := values[name]; {
		case len(of) > maxValues:
			q = q.WhereOr("? ILIKE ?", column, pattern)
		case len(of) > 0:
			q = q.WhereOr("? IN (?)", column, bun.List(of))
		}
	}
	return q
}
