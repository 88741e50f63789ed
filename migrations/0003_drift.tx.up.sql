-- Detection runs, every test they made, and the events that passed all gates.

CREATE TABLE report_runs (
    customer_id       uuid             NOT NULL,
    id                uuid             NOT NULL,
    run_type          varchar(20)      NOT NULL DEFAULT 'weekly',
    status            varchar(20)      NOT NULL DEFAULT 'running',
    method            varchar(20)      NOT NULL,
    window_by         varchar(20)      NOT NULL,
    as_of             date             NOT NULL,
    baseline_start    date             NOT NULL,
    baseline_end      date             NOT NULL,
    current_start     date             NOT NULL,
    current_end       date             NOT NULL,
    min_volume        integer          NOT NULL,
    alpha             double precision NOT NULL,
    started_at        timestamptz      NOT NULL DEFAULT now(),
    finished_at       timestamptz,
    error_code        varchar(40),
    error_message     text,
    test_count        integer          NOT NULL DEFAULT 0,
    drift_event_count integer          NOT NULL DEFAULT 0,
    summary_json      jsonb,
    created_by        uuid,
    version           bigint           NOT NULL DEFAULT 1,
    created_at        timestamptz      NOT NULL DEFAULT now(),
    updated_at        timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT report_runs_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT report_runs_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT report_runs_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT report_runs_run_type_check CHECK (run_type IN ('weekly', 'monthly', 'custom')),
    CONSTRAINT report_runs_status_check CHECK (status IN ('running', 'success', 'failed')),
    CONSTRAINT report_runs_method_check CHECK (method IN ('statistical', 'threshold')),
    CONSTRAINT report_runs_window_by_check CHECK (window_by IN ('decided', 'submitted')),
    CONSTRAINT report_runs_baseline_start_baseline_end_check CHECK (baseline_start < baseline_end),
    CONSTRAINT report_runs_current_start_current_end_check CHECK (current_start < current_end),
    CONSTRAINT report_runs_baseline_end_current_start_check CHECK (baseline_end = current_start),
    CONSTRAINT report_runs_as_of_current_end_check CHECK (as_of = current_end),
    CONSTRAINT report_runs_min_volume_check CHECK (min_volume >= 1),
    CONSTRAINT report_runs_alpha_check CHECK (alpha > 0 AND alpha <= 0.5),
    CONSTRAINT report_runs_test_count_check CHECK (test_count >= 0),
    CONSTRAINT report_runs_drift_event_count_check CHECK (drift_event_count >= 0 AND drift_event_count <= test_count),
    CONSTRAINT report_runs_status_finished_at_check CHECK ((status = 'running') = (finished_at IS NULL)),
    CONSTRAINT report_runs_status_error_message_check CHECK ((status = 'failed') = (error_message IS NOT NULL)),
    CONSTRAINT report_runs_version_check CHECK (version >= 1)
);
-- Serves the list, newest first.
CREATE INDEX report_runs_customer_id_started_at_id_idx ON report_runs (customer_id, started_at DESC, id DESC);
-- Serves the orders and filters by status and by type.
CREATE INDEX report_runs_customer_id_status_started_at_id_idx ON report_runs (customer_id, status, started_at, id);
CREATE INDEX report_runs_customer_id_run_type_started_at_id_idx ON report_runs (customer_id, run_type, started_at, id);
-- Serves "the newest successful run".
CREATE INDEX report_runs_customer_id_finished_at_idx ON report_runs (customer_id, finished_at DESC, id DESC)
    WHERE status = 'success';

ALTER TABLE report_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY report_runs_tenant ON report_runs
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON report_runs TO upstream_app;

CREATE TABLE drift_events (
    customer_id              uuid             NOT NULL,
    id                       uuid             NOT NULL,
    report_run_id            uuid             NOT NULL,
    payer                    varchar(255)     NOT NULL,
    cpt_group                varchar(50)      NOT NULL,
    drift_type               varchar(30)      NOT NULL,
    baseline_value           double precision NOT NULL,
    current_value            double precision NOT NULL,
    delta_value              double precision NOT NULL,
    severity                 double precision NOT NULL,
    confidence               double precision NOT NULL,
    baseline_start           date             NOT NULL,
    baseline_end             date             NOT NULL,
    current_start            date             NOT NULL,
    current_end              date             NOT NULL,
    baseline_sample_size     bigint           NOT NULL,
    current_sample_size      bigint           NOT NULL,
    test_method              varchar(20)      NOT NULL,
    statistical_significance double precision,
    q_value                  double precision,
    effect_ci_low            double precision,
    effect_ci_high           double precision,
    rate_effect              double precision,
    mix_effect               double precision,
    estimated_revenue_impact numeric(14,2),
    trend_direction          varchar(20)      NOT NULL,
    consecutive_periods      integer          NOT NULL DEFAULT 1,
    signal_key               text             NOT NULL,
    evidence                 jsonb            NOT NULL,
    version                  bigint           NOT NULL DEFAULT 1,
    created_at               timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT drift_events_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT drift_events_report_run_id_payer_cpt_group_drift_type_key
        UNIQUE (customer_id, report_run_id, payer, cpt_group, drift_type),
    CONSTRAINT drift_events_customer_id_report_run_id_fkey FOREIGN KEY (customer_id, report_run_id)
        REFERENCES report_runs (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT drift_events_drift_type_check CHECK (drift_type IN ('DENIAL_RATE', 'APPROVAL_RATE',
        'AUTH_FAILURE_RATE', 'DECISION_TIME', 'PROCESSING_DELAY', 'PAYMENT_AMOUNT')),
    CONSTRAINT drift_events_test_method_check CHECK (test_method IN ('TWO_PROPORTION_Z', 'FISHER_EXACT',
        'MANN_WHITNEY_U', 'WELCH_T', 'THRESHOLD')),
    CONSTRAINT drift_events_trend_direction_check CHECK (trend_direction IN ('degrading', 'improving')),
    CONSTRAINT drift_events_severity_check CHECK (severity BETWEEN 0 AND 1),
    CONSTRAINT drift_events_confidence_check CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT drift_events_statistical_significance_check CHECK (statistical_significance BETWEEN 0 AND 1),
    CONSTRAINT drift_events_q_value_check CHECK (q_value BETWEEN 0 AND 1),
    CONSTRAINT drift_events_effect_ci_low_effect_ci_high_check CHECK (effect_ci_low <= effect_ci_high),
    CONSTRAINT drift_events_baseline_start_baseline_end_check CHECK (baseline_start < baseline_end),
    CONSTRAINT drift_events_current_start_current_end_check CHECK (current_start < current_end),
    CONSTRAINT drift_events_baseline_sample_size_check CHECK (baseline_sample_size >= 0),
    CONSTRAINT drift_events_current_sample_size_check CHECK (current_sample_size >= 0),
    CONSTRAINT drift_events_estimated_revenue_impact_check
        CHECK (estimated_revenue_impact >= 0 AND estimated_revenue_impact <> 'NaN'),
    CONSTRAINT drift_events_consecutive_periods_check CHECK (consecutive_periods >= 1),
    CONSTRAINT drift_events_evidence_check CHECK (jsonb_typeof(evidence) = 'object'),
    CONSTRAINT drift_events_version_check CHECK (version >= 1)
);
-- Serves the feed, newest first.
CREATE INDEX drift_events_customer_id_created_at_id_idx ON drift_events (customer_id, created_at DESC, id DESC);
-- Serves the orders by severity and by payer, and their filters.
CREATE INDEX drift_events_customer_id_severity_created_at_id_idx
    ON drift_events (customer_id, severity DESC, created_at DESC, id DESC);
CREATE INDEX drift_events_customer_id_payer_created_at_id_idx
    ON drift_events (customer_id, payer, created_at, id);
-- Serves the events of one run, worst first: the active list and the dashboard.
CREATE INDEX drift_events_customer_id_report_run_id_severity_id_idx
    ON drift_events (customer_id, report_run_id, severity DESC, created_at DESC, id DESC);

ALTER TABLE drift_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE drift_events FORCE ROW LEVEL SECURITY;
CREATE POLICY drift_events_tenant ON drift_events
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON drift_events TO upstream_app;

CREATE TABLE drift_tests (
    customer_id          uuid             NOT NULL,
    report_run_id        uuid             NOT NULL,
    payer                varchar(255)     NOT NULL,
    cpt_group            varchar(50)      NOT NULL,
    drift_type           varchar(30)      NOT NULL,
    method               varchar(20)      NOT NULL,
    baseline_sample_size bigint           NOT NULL,
    current_sample_size  bigint           NOT NULL,
    baseline_value       double precision NOT NULL,
    current_value        double precision NOT NULL,
    delta_value          double precision NOT NULL,
    statistic            double precision,
    dispersion           double precision,
    p_value              double precision,
    q_value              double precision,
    ci_low               double precision,
    ci_high              double precision,
    min_detectable_delta double precision,
    practical            boolean          NOT NULL,
    significant          boolean          NOT NULL,
    drift_event_id       uuid,
    CONSTRAINT drift_tests_pkey PRIMARY KEY (customer_id, report_run_id, payer, cpt_group, drift_type),
    CONSTRAINT drift_tests_customer_id_report_run_id_fkey FOREIGN KEY (customer_id, report_run_id)
        REFERENCES report_runs (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT drift_tests_customer_id_drift_event_id_fkey FOREIGN KEY (customer_id, drift_event_id)
        REFERENCES drift_events (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT drift_tests_drift_type_check CHECK (drift_type IN ('DENIAL_RATE', 'APPROVAL_RATE',
        'AUTH_FAILURE_RATE', 'DECISION_TIME', 'PROCESSING_DELAY', 'PAYMENT_AMOUNT')),
    CONSTRAINT drift_tests_method_check CHECK (method IN ('TWO_PROPORTION_Z', 'FISHER_EXACT',
        'MANN_WHITNEY_U', 'WELCH_T', 'THRESHOLD')),
    CONSTRAINT drift_tests_baseline_sample_size_check CHECK (baseline_sample_size >= 0),
    CONSTRAINT drift_tests_current_sample_size_check CHECK (current_sample_size >= 0),
    CONSTRAINT drift_tests_p_value_check CHECK (p_value BETWEEN 0 AND 1),
    CONSTRAINT drift_tests_q_value_check CHECK (q_value BETWEEN 0 AND 1),
    CONSTRAINT drift_tests_dispersion_check CHECK (dispersion >= 1),
    CONSTRAINT drift_tests_ci_low_ci_high_check CHECK (ci_low <= ci_high),
    CONSTRAINT drift_tests_min_detectable_delta_check CHECK (min_detectable_delta >= 0),
    CONSTRAINT drift_tests_drift_event_id_practical_check
        CHECK (drift_event_id IS NULL OR practical)
);
-- Serves the cascade from an event to its test.
CREATE INDEX drift_tests_customer_id_drift_event_id_idx ON drift_tests (customer_id, drift_event_id)
    WHERE drift_event_id IS NOT NULL;

ALTER TABLE drift_tests ENABLE ROW LEVEL SECURITY;
ALTER TABLE drift_tests FORCE ROW LEVEL SECURITY;
CREATE POLICY drift_tests_tenant ON drift_tests
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON drift_tests TO upstream_app;
