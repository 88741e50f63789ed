// Package drift decides whether a payer changed: window aggregates in, tests
// and events out. It is pure statistics. It does no I/O, keeps no state and
// may import models, the standard library, decimals and gonum; it knows
// nothing of databases, tenants or APIs.
//
// # What to feed it
//
// An [Accumulator] folds rows of set-based aggregates into segments; the
// claims themselves never come here. The order of the rows does not matter and
// a row may come in parts (per week, per partition): counts and exact decimal
// sums add up to the same segments.
//
// Below, d is the claim date that places a claim in a window (decided_date or
// submitted_date, DetectParams.WindowBy) and only claims with
// baseline_start <= d < as_of take part.
//
// Weeks, one row per window, week, payer and CPT group, go to
// [Accumulator.AddWeek]:
//
//	SELECT CASE WHEN d >= current_start THEN 'current' ELSE 'baseline' END AS "window",
//	       ((CASE WHEN d >= current_start THEN as_of ELSE current_start END) - d - 1) / 7 AS week,
//	       payer, cpt_group,
//	       count(*) FILTER (WHERE outcome = 'PAID')   AS paid,
//	       count(*) FILTER (WHERE outcome = 'DENIED') AS denied,
//	       count(*) FILTER (WHERE outcome = 'OTHER')  AS other,
//	       count(*) FILTER (WHERE authorization_required) AS auth_required,
//	       count(*) FILTER (WHERE authorization_required AND outcome = 'DENIED' AND (
//	           upper(denial_reason_code) ~ AuthDenialCodePattern
//	           OR denial_reason_text ILIKE '%authorization%'))              AS auth_denied,
//	       count(allowed_amount)               FILTER (WHERE outcome = 'PAID') AS allowed_n,
//	       sum(allowed_amount)                 FILTER (WHERE outcome = 'PAID') AS allowed_sum,
//	       sum(allowed_amount*allowed_amount)  FILTER (WHERE outcome = 'PAID') AS allowed_sum_squares,
//	       count(coalesce(allowed_amount, billed_amount)) AS value_n,
//	       sum(coalesce(allowed_amount, billed_amount))   AS value_sum
//	GROUP BY 1, 2, payer, cpt_group
//
// The week counts whole 7-day buckets back from the end of its own window, 0
// being the last seven days. Sums over no rows are NULL in SQL: coalesce them
// to 0. The auth and allowed columns feed AUTH_FAILURE_RATE and PAYMENT_AMOUNT
// only and may be left out while those signals are off; value is needed only
// for the current window.
//
// Codes, one row per window, payer, CPT group and CPT code, go to
// [Accumulator.AddCode]:
//
//	SELECT "window", payer, cpt_group, cpt,
//	       count(*) FILTER (WHERE outcome = 'PAID')   AS paid,
//	       count(*) FILTER (WHERE outcome = 'DENIED') AS denied,
//	       count(allowed_amount) FILTER (WHERE outcome = 'PAID') AS allowed_n,
//	       sum(allowed_amount)   FILTER (WHERE outcome = 'PAID') AS allowed_sum
//	GROUP BY 1, payer, cpt_group, cpt
//
// Every claim has to be in both, which belong to one snapshot. Rows by week and
// code at once serve for both and go to [Accumulator.Add].
//
// Histograms, one row per window, payer, CPT group and number of days, go to
// [Accumulator.AddDays] with the measure [DecisionDays]
//
//	SELECT "window", payer, cpt_group, decided_date - submitted_date AS days, count(*)
//	WHERE outcome IN ('PAID', 'DENIED') GROUP BY 1, 2, 3, 4
//
// and, for PROCESSING_DELAY, with [PaymentDays]
//
//	SELECT "window", payer, cpt_group, payment_date - submitted_date AS days, count(*)
//	WHERE outcome = 'PAID' AND payment_date IS NOT NULL GROUP BY 1, 2, 3, 4
//
// # What comes out
//
// [Accumulator.Segments] are the (payer, CPT group) pairs, and the payers as a
// whole where the method knows them. [Detect] makes one test per segment and
// signal with enough volume in both windows, corrects all of them together for
// multiplicity and turns those that pass every gate into events.
// [Result.Rows] stamps both with the identifiers the store owns.
//
// The tests themselves ([TwoProportionZ], [FisherExact], [MannWhitneyU],
// [WelchT], [Newcombe], [Overdispersion], [BenjaminiHochberg], [Kitagawa] and
// the minimum detectable changes) are exported so that each can be checked
// against its source on its own. Rates are fractions 0..1, durations days,
// money USD; in every signature the baseline comes first.
package drift
