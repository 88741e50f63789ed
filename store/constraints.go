package store

import "upstream/models"

// rule is what one constraint of the schema means to a client.
type rule struct {
	code models.Code
	// field and message complete each other: "<field> <message>".
	field   string
	message string
	// inUse is the sentence for a delete that a foreign key forbids.
	inUse string
}

// sentence is the public message of the whole error.
func (r rule) sentence() string {
	if r.code == models.CodeConflict {
		return "The change conflicts with what is stored: " + r.field + " " + r.message + "."
	}
	return "The input is not valid."
}

func taken(field, message string) rule {
	return rule{code: models.CodeConflict, field: field, message: message}
}

func broken(field, message string) rule {
	return rule{code: models.CodeValidation, field: field, message: message}
}

func reference(field, message, inUse string) rule {
	return rule{code: models.CodeValidation, field: field, message: message, inUse: inUse}
}

// constraints maps every constraint of the schema to what it means. A test
// reads the catalogue and fails on one that is missing here or gone there. The
// names in invariants are kept by our own code: a violation is our mistake,
// and its error is internal.
func constraints() map[string]rule {
	return map[string]rule{
		"api_keys_allowed_cidrs_check":                              broken("allowed_cidrs", "must name at most 50 networks"),
		"api_keys_created_by_fkey":                                  reference("created_by", "names a user that does not exist", "The user has made API keys."),
		"api_keys_customer_id_fkey":                                 reference("customer", "names a customer that does not exist", "The customer still has API keys."),
		"api_keys_customer_id_name_key":                             taken("name", "is that of another key in use (upper and lower case do not differ)"),
		"api_keys_customer_id_replaces_fkey":                        reference("replaces", "names a key that does not exist", "The key was replaced by another one."),
		"api_keys_name_check":                                       broken("name", "must not be blank"),
		"api_keys_scopes_check":                                     broken("scopes", "must be one or more of the known scopes"),
		"audit_events_customer_id_fkey":                             reference("customer", "names a customer that does not exist", "The customer still has audit events."),
		"audit_events_user_id_fkey":                                 reference("user", "names a user that does not exist", "The audit log still names the user."),
		"audit_heads_customer_id_fkey":                              reference("customer", "names a customer that does not exist", "The customer still has audit events."),
		"claim_days_customer_id_fkey":                               reference("customer", "names a customer that does not exist", "The customer still has claims."),
		"claim_months_customer_id_fkey":                             reference("customer", "names a customer that does not exist", "The customer still has claims."),
		"claim_payer_days_customer_id_fkey":                         reference("customer", "names a customer that does not exist", "The customer still has claims."),
		"claims_allowed_amount_check":                               broken("allowed_amount", "must be 0 or more"),
		"claims_billed_amount_check":                                broken("billed_amount", "must be 0 or more"),
		"claims_cpt_check":                                          broken("cpt", "must not be blank"),
		"claims_cpt_group_check":                                    broken("cpt_group", "must not be blank, nor ALL, which names a payer as a whole"),
		"claims_customer_id_claim_number_line_number_key":           taken("claim_number", "is stored already with this line number"),
		"claims_customer_id_upload_id_fkey":                         reference("upload", "names an upload that does not exist", "The upload still has claims, which keep it from being deleted."),
		"claims_customer_id_upload_id_source_data_hash_key":         taken("source_row_number", "repeats another row of the same file"),
		"claims_line_number_check":                                  broken("line_number", "must be 1 or more"),
		"claims_outcome_check":                                      broken("outcome", "must be one of PAID, DENIED, OTHER"),
		"claims_paid_amount_check":                                  broken("paid_amount", "must be 0 or more"),
		"claims_payer_check":                                        broken("payer", "must not be blank"),
		"claims_procedure_count_check":                              broken("procedure_count", "must be 1 or more"),
		"claims_submitted_date_decided_date_check":                  broken("decided_date", "must not be before the submitted date"),
		"claims_submitted_via_check":                                broken("submitted_via", "must be one of csv_upload, ehr_webhook, api, batch_import"),
		"cpt_group_mappings_cpt_code_check":                         broken("cpt_code", "must not be blank"),
		"cpt_group_mappings_cpt_group_check":                        broken("cpt_group", "must not be blank, nor ALL, which names a payer as a whole"),
		"cpt_group_mappings_customer_id_cpt_code_key":               taken("cpt_code", "has a mapping already"),
		"cpt_group_mappings_customer_id_fkey":                       reference("customer", "names a customer that does not exist", "The customer still has CPT group mappings."),
		"customers_name_check":                                      broken("name", "must not be blank"),
		"customers_name_key":                                        taken("name", "is taken by another customer"),
		"customers_run_local_time_check":                            broken("run_local_time", "must be a time of day, HH:MM"),
		"customers_weekly_run_weekday_check":                        broken("weekly_run_weekday", "must be a day of the week"),
		"customers_slug_check":                                      broken("slug", "must be 2 to 63 lower-case letters, digits or hyphens, starting with a letter"),
		"customers_slug_key":                                        taken("slug", "is taken by another customer"),
		"drift_events_customer_id_report_run_id_fkey":               reference("report_run", "names a run that does not exist", ""),
		"drift_events_report_run_id_payer_cpt_group_drift_type_key": taken("drift_type", "has an event for this payer and CPT group in the run already"),
		"drift_tests_customer_id_drift_event_id_fkey":               reference("drift_event", "names a drift event that does not exist", ""),
		"drift_tests_customer_id_report_run_id_fkey":                reference("report_run", "names a run that does not exist", ""),
		"idempotency_keys_customer_id_fkey":                         reference("customer", "names a customer that does not exist", "The customer still has idempotency keys."),
		"idempotency_keys_customer_id_scope_key":                    taken(models.IdempotencyHeader, "belongs to a request that is still under way"),
		"invitations_accepted_by_fkey":                              reference("accepted_by", "names a user that does not exist", "The user has accepted an invitation."),
		"invitations_customer_id_email_key":                         taken("email", "has an open invitation already: send that one again, or revoke it"),
		"invitations_customer_id_fkey":                              reference("customer", "names a customer that does not exist", "The customer still has invitations."),
		"invitations_email_check":                                   broken("email", "must be an e-mail address"),
		"invitations_invited_by_fkey":                               reference("invited_by", "names a user that does not exist", "The user has invited somebody."),
		"invitations_role_check":                                    broken("role", "must be one of owner, admin, analyst, viewer"),
		"memberships_customer_id_fkey":                              reference("customer", "names a customer that does not exist", "The customer still has members."),
		"memberships_customer_id_user_id_key":                       taken("user", "is a member of this customer already"),
		"memberships_role_check":                                    broken("role", "must be one of owner, admin, analyst, viewer"),
		"memberships_user_id_fkey":                                  reference("user", "names a user that does not exist", "The user is still a member of a customer."),
		"payer_mappings_customer_id_fkey":                           reference("customer", "names a customer that does not exist", "The customer still has payer mappings."),
		"payer_mappings_customer_id_raw_name_key":                   taken("raw_name", "has a mapping already (upper and lower case do not differ)"),
		"payer_mappings_normalized_name_check":                      broken("normalized_name", "must not be blank"),
		"payer_mappings_raw_name_check":                             broken("raw_name", "must not be blank"),
		"report_runs_alpha_check":                                   broken("alpha", "must be greater than 0 and at most 0.5"),
		"report_runs_baseline_start_baseline_end_check":             broken("baseline_days", "must be 1 or more"),
		"report_runs_created_by_fkey":                               reference("created_by", "names a user that does not exist", ""),
		"report_runs_current_start_current_end_check":               broken("current_days", "must be 1 or more"),
		"report_runs_customer_id_background_key":                    taken("run", "is queued or running already"),
		"report_runs_customer_id_run_type_as_of_key":                taken("run", "was made by the schedule already"),
		"report_runs_signals_check":                                 broken("signals", "must be one or more of the drift types"),
		"report_runs_customer_id_fkey":                              reference("customer", "names a customer that does not exist", "The customer still has report runs."),
		"report_runs_method_check":                                  broken("method", "must be one of statistical, threshold"),
		"report_runs_min_volume_check":                              broken("min_volume", "must be 1 or more"),
		"report_runs_run_type_check":                                broken("run_type", "must be one of weekly, monthly, custom"),
		"report_runs_window_by_check":                               broken("window_by", "must be one of decided, submitted"),
		"sessions_for_customer_id_fkey":                             reference("customer", "names a customer that does not exist", "The customer still has sessions."),
		"sessions_user_id_fkey":                                     reference("user", "names a user that does not exist", ""),
		"upload_rejections_customer_id_upload_id_fkey":              reference("upload", "names an upload that does not exist", ""),
		"uploads_customer_id_file_hash_key":                         taken("file", "was uploaded before"),
		"uploads_customer_id_fkey":                                  reference("customer", "names a customer that does not exist", "The customer still has uploads."),
		"uploads_filename_check":                                    broken("file", "must have a name"),
		"uploads_upload_source_check":                               broken("upload_source", "must be one of web_ui, api, batch"),
		"uploads_uploaded_by_fkey":                                  reference("uploaded_by", "names a user that does not exist", ""),
		"users_email_check":                                         broken("email", "must be an e-mail address"),
		"users_email_key":                                           taken("email", "belongs to another account"),
	}
}

// invariants are the constraints no input can violate.
func invariants() []string { return append(invariantsToL(), invariantsFromM()...) }

// invariantsToL are those of tables whose names begin with a letter up to L.
func invariantsToL() []string {
	return []string{
		"api_keys_created_at_expires_at_check",
		"api_keys_customer_id_replaces_key",
		"api_keys_key_hash_check",
		"api_keys_pkey",
		"api_keys_prefix_check",
		"api_keys_version_check",
		"audit_events_action_check",
		"audit_events_actor_type_check",
		"audit_events_after_check",
		"audit_events_before_check",
		"audit_events_customer_id_seq_key",
		"audit_events_hash_check",
		"audit_events_metadata_check",
		"audit_events_pkey",
		"audit_events_prev_hash_check",
		"audit_events_seq_check",
		"audit_heads_customer_id_seq_key",
		"audit_heads_hash_check",
		"audit_heads_seq_check",
		"claim_days_claims_check",
		"claim_days_denied_check",
		"claim_days_pkey",
		"claim_months_allowed_amount_check",
		"claim_months_billed_amount_check",
		"claim_months_claims_check",
		"claim_months_month_check",
		"claim_months_paid_amount_check",
		"claim_months_pkey",
		"claim_payer_days_allowed_amount_check",
		"claim_payer_days_allowed_check",
		"claim_payer_days_denied_check",
		"claim_payer_days_other_check",
		"claim_payer_days_paid_check",
		"claim_payer_days_paid_denied_other_check",
		"claim_payer_days_pkey",
		"claims_data_quality_score_check",
		"claims_pkey",
		"claims_source_data_hash_check",
		"claims_source_row_number_check",
		"cpt_group_mappings_pkey",
		"cpt_group_mappings_version_check",
		"customers_pkey",
		"customers_version_check",
		"drift_events_baseline_sample_size_check",
		"drift_events_baseline_start_baseline_end_check",
		"drift_events_confidence_check",
		"drift_events_consecutive_periods_check",
		"drift_events_current_sample_size_check",
		"drift_events_current_start_current_end_check",
		"drift_events_drift_type_check",
		"drift_events_effect_ci_low_effect_ci_high_check",
		"drift_events_estimated_revenue_impact_check",
		"drift_events_evidence_check",
		"drift_events_pkey",
		"drift_events_q_value_check",
		"drift_events_severity_check",
		"drift_events_statistical_significance_check",
		"drift_events_test_method_check",
		"drift_events_trend_direction_check",
		"drift_events_version_check",
		"drift_tests_baseline_sample_size_check",
		"drift_tests_ci_low_ci_high_check",
		"drift_tests_current_sample_size_check",
		"drift_tests_dispersion_check",
		"drift_tests_drift_event_id_practical_check",
		"drift_tests_drift_type_check",
		"drift_tests_method_check",
		"drift_tests_min_detectable_delta_check",
		"drift_tests_p_value_check",
		"drift_tests_pkey",
		"drift_tests_q_value_check",
		"idempotency_keys_created_at_expires_at_check",
		"idempotency_keys_customer_id_report_run_id_fkey",
		"idempotency_keys_pkey",
		"idempotency_keys_report_run_id_result_sealed_check",
		"idempotency_keys_request_check",
		"idempotency_keys_scope_check",
		"invitations_accepted_at_accepted_by_check",
		"invitations_accepted_at_revoked_at_check",
		"invitations_created_at_expires_at_check",
		"invitations_pkey",
		"invitations_token_hash_check",
		"invitations_version_check",
	}
}

// invariantsFromM are those of the other tables.
func invariantsFromM() []string {
	return []string{
		"memberships_pkey",
		"memberships_token_version_check",
		"memberships_version_check",
		"password_resets_created_at_expires_at_check",
		"password_resets_pkey",
		"password_resets_token_hash_check",
		"password_resets_token_hash_key",
		"password_resets_user_id_fkey",
		"password_resets_user_id_key",
		"payer_mappings_pkey",
		"payer_mappings_version_check",
		"refresh_tokens_issued_at_expires_at_check",
		"refresh_tokens_pkey",
		"refresh_tokens_session_id_fkey",
		"refresh_tokens_session_id_key",
		"refresh_tokens_token_hash_check",
		"refresh_tokens_token_hash_key",
		"report_runs_as_of_current_end_check",
		"report_runs_baseline_end_current_start_check",
		"report_runs_drift_event_count_check",
		"report_runs_pkey",
		"report_runs_origin_check",
		"report_runs_status_check",
		"report_runs_status_error_message_check",
		"report_runs_status_finished_at_check",
		"report_runs_status_origin_check",
		"report_runs_status_worker_check",
		"report_runs_test_count_check",
		"report_runs_version_check",
		"sessions_created_at_expires_at_check",
		"sessions_end_reason_check",
		"sessions_ended_at_end_reason_check",
		"sessions_pkey",
		"sign_in_failures_failures_check",
		"sign_in_failures_key_hash_check",
		"sign_in_failures_pkey",
		"upload_rejections_code_check",
		"upload_rejections_pkey",
		"upload_rejections_row_number_check",
		"uploads_accepted_rejected_row_count_check",
		"uploads_accepted_row_count_check",
		"uploads_date_min_date_max_check",
		"uploads_file_hash_check",
		"uploads_file_size_bytes_check",
		"uploads_invalid_dates_check",
		"uploads_invalid_values_check",
		"uploads_missing_fields_check",
		"uploads_phi_detections_check",
		"uploads_pkey",
		"uploads_rejected_row_count_categories_check",
		"uploads_rejected_row_count_check",
		"uploads_row_count_check",
		"uploads_status_check",
		"uploads_version_check",
		"uploads_warning_row_count_check",
		"users_pkey",
		"users_token_version_check",
		"users_version_check",
	}
}
