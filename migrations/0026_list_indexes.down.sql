DROP INDEX CONCURRENTLY IF EXISTS audit_events_customer_id_entity_id_occurred_at_id_idx;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS webhook_deliveries_customer_id_next_attempt_at_idx;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS webhook_deliveries_customer_id_sequence_created_at_id_idx;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS webhook_deliveries_customer_id_undelivered_idx;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS operator_judgments_customer_id_operator_id_judged_at_id_idx;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS alert_events_customer_id_follow_up_idx;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS alert_events_customer_id_suppressed_idx;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS alert_events_customer_id_drift_type_triggered_at_id_idx;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS claims_customer_id_cpt_decided_date_id_idx;
