package store

// webhookConstraints are those of events, endpoints and deliveries.
func webhookConstraints() map[string]rule {
	return map[string]rule{
		"webhook_deliveries_customer_id_endpoint_id_fkey":        reference("endpoint", "names a webhook endpoint that does not exist", ""),
		"webhook_endpoints_created_by_fkey":                      reference("created_by", "names a user that does not exist", ""),
		"webhook_endpoints_customer_id_fkey":                     reference("customer", "names a customer that does not exist", "The customer still has webhook endpoints."),
		"webhook_endpoints_event_types_check":                    broken("event_types", "must be event types of the catalogue"),
		"webhook_events_customer_id_fkey":                        reference("customer", "names a customer that does not exist", "The customer still has events."),
		"webhook_replays_created_by_fkey":                        reference("created_by", "names a user that does not exist", ""),
		"webhook_replays_customer_id_endpoint_id_fkey":           reference("endpoint_id", "names a webhook endpoint that does not exist", ""),
		"webhook_replays_customer_id_endpoint_id_unfinished_key": taken("endpoint_id", "is being replayed already"),
		"webhook_replays_event_type_check":                       broken("event_type", "must be an event type of the catalogue"),
		"webhook_replays_since_until_check":                      broken("until", "must not be before since"),
		"webhook_replays_status_check":                           broken("status", "must be one of success, dead"),
		"webhook_streams_customer_id_fkey":                       reference("customer", "names a customer that does not exist", "The customer still has events."),
	}
}

// webhookInvariants are those that no input can violate.
func webhookInvariants() []string {
	return []string{
		"webhook_attempts_customer_id_delivery_id_fkey",
		"webhook_attempts_duration_ms_check",
		"webhook_attempts_number_check",
		"webhook_attempts_outcome_check",
		"webhook_attempts_pkey",
		"webhook_deliveries_attempts_check",
		"webhook_deliveries_customer_id_endpoint_id_event_key_key",
		"webhook_deliveries_customer_id_endpoint_id_sequence_key",
		"webhook_deliveries_event_type_check",
		"webhook_deliveries_pkey",
		"webhook_deliveries_sequence_check",
		"webhook_deliveries_status_check",
		"webhook_deliveries_status_next_attempt_at_check",
		"webhook_deliveries_version_check",
		"webhook_endpoints_circuit_check",
		"webhook_endpoints_circuit_circuit_retry_at_check",
		"webhook_endpoints_consecutive_failures_check",
		"webhook_endpoints_disabled_at_disabled_reason_check",
		"webhook_endpoints_disabled_reason_check",
		"webhook_endpoints_lane_worker_lane_until_check",
		"webhook_endpoints_last_sequence_check",
		"webhook_endpoints_pkey",
		"webhook_endpoints_previous_secret_check",
		"webhook_endpoints_version_check",
		"webhook_events_customer_id_event_key_key",
		"webhook_events_customer_id_sequence_key",
		"webhook_events_event_type_check",
		"webhook_events_pkey",
		"webhook_events_revision_check",
		"webhook_events_sequence_check",
		"webhook_replays_pkey",
		"webhook_replays_state_check",
		"webhook_replays_state_finished_at_check",
		"webhook_replays_total_check",
		"webhook_replays_version_check",
		"webhook_streams_last_sequence_check",
		"webhook_streams_pkey",
	}
}
