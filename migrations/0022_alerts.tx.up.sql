-- From a drift event to a person: the rules that decide of which events anybody
-- is told, where the messages go, the alerts themselves with what happened to
-- them, and what operators made of them.

CREATE TABLE notification_channels (
    customer_id   uuid         NOT NULL,
    id            uuid         NOT NULL,
    name          varchar(100) NOT NULL,
    channel_type  varchar(20)  NOT NULL,
    -- Addresses, and URLs that are credentials.
    config_sealed bytea        NOT NULL,
    enabled       boolean      NOT NULL DEFAULT true,
    -- What came of the last message that somebody sent to try the channel.
    tested_at     timestamptz,
    test_error    text,
    created_by    uuid,
    version       bigint       NOT NULL DEFAULT 1,
    created_at    timestamptz  NOT NULL,
    updated_at    timestamptz  NOT NULL,
    CONSTRAINT notification_channels_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT notification_channels_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT notification_channels_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT notification_channels_name_check CHECK (btrim(name) <> ''),
    CONSTRAINT notification_channels_channel_type_check CHECK (channel_type IN ('email', 'slack', 'webhook')),
    CONSTRAINT notification_channels_test_error_tested_at_check CHECK (test_error IS NULL OR tested_at IS NOT NULL),
    CONSTRAINT notification_channels_version_check CHECK (version >= 1)
);
CREATE UNIQUE INDEX notification_channels_customer_id_name_key ON notification_channels (customer_id, lower(name));
-- Serves the list in its own order; lists by type and by age are as short.
CREATE INDEX notification_channels_customer_id_name_id_idx ON notification_channels (customer_id, name, id);
CREATE INDEX notification_channels_customer_id_channel_type_name_id_idx
    ON notification_channels (customer_id, channel_type, name, id);
CREATE INDEX notification_channels_customer_id_created_at_name_id_idx
    ON notification_channels (customer_id, created_at, name, id);

CREATE TABLE alert_rules (
    customer_id      uuid             NOT NULL,
    id               uuid             NOT NULL,
    name             varchar(100)     NOT NULL,
    description      text             NOT NULL DEFAULT '',
    scope            jsonb            NOT NULL DEFAULT '{}',
    metric           varchar(50)      NOT NULL DEFAULT 'severity',
    threshold_type   varchar(20)      NOT NULL DEFAULT 'gte',
    threshold_value  double precision NOT NULL DEFAULT 0.7,
    enabled          boolean          NOT NULL DEFAULT true,
    severity         varchar(20)      NOT NULL DEFAULT 'warning',
    routing_priority integer          NOT NULL DEFAULT 0,
    routing_tags     text[]           NOT NULL DEFAULT '{}',
    created_by       uuid,
    version          bigint           NOT NULL DEFAULT 1,
    created_at       timestamptz      NOT NULL,
    updated_at       timestamptz      NOT NULL,
    CONSTRAINT alert_rules_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT alert_rules_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT alert_rules_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT alert_rules_name_check CHECK (btrim(name) <> ''),
    CONSTRAINT alert_rules_scope_check CHECK (jsonb_typeof(scope) = 'object'),
    CONSTRAINT alert_rules_metric_check CHECK (metric IN ('severity', 'denial_rate_delta', 'decision_time_delta')),
    CONSTRAINT alert_rules_threshold_type_check CHECK (threshold_type IN ('gt', 'gte', 'lt', 'lte', 'eq')),
    CONSTRAINT alert_rules_threshold_value_check CHECK (threshold_value NOT IN ('NaN', 'Infinity', '-Infinity')),
    CONSTRAINT alert_rules_severity_check CHECK (severity IN ('info', 'warning', 'critical', 'emergency')),
    CONSTRAINT alert_rules_routing_priority_check CHECK (routing_priority BETWEEN -1000 AND 1000),
    CONSTRAINT alert_rules_routing_tags_check CHECK (cardinality(routing_tags) <= 20),
    CONSTRAINT alert_rules_version_check CHECK (version >= 1)
);
CREATE UNIQUE INDEX alert_rules_customer_id_name_key ON alert_rules (customer_id, lower(name));
-- Serves the list in its own order, which is the order of evaluation.
CREATE INDEX alert_rules_customer_id_routing_priority_id_idx ON alert_rules (customer_id, routing_priority DESC, id);
-- Serves the order by name and by age.
CREATE INDEX alert_rules_customer_id_name_routing_priority_id_idx ON alert_rules (customer_id, name, routing_priority, id);
CREATE INDEX alert_rules_customer_id_created_at_routing_priority_id_idx ON alert_rules (customer_id, created_at, routing_priority, id);

-- Where the alerts of a rule go; a rule without any goes to every enabled
-- channel. A channel that a rule names cannot be deleted: its alerts would go
-- to everybody then.
CREATE TABLE alert_rule_channels (
    customer_id   uuid NOT NULL,
    alert_rule_id uuid NOT NULL,
    channel_id    uuid NOT NULL,
    CONSTRAINT alert_rule_channels_pkey PRIMARY KEY (customer_id, alert_rule_id, channel_id),
    CONSTRAINT alert_rule_channels_customer_id_alert_rule_id_fkey FOREIGN KEY (customer_id, alert_rule_id)
        REFERENCES alert_rules (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT alert_rule_channels_customer_id_channel_id_fkey FOREIGN KEY (customer_id, channel_id)
        REFERENCES notification_channels (customer_id, id)
);
-- Serves the foreign key when a channel is deleted.
CREATE INDEX alert_rule_channels_customer_id_channel_id_idx ON alert_rule_channels (customer_id, channel_id);

CREATE TABLE alert_events (
    customer_id          uuid         NOT NULL,
    id                   uuid         NOT NULL,
    alert_rule_id        uuid         NOT NULL,
    drift_event_id       uuid         NOT NULL,
    report_run_id        uuid         NOT NULL,
    signal_key           text         NOT NULL,
    payer                varchar(255) NOT NULL,
    drift_type           varchar(30)  NOT NULL,
    status               varchar(20)  NOT NULL DEFAULT 'pending',
    triggered_at         timestamptz  NOT NULL,
    payload              jsonb        NOT NULL,
    notification_sent_at timestamptz,
    error_message        text,
    suppression_reason   varchar(20),
    needs_follow_up      boolean      NOT NULL DEFAULT false,
    latest_verdict       varchar(20),
    assignee_id          uuid,
    snoozed_until        timestamptz,
    acknowledged_at      timestamptz,
    acknowledged_by      uuid,
    resolved_at          timestamptz,
    resolved_by          uuid,
    resolution           varchar(20),
    history_length       integer      NOT NULL DEFAULT 0,
    -- Until when a job has the alert to itself to tell people of it, unless it
    -- says earlier that it is done.
    notifying_until      timestamptz,
    version              bigint       NOT NULL DEFAULT 1,
    created_at           timestamptz  NOT NULL,
    updated_at           timestamptz  NOT NULL,
    CONSTRAINT alert_events_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT alert_events_customer_id_alert_rule_id_fkey FOREIGN KEY (customer_id, alert_rule_id)
        REFERENCES alert_rules (customer_id, id),
    CONSTRAINT alert_events_customer_id_drift_event_id_fkey FOREIGN KEY (customer_id, drift_event_id)
        REFERENCES drift_events (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT alert_events_customer_id_report_run_id_fkey FOREIGN KEY (customer_id, report_run_id)
        REFERENCES report_runs (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT alert_events_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT alert_events_acknowledged_by_fkey FOREIGN KEY (acknowledged_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT alert_events_resolved_by_fkey FOREIGN KEY (resolved_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT alert_events_drift_type_check CHECK (drift_type IN ('DENIAL_RATE', 'APPROVAL_RATE',
        'AUTH_FAILURE_RATE', 'DECISION_TIME', 'PROCESSING_DELAY', 'PAYMENT_AMOUNT')),
    CONSTRAINT alert_events_status_check CHECK (status IN ('pending', 'sent', 'failed', 'acknowledged', 'resolved')),
    CONSTRAINT alert_events_payload_check CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT alert_events_suppression_reason_check CHECK (suppression_reason IN ('cooldown', 'noise_pattern')),
    CONSTRAINT alert_events_latest_verdict_check CHECK (latest_verdict IN ('noise', 'real', 'needs_followup')),
    CONSTRAINT alert_events_resolution_check CHECK (resolution IN ('operator', 'noise', 'signal_gone')),
    CONSTRAINT alert_events_history_length_check CHECK (history_length >= 0),
    -- The state and what it says of the rest of the row.
    CONSTRAINT alert_events_status_notification_sent_at_check CHECK (CASE status
        WHEN 'sent' THEN notification_sent_at IS NOT NULL
        WHEN 'pending' THEN notification_sent_at IS NULL AND error_message IS NULL
        WHEN 'failed' THEN notification_sent_at IS NULL AND error_message IS NOT NULL
        ELSE true END),
    CONSTRAINT alert_events_status_acknowledged_at_check CHECK (status <> 'acknowledged' OR acknowledged_at IS NOT NULL),
    CONSTRAINT alert_events_status_resolved_at_check CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
    CONSTRAINT alert_events_resolved_at_resolution_check CHECK ((resolved_at IS NULL) = (resolution IS NULL)),
    CONSTRAINT alert_events_suppression_reason_sent_at_check
        CHECK (suppression_reason IS NULL OR notification_sent_at IS NOT NULL AND error_message = 'suppressed'),
    CONSTRAINT alert_events_version_check CHECK (version >= 1)
);
-- A rule fires once for a signal, however many runs and attempts see it. Serves
-- the foreign key when a rule is deleted, too.
CREATE UNIQUE INDEX alert_events_customer_id_alert_rule_id_signal_key_key
    ON alert_events (customer_id, alert_rule_id, signal_key);
-- Serves `alerts/`, newest first.
CREATE INDEX alert_events_customer_id_triggered_at_id_idx ON alert_events (customer_id, triggered_at DESC, id DESC);
-- Serves the inbox, `alerts/?status=`, and the order by status.
CREATE INDEX alert_events_customer_id_status_triggered_at_id_idx ON alert_events (customer_id, status, triggered_at, id);
-- Serves the order by payer.
CREATE INDEX alert_events_customer_id_payer_triggered_at_id_idx ON alert_events (customer_id, payer, triggered_at, id);
-- Serves `AlertRule.alertEvents` and `alerts/?alert_rule=`.
CREATE INDEX alert_events_customer_id_alert_rule_id_triggered_at_id_idx
    ON alert_events (customer_id, alert_rule_id, triggered_at DESC, id DESC);
-- Serves `DriftEvent.alertEvents` and the foreign key when an event is deleted.
CREATE INDEX alert_events_customer_id_drift_event_id_triggered_at_id_idx
    ON alert_events (customer_id, drift_event_id, triggered_at DESC, id DESC);
-- Serves `alerts/?report_run=` and the foreign key when a run is deleted.
CREATE INDEX alert_events_customer_id_report_run_id_triggered_at_id_idx
    ON alert_events (customer_id, report_run_id, triggered_at DESC, id DESC);
-- Serves `alerts/?assignee=`.
CREATE INDEX alert_events_customer_id_assignee_id_triggered_at_id_idx
    ON alert_events (customer_id, assignee_id, triggered_at DESC, id DESC) WHERE assignee_id IS NOT NULL;
-- Serves suppression and memory: the alerts about one signal.
CREATE INDEX alert_events_customer_id_payer_drift_type_sent_at_idx
    ON alert_events (customer_id, payer, drift_type, notification_sent_at DESC);
-- Serves who looks whether a run lost the signals of alerts.
CREATE INDEX alert_events_customer_id_unresolved_idx ON alert_events (customer_id, id) WHERE status <> 'resolved';
-- Serves who looks for alerts that nobody was told of.
CREATE INDEX alert_events_customer_id_pending_idx ON alert_events (customer_id, id) WHERE status = 'pending';

CREATE TABLE alert_history (
    customer_id        uuid        NOT NULL,
    alert_event_id     uuid        NOT NULL,
    number             integer     NOT NULL,
    at                 timestamptz NOT NULL,
    action             varchar(20) NOT NULL,
    from_status        varchar(20) NOT NULL,
    to_status          varchar(20) NOT NULL,
    user_id            uuid,
    assignee_id        uuid,
    snoozed_until      timestamptz,
    suppression_reason varchar(20),
    CONSTRAINT alert_history_pkey PRIMARY KEY (customer_id, alert_event_id, number),
    CONSTRAINT alert_history_customer_id_alert_event_id_fkey FOREIGN KEY (customer_id, alert_event_id)
        REFERENCES alert_events (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT alert_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT alert_history_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT alert_history_number_check CHECK (number >= 1),
    CONSTRAINT alert_history_action_check CHECK (action IN ('acknowledge', 'resolve', 'reopen', 'snooze', 'unsnooze',
        'assign', 'retry', 'judge_noise', 'judge_real', 'judge_follow_up', 'send', 'suppress', 'fail', 'auto_resolve')),
    CONSTRAINT alert_history_from_status_check CHECK (from_status IN ('pending', 'sent', 'failed', 'acknowledged', 'resolved')),
    CONSTRAINT alert_history_to_status_check CHECK (to_status IN ('pending', 'sent', 'failed', 'acknowledged', 'resolved')),
    CONSTRAINT alert_history_suppression_reason_check CHECK (suppression_reason IN ('cooldown', 'noise_pattern'))
);

-- How each channel took an alert. A row outlives its channel, which is why the
-- channel is no foreign key: that somebody was told stays true.
CREATE TABLE alert_notifications (
    customer_id     uuid         NOT NULL,
    alert_event_id  uuid         NOT NULL,
    number          integer      NOT NULL,
    -- Null for the address that is told when no channel can be.
    channel_id      uuid,
    channel_name    varchar(100) NOT NULL,
    channel_type    varchar(20)  NOT NULL,
    status          varchar(20)  NOT NULL DEFAULT 'pending',
    attempts        integer      NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    sent_at         timestamptz,
    error_message   text,
    -- SHA-256 of the addresses that have it, in hexadecimal.
    taken           text[]       NOT NULL DEFAULT '{}',
    created_at      timestamptz  NOT NULL,
    updated_at      timestamptz  NOT NULL,
    CONSTRAINT alert_notifications_pkey PRIMARY KEY (customer_id, alert_event_id, number),
    CONSTRAINT alert_notifications_customer_id_alert_event_id_fkey FOREIGN KEY (customer_id, alert_event_id)
        REFERENCES alert_events (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT alert_notifications_number_check CHECK (number >= 1),
    CONSTRAINT alert_notifications_channel_type_check CHECK (channel_type IN ('email', 'slack', 'webhook')),
    CONSTRAINT alert_notifications_status_check CHECK (status IN ('pending', 'sent', 'failed', 'skipped')),
    CONSTRAINT alert_notifications_status_sent_at_check CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT alert_notifications_attempts_check CHECK (attempts >= 0)
);
-- An alert goes to a channel once.
CREATE UNIQUE INDEX alert_notifications_customer_id_alert_event_id_channel_id_key
    ON alert_notifications (customer_id, alert_event_id, coalesce(channel_id, '00000000-0000-0000-0000-000000000000'));
-- Serves who looks for messages that nobody sends any more.
CREATE INDEX alert_notifications_customer_id_pending_idx ON alert_notifications (customer_id, alert_event_id)
    WHERE status = 'pending';

CREATE TABLE operator_judgments (
    customer_id      uuid         NOT NULL,
    id               uuid         NOT NULL,
    alert_event_id   uuid         NOT NULL,
    verdict          varchar(20)  NOT NULL,
    reason_codes     text[]       NOT NULL DEFAULT '{}',
    notes            text         NOT NULL DEFAULT '',
    recovered_amount numeric(12,2),
    recovered_date   date,
    operator_id      uuid,
    -- Who judged, as that one was called then.
    operator_name    varchar(320) NOT NULL,
    version          bigint       NOT NULL DEFAULT 1,
    judged_at        timestamptz  NOT NULL,
    created_at       timestamptz  NOT NULL,
    updated_at       timestamptz  NOT NULL,
    CONSTRAINT operator_judgments_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT operator_judgments_customer_id_alert_event_id_fkey FOREIGN KEY (customer_id, alert_event_id)
        REFERENCES alert_events (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT operator_judgments_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT operator_judgments_verdict_check CHECK (verdict IN ('noise', 'real', 'needs_followup')),
    CONSTRAINT operator_judgments_reason_codes_check CHECK (cardinality(reason_codes) <= 20),
    CONSTRAINT operator_judgments_recovered_amount_check CHECK (recovered_amount >= 0 AND recovered_amount <> 'NaN'),
    CONSTRAINT operator_judgments_recovered_date_amount_check CHECK (recovered_date IS NULL OR recovered_amount IS NOT NULL),
    CONSTRAINT operator_judgments_version_check CHECK (version >= 1)
);
-- Who judges again replaces the earlier judgment; keys and commands are one.
-- Serves the judgments of an alert and the foreign key, too.
CREATE UNIQUE INDEX operator_judgments_customer_id_alert_event_id_operator_id_key
    ON operator_judgments (customer_id, alert_event_id, coalesce(operator_id, '00000000-0000-0000-0000-000000000000'));
-- Serves `judgments/`, latest first.
CREATE INDEX operator_judgments_customer_id_judged_at_id_idx ON operator_judgments (customer_id, judged_at DESC, id DESC);
-- Serves `alerts/{id}/judgments/` and `AlertEvent.judgments`.
CREATE INDEX operator_judgments_customer_id_alert_event_id_judged_at_id_idx
    ON operator_judgments (customer_id, alert_event_id, judged_at DESC, id DESC);
-- Serves the orders by day and by amount, and the statistics of recovery.
CREATE INDEX operator_judgments_customer_id_recovered_date_judged_at_id_idx
    ON operator_judgments (customer_id, recovered_date, judged_at, id);
CREATE INDEX operator_judgments_customer_id_recovered_amount_judged_at_idx
    ON operator_judgments (customer_id, recovered_amount, judged_at, id);

DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['notification_channels', 'alert_rules', 'alert_rule_channels', 'alert_events',
        'alert_history', 'alert_notifications', 'operator_judgments'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format($policy$CREATE POLICY %I ON %I
            USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
            WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))$policy$,
            owned || '_tenant', owned);
    END LOOP;
END
$$;

-- Alerts and what was done to them are kept: only what somebody set up is deleted.
GRANT SELECT, INSERT, UPDATE, DELETE ON notification_channels, alert_rules TO upstream_app;
GRANT SELECT, INSERT, DELETE ON alert_rule_channels TO upstream_app;
GRANT SELECT, INSERT, UPDATE ON alert_events, alert_notifications, operator_judgments TO upstream_app;
GRANT SELECT, INSERT ON alert_history TO upstream_app;

-- A recurring job looks for messages of all customers that nobody sends: that
-- there are some is all that system transactions see, and they change nothing.
CREATE POLICY alert_events_system_pending ON alert_events FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on' AND status = 'pending');
CREATE POLICY alert_notifications_system_pending ON alert_notifications FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on' AND status = 'pending');
