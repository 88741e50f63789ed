-- What lists that grow are filtered or ordered by and had no index for. Each is
-- built while the table is read and written.

-- Serves `claims/?cpt=` and the search, which finds the codes that there are by
-- hopping from one to the next. Every index on claims costs a share of the rate of
-- ingest; without this one a code that few have is looked for among all of them.
CREATE INDEX CONCURRENTLY claims_customer_id_cpt_decided_date_id_idx
    ON claims (customer_id, cpt, decided_date DESC, id DESC);
--bun:split
-- Serves `alerts/?drift_type=`.
CREATE INDEX CONCURRENTLY alert_events_customer_id_drift_type_triggered_at_id_idx
    ON alert_events (customer_id, drift_type, triggered_at DESC, id DESC);
--bun:split
-- Serves `alerts/?suppressed=true` and `?suppression_reason=`.
CREATE INDEX CONCURRENTLY alert_events_customer_id_suppressed_idx
    ON alert_events (customer_id, triggered_at DESC, id DESC) INCLUDE (suppression_reason) WHERE suppression_reason IS NOT NULL;
--bun:split
-- Serves `alerts/?needs_follow_up=true`.
CREATE INDEX CONCURRENTLY alert_events_customer_id_follow_up_idx
    ON alert_events (customer_id, triggered_at DESC, id DESC) WHERE needs_follow_up;
--bun:split
-- Serves `judgments/?operator=`.
CREATE INDEX CONCURRENTLY operator_judgments_customer_id_operator_id_judged_at_id_idx
    ON operator_judgments (customer_id, operator_id, judged_at DESC, id DESC);
--bun:split
-- Serves `webhook-deliveries/?status=` but for what arrived, which is nearly all.
CREATE INDEX CONCURRENTLY webhook_deliveries_customer_id_undelivered_idx
    ON webhook_deliveries (customer_id, created_at DESC, id DESC) INCLUDE (status) WHERE status <> 'success';
--bun:split
-- Serve the orders by sequence and by the next attempt.
CREATE INDEX CONCURRENTLY webhook_deliveries_customer_id_sequence_created_at_id_idx
    ON webhook_deliveries (customer_id, sequence, created_at, id);
--bun:split
CREATE INDEX CONCURRENTLY webhook_deliveries_customer_id_next_attempt_at_idx
    ON webhook_deliveries (customer_id, next_attempt_at, created_at, id);
--bun:split
-- Serves `audit-events/?entity_id=`: the identifier says which kind of row it is.
CREATE INDEX CONCURRENTLY audit_events_customer_id_entity_id_occurred_at_id_idx
    ON audit_events (customer_id, entity_id, occurred_at DESC, id DESC);
