package store

// driftConstraints are those of runs of detection and what they found.
func driftConstraints() map[string]rule {
	return map[string]rule{
		"drift_events_customer_id_report_run_id_fkey":               reference("report_run", "names a run that does not exist", ""),
		"drift_events_report_run_id_payer_cpt_group_drift_type_key": taken("drift_type", "has an event for this payer and CPT group in the run already"),
		"drift_tests_customer_id_drift_event_id_fkey":               reference("drift_event", "names a drift event that does not exist", ""),
		"drift_tests_customer_id_report_run_id_fkey":                reference("report_run", "names a run that does not exist", ""),
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
	}
}

// driftInvariants are those that no input can violate.
func driftInvariants() []string {
	return []string{
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
		"report_runs_as_of_current_end_check",
		"report_runs_baseline_end_current_start_check",
		"report_runs_drift_event_count_check",
		"report_runs_origin_check",
		"report_runs_pkey",
		"report_runs_status_check",
		"report_runs_status_error_message_check",
		"report_runs_status_finished_at_check",
		"report_runs_status_origin_check",
		"report_runs_status_worker_check",
		"report_runs_test_count_check",
		"report_runs_version_check",
	}
}
