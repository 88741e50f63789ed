-- The schema that the migrations produce. Written by `make schema`; do not edit.

-- Tables

CREATE TABLE alert_events (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    alert_rule_id uuid NOT NULL,
    drift_event_id uuid NOT NULL,
    report_run_id uuid NOT NULL,
    signal_key text NOT NULL,
    payer character varying(255) NOT NULL,
    drift_type character varying(30) NOT NULL,
    status character varying(20) DEFAULT 'pending'::character varying NOT NULL,
    triggered_at timestamp with time zone NOT NULL,
    payload jsonb NOT NULL,
    notification_sent_at timestamp with time zone,
    error_message text,
    suppression_reason character varying(20),
    needs_follow_up boolean DEFAULT false NOT NULL,
    latest_verdict character varying(20),
    assignee_id uuid,
    snoozed_until timestamp with time zone,
    acknowledged_at timestamp with time zone,
    acknowledged_by uuid,
    resolved_at timestamp with time zone,
    resolved_by uuid,
    resolution character varying(20),
    history_length integer DEFAULT 0 NOT NULL,
    notifying_until timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE alert_history (
    customer_id uuid NOT NULL,
    alert_event_id uuid NOT NULL,
    number integer NOT NULL,
    at timestamp with time zone NOT NULL,
    action character varying(20) NOT NULL,
    from_status character varying(20) NOT NULL,
    to_status character varying(20) NOT NULL,
    user_id uuid,
    assignee_id uuid,
    snoozed_until timestamp with time zone,
    suppression_reason character varying(20)
);
CREATE TABLE alert_notifications (
    customer_id uuid NOT NULL,
    alert_event_id uuid NOT NULL,
    number integer NOT NULL,
    channel_id uuid,
    channel_name character varying(100) NOT NULL,
    channel_type character varying(20) NOT NULL,
    status character varying(20) DEFAULT 'pending'::character varying NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone,
    sent_at timestamp with time zone,
    error_message text,
    taken text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE alert_rule_channels (
    customer_id uuid NOT NULL,
    alert_rule_id uuid NOT NULL,
    channel_id uuid NOT NULL
);
CREATE TABLE alert_rules (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    scope jsonb DEFAULT '{}'::jsonb NOT NULL,
    metric character varying(50) DEFAULT 'severity'::character varying NOT NULL,
    threshold_type character varying(20) DEFAULT 'gte'::character varying NOT NULL,
    threshold_value double precision DEFAULT 0.7 NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    severity character varying(20) DEFAULT 'warning'::character varying NOT NULL,
    routing_priority integer DEFAULT 0 NOT NULL,
    routing_tags text[] DEFAULT '{}'::text[] NOT NULL,
    created_by uuid,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE api_keys (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    prefix character varying(20) NOT NULL,
    key_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    allowed_cidrs cidr[] DEFAULT '{}'::cidr[] NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    last_used_addr character varying(64),
    last_refused_at timestamp with time zone,
    replaces uuid,
    replaced_at timestamp with time zone,
    revoked_at timestamp with time zone,
    created_by uuid,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE audit_events (
    id uuid NOT NULL,
    customer_id uuid,
    occurred_at timestamp with time zone DEFAULT now() NOT NULL,
    action character varying(50) NOT NULL,
    entity_type character varying(100) NOT NULL,
    entity_id character varying(100),
    user_id uuid,
    actor character varying(254) NOT NULL,
    request_id character varying(64),
    remote_addr character varying(64),
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    seq bigint NOT NULL,
    actor_type character varying(20) NOT NULL,
    actor_id character varying(100),
    before jsonb,
    after jsonb,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE audit_heads (
    customer_id uuid,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE claim_days (
    customer_id uuid NOT NULL,
    decided_date date NOT NULL,
    claims bigint NOT NULL,
    denied bigint NOT NULL
);
CREATE TABLE claim_months (
    customer_id uuid NOT NULL,
    month date NOT NULL,
    payer character varying(255) NOT NULL,
    cpt_group character varying(50) NOT NULL,
    outcome character varying(20) NOT NULL,
    denial_reason_code character varying(50) NOT NULL,
    claims bigint NOT NULL,
    billed_amount numeric(24,2) NOT NULL,
    allowed_amount numeric(24,2) NOT NULL,
    paid_amount numeric(24,2) NOT NULL
);
CREATE TABLE claim_payer_days (
    customer_id uuid NOT NULL,
    submitted_date date NOT NULL,
    payer character varying(255) NOT NULL,
    paid integer NOT NULL,
    denied integer NOT NULL,
    other integer NOT NULL,
    allowed integer NOT NULL,
    allowed_amount numeric(24,2) NOT NULL
);
CREATE TABLE claims (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    upload_id uuid NOT NULL,
    source_row_number bigint,
    submitted_date date NOT NULL,
    decided_date date NOT NULL,
    payment_date date,
    line_number integer DEFAULT 1 NOT NULL,
    procedure_count integer DEFAULT 1 NOT NULL,
    authorization_required boolean DEFAULT false NOT NULL,
    authorization_obtained boolean DEFAULT false NOT NULL,
    claim_number character varying(64),
    payer character varying(255) NOT NULL,
    cpt character varying(20) NOT NULL,
    cpt_group character varying(50) DEFAULT 'OTHER'::character varying NOT NULL,
    outcome character varying(20) NOT NULL,
    billed_amount numeric(12,2),
    allowed_amount numeric(12,2),
    paid_amount numeric(12,2),
    denial_reason_code character varying(50),
    denial_reason_text text,
    authorization_number character varying(100),
    modifier_codes text[] DEFAULT '{}'::text[] NOT NULL,
    diagnosis_codes text[] DEFAULT '{}'::text[] NOT NULL,
    data_quality_score double precision,
    submitted_via character varying(20) DEFAULT 'csv_upload'::character varying NOT NULL,
    source_data_hash bytea,
    processed_at timestamp with time zone DEFAULT now() NOT NULL,
    authorization_denied boolean GENERATED ALWAYS AS ((((outcome)::text = 'DENIED'::text) AND (COALESCE((upper((denial_reason_code)::text) ~ '^(?:[A-Z]{2}[- ]?)?0*(?:15|197|198|210|243|284|296|302)$|AUTH'::text), false) OR COALESCE((denial_reason_text ~~* '%authorization%'::text), false)))) STORED NOT NULL
);
CREATE TABLE cpt_group_mappings (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    cpt_code character varying(20) NOT NULL,
    cpt_group character varying(50) NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE customers (
    id uuid NOT NULL,
    slug character varying(63) NOT NULL,
    name character varying(255) NOT NULL,
    to_email character varying(254),
    cc_email character varying(254),
    attach_pdf boolean DEFAULT true NOT NULL,
    time_zone character varying(64) DEFAULT 'UTC'::character varying NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    weekly_run_enabled boolean DEFAULT true NOT NULL,
    weekly_run_weekday smallint DEFAULT 1 NOT NULL,
    monthly_run_enabled boolean DEFAULT false NOT NULL,
    run_local_time character varying(5) DEFAULT '02:00'::character varying NOT NULL,
    next_weekly_run_at timestamp with time zone,
    next_monthly_run_at timestamp with time zone,
    alert_cooldown_minutes integer DEFAULT 240 NOT NULL,
    alert_noise_threshold integer DEFAULT 2 NOT NULL,
    alert_noise_window_days integer DEFAULT 30 NOT NULL,
    alert_memory_days integer DEFAULT 60 NOT NULL,
    alert_auto_resolve_runs integer DEFAULT 2 NOT NULL
);
CREATE TABLE drift_events (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    report_run_id uuid NOT NULL,
    payer character varying(255) NOT NULL,
    cpt_group character varying(50) NOT NULL,
    drift_type character varying(30) NOT NULL,
    baseline_value double precision NOT NULL,
    current_value double precision NOT NULL,
    delta_value double precision NOT NULL,
    severity double precision NOT NULL,
    confidence double precision NOT NULL,
    baseline_start date NOT NULL,
    baseline_end date NOT NULL,
    current_start date NOT NULL,
    current_end date NOT NULL,
    baseline_sample_size bigint NOT NULL,
    current_sample_size bigint NOT NULL,
    test_method character varying(20) NOT NULL,
    statistical_significance double precision,
    q_value double precision,
    effect_ci_low double precision,
    effect_ci_high double precision,
    rate_effect double precision,
    mix_effect double precision,
    estimated_revenue_impact numeric(14,2),
    trend_direction character varying(20) NOT NULL,
    consecutive_periods integer DEFAULT 1 NOT NULL,
    signal_key text NOT NULL,
    evidence jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE drift_tests (
    customer_id uuid NOT NULL,
    report_run_id uuid NOT NULL,
    payer character varying(255) NOT NULL,
    cpt_group character varying(50) NOT NULL,
    drift_type character varying(30) NOT NULL,
    method character varying(20) NOT NULL,
    baseline_sample_size bigint NOT NULL,
    current_sample_size bigint NOT NULL,
    baseline_value double precision NOT NULL,
    current_value double precision NOT NULL,
    delta_value double precision NOT NULL,
    statistic double precision,
    dispersion double precision,
    p_value double precision,
    q_value double precision,
    ci_low double precision,
    ci_high double precision,
    min_detectable_delta double precision,
    practical boolean NOT NULL,
    significant boolean NOT NULL,
    drift_event_id uuid
);
CREATE TABLE idempotency_keys (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    scope bytea NOT NULL,
    request bytea NOT NULL,
    report_run_id uuid,
    result_sealed bytea,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE invitations (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    email character varying(254) NOT NULL,
    role character varying(20) NOT NULL,
    token_hash bytea NOT NULL,
    token_sealed bytea,
    invited_by uuid,
    expires_at timestamp with time zone NOT NULL,
    mailed_at timestamp with time zone,
    accepted_at timestamp with time zone,
    accepted_by uuid,
    revoked_at timestamp with time zone,
    replaced_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE memberships (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role character varying(20) NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    token_version integer DEFAULT 1 NOT NULL
);
CREATE TABLE notification_channels (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    channel_type character varying(20) NOT NULL,
    config_sealed bytea NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    tested_at timestamp with time zone,
    test_error text,
    created_by uuid,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE operator_judgments (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    alert_event_id uuid NOT NULL,
    verdict character varying(20) NOT NULL,
    reason_codes text[] DEFAULT '{}'::text[] NOT NULL,
    notes text DEFAULT ''::text NOT NULL,
    recovered_amount numeric(12,2),
    recovered_date date,
    operator_id uuid,
    operator_name character varying(320) NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    judged_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE password_resets (
    id uuid NOT NULL,
    user_id uuid,
    token_hash bytea NOT NULL,
    token_sealed bytea,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE payer_mappings (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    raw_name character varying(255) NOT NULL,
    normalized_name character varying(255) NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE refresh_tokens (
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);
CREATE TABLE report_runs (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    run_type character varying(20) DEFAULT 'weekly'::character varying NOT NULL,
    status character varying(20) DEFAULT 'running'::character varying NOT NULL,
    method character varying(20) NOT NULL,
    window_by character varying(20) NOT NULL,
    as_of date NOT NULL,
    baseline_start date NOT NULL,
    baseline_end date NOT NULL,
    current_start date NOT NULL,
    current_end date NOT NULL,
    min_volume integer NOT NULL,
    alpha double precision NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    error_code character varying(40),
    error_message text,
    test_count integer DEFAULT 0 NOT NULL,
    drift_event_count integer DEFAULT 0 NOT NULL,
    summary_json jsonb,
    created_by uuid,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    origin character varying(20) DEFAULT 'detect'::character varying NOT NULL,
    signals text[] DEFAULT ARRAY['DENIAL_RATE'::text, 'APPROVAL_RATE'::text, 'AUTH_FAILURE_RATE'::text, 'DECISION_TIME'::text, 'PROCESSING_DELAY'::text, 'PAYMENT_AMOUNT'::text] NOT NULL,
    worker uuid
);
CREATE TABLE sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    for_customer_id uuid,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason character varying(20)
);
CREATE TABLE sign_in_failures (
    key_hash bytea NOT NULL,
    failures integer NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    locked_until timestamp with time zone
);
CREATE TABLE upload_chunks (
    customer_id uuid NOT NULL,
    upload_id uuid NOT NULL,
    number integer NOT NULL,
    content bytea NOT NULL
);
CREATE TABLE upload_rejections (
    customer_id uuid NOT NULL,
    upload_id uuid NOT NULL,
    row_number bigint NOT NULL,
    column_name character varying(64) NOT NULL,
    code character varying(32) NOT NULL,
    message character varying(200) NOT NULL
);
CREATE TABLE uploads (
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    uploaded_at timestamp with time zone DEFAULT now() NOT NULL,
    filename character varying(255) NOT NULL,
    status character varying(20) DEFAULT 'processing'::character varying NOT NULL,
    error_message text,
    row_count bigint,
    date_min date,
    date_max date,
    processing_started_at timestamp with time zone,
    processing_completed_at timestamp with time zone,
    accepted_row_count bigint DEFAULT 0 NOT NULL,
    rejected_row_count bigint DEFAULT 0 NOT NULL,
    warning_row_count bigint DEFAULT 0 NOT NULL,
    phi_detections bigint DEFAULT 0 NOT NULL,
    missing_fields bigint DEFAULT 0 NOT NULL,
    invalid_dates bigint DEFAULT 0 NOT NULL,
    invalid_values bigint DEFAULT 0 NOT NULL,
    file_size_bytes bigint,
    file_hash character(64),
    file_encoding character varying(50) DEFAULT 'utf-8'::character varying NOT NULL,
    uploaded_by uuid,
    upload_source character varying(50) DEFAULT 'web_ui'::character varying NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    rows_read bigint DEFAULT 0 NOT NULL,
    bytes_read bigint DEFAULT 0 NOT NULL,
    error_code character varying(40),
    worker uuid,
    attempts smallint DEFAULT 0 NOT NULL
);
CREATE TABLE users (
    id uuid NOT NULL,
    email character varying(254) NOT NULL,
    first_name character varying(150) DEFAULT ''::character varying NOT NULL,
    last_name character varying(150) DEFAULT ''::character varying NOT NULL,
    password_hash text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    is_superuser boolean DEFAULT false NOT NULL,
    last_login_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    token_version integer DEFAULT 1 NOT NULL
);
CREATE TABLE webhook_attempts (
    customer_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    endpoint_id uuid NOT NULL,
    started_at timestamp with time zone NOT NULL,
    duration_ms bigint NOT NULL,
    outcome character varying(20) NOT NULL,
    response_code integer,
    error character varying(1000),
    response_body character varying(1000)
);
CREATE TABLE webhook_deliveries (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_type character varying(50) NOT NULL,
    event_key character varying(200) NOT NULL,
    sequence bigint NOT NULL,
    body json NOT NULL,
    status character varying(20) DEFAULT 'pending'::character varying NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    max_attempts integer NOT NULL,
    attempts_total integer DEFAULT 0 NOT NULL,
    last_attempt_at timestamp with time zone,
    next_attempt_at timestamp with time zone,
    last_error character varying(1000),
    response_code integer,
    response_body character varying(1000),
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE webhook_endpoints (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    url character varying(2048) NOT NULL,
    active boolean DEFAULT true NOT NULL,
    event_types text[] DEFAULT '{}'::text[] NOT NULL,
    secret_sealed bytea NOT NULL,
    previous_secret_sealed bytea,
    previous_secret_expires_at timestamp with time zone,
    last_sequence bigint DEFAULT 0 NOT NULL,
    circuit character varying(20) DEFAULT 'closed'::character varying NOT NULL,
    consecutive_failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    circuit_openings integer DEFAULT 0 NOT NULL,
    circuit_retry_at timestamp with time zone,
    disabled_at timestamp with time zone,
    disabled_reason character varying(20),
    lane_worker uuid,
    lane_until timestamp with time zone,
    lane_job_at timestamp with time zone,
    dead_told_at timestamp with time zone,
    created_by uuid,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE webhook_events (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    sequence bigint,
    event_type character varying(50) NOT NULL,
    event_key character varying(200) NOT NULL,
    subject character varying(100) NOT NULL,
    revision bigint NOT NULL,
    data json NOT NULL,
    endpoint_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE webhook_replays (
    customer_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    status character varying(20),
    event_type character varying(50),
    state character varying(20) DEFAULT 'queued'::character varying NOT NULL,
    total bigint NOT NULL,
    queued bigint DEFAULT 0 NOT NULL,
    "position" uuid,
    created_by uuid,
    finished_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE webhook_streams (
    customer_id uuid NOT NULL,
    last_sequence bigint DEFAULT 0 NOT NULL
);

-- Constraints

ALTER TABLE alert_events ADD CONSTRAINT alert_events_drift_type_check CHECK (((drift_type)::text = ANY ((ARRAY['DENIAL_RATE'::character varying, 'APPROVAL_RATE'::character varying, 'AUTH_FAILURE_RATE'::character varying, 'DECISION_TIME'::character varying, 'PROCESSING_DELAY'::character varying, 'PAYMENT_AMOUNT'::character varying])::text[])));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_history_length_check CHECK ((history_length >= 0));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_latest_verdict_check CHECK (((latest_verdict)::text = ANY ((ARRAY['noise'::character varying, 'real'::character varying, 'needs_followup'::character varying])::text[])));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_resolution_check CHECK (((resolution)::text = ANY ((ARRAY['operator'::character varying, 'noise'::character varying, 'signal_gone'::character varying])::text[])));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_resolved_at_resolution_check CHECK (((resolved_at IS NULL) = (resolution IS NULL)));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_status_acknowledged_at_check CHECK ((((status)::text <> 'acknowledged'::text) OR (acknowledged_at IS NOT NULL)));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_status_check CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'sent'::character varying, 'failed'::character varying, 'acknowledged'::character varying, 'resolved'::character varying])::text[])));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_status_notification_sent_at_check CHECK (
CASE status
    WHEN 'sent'::text THEN (notification_sent_at IS NOT NULL)
    WHEN 'pending'::text THEN ((notification_sent_at IS NULL) AND (error_message IS NULL))
    WHEN 'failed'::text THEN ((notification_sent_at IS NULL) AND (error_message IS NOT NULL))
    ELSE true
END);
ALTER TABLE alert_events ADD CONSTRAINT alert_events_status_resolved_at_check CHECK ((((status)::text = 'resolved'::text) = (resolved_at IS NOT NULL)));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_suppression_reason_check CHECK (((suppression_reason)::text = ANY ((ARRAY['cooldown'::character varying, 'noise_pattern'::character varying])::text[])));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_suppression_reason_sent_at_check CHECK (((suppression_reason IS NULL) OR ((notification_sent_at IS NOT NULL) AND (error_message = 'suppressed'::text))));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_version_check CHECK ((version >= 1));
ALTER TABLE alert_events ADD CONSTRAINT alert_events_acknowledged_by_fkey FOREIGN KEY (acknowledged_by) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE alert_events ADD CONSTRAINT alert_events_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE alert_events ADD CONSTRAINT alert_events_customer_id_alert_rule_id_fkey FOREIGN KEY (customer_id, alert_rule_id) REFERENCES alert_rules(customer_id, id);
ALTER TABLE alert_events ADD CONSTRAINT alert_events_customer_id_drift_event_id_fkey FOREIGN KEY (customer_id, drift_event_id) REFERENCES drift_events(customer_id, id) ON DELETE CASCADE;
ALTER TABLE alert_events ADD CONSTRAINT alert_events_customer_id_report_run_id_fkey FOREIGN KEY (customer_id, report_run_id) REFERENCES report_runs(customer_id, id) ON DELETE CASCADE;
ALTER TABLE alert_events ADD CONSTRAINT alert_events_resolved_by_fkey FOREIGN KEY (resolved_by) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE alert_events ADD CONSTRAINT alert_events_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE alert_history ADD CONSTRAINT alert_history_action_check CHECK (((action)::text = ANY ((ARRAY['acknowledge'::character varying, 'resolve'::character varying, 'reopen'::character varying, 'snooze'::character varying, 'unsnooze'::character varying, 'assign'::character varying, 'retry'::character varying, 'judge_noise'::character varying, 'judge_real'::character varying, 'judge_follow_up'::character varying, 'send'::character varying, 'suppress'::character varying, 'fail'::character varying, 'auto_resolve'::character varying])::text[])));
ALTER TABLE alert_history ADD CONSTRAINT alert_history_from_status_check CHECK (((from_status)::text = ANY ((ARRAY['pending'::character varying, 'sent'::character varying, 'failed'::character varying, 'acknowledged'::character varying, 'resolved'::character varying])::text[])));
ALTER TABLE alert_history ADD CONSTRAINT alert_history_number_check CHECK ((number >= 1));
ALTER TABLE alert_history ADD CONSTRAINT alert_history_suppression_reason_check CHECK (((suppression_reason)::text = ANY ((ARRAY['cooldown'::character varying, 'noise_pattern'::character varying])::text[])));
ALTER TABLE alert_history ADD CONSTRAINT alert_history_to_status_check CHECK (((to_status)::text = ANY ((ARRAY['pending'::character varying, 'sent'::character varying, 'failed'::character varying, 'acknowledged'::character varying, 'resolved'::character varying])::text[])));
ALTER TABLE alert_history ADD CONSTRAINT alert_history_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE alert_history ADD CONSTRAINT alert_history_customer_id_alert_event_id_fkey FOREIGN KEY (customer_id, alert_event_id) REFERENCES alert_events(customer_id, id) ON DELETE CASCADE;
ALTER TABLE alert_history ADD CONSTRAINT alert_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE alert_history ADD CONSTRAINT alert_history_pkey PRIMARY KEY (customer_id, alert_event_id, number);
ALTER TABLE alert_notifications ADD CONSTRAINT alert_notifications_attempts_check CHECK ((attempts >= 0));
ALTER TABLE alert_notifications ADD CONSTRAINT alert_notifications_channel_type_check CHECK (((channel_type)::text = ANY ((ARRAY['email'::character varying, 'slack'::character varying, 'webhook'::character varying])::text[])));
ALTER TABLE alert_notifications ADD CONSTRAINT alert_notifications_number_check CHECK ((number >= 1));
ALTER TABLE alert_notifications ADD CONSTRAINT alert_notifications_status_check CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'sent'::character varying, 'failed'::character varying, 'skipped'::character varying])::text[])));
ALTER TABLE alert_notifications ADD CONSTRAINT alert_notifications_status_sent_at_check CHECK ((((status)::text = 'sent'::text) = (sent_at IS NOT NULL)));
ALTER TABLE alert_notifications ADD CONSTRAINT alert_notifications_customer_id_alert_event_id_fkey FOREIGN KEY (customer_id, alert_event_id) REFERENCES alert_events(customer_id, id) ON DELETE CASCADE;
ALTER TABLE alert_notifications ADD CONSTRAINT alert_notifications_pkey PRIMARY KEY (customer_id, alert_event_id, number);
ALTER TABLE alert_rule_channels ADD CONSTRAINT alert_rule_channels_customer_id_alert_rule_id_fkey FOREIGN KEY (customer_id, alert_rule_id) REFERENCES alert_rules(customer_id, id) ON DELETE CASCADE;
ALTER TABLE alert_rule_channels ADD CONSTRAINT alert_rule_channels_customer_id_channel_id_fkey FOREIGN KEY (customer_id, channel_id) REFERENCES notification_channels(customer_id, id);
ALTER TABLE alert_rule_channels ADD CONSTRAINT alert_rule_channels_pkey PRIMARY KEY (customer_id, alert_rule_id, channel_id);
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_metric_check CHECK (((metric)::text = ANY ((ARRAY['severity'::character varying, 'denial_rate_delta'::character varying, 'decision_time_delta'::character varying])::text[])));
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_name_check CHECK ((btrim((name)::text) <> ''::text));
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_routing_priority_check CHECK (((routing_priority >= '-1000'::integer) AND (routing_priority <= 1000)));
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_routing_tags_check CHECK ((cardinality(routing_tags) <= 20));
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_scope_check CHECK ((jsonb_typeof(scope) = 'object'::text));
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_severity_check CHECK (((severity)::text = ANY ((ARRAY['info'::character varying, 'warning'::character varying, 'critical'::character varying, 'emergency'::character varying])::text[])));
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_threshold_type_check CHECK (((threshold_type)::text = ANY ((ARRAY['gt'::character varying, 'gte'::character varying, 'lt'::character varying, 'lte'::character varying, 'eq'::character varying])::text[])));
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_threshold_value_check CHECK ((threshold_value <> ALL (ARRAY['NaN'::double precision, 'Infinity'::double precision, '-Infinity'::double precision])));
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_version_check CHECK ((version >= 1));
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_allowed_cidrs_check CHECK (((cardinality(allowed_cidrs) <= 50) AND (array_position(allowed_cidrs, NULL::cidr) IS NULL)));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_created_at_expires_at_check CHECK ((expires_at >= created_at));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_key_hash_check CHECK ((octet_length(key_hash) = 32));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_name_check CHECK ((btrim((name)::text) <> ''::text));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_prefix_check CHECK (((prefix)::text ~~ 'up\_live\_%'::text));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_scopes_check CHECK (((cardinality(scopes) >= 1) AND (scopes <@ ARRAY['claims:read'::text, 'claims:write'::text, 'drift:read'::text, 'drift:run'::text, 'mappings:read'::text, 'mappings:write'::text, 'alerts:read'::text, 'alerts:write'::text, 'webhooks:read'::text, 'webhooks:write'::text, 'settings:write'::text, 'audit:read'::text])));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_version_check CHECK ((version >= 1));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_customer_id_replaces_fkey FOREIGN KEY (customer_id, replaces) REFERENCES api_keys(customer_id, id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE audit_events ADD CONSTRAINT audit_events_action_check CHECK (((action)::text <> ''::text));
ALTER TABLE audit_events ADD CONSTRAINT audit_events_actor_type_check CHECK (((actor_type)::text = ANY ((ARRAY['user'::character varying, 'key'::character varying, 'superuser'::character varying, 'system'::character varying, 'job'::character varying, 'anonymous'::character varying])::text[])));
ALTER TABLE audit_events ADD CONSTRAINT audit_events_after_check CHECK ((jsonb_typeof(after) = 'object'::text));
ALTER TABLE audit_events ADD CONSTRAINT audit_events_before_check CHECK ((jsonb_typeof(before) = 'object'::text));
ALTER TABLE audit_events ADD CONSTRAINT audit_events_hash_check CHECK ((octet_length(hash) = 32));
ALTER TABLE audit_events ADD CONSTRAINT audit_events_metadata_check CHECK ((jsonb_typeof(metadata) = 'object'::text));
ALTER TABLE audit_events ADD CONSTRAINT audit_events_prev_hash_check CHECK ((octet_length(prev_hash) = 32));
ALTER TABLE audit_events ADD CONSTRAINT audit_events_seq_check CHECK ((seq >= 1));
ALTER TABLE audit_events ADD CONSTRAINT audit_events_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE audit_events ADD CONSTRAINT audit_events_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);
ALTER TABLE audit_events ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);
ALTER TABLE audit_events ADD CONSTRAINT audit_events_customer_id_seq_key UNIQUE NULLS NOT DISTINCT (customer_id, seq);
ALTER TABLE audit_heads ADD CONSTRAINT audit_heads_hash_check CHECK ((octet_length(hash) = 32));
ALTER TABLE audit_heads ADD CONSTRAINT audit_heads_seq_check CHECK ((seq >= 1));
ALTER TABLE audit_heads ADD CONSTRAINT audit_heads_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE audit_heads ADD CONSTRAINT audit_heads_customer_id_seq_key UNIQUE NULLS NOT DISTINCT (customer_id, seq);
ALTER TABLE claim_days ADD CONSTRAINT claim_days_claims_check CHECK ((claims >= 1));
ALTER TABLE claim_days ADD CONSTRAINT claim_days_denied_check CHECK (((denied >= 0) AND (denied <= claims)));
ALTER TABLE claim_days ADD CONSTRAINT claim_days_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE claim_days ADD CONSTRAINT claim_days_pkey PRIMARY KEY (customer_id, decided_date);
ALTER TABLE claim_months ADD CONSTRAINT claim_months_allowed_amount_check CHECK ((allowed_amount >= (0)::numeric));
ALTER TABLE claim_months ADD CONSTRAINT claim_months_billed_amount_check CHECK ((billed_amount >= (0)::numeric));
ALTER TABLE claim_months ADD CONSTRAINT claim_months_claims_check CHECK ((claims >= 1));
ALTER TABLE claim_months ADD CONSTRAINT claim_months_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric));
ALTER TABLE claim_months ADD CONSTRAINT claim_months_paid_amount_check CHECK ((paid_amount >= (0)::numeric));
ALTER TABLE claim_months ADD CONSTRAINT claim_months_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE claim_months ADD CONSTRAINT claim_months_pkey PRIMARY KEY (customer_id, month, payer, cpt_group, outcome, denial_reason_code);
ALTER TABLE claim_payer_days ADD CONSTRAINT claim_payer_days_allowed_amount_check CHECK (((allowed_amount >= (0)::numeric) AND ((allowed > 0) OR (allowed_amount = (0)::numeric))));
ALTER TABLE claim_payer_days ADD CONSTRAINT claim_payer_days_allowed_check CHECK (((allowed >= 0) AND (allowed <= ((paid + denied) + other))));
ALTER TABLE claim_payer_days ADD CONSTRAINT claim_payer_days_denied_check CHECK ((denied >= 0));
ALTER TABLE claim_payer_days ADD CONSTRAINT claim_payer_days_other_check CHECK ((other >= 0));
ALTER TABLE claim_payer_days ADD CONSTRAINT claim_payer_days_paid_check CHECK ((paid >= 0));
ALTER TABLE claim_payer_days ADD CONSTRAINT claim_payer_days_paid_denied_other_check CHECK ((((paid + denied) + other) >= 1));
ALTER TABLE claim_payer_days ADD CONSTRAINT claim_payer_days_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE claim_payer_days ADD CONSTRAINT claim_payer_days_pkey PRIMARY KEY (customer_id, submitted_date, payer);
ALTER TABLE claims ADD CONSTRAINT claims_allowed_amount_check CHECK (((allowed_amount >= (0)::numeric) AND (allowed_amount <> 'NaN'::numeric)));
ALTER TABLE claims ADD CONSTRAINT claims_billed_amount_check CHECK (((billed_amount >= (0)::numeric) AND (billed_amount <> 'NaN'::numeric)));
ALTER TABLE claims ADD CONSTRAINT claims_cpt_check CHECK (((cpt)::text <> ''::text));
ALTER TABLE claims ADD CONSTRAINT claims_cpt_group_check CHECK ((((cpt_group)::text <> ''::text) AND ((cpt_group)::text <> 'ALL'::text)));
ALTER TABLE claims ADD CONSTRAINT claims_data_quality_score_check CHECK (((data_quality_score >= (0)::double precision) AND (data_quality_score <= (1)::double precision)));
ALTER TABLE claims ADD CONSTRAINT claims_line_number_check CHECK ((line_number >= 1));
ALTER TABLE claims ADD CONSTRAINT claims_outcome_check CHECK (((outcome)::text = ANY ((ARRAY['PAID'::character varying, 'DENIED'::character varying, 'OTHER'::character varying])::text[])));
ALTER TABLE claims ADD CONSTRAINT claims_paid_amount_check CHECK (((paid_amount >= (0)::numeric) AND (paid_amount <> 'NaN'::numeric)));
ALTER TABLE claims ADD CONSTRAINT claims_payer_check CHECK (((payer)::text <> ''::text));
ALTER TABLE claims ADD CONSTRAINT claims_procedure_count_check CHECK ((procedure_count >= 1));
ALTER TABLE claims ADD CONSTRAINT claims_source_data_hash_check CHECK ((octet_length(source_data_hash) = 32));
ALTER TABLE claims ADD CONSTRAINT claims_source_row_number_check CHECK ((source_row_number >= 1));
ALTER TABLE claims ADD CONSTRAINT claims_submitted_date_decided_date_check CHECK ((submitted_date <= decided_date));
ALTER TABLE claims ADD CONSTRAINT claims_submitted_via_check CHECK (((submitted_via)::text = ANY ((ARRAY['csv_upload'::character varying, 'ehr_webhook'::character varying, 'api'::character varying, 'batch_import'::character varying])::text[])));
ALTER TABLE claims ADD CONSTRAINT claims_customer_id_upload_id_fkey FOREIGN KEY (customer_id, upload_id) REFERENCES uploads(customer_id, id) ON DELETE RESTRICT;
ALTER TABLE claims ADD CONSTRAINT claims_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE cpt_group_mappings ADD CONSTRAINT cpt_group_mappings_cpt_code_check CHECK ((btrim((cpt_code)::text) <> ''::text));
ALTER TABLE cpt_group_mappings ADD CONSTRAINT cpt_group_mappings_cpt_group_check CHECK (((btrim((cpt_group)::text) <> ''::text) AND (upper((cpt_group)::text) <> 'ALL'::text)));
ALTER TABLE cpt_group_mappings ADD CONSTRAINT cpt_group_mappings_version_check CHECK ((version >= 1));
ALTER TABLE cpt_group_mappings ADD CONSTRAINT cpt_group_mappings_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE cpt_group_mappings ADD CONSTRAINT cpt_group_mappings_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE cpt_group_mappings ADD CONSTRAINT cpt_group_mappings_customer_id_cpt_code_key UNIQUE (customer_id, cpt_code);
ALTER TABLE customers ADD CONSTRAINT customers_alert_auto_resolve_runs_check CHECK (((alert_auto_resolve_runs >= 0) AND (alert_auto_resolve_runs <= 52)));
ALTER TABLE customers ADD CONSTRAINT customers_alert_cooldown_minutes_check CHECK (((alert_cooldown_minutes >= 0) AND (alert_cooldown_minutes <= 10080)));
ALTER TABLE customers ADD CONSTRAINT customers_alert_memory_days_check CHECK (((alert_memory_days >= 1) AND (alert_memory_days <= 365)));
ALTER TABLE customers ADD CONSTRAINT customers_alert_noise_threshold_check CHECK (((alert_noise_threshold >= 0) AND (alert_noise_threshold <= 100)));
ALTER TABLE customers ADD CONSTRAINT customers_alert_noise_window_days_check CHECK (((alert_noise_window_days >= 1) AND (alert_noise_window_days <= 365)));
ALTER TABLE customers ADD CONSTRAINT customers_name_check CHECK ((btrim((name)::text) <> ''::text));
ALTER TABLE customers ADD CONSTRAINT customers_run_local_time_check CHECK (((run_local_time)::text ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'::text));
ALTER TABLE customers ADD CONSTRAINT customers_slug_check CHECK (((slug)::text ~ '^[a-z][a-z0-9-]{1,62}$'::text));
ALTER TABLE customers ADD CONSTRAINT customers_version_check CHECK ((version >= 1));
ALTER TABLE customers ADD CONSTRAINT customers_weekly_run_weekday_check CHECK (((weekly_run_weekday >= 1) AND (weekly_run_weekday <= 7)));
ALTER TABLE customers ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
ALTER TABLE customers ADD CONSTRAINT customers_name_key UNIQUE (name);
ALTER TABLE customers ADD CONSTRAINT customers_slug_key UNIQUE (slug);
ALTER TABLE drift_events ADD CONSTRAINT drift_events_baseline_sample_size_check CHECK ((baseline_sample_size >= 0));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_baseline_start_baseline_end_check CHECK ((baseline_start < baseline_end));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_confidence_check CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision)));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_consecutive_periods_check CHECK ((consecutive_periods >= 1));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_current_sample_size_check CHECK ((current_sample_size >= 0));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_current_start_current_end_check CHECK ((current_start < current_end));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_drift_type_check CHECK (((drift_type)::text = ANY ((ARRAY['DENIAL_RATE'::character varying, 'APPROVAL_RATE'::character varying, 'AUTH_FAILURE_RATE'::character varying, 'DECISION_TIME'::character varying, 'PROCESSING_DELAY'::character varying, 'PAYMENT_AMOUNT'::character varying])::text[])));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_effect_ci_low_effect_ci_high_check CHECK ((effect_ci_low <= effect_ci_high));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_estimated_revenue_impact_check CHECK (((estimated_revenue_impact >= (0)::numeric) AND (estimated_revenue_impact <> 'NaN'::numeric)));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_evidence_check CHECK ((jsonb_typeof(evidence) = 'object'::text));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_q_value_check CHECK (((q_value >= (0)::double precision) AND (q_value <= (1)::double precision)));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_severity_check CHECK (((severity >= (0)::double precision) AND (severity <= (1)::double precision)));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_statistical_significance_check CHECK (((statistical_significance >= (0)::double precision) AND (statistical_significance <= (1)::double precision)));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_test_method_check CHECK (((test_method)::text = ANY ((ARRAY['TWO_PROPORTION_Z'::character varying, 'FISHER_EXACT'::character varying, 'MANN_WHITNEY_U'::character varying, 'WELCH_T'::character varying, 'THRESHOLD'::character varying])::text[])));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_trend_direction_check CHECK (((trend_direction)::text = ANY ((ARRAY['degrading'::character varying, 'improving'::character varying])::text[])));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_version_check CHECK ((version >= 1));
ALTER TABLE drift_events ADD CONSTRAINT drift_events_customer_id_report_run_id_fkey FOREIGN KEY (customer_id, report_run_id) REFERENCES report_runs(customer_id, id) ON DELETE CASCADE;
ALTER TABLE drift_events ADD CONSTRAINT drift_events_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE drift_events ADD CONSTRAINT drift_events_report_run_id_payer_cpt_group_drift_type_key UNIQUE (customer_id, report_run_id, payer, cpt_group, drift_type);
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_baseline_sample_size_check CHECK ((baseline_sample_size >= 0));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_ci_low_ci_high_check CHECK ((ci_low <= ci_high));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_current_sample_size_check CHECK ((current_sample_size >= 0));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_dispersion_check CHECK ((dispersion >= (1)::double precision));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_drift_event_id_practical_check CHECK (((drift_event_id IS NULL) OR practical));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_drift_type_check CHECK (((drift_type)::text = ANY ((ARRAY['DENIAL_RATE'::character varying, 'APPROVAL_RATE'::character varying, 'AUTH_FAILURE_RATE'::character varying, 'DECISION_TIME'::character varying, 'PROCESSING_DELAY'::character varying, 'PAYMENT_AMOUNT'::character varying])::text[])));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_method_check CHECK (((method)::text = ANY ((ARRAY['TWO_PROPORTION_Z'::character varying, 'FISHER_EXACT'::character varying, 'MANN_WHITNEY_U'::character varying, 'WELCH_T'::character varying, 'THRESHOLD'::character varying])::text[])));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_min_detectable_delta_check CHECK ((min_detectable_delta >= (0)::double precision));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_p_value_check CHECK (((p_value >= (0)::double precision) AND (p_value <= (1)::double precision)));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_q_value_check CHECK (((q_value >= (0)::double precision) AND (q_value <= (1)::double precision)));
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_customer_id_drift_event_id_fkey FOREIGN KEY (customer_id, drift_event_id) REFERENCES drift_events(customer_id, id) ON DELETE CASCADE;
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_customer_id_report_run_id_fkey FOREIGN KEY (customer_id, report_run_id) REFERENCES report_runs(customer_id, id) ON DELETE CASCADE;
ALTER TABLE drift_tests ADD CONSTRAINT drift_tests_pkey PRIMARY KEY (customer_id, report_run_id, payer, cpt_group, drift_type);
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_created_at_expires_at_check CHECK ((expires_at > created_at));
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_report_run_id_result_sealed_check CHECK (((report_run_id IS NOT NULL) OR (result_sealed IS NOT NULL)));
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_request_check CHECK ((octet_length(request) = 32));
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_scope_check CHECK ((octet_length(scope) = 32));
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_customer_id_report_run_id_fkey FOREIGN KEY (customer_id, report_run_id) REFERENCES report_runs(customer_id, id);
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE invitations ADD CONSTRAINT invitations_accepted_at_accepted_by_check CHECK (((accepted_at IS NULL) = (accepted_by IS NULL)));
ALTER TABLE invitations ADD CONSTRAINT invitations_accepted_at_revoked_at_check CHECK (((accepted_at IS NULL) OR (revoked_at IS NULL)));
ALTER TABLE invitations ADD CONSTRAINT invitations_created_at_expires_at_check CHECK ((expires_at > created_at));
ALTER TABLE invitations ADD CONSTRAINT invitations_email_check CHECK (((email)::text ~~ '%_@_%'::text));
ALTER TABLE invitations ADD CONSTRAINT invitations_role_check CHECK (((role)::text = ANY ((ARRAY['owner'::character varying, 'admin'::character varying, 'analyst'::character varying, 'viewer'::character varying])::text[])));
ALTER TABLE invitations ADD CONSTRAINT invitations_token_hash_check CHECK ((octet_length(token_hash) = 32));
ALTER TABLE invitations ADD CONSTRAINT invitations_version_check CHECK ((version >= 1));
ALTER TABLE invitations ADD CONSTRAINT invitations_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES users(id);
ALTER TABLE invitations ADD CONSTRAINT invitations_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE invitations ADD CONSTRAINT invitations_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES users(id);
ALTER TABLE invitations ADD CONSTRAINT invitations_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE memberships ADD CONSTRAINT memberships_role_check CHECK (((role)::text = ANY ((ARRAY['owner'::character varying, 'admin'::character varying, 'analyst'::character varying, 'viewer'::character varying])::text[])));
ALTER TABLE memberships ADD CONSTRAINT memberships_token_version_check CHECK ((token_version >= 1));
ALTER TABLE memberships ADD CONSTRAINT memberships_version_check CHECK ((version >= 1));
ALTER TABLE memberships ADD CONSTRAINT memberships_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE memberships ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE memberships ADD CONSTRAINT memberships_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE memberships ADD CONSTRAINT memberships_customer_id_user_id_key UNIQUE (customer_id, user_id);
ALTER TABLE notification_channels ADD CONSTRAINT notification_channels_channel_type_check CHECK (((channel_type)::text = ANY ((ARRAY['email'::character varying, 'slack'::character varying, 'webhook'::character varying])::text[])));
ALTER TABLE notification_channels ADD CONSTRAINT notification_channels_name_check CHECK ((btrim((name)::text) <> ''::text));
ALTER TABLE notification_channels ADD CONSTRAINT notification_channels_test_error_tested_at_check CHECK (((test_error IS NULL) OR (tested_at IS NOT NULL)));
ALTER TABLE notification_channels ADD CONSTRAINT notification_channels_version_check CHECK ((version >= 1));
ALTER TABLE notification_channels ADD CONSTRAINT notification_channels_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE notification_channels ADD CONSTRAINT notification_channels_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE notification_channels ADD CONSTRAINT notification_channels_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE operator_judgments ADD CONSTRAINT operator_judgments_reason_codes_check CHECK ((cardinality(reason_codes) <= 20));
ALTER TABLE operator_judgments ADD CONSTRAINT operator_judgments_recovered_amount_check CHECK (((recovered_amount >= (0)::numeric) AND (recovered_amount <> 'NaN'::numeric)));
ALTER TABLE operator_judgments ADD CONSTRAINT operator_judgments_recovered_date_amount_check CHECK (((recovered_date IS NULL) OR (recovered_amount IS NOT NULL)));
ALTER TABLE operator_judgments ADD CONSTRAINT operator_judgments_verdict_check CHECK (((verdict)::text = ANY ((ARRAY['noise'::character varying, 'real'::character varying, 'needs_followup'::character varying])::text[])));
ALTER TABLE operator_judgments ADD CONSTRAINT operator_judgments_version_check CHECK ((version >= 1));
ALTER TABLE operator_judgments ADD CONSTRAINT operator_judgments_customer_id_alert_event_id_fkey FOREIGN KEY (customer_id, alert_event_id) REFERENCES alert_events(customer_id, id) ON DELETE CASCADE;
ALTER TABLE operator_judgments ADD CONSTRAINT operator_judgments_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE operator_judgments ADD CONSTRAINT operator_judgments_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE password_resets ADD CONSTRAINT password_resets_created_at_expires_at_check CHECK ((expires_at > created_at));
ALTER TABLE password_resets ADD CONSTRAINT password_resets_token_hash_check CHECK ((octet_length(token_hash) = 32));
ALTER TABLE password_resets ADD CONSTRAINT password_resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE password_resets ADD CONSTRAINT password_resets_pkey PRIMARY KEY (id);
ALTER TABLE password_resets ADD CONSTRAINT password_resets_token_hash_key UNIQUE (token_hash);
ALTER TABLE password_resets ADD CONSTRAINT password_resets_user_id_key UNIQUE (user_id);
ALTER TABLE payer_mappings ADD CONSTRAINT payer_mappings_normalized_name_check CHECK ((btrim((normalized_name)::text) <> ''::text));
ALTER TABLE payer_mappings ADD CONSTRAINT payer_mappings_raw_name_check CHECK ((btrim((raw_name)::text) <> ''::text));
ALTER TABLE payer_mappings ADD CONSTRAINT payer_mappings_version_check CHECK ((version >= 1));
ALTER TABLE payer_mappings ADD CONSTRAINT payer_mappings_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE payer_mappings ADD CONSTRAINT payer_mappings_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_issued_at_expires_at_check CHECK ((expires_at > issued_at));
ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_token_hash_check CHECK ((octet_length(token_hash) = 32));
ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE;
ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id);
ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_token_hash_key UNIQUE (token_hash);
ALTER TABLE report_runs ADD CONSTRAINT report_runs_alpha_check CHECK (((alpha > (0)::double precision) AND (alpha <= (0.5)::double precision)));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_as_of_current_end_check CHECK ((as_of = current_end));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_baseline_end_current_start_check CHECK ((baseline_end = current_start));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_baseline_start_baseline_end_check CHECK ((baseline_start < baseline_end));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_current_start_current_end_check CHECK ((current_start < current_end));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_drift_event_count_check CHECK (((drift_event_count >= 0) AND (drift_event_count <= test_count)));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_method_check CHECK (((method)::text = ANY ((ARRAY['statistical'::character varying, 'threshold'::character varying])::text[])));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_min_volume_check CHECK ((min_volume >= 1));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_origin_check CHECK (((origin)::text = ANY ((ARRAY['detect'::character varying, 'trigger'::character varying, 'schedule'::character varying])::text[])));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_run_type_check CHECK (((run_type)::text = ANY ((ARRAY['weekly'::character varying, 'monthly'::character varying, 'custom'::character varying])::text[])));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_signals_check CHECK (((cardinality(signals) >= 1) AND (signals <@ ARRAY['DENIAL_RATE'::text, 'APPROVAL_RATE'::text, 'AUTH_FAILURE_RATE'::text, 'DECISION_TIME'::text, 'PROCESSING_DELAY'::text, 'PAYMENT_AMOUNT'::text])));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_status_check CHECK (((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying, 'success'::character varying, 'failed'::character varying])::text[])));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_status_error_message_check CHECK ((((status)::text = 'failed'::text) = (error_message IS NOT NULL)));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_status_finished_at_check CHECK ((((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[])) = (finished_at IS NULL)));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_status_origin_check CHECK ((((status)::text <> 'queued'::text) OR ((origin)::text <> 'detect'::text)));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_status_worker_check CHECK ((((status)::text = 'running'::text) OR (worker IS NULL)));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_test_count_check CHECK ((test_count >= 0));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_version_check CHECK ((version >= 1));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_window_by_check CHECK (((window_by)::text = ANY ((ARRAY['decided'::character varying, 'submitted'::character varying])::text[])));
ALTER TABLE report_runs ADD CONSTRAINT report_runs_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE report_runs ADD CONSTRAINT report_runs_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE report_runs ADD CONSTRAINT report_runs_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE sessions ADD CONSTRAINT sessions_created_at_expires_at_check CHECK ((expires_at > created_at));
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason_check CHECK (((end_reason)::text = ANY ((ARRAY['logout'::character varying, 'token_reused'::character varying, 'password_changed'::character varying, 'role_changed'::character varying, 'member_removed'::character varying])::text[])));
ALTER TABLE sessions ADD CONSTRAINT sessions_ended_at_end_reason_check CHECK (((ended_at IS NULL) = (end_reason IS NULL)));
ALTER TABLE sessions ADD CONSTRAINT sessions_for_customer_id_fkey FOREIGN KEY (for_customer_id) REFERENCES customers(id);
ALTER TABLE sessions ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE sessions ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE sign_in_failures ADD CONSTRAINT sign_in_failures_failures_check CHECK ((failures >= 1));
ALTER TABLE sign_in_failures ADD CONSTRAINT sign_in_failures_key_hash_check CHECK ((octet_length(key_hash) = 32));
ALTER TABLE sign_in_failures ADD CONSTRAINT sign_in_failures_pkey PRIMARY KEY (key_hash);
ALTER TABLE upload_chunks ADD CONSTRAINT upload_chunks_number_check CHECK ((number >= 0));
ALTER TABLE upload_chunks ADD CONSTRAINT upload_chunks_customer_id_upload_id_fkey FOREIGN KEY (customer_id, upload_id) REFERENCES uploads(customer_id, id) ON DELETE CASCADE;
ALTER TABLE upload_chunks ADD CONSTRAINT upload_chunks_pkey PRIMARY KEY (customer_id, upload_id, number);
ALTER TABLE upload_rejections ADD CONSTRAINT upload_rejections_code_check CHECK (((code)::text = ANY ((ARRAY['phi_detected'::character varying, 'required'::character varying, 'invalid_date'::character varying, 'invalid_value'::character varying, 'duplicate_row'::character varying, 'duplicate_claim'::character varying])::text[])));
ALTER TABLE upload_rejections ADD CONSTRAINT upload_rejections_row_number_check CHECK ((row_number >= 1));
ALTER TABLE upload_rejections ADD CONSTRAINT upload_rejections_customer_id_upload_id_fkey FOREIGN KEY (customer_id, upload_id) REFERENCES uploads(customer_id, id) ON DELETE CASCADE;
ALTER TABLE upload_rejections ADD CONSTRAINT upload_rejections_pkey PRIMARY KEY (customer_id, upload_id, row_number);
ALTER TABLE uploads ADD CONSTRAINT uploads_accepted_rejected_row_count_check CHECK (((row_count IS NULL) OR ((accepted_row_count + rejected_row_count) <= row_count)));
ALTER TABLE uploads ADD CONSTRAINT uploads_accepted_row_count_check CHECK ((accepted_row_count >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_attempts_check CHECK ((attempts >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_bytes_read_check CHECK ((bytes_read >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_date_min_date_max_check CHECK ((date_min <= date_max));
ALTER TABLE uploads ADD CONSTRAINT uploads_file_hash_check CHECK ((file_hash ~ '^[0-9a-f]{64}$'::text));
ALTER TABLE uploads ADD CONSTRAINT uploads_file_size_bytes_check CHECK ((file_size_bytes >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_filename_check CHECK (((filename)::text <> ''::text));
ALTER TABLE uploads ADD CONSTRAINT uploads_invalid_dates_check CHECK ((invalid_dates >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_invalid_values_check CHECK ((invalid_values >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_missing_fields_check CHECK ((missing_fields >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_phi_detections_check CHECK ((phi_detections >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_rejected_row_count_categories_check CHECK (((((phi_detections + missing_fields) + invalid_dates) + invalid_values) = rejected_row_count));
ALTER TABLE uploads ADD CONSTRAINT uploads_rejected_row_count_check CHECK ((rejected_row_count >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_row_count_check CHECK ((row_count >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_rows_read_check CHECK ((rows_read >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_status_check CHECK (((status)::text = ANY ((ARRAY['processing'::character varying, 'success'::character varying, 'failed'::character varying, 'partial'::character varying])::text[])));
ALTER TABLE uploads ADD CONSTRAINT uploads_status_worker_check CHECK ((((status)::text = 'processing'::text) OR (worker IS NULL)));
ALTER TABLE uploads ADD CONSTRAINT uploads_upload_source_check CHECK (((upload_source)::text = ANY ((ARRAY['web_ui'::character varying, 'api'::character varying, 'batch'::character varying])::text[])));
ALTER TABLE uploads ADD CONSTRAINT uploads_version_check CHECK ((version >= 1));
ALTER TABLE uploads ADD CONSTRAINT uploads_warning_row_count_check CHECK ((warning_row_count >= 0));
ALTER TABLE uploads ADD CONSTRAINT uploads_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE uploads ADD CONSTRAINT uploads_uploaded_by_fkey FOREIGN KEY (uploaded_by) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE uploads ADD CONSTRAINT uploads_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE users ADD CONSTRAINT users_email_check CHECK (((email)::text ~~ '%_@_%'::text));
ALTER TABLE users ADD CONSTRAINT users_token_version_check CHECK ((token_version >= 1));
ALTER TABLE users ADD CONSTRAINT users_version_check CHECK ((version >= 1));
ALTER TABLE users ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE webhook_attempts ADD CONSTRAINT webhook_attempts_duration_ms_check CHECK ((duration_ms >= 0));
ALTER TABLE webhook_attempts ADD CONSTRAINT webhook_attempts_number_check CHECK ((number >= 1));
ALTER TABLE webhook_attempts ADD CONSTRAINT webhook_attempts_outcome_check CHECK (((outcome)::text = ANY ((ARRAY['delivered'::character varying, 'rejected'::character varying, 'gone'::character varying, 'redirected'::character varying, 'timed_out'::character varying, 'unresolved'::character varying, 'unreachable'::character varying, 'tls_failed'::character varying, 'blocked'::character varying, 'invalid_answer'::character varying])::text[])));
ALTER TABLE webhook_attempts ADD CONSTRAINT webhook_attempts_customer_id_delivery_id_fkey FOREIGN KEY (customer_id, delivery_id) REFERENCES webhook_deliveries(customer_id, id) ON DELETE CASCADE;
ALTER TABLE webhook_attempts ADD CONSTRAINT webhook_attempts_pkey PRIMARY KEY (customer_id, delivery_id, number);
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_attempts_check CHECK (((attempts >= 0) AND (attempts <= max_attempts) AND (attempts_total >= attempts)));
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_event_type_check CHECK (((event_type)::text = ANY ((ARRAY['drift.detected'::character varying, 'report.completed'::character varying, 'report.failed'::character varying, 'alert.triggered'::character varying, 'alert.resolved'::character varying, 'upload.processed'::character varying, 'webhook.test'::character varying])::text[])));
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_sequence_check CHECK ((sequence >= 1));
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_status_check CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'retrying'::character varying, 'success'::character varying, 'dead'::character varying])::text[])));
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_status_next_attempt_at_check CHECK ((((status)::text = ANY ((ARRAY['pending'::character varying, 'retrying'::character varying])::text[])) = (next_attempt_at IS NOT NULL)));
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_version_check CHECK ((version >= 1));
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_customer_id_endpoint_id_fkey FOREIGN KEY (customer_id, endpoint_id) REFERENCES webhook_endpoints(customer_id, id) ON DELETE CASCADE;
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_circuit_check CHECK (((circuit)::text = ANY ((ARRAY['closed'::character varying, 'open'::character varying, 'half_open'::character varying])::text[])));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_circuit_circuit_retry_at_check CHECK ((((circuit)::text = 'closed'::text) = (circuit_retry_at IS NULL)));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_consecutive_failures_check CHECK (((consecutive_failures >= 0) AND (circuit_openings >= 0)));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_disabled_at_disabled_reason_check CHECK (((disabled_at IS NULL) = (disabled_reason IS NULL)));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_disabled_reason_check CHECK (((disabled_reason)::text = ANY ((ARRAY['gone'::character varying, 'failing'::character varying])::text[])));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_event_types_check CHECK ((event_types <@ ARRAY['drift.detected'::text, 'report.completed'::text, 'report.failed'::text, 'alert.triggered'::text, 'alert.resolved'::text, 'upload.processed'::text, 'webhook.test'::text]));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_lane_worker_lane_until_check CHECK (((lane_worker IS NULL) = (lane_until IS NULL)));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_last_sequence_check CHECK ((last_sequence >= 0));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_previous_secret_check CHECK (((previous_secret_sealed IS NULL) = (previous_secret_expires_at IS NULL)));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_version_check CHECK ((version >= 1));
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id);
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE webhook_events ADD CONSTRAINT webhook_events_event_type_check CHECK (((event_type)::text = ANY ((ARRAY['drift.detected'::character varying, 'report.completed'::character varying, 'report.failed'::character varying, 'alert.triggered'::character varying, 'alert.resolved'::character varying, 'upload.processed'::character varying, 'webhook.test'::character varying])::text[])));
ALTER TABLE webhook_events ADD CONSTRAINT webhook_events_revision_check CHECK ((revision >= 1));
ALTER TABLE webhook_events ADD CONSTRAINT webhook_events_sequence_check CHECK ((sequence >= 1));
ALTER TABLE webhook_events ADD CONSTRAINT webhook_events_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE webhook_events ADD CONSTRAINT webhook_events_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_event_type_check CHECK (((event_type)::text = ANY ((ARRAY['drift.detected'::character varying, 'report.completed'::character varying, 'report.failed'::character varying, 'alert.triggered'::character varying, 'alert.resolved'::character varying, 'upload.processed'::character varying, 'webhook.test'::character varying])::text[])));
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_since_until_check CHECK ((since <= until));
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_state_check CHECK (((state)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying, 'done'::character varying, 'stopped'::character varying])::text[])));
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_state_finished_at_check CHECK ((((state)::text = ANY ((ARRAY['done'::character varying, 'stopped'::character varying])::text[])) = (finished_at IS NOT NULL)));
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_status_check CHECK (((status)::text = ANY ((ARRAY['success'::character varying, 'dead'::character varying])::text[])));
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_total_check CHECK (((total >= 0) AND (queued >= 0)));
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_version_check CHECK ((version >= 1));
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id);
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_customer_id_endpoint_id_fkey FOREIGN KEY (customer_id, endpoint_id) REFERENCES webhook_endpoints(customer_id, id) ON DELETE CASCADE;
ALTER TABLE webhook_replays ADD CONSTRAINT webhook_replays_pkey PRIMARY KEY (customer_id, id);
ALTER TABLE webhook_streams ADD CONSTRAINT webhook_streams_last_sequence_check CHECK ((last_sequence >= 0));
ALTER TABLE webhook_streams ADD CONSTRAINT webhook_streams_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id);
ALTER TABLE webhook_streams ADD CONSTRAINT webhook_streams_pkey PRIMARY KEY (customer_id);

-- Indexes

CREATE UNIQUE INDEX alert_events_customer_id_alert_rule_id_signal_key_key ON public.alert_events USING btree (customer_id, alert_rule_id, signal_key);
CREATE INDEX alert_events_customer_id_alert_rule_id_triggered_at_id_idx ON public.alert_events USING btree (customer_id, alert_rule_id, triggered_at DESC, id DESC);
CREATE INDEX alert_events_customer_id_assignee_id_triggered_at_id_idx ON public.alert_events USING btree (customer_id, assignee_id, triggered_at DESC, id DESC) WHERE (assignee_id IS NOT NULL);
CREATE INDEX alert_events_customer_id_drift_event_id_triggered_at_id_idx ON public.alert_events USING btree (customer_id, drift_event_id, triggered_at DESC, id DESC);
CREATE INDEX alert_events_customer_id_drift_type_triggered_at_id_idx ON public.alert_events USING btree (customer_id, drift_type, triggered_at DESC, id DESC);
CREATE INDEX alert_events_customer_id_follow_up_idx ON public.alert_events USING btree (customer_id, triggered_at DESC, id DESC) WHERE needs_follow_up;
CREATE INDEX alert_events_customer_id_payer_drift_type_sent_at_idx ON public.alert_events USING btree (customer_id, payer, drift_type, notification_sent_at DESC);
CREATE INDEX alert_events_customer_id_payer_triggered_at_id_idx ON public.alert_events USING btree (customer_id, payer, triggered_at, id);
CREATE INDEX alert_events_customer_id_pending_idx ON public.alert_events USING btree (customer_id, id) WHERE ((status)::text = 'pending'::text);
CREATE INDEX alert_events_customer_id_report_run_id_triggered_at_id_idx ON public.alert_events USING btree (customer_id, report_run_id, triggered_at DESC, id DESC);
CREATE INDEX alert_events_customer_id_status_triggered_at_id_idx ON public.alert_events USING btree (customer_id, status, triggered_at, id);
CREATE INDEX alert_events_customer_id_suppressed_idx ON public.alert_events USING btree (customer_id, triggered_at DESC, id DESC) INCLUDE (suppression_reason) WHERE (suppression_reason IS NOT NULL);
CREATE INDEX alert_events_customer_id_triggered_at_id_idx ON public.alert_events USING btree (customer_id, triggered_at DESC, id DESC);
CREATE INDEX alert_events_customer_id_unresolved_idx ON public.alert_events USING btree (customer_id, id) WHERE ((status)::text <> 'resolved'::text);
CREATE UNIQUE INDEX alert_notifications_customer_id_alert_event_id_channel_id_key ON public.alert_notifications USING btree (customer_id, alert_event_id, COALESCE(channel_id, '00000000-0000-0000-0000-000000000000'::uuid));
CREATE INDEX alert_notifications_customer_id_pending_idx ON public.alert_notifications USING btree (customer_id, alert_event_id) WHERE ((status)::text = 'pending'::text);
CREATE INDEX alert_rule_channels_customer_id_channel_id_idx ON public.alert_rule_channels USING btree (customer_id, channel_id);
CREATE INDEX alert_rules_customer_id_created_at_routing_priority_id_idx ON public.alert_rules USING btree (customer_id, created_at, routing_priority, id);
CREATE UNIQUE INDEX alert_rules_customer_id_name_key ON public.alert_rules USING btree (customer_id, lower((name)::text));
CREATE INDEX alert_rules_customer_id_name_routing_priority_id_idx ON public.alert_rules USING btree (customer_id, name, routing_priority, id);
CREATE INDEX alert_rules_customer_id_routing_priority_id_idx ON public.alert_rules USING btree (customer_id, routing_priority DESC, id);
CREATE INDEX api_keys_customer_id_created_at_id_idx ON public.api_keys USING btree (customer_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX api_keys_customer_id_name_key ON public.api_keys USING btree (customer_id, lower((name)::text)) WHERE ((revoked_at IS NULL) AND (replaced_at IS NULL));
CREATE UNIQUE INDEX api_keys_customer_id_replaces_key ON public.api_keys USING btree (customer_id, replaces);
CREATE INDEX api_keys_key_hash_idx ON public.api_keys USING btree (key_hash);
CREATE INDEX audit_events_customer_id_action_occurred_at_id_idx ON public.audit_events USING btree (customer_id, action, occurred_at DESC, id DESC);
CREATE INDEX audit_events_customer_id_entity_id_occurred_at_id_idx ON public.audit_events USING btree (customer_id, entity_id, occurred_at DESC, id DESC);
CREATE INDEX audit_events_customer_id_entity_type_entity_id_idx ON public.audit_events USING btree (customer_id, entity_type, entity_id, occurred_at DESC);
CREATE INDEX audit_events_customer_id_occurred_at_id_idx ON public.audit_events USING btree (customer_id, occurred_at DESC, id DESC);
CREATE INDEX audit_events_customer_id_user_id_occurred_at_id_idx ON public.audit_events USING btree (customer_id, user_id, occurred_at DESC, id DESC);
CREATE UNIQUE INDEX claims_customer_id_claim_number_line_number_key ON public.claims USING btree (customer_id, claim_number, line_number) WHERE (claim_number IS NOT NULL);
CREATE INDEX claims_customer_id_cpt_decided_date_id_idx ON public.claims USING btree (customer_id, cpt, decided_date DESC, id DESC);
CREATE INDEX claims_customer_id_decided_date_id_idx ON public.claims USING btree (customer_id, decided_date DESC, id DESC) INCLUDE (cpt, cpt_group, billed_amount);
CREATE INDEX claims_customer_id_denial_reason_code_decided_date_id_idx ON public.claims USING btree (customer_id, denial_reason_code, decided_date DESC, id DESC) WHERE (denial_reason_code IS NOT NULL);
CREATE INDEX claims_customer_id_outcome_decided_date_id_idx ON public.claims USING btree (customer_id, outcome, decided_date, id);
CREATE INDEX claims_customer_id_payer_cpt_group_decided_date_idx ON public.claims USING btree (customer_id, payer, cpt_group, decided_date) INCLUDE (cpt, outcome, submitted_date, payment_date, allowed_amount, billed_amount, authorization_required, authorization_denied);
CREATE INDEX claims_customer_id_payer_decided_date_id_idx ON public.claims USING btree (customer_id, payer, decided_date, id);
CREATE INDEX claims_customer_id_submitted_date_decided_date_id_idx ON public.claims USING btree (customer_id, submitted_date DESC, decided_date DESC, id DESC);
CREATE UNIQUE INDEX claims_customer_id_upload_id_source_data_hash_key ON public.claims USING btree (customer_id, upload_id, source_data_hash);
CREATE INDEX cpt_group_mappings_customer_id_cpt_group_id_idx ON public.cpt_group_mappings USING btree (customer_id, cpt_group, id);
CREATE INDEX cpt_group_mappings_customer_id_created_at_id_idx ON public.cpt_group_mappings USING btree (customer_id, created_at, id);
CREATE INDEX customers_next_monthly_run_at_idx ON public.customers USING btree (next_monthly_run_at NULLS FIRST) WHERE monthly_run_enabled;
CREATE INDEX customers_next_weekly_run_at_idx ON public.customers USING btree (next_weekly_run_at NULLS FIRST) WHERE weekly_run_enabled;
CREATE INDEX drift_events_customer_id_created_at_id_idx ON public.drift_events USING btree (customer_id, created_at DESC, id DESC);
CREATE INDEX drift_events_customer_id_payer_created_at_id_idx ON public.drift_events USING btree (customer_id, payer, created_at, id);
CREATE INDEX drift_events_customer_id_report_run_id_severity_id_idx ON public.drift_events USING btree (customer_id, report_run_id, severity DESC, created_at DESC, id DESC);
CREATE INDEX drift_events_customer_id_severity_created_at_id_idx ON public.drift_events USING btree (customer_id, severity DESC, created_at DESC, id DESC);
CREATE INDEX drift_tests_customer_id_drift_event_id_idx ON public.drift_tests USING btree (customer_id, drift_event_id) WHERE (drift_event_id IS NOT NULL);
CREATE INDEX idempotency_keys_customer_id_report_run_id_idx ON public.idempotency_keys USING btree (customer_id, report_run_id) WHERE (report_run_id IS NOT NULL);
CREATE UNIQUE INDEX idempotency_keys_customer_id_scope_key ON public.idempotency_keys USING btree (customer_id, scope);
CREATE INDEX idempotency_keys_expires_at_idx ON public.idempotency_keys USING btree (expires_at);
CREATE INDEX invitations_customer_id_created_at_id_idx ON public.invitations USING btree (customer_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX invitations_customer_id_email_key ON public.invitations USING btree (customer_id, lower((email)::text)) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL) AND (replaced_at IS NULL));
CREATE INDEX invitations_expires_at_idx ON public.invitations USING btree (expires_at) WHERE (token_sealed IS NOT NULL);
CREATE INDEX invitations_token_hash_idx ON public.invitations USING btree (token_hash);
CREATE INDEX memberships_customer_id_role_idx ON public.memberships USING btree (customer_id, role);
CREATE INDEX memberships_user_id_idx ON public.memberships USING btree (user_id);
CREATE INDEX notification_channels_customer_id_channel_type_name_id_idx ON public.notification_channels USING btree (customer_id, channel_type, name, id);
CREATE INDEX notification_channels_customer_id_created_at_name_id_idx ON public.notification_channels USING btree (customer_id, created_at, name, id);
CREATE INDEX notification_channels_customer_id_name_id_idx ON public.notification_channels USING btree (customer_id, name, id);
CREATE UNIQUE INDEX notification_channels_customer_id_name_key ON public.notification_channels USING btree (customer_id, lower((name)::text));
CREATE INDEX operator_judgments_customer_id_alert_event_id_judged_at_id_idx ON public.operator_judgments USING btree (customer_id, alert_event_id, judged_at DESC, id DESC);
CREATE UNIQUE INDEX operator_judgments_customer_id_alert_event_id_operator_id_key ON public.operator_judgments USING btree (customer_id, alert_event_id, COALESCE(operator_id, '00000000-0000-0000-0000-000000000000'::uuid));
CREATE INDEX operator_judgments_customer_id_judged_at_id_idx ON public.operator_judgments USING btree (customer_id, judged_at DESC, id DESC);
CREATE INDEX operator_judgments_customer_id_operator_id_judged_at_id_idx ON public.operator_judgments USING btree (customer_id, operator_id, judged_at DESC, id DESC);
CREATE INDEX operator_judgments_customer_id_recovered_amount_judged_at_idx ON public.operator_judgments USING btree (customer_id, recovered_amount, judged_at, id);
CREATE INDEX operator_judgments_customer_id_recovered_date_judged_at_id_idx ON public.operator_judgments USING btree (customer_id, recovered_date, judged_at, id);
CREATE INDEX password_resets_expires_at_idx ON public.password_resets USING btree (expires_at);
CREATE INDEX payer_mappings_customer_id_created_at_id_idx ON public.payer_mappings USING btree (customer_id, created_at, id);
CREATE INDEX payer_mappings_customer_id_normalized_name_id_idx ON public.payer_mappings USING btree (customer_id, normalized_name, id);
CREATE INDEX payer_mappings_customer_id_raw_name_id_idx ON public.payer_mappings USING btree (customer_id, raw_name, id);
CREATE UNIQUE INDEX payer_mappings_customer_id_raw_name_key ON public.payer_mappings USING btree (customer_id, lower((raw_name)::text));
CREATE INDEX refresh_tokens_expires_at_idx ON public.refresh_tokens USING btree (expires_at);
CREATE INDEX refresh_tokens_session_id_idx ON public.refresh_tokens USING btree (session_id);
CREATE UNIQUE INDEX refresh_tokens_session_id_key ON public.refresh_tokens USING btree (session_id) WHERE (used_at IS NULL);
CREATE UNIQUE INDEX report_runs_customer_id_background_key ON public.report_runs USING btree (customer_id) WHERE (((origin)::text <> 'detect'::text) AND ((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[])));
CREATE INDEX report_runs_customer_id_finished_at_idx ON public.report_runs USING btree (customer_id, finished_at DESC, id DESC) WHERE ((status)::text = 'success'::text);
CREATE UNIQUE INDEX report_runs_customer_id_run_type_as_of_key ON public.report_runs USING btree (customer_id, run_type, as_of) WHERE ((origin)::text = 'schedule'::text);
CREATE INDEX report_runs_customer_id_run_type_started_at_id_idx ON public.report_runs USING btree (customer_id, run_type, started_at, id);
CREATE INDEX report_runs_customer_id_started_at_id_idx ON public.report_runs USING btree (customer_id, started_at DESC, id DESC);
CREATE INDEX report_runs_customer_id_status_started_at_id_idx ON public.report_runs USING btree (customer_id, status, started_at, id);
CREATE INDEX report_runs_customer_id_unfinished_idx ON public.report_runs USING btree (customer_id, id) WHERE ((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[]));
CREATE INDEX sessions_expires_at_idx ON public.sessions USING btree (expires_at);
CREATE INDEX sessions_for_customer_id_idx ON public.sessions USING btree (for_customer_id);
CREATE INDEX sessions_user_id_idx ON public.sessions USING btree (user_id);
CREATE INDEX sign_in_failures_last_at_idx ON public.sign_in_failures USING btree (last_at);
CREATE UNIQUE INDEX uploads_customer_id_file_hash_key ON public.uploads USING btree (customer_id, file_hash) WHERE ((file_hash IS NOT NULL) AND ((status)::text <> 'failed'::text));
CREATE INDEX uploads_customer_id_row_count_uploaded_at_id_idx ON public.uploads USING btree (customer_id, row_count, uploaded_at, id);
CREATE INDEX uploads_customer_id_status_uploaded_at_id_idx ON public.uploads USING btree (customer_id, status, uploaded_at, id);
CREATE INDEX uploads_customer_id_unfinished_idx ON public.uploads USING btree (customer_id, id) WHERE ((status)::text = 'processing'::text);
CREATE INDEX uploads_customer_id_uploaded_at_id_idx ON public.uploads USING btree (customer_id, uploaded_at DESC, id DESC);
CREATE UNIQUE INDEX users_email_key ON public.users USING btree (lower((email)::text));
CREATE INDEX webhook_attempts_customer_id_started_at_idx ON public.webhook_attempts USING btree (customer_id, started_at);
CREATE INDEX webhook_deliveries_customer_id_created_at_id_idx ON public.webhook_deliveries USING btree (customer_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_customer_id_dead_idx ON public.webhook_deliveries USING btree (customer_id, created_at DESC, id DESC) WHERE ((status)::text = 'dead'::text);
CREATE INDEX webhook_deliveries_customer_id_endpoint_id_created_at_id_idx ON public.webhook_deliveries USING btree (customer_id, endpoint_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_customer_id_endpoint_id_due_idx ON public.webhook_deliveries USING btree (customer_id, endpoint_id, next_attempt_at, sequence) WHERE ((status)::text = ANY ((ARRAY['pending'::character varying, 'retrying'::character varying])::text[]));
CREATE UNIQUE INDEX webhook_deliveries_customer_id_endpoint_id_event_key_key ON public.webhook_deliveries USING btree (customer_id, endpoint_id, event_key);
CREATE INDEX webhook_deliveries_customer_id_endpoint_id_open_idx ON public.webhook_deliveries USING btree (customer_id, endpoint_id, sequence) WHERE ((status)::text <> 'success'::text);
CREATE UNIQUE INDEX webhook_deliveries_customer_id_endpoint_id_sequence_key ON public.webhook_deliveries USING btree (customer_id, endpoint_id, sequence);
CREATE INDEX webhook_deliveries_customer_id_next_attempt_at_idx ON public.webhook_deliveries USING btree (customer_id, next_attempt_at, created_at, id);
CREATE INDEX webhook_deliveries_customer_id_sequence_created_at_id_idx ON public.webhook_deliveries USING btree (customer_id, sequence, created_at, id);
CREATE INDEX webhook_deliveries_customer_id_undelivered_idx ON public.webhook_deliveries USING btree (customer_id, created_at DESC, id DESC) INCLUDE (status) WHERE ((status)::text <> 'success'::text);
CREATE INDEX webhook_endpoints_customer_id_name_id_idx ON public.webhook_endpoints USING btree (customer_id, name, id);
CREATE INDEX webhook_events_customer_id_created_at_idx ON public.webhook_events USING btree (customer_id, created_at);
CREATE UNIQUE INDEX webhook_events_customer_id_event_key_key ON public.webhook_events USING btree (customer_id, event_key);
CREATE INDEX webhook_events_customer_id_event_type_sequence_idx ON public.webhook_events USING btree (customer_id, event_type, sequence);
CREATE UNIQUE INDEX webhook_events_customer_id_sequence_key ON public.webhook_events USING btree (customer_id, sequence);
CREATE INDEX webhook_events_customer_id_unnumbered_idx ON public.webhook_events USING btree (customer_id, id) WHERE (sequence IS NULL);
CREATE INDEX webhook_replays_customer_id_created_at_id_idx ON public.webhook_replays USING btree (customer_id, created_at DESC, id DESC);
CREATE INDEX webhook_replays_customer_id_endpoint_id_idx ON public.webhook_replays USING btree (customer_id, endpoint_id);
CREATE UNIQUE INDEX webhook_replays_customer_id_endpoint_id_unfinished_key ON public.webhook_replays USING btree (customer_id, endpoint_id) WHERE ((state)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[]));

-- Functions

CREATE OR REPLACE FUNCTION public.api_key_account(the_hash bytea)
 RETURNS TABLE(customer_id uuid, id uuid, name character varying, scopes text[], allowed_cidrs text[], expires_at timestamp with time zone, revoked_at timestamp with time zone, last_used_at timestamp with time zone, last_refused_at timestamp with time zone)
 LANGUAGE plpgsql
AS $function$
DECLARE
    was text := current_setting('app.system', true);
BEGIN
    PERFORM set_config('app.system', 'on', true);
    RETURN QUERY
        SELECT ak.customer_id, ak.id, ak.name, ak.scopes, ak.allowed_cidrs::text[], ak.expires_at, ak.revoked_at,
            ak.last_used_at, ak.last_refused_at
        FROM api_keys ak
        WHERE ak.key_hash = the_hash
        LIMIT 1;
    PERFORM set_config('app.system', coalesce(was, ''), true);
END
$function$
;
CREATE OR REPLACE FUNCTION public.audit_events_refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
END
$function$
;
CREATE OR REPLACE FUNCTION public.audit_head(chain uuid)
 RETURNS TABLE(seq bigint, hash bytea)
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM audit_lock(chain);
    IF chain IS NULL THEN
        RETURN QUERY SELECT h.seq, h.hash FROM audit_heads h WHERE h.customer_id IS NULL ORDER BY h.seq DESC LIMIT 1;
    ELSE
        RETURN QUERY SELECT h.seq, h.hash FROM audit_heads h WHERE h.customer_id = chain ORDER BY h.seq DESC LIMIT 1;
    END IF;
END
$function$
;
CREATE OR REPLACE FUNCTION public.audit_lock(chain uuid)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM 1 FROM customers c WHERE c.id = chain FOR KEY SHARE;
    PERFORM pg_advisory_xact_lock(hashtextextended('upstream.audit:' || coalesce(chain::text, ''), 0));
END
$function$
;
CREATE OR REPLACE FUNCTION public.claims_roll_up()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('upstream.ingest:' || f.customer_id, 0))
    FROM (SELECT customer_id FROM fresh LIMIT 1) f;
    INSERT INTO claim_days AS r (customer_id, decided_date, claims, denied)
    SELECT customer_id, decided_date, count(*), count(*) FILTER (WHERE outcome = 'DENIED')
    FROM fresh
    GROUP BY customer_id, decided_date
    ON CONFLICT (customer_id, decided_date) DO UPDATE
    SET claims = r.claims + excluded.claims, denied = r.denied + excluded.denied;
    INSERT INTO claim_payer_days AS r (customer_id, submitted_date, payer, paid, denied, other, allowed, allowed_amount)
    SELECT customer_id, submitted_date, payer,
        count(*) FILTER (WHERE outcome = 'PAID'), count(*) FILTER (WHERE outcome = 'DENIED'), count(*) FILTER (WHERE outcome = 'OTHER'),
        count(allowed_amount), coalesce(sum(allowed_amount), 0)
    FROM fresh
    GROUP BY customer_id, submitted_date, payer
    ON CONFLICT (customer_id, submitted_date, payer) DO UPDATE
    SET paid = r.paid + excluded.paid, denied = r.denied + excluded.denied, other = r.other + excluded.other,
        allowed = r.allowed + excluded.allowed, allowed_amount = r.allowed_amount + excluded.allowed_amount;
    INSERT INTO claim_months AS r (customer_id, month, payer, cpt_group, outcome, denial_reason_code,
        claims, billed_amount, allowed_amount, paid_amount)
    SELECT customer_id, date_trunc('month', decided_date::timestamp)::date, payer, cpt_group, outcome, coalesce(denial_reason_code, ''),
        count(*), coalesce(sum(billed_amount), 0), coalesce(sum(allowed_amount), 0), coalesce(sum(paid_amount), 0)
    FROM fresh
    GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (customer_id, month, payer, cpt_group, outcome, denial_reason_code) DO UPDATE
    SET claims = r.claims + excluded.claims, billed_amount = r.billed_amount + excluded.billed_amount,
        allowed_amount = r.allowed_amount + excluded.allowed_amount, paid_amount = r.paid_amount + excluded.paid_amount;
    RETURN NULL;
END
$function$
;
CREATE OR REPLACE FUNCTION public.claims_roll_up_anew(customer uuid)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('upstream.ingest:' || customer, 0));
    DELETE FROM claim_days WHERE customer_id = customer;
    DELETE FROM claim_payer_days WHERE customer_id = customer;
    DELETE FROM claim_months WHERE customer_id = customer;
    INSERT INTO claim_days (customer_id, decided_date, claims, denied)
    SELECT customer, decided_date, count(*), count(*) FILTER (WHERE outcome = 'DENIED')
    FROM claims
    WHERE customer_id = customer
    GROUP BY decided_date;
    INSERT INTO claim_payer_days (customer_id, submitted_date, payer, paid, denied, other, allowed, allowed_amount)
    SELECT customer, submitted_date, payer,
        count(*) FILTER (WHERE outcome = 'PAID'), count(*) FILTER (WHERE outcome = 'DENIED'), count(*) FILTER (WHERE outcome = 'OTHER'),
        count(allowed_amount), coalesce(sum(allowed_amount), 0)
    FROM claims
    WHERE customer_id = customer
    GROUP BY submitted_date, payer;
    INSERT INTO claim_months (customer_id, month, payer, cpt_group, outcome, denial_reason_code,
        claims, billed_amount, allowed_amount, paid_amount)
    SELECT customer, date_trunc('month', decided_date::timestamp)::date, payer, cpt_group, outcome, coalesce(denial_reason_code, ''),
        count(*), coalesce(sum(billed_amount), 0), coalesce(sum(allowed_amount), 0), coalesce(sum(paid_amount), 0)
    FROM claims
    WHERE customer_id = customer
    GROUP BY 2, 3, 4, 5, 6;
END
$function$
;
CREATE OR REPLACE FUNCTION public.claims_roll_up_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM claims_roll_up_anew(g.customer_id) FROM (SELECT DISTINCT customer_id FROM gone) g;
    RETURN NULL;
END
$function$
;
CREATE OR REPLACE FUNCTION public.customers_replan()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF NEW.next_weekly_run_at IS NOT DISTINCT FROM OLD.next_weekly_run_at THEN
        NEW.next_weekly_run_at := NULL;
    END IF;
    IF NEW.next_monthly_run_at IS NOT DISTINCT FROM OLD.next_monthly_run_at THEN
        NEW.next_monthly_run_at := NULL;
    END IF;
    RETURN NEW;
END
$function$
;
CREATE OR REPLACE FUNCTION public.end_member_sessions()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
    was text := coalesce(current_setting('app.system', true), '');
BEGIN
    PERFORM set_config('app.system', 'on', true);
    UPDATE sessions
    SET ended_at = now(), end_reason = CASE TG_OP WHEN 'DELETE' THEN 'member_removed' ELSE 'role_changed' END
    WHERE user_id = OLD.user_id AND for_customer_id = OLD.customer_id AND ended_at IS NULL;
    PERFORM set_config('app.system', was, true);
    RETURN NULL;
END
$function$
;
CREATE OR REPLACE FUNCTION public.raise_token_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.token_version := greatest(NEW.token_version, OLD.token_version + 1);
    RETURN NEW;
END
$function$
;
CREATE OR REPLACE FUNCTION public.session_account(the_user uuid, the_session uuid)
 RETURNS TABLE(email character varying, is_active boolean, is_superuser boolean, token_version integer, membership_id uuid, customer_id uuid, role character varying, role_version integer)
 LANGUAGE plpgsql
AS $function$
DECLARE
    was text := current_setting('app.system', true);
BEGIN
    PERFORM set_config('app.system', 'on', true);
    RETURN QUERY
        SELECT us.email, us.is_active, us.is_superuser, us.token_version, me.id, me.customer_id, me.role, me.token_version
        FROM sessions se
        JOIN users us ON us.id = se.user_id
        LEFT JOIN memberships me ON me.user_id = us.id
        WHERE se.id = the_session AND se.user_id = the_user AND se.ended_at IS NULL
        ORDER BY me.created_at, me.id;
    PERFORM set_config('app.system', coalesce(was, ''), true);
END
$function$
;

-- Triggers

CREATE TRIGGER audit_events_append_only BEFORE DELETE OR UPDATE ON public.audit_events FOR EACH ROW EXECUTE FUNCTION audit_events_refuse_change();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON public.audit_events FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change();
CREATE TRIGGER claims_roll_up AFTER INSERT ON public.claims REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION claims_roll_up();
CREATE TRIGGER claims_roll_up_deleted AFTER DELETE ON public.claims REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION claims_roll_up_changed();
CREATE TRIGGER claims_roll_up_updated AFTER UPDATE ON public.claims REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION claims_roll_up_changed();
CREATE TRIGGER customers_replan BEFORE UPDATE ON public.customers FOR EACH ROW WHEN (((((((old.time_zone)::text IS DISTINCT FROM (new.time_zone)::text) OR (old.weekly_run_enabled IS DISTINCT FROM new.weekly_run_enabled)) OR (old.weekly_run_weekday IS DISTINCT FROM new.weekly_run_weekday)) OR (old.monthly_run_enabled IS DISTINCT FROM new.monthly_run_enabled)) OR ((old.run_local_time)::text IS DISTINCT FROM (new.run_local_time)::text))) EXECUTE FUNCTION customers_replan();
CREATE TRIGGER memberships_raise_token_version BEFORE UPDATE ON public.memberships FOR EACH ROW WHEN (((old.role)::text IS DISTINCT FROM (new.role)::text)) EXECUTE FUNCTION raise_token_version();
CREATE TRIGGER memberships_removal_ends_sessions AFTER DELETE ON public.memberships FOR EACH ROW EXECUTE FUNCTION end_member_sessions();
CREATE TRIGGER memberships_role_ends_sessions AFTER UPDATE ON public.memberships FOR EACH ROW WHEN (((old.role)::text IS DISTINCT FROM (new.role)::text)) EXECUTE FUNCTION end_member_sessions();
CREATE TRIGGER users_raise_token_version BEFORE UPDATE ON public.users FOR EACH ROW WHEN (((old.password_hash IS DISTINCT FROM new.password_hash) OR (old.is_active IS DISTINCT FROM new.is_active) OR (old.is_superuser IS DISTINCT FROM new.is_superuser))) EXECUTE FUNCTION raise_token_version();

-- Row-level security

ALTER TABLE alert_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE alert_history ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE alert_notifications ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE alert_rule_channels ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE alert_rules ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE claim_days ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE claim_months ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE claim_payer_days ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE claims ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE cpt_group_mappings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE drift_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE drift_tests ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE memberships ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE notification_channels ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE operator_judgments ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE password_resets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE payer_mappings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE report_runs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE sign_in_failures ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE upload_chunks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE upload_rejections ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE uploads ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_attempts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoints ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_replays ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_streams ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- Policies

CREATE POLICY alert_events_system_pending ON alert_events AS PERMISSIVE FOR SELECT TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) AND ((status)::text = 'pending'::text)))
    WITH CHECK ();
CREATE POLICY alert_events_tenant ON alert_events AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY alert_history_tenant ON alert_history AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY alert_notifications_system_pending ON alert_notifications AS PERMISSIVE FOR SELECT TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) AND ((status)::text = 'pending'::text)))
    WITH CHECK ();
CREATE POLICY alert_notifications_tenant ON alert_notifications AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY alert_rule_channels_tenant ON alert_rule_channels AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY alert_rules_tenant ON alert_rules AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY api_keys_system_read ON api_keys AS PERMISSIVE FOR SELECT TO public
    USING ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))
    WITH CHECK ();
CREATE POLICY api_keys_system_use ON api_keys AS PERMISSIVE FOR UPDATE TO public
    USING ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))
    WITH CHECK ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text));
CREATE POLICY api_keys_tenant ON api_keys AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY audit_events_tenant ON audit_events AS PERMISSIVE FOR ALL TO public
    USING (((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")) OR ((customer_id IS NULL) AND (( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))))
    WITH CHECK (((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")) OR ((customer_id IS NULL) AND (( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))));
CREATE POLICY audit_heads_tenant ON audit_heads AS PERMISSIVE FOR ALL TO public
    USING (((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")) OR ((customer_id IS NULL) AND (( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))))
    WITH CHECK (((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")) OR ((customer_id IS NULL) AND (( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))));
CREATE POLICY claim_days_tenant ON claim_days AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY claim_months_tenant ON claim_months AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY claim_payer_days_tenant ON claim_payer_days AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY claims_tenant ON claims AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY cpt_group_mappings_tenant ON cpt_group_mappings AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY customers_tenant ON customers AS PERMISSIVE FOR ALL TO public
    USING (((id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")) OR (( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text)))
    WITH CHECK (((id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")) OR (( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text)));
CREATE POLICY drift_events_tenant ON drift_events AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY drift_tests_tenant ON drift_tests AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY idempotency_keys_system_expired ON idempotency_keys AS PERMISSIVE FOR SELECT TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) AND (expires_at <= now())))
    WITH CHECK ();
CREATE POLICY idempotency_keys_system_purge ON idempotency_keys AS PERMISSIVE FOR DELETE TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) AND (expires_at <= now())))
    WITH CHECK ();
CREATE POLICY idempotency_keys_tenant ON idempotency_keys AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY invitations_system_answer ON invitations AS PERMISSIVE FOR UPDATE TO public
    USING ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))
    WITH CHECK ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text));
CREATE POLICY invitations_system_read ON invitations AS PERMISSIVE FOR SELECT TO public
    USING ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))
    WITH CHECK ();
CREATE POLICY invitations_tenant ON invitations AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY memberships_tenant ON memberships AS PERMISSIVE FOR ALL TO public
    USING (((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")) OR (( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text)))
    WITH CHECK (((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")) OR (( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text)));
CREATE POLICY notification_channels_tenant ON notification_channels AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY operator_judgments_tenant ON operator_judgments AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY password_resets_system ON password_resets AS PERMISSIVE FOR ALL TO public
    USING ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))
    WITH CHECK ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text));
CREATE POLICY payer_mappings_tenant ON payer_mappings AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY refresh_tokens_system ON refresh_tokens AS PERMISSIVE FOR ALL TO public
    USING ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))
    WITH CHECK ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text));
CREATE POLICY report_runs_system_unfinished ON report_runs AS PERMISSIVE FOR SELECT TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) AND ((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[]))))
    WITH CHECK ();
CREATE POLICY report_runs_tenant ON report_runs AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY sessions_system ON sessions AS PERMISSIVE FOR ALL TO public
    USING ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))
    WITH CHECK ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text));
CREATE POLICY sign_in_failures_system ON sign_in_failures AS PERMISSIVE FOR ALL TO public
    USING ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text))
    WITH CHECK ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text));
CREATE POLICY upload_chunks_tenant ON upload_chunks AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY upload_rejections_tenant ON upload_rejections AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY uploads_system_unfinished ON uploads AS PERMISSIVE FOR SELECT TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) AND ((status)::text = 'processing'::text)))
    WITH CHECK ();
CREATE POLICY uploads_tenant ON uploads AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY users_member ON users AS PERMISSIVE FOR ALL TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) OR (EXISTS ( SELECT
   FROM memberships m
  WHERE ((m.user_id = users.id) AND (m.customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))))))
    WITH CHECK ((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text));
CREATE POLICY webhook_attempts_tenant ON webhook_attempts AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY webhook_deliveries_system_waiting ON webhook_deliveries AS PERMISSIVE FOR SELECT TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) AND ((status)::text = ANY ((ARRAY['pending'::character varying, 'retrying'::character varying])::text[]))))
    WITH CHECK ();
CREATE POLICY webhook_deliveries_tenant ON webhook_deliveries AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY webhook_endpoints_tenant ON webhook_endpoints AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY webhook_events_system_unnumbered ON webhook_events AS PERMISSIVE FOR SELECT TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) AND (sequence IS NULL)))
    WITH CHECK ();
CREATE POLICY webhook_events_tenant ON webhook_events AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY webhook_replays_system_unfinished ON webhook_replays AS PERMISSIVE FOR SELECT TO public
    USING (((( SELECT current_setting('app.system'::text, true) AS current_setting) = 'on'::text) AND ((state)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[]))))
    WITH CHECK ();
CREATE POLICY webhook_replays_tenant ON webhook_replays AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY webhook_streams_tenant ON webhook_streams AS PERMISSIVE FOR ALL TO public
    USING ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")))
    WITH CHECK ((customer_id = ( SELECT (NULLIF(current_setting('app.customer_id'::text, true), ''::text))::uuid AS "nullif")));

-- Grants

GRANT INSERT, SELECT, UPDATE ON alert_events TO upstream_app;
GRANT INSERT, SELECT ON alert_history TO upstream_app;
GRANT INSERT, SELECT, UPDATE ON alert_notifications TO upstream_app;
GRANT DELETE, INSERT, SELECT ON alert_rule_channels TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON alert_rules TO upstream_app;
GRANT INSERT, SELECT ON api_keys TO upstream_app;
GRANT INSERT, SELECT ON audit_events TO upstream_app;
GRANT DELETE, INSERT, SELECT ON audit_heads TO upstream_app;
GRANT INSERT, SELECT, UPDATE ON claim_days TO upstream_app;
GRANT INSERT, SELECT, UPDATE ON claim_months TO upstream_app;
GRANT INSERT, SELECT, UPDATE ON claim_payer_days TO upstream_app;
GRANT INSERT, SELECT ON claims TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON cpt_group_mappings TO upstream_app;
GRANT INSERT, SELECT, UPDATE ON customers TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON drift_events TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON drift_tests TO upstream_app;
GRANT DELETE, INSERT, SELECT ON idempotency_keys TO upstream_app;
GRANT INSERT, SELECT ON invitations TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON memberships TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON notification_channels TO upstream_app;
GRANT INSERT, SELECT, UPDATE ON operator_judgments TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON password_resets TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON payer_mappings TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON refresh_tokens TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON report_runs TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON sessions TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON sign_in_failures TO upstream_app;
GRANT DELETE, INSERT, SELECT ON upload_chunks TO upstream_app;
GRANT DELETE, INSERT, SELECT ON upload_rejections TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON uploads TO upstream_app;
GRANT INSERT, SELECT, UPDATE ON users TO upstream_app;
GRANT DELETE, INSERT, SELECT ON webhook_attempts TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook_deliveries TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook_endpoints TO upstream_app;
GRANT DELETE, INSERT, SELECT ON webhook_events TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook_replays TO upstream_app;
GRANT INSERT, SELECT, UPDATE ON webhook_streams TO upstream_app;

-- The job queue

CREATE SCHEMA river;
-- made by River: river.river_job (id bigint, state river.river_job_state, attempt smallint, max_attempts smallint, attempted_at timestamp with time zone, created_at timestamp with time zone, finalized_at timestamp with time zone, scheduled_at timestamp with time zone, priority smallint, args jsonb, attempted_by text[], errors jsonb[], kind text, metadata jsonb, queue text, tags character varying(255)[], unique_key bytea, unique_states bit(8))
-- made by River: river.river_leader (elected_at timestamp with time zone, expires_at timestamp with time zone, leader_id text, name text)
-- made by River: river.river_migration (line text, version bigint, created_at timestamp with time zone)
-- made by River: river.river_notification (id bigint, created_at timestamp with time zone, payload text, topic text)
-- made by River: river.river_queue (name text, created_at timestamp with time zone, metadata jsonb, paused_at timestamp with time zone, updated_at timestamp with time zone)
GRANT USAGE ON SCHEMA river TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON river.river_job TO upstream_app;
GRANT USAGE ON river.river_job_id_seq TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON river.river_leader TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON river.river_migration TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON river.river_notification TO upstream_app;
GRANT USAGE ON river.river_notification_id_seq TO upstream_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON river.river_queue TO upstream_app;
