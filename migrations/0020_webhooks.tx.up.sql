-- Events that partners hear of: what happened (webhook_events), whom it is
-- delivered to (webhook_endpoints), each event on its way to each of them
-- (webhook_deliveries) and every attempt at that (webhook_attempts).

CREATE TABLE webhook_endpoints (
    customer_id  uuid          NOT NULL,
    id           uuid          NOT NULL,
    name         varchar(100)  NOT NULL,
    url          varchar(2048) NOT NULL,
    active       boolean       NOT NULL DEFAULT true,
    -- Empty means all.
    event_types  text[]        NOT NULL DEFAULT '{}',
    secret_sealed bytea        NOT NULL,
    previous_secret_sealed     bytea,
    previous_secret_expires_at timestamptz,
    -- The sequence of the last delivery made for it.
    last_sequence bigint       NOT NULL DEFAULT 0,
    -- How deliveries have been going: see internal/webhook.
    circuit              varchar(20) NOT NULL DEFAULT 'closed',
    consecutive_failures integer     NOT NULL DEFAULT 0,
    failing_since        timestamptz,
    circuit_openings     integer     NOT NULL DEFAULT 0,
    circuit_retry_at     timestamptz,
    disabled_at          timestamptz,
    disabled_reason      varchar(20),
    -- The process that delivers to it, until when it has said so, and when the
    -- next job comes to look whether there is something to deliver: see
    -- store/webhooklane.go.
    lane_worker  uuid,
    lane_until   timestamptz,
    lane_job_at  timestamptz,
    -- When people were last told that deliveries to it are given up.
    dead_told_at timestamptz,
    created_by   uuid,
    version      bigint        NOT NULL DEFAULT 1,
    created_at   timestamptz   NOT NULL DEFAULT now(),
    updated_at   timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT webhook_endpoints_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT webhook_endpoints_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id),
    CONSTRAINT webhook_endpoints_event_types_check CHECK (event_types <@ ARRAY['drift.detected', 'report.completed',
        'report.failed', 'alert.triggered', 'alert.resolved', 'upload.processed', 'webhook.test']),
    CONSTRAINT webhook_endpoints_previous_secret_check CHECK ((previous_secret_sealed IS NULL) = (previous_secret_expires_at IS NULL)),
    CONSTRAINT webhook_endpoints_last_sequence_check CHECK (last_sequence >= 0),
    CONSTRAINT webhook_endpoints_circuit_check CHECK (circuit IN ('closed', 'open', 'half_open')),
    CONSTRAINT webhook_endpoints_consecutive_failures_check CHECK (consecutive_failures >= 0 AND circuit_openings >= 0),
    CONSTRAINT webhook_endpoints_circuit_circuit_retry_at_check CHECK ((circuit = 'closed') = (circuit_retry_at IS NULL)),
    CONSTRAINT webhook_endpoints_disabled_at_disabled_reason_check CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CONSTRAINT webhook_endpoints_disabled_reason_check CHECK (disabled_reason IN ('gone', 'failing')),
    CONSTRAINT webhook_endpoints_lane_worker_lane_until_check CHECK ((lane_worker IS NULL) = (lane_until IS NULL)),
    CONSTRAINT webhook_endpoints_version_check CHECK (version >= 1)
);
-- Serves the list in its own order; there are few of them.
CREATE INDEX webhook_endpoints_customer_id_name_id_idx ON webhook_endpoints (customer_id, name, id);

-- The last sequence of each customer's events. Who numbers events holds the row
-- until it commits, so that numbers become visible in their order.
CREATE TABLE webhook_streams (
    customer_id   uuid   NOT NULL,
    last_sequence bigint NOT NULL DEFAULT 0,
    CONSTRAINT webhook_streams_pkey PRIMARY KEY (customer_id),
    CONSTRAINT webhook_streams_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT webhook_streams_last_sequence_check CHECK (last_sequence >= 0)
);

-- The outbox: one row for each thing that happened.
CREATE TABLE webhook_events (
    customer_id uuid         NOT NULL,
    id          uuid         NOT NULL,
    -- Null between the transaction in which it happened, when that is a
    -- serializable one, and the one that numbers it right afterwards.
    sequence    bigint,
    event_type  varchar(50)  NOT NULL,
    -- Names what happened, once.
    event_key   varchar(200) NOT NULL,
    -- The object it is about, as the APIs show its identifier.
    subject     varchar(100) NOT NULL,
    revision    bigint       NOT NULL,
    -- Sent byte for byte: jsonb would write it differently.
    data        json         NOT NULL,
    -- The one endpoint that hears of it; null for all that want to.
    endpoint_id uuid,
    created_at  timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT webhook_events_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT webhook_events_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT webhook_events_event_type_check CHECK (event_type IN ('drift.detected', 'report.completed', 'report.failed',
        'alert.triggered', 'alert.resolved', 'upload.processed', 'webhook.test')),
    CONSTRAINT webhook_events_sequence_check CHECK (sequence >= 1),
    CONSTRAINT webhook_events_revision_check CHECK (revision >= 1)
);
-- Nothing is told twice.
CREATE UNIQUE INDEX webhook_events_customer_id_event_key_key ON webhook_events (customer_id, event_key);
-- Serves the feed.
CREATE UNIQUE INDEX webhook_events_customer_id_sequence_key ON webhook_events (customer_id, sequence);
CREATE INDEX webhook_events_customer_id_event_type_sequence_idx ON webhook_events (customer_id, event_type, sequence);
-- Serves numbering.
CREATE INDEX webhook_events_customer_id_unnumbered_idx ON webhook_events (customer_id, id) WHERE sequence IS NULL;
-- Serves retention.
CREATE INDEX webhook_events_customer_id_created_at_idx ON webhook_events (customer_id, created_at);

CREATE TABLE webhook_deliveries (
    customer_id     uuid         NOT NULL,
    id              uuid         NOT NULL,
    endpoint_id     uuid         NOT NULL,
    event_type      varchar(50)  NOT NULL,
    event_key       varchar(200) NOT NULL,
    sequence        bigint       NOT NULL,
    -- Sent and signed byte for byte.
    body            json         NOT NULL,
    status          varchar(20)  NOT NULL DEFAULT 'pending',
    attempts        integer      NOT NULL DEFAULT 0,
    max_attempts    integer      NOT NULL,
    -- Over redeliveries, too.
    attempts_total  integer      NOT NULL DEFAULT 0,
    last_attempt_at timestamptz,
    next_attempt_at timestamptz,
    last_error      varchar(1000),
    response_code   integer,
    response_body   varchar(1000),
    version         bigint       NOT NULL DEFAULT 1,
    created_at      timestamptz  NOT NULL DEFAULT now(),
    updated_at      timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT webhook_deliveries_customer_id_endpoint_id_fkey FOREIGN KEY (customer_id, endpoint_id)
        REFERENCES webhook_endpoints (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_event_type_check CHECK (event_type IN ('drift.detected', 'report.completed',
        'report.failed', 'alert.triggered', 'alert.resolved', 'upload.processed', 'webhook.test')),
    CONSTRAINT webhook_deliveries_sequence_check CHECK (sequence >= 1),
    CONSTRAINT webhook_deliveries_status_check CHECK (status IN ('pending', 'retrying', 'success', 'dead')),
    CONSTRAINT webhook_deliveries_attempts_check CHECK (attempts >= 0 AND attempts <= max_attempts AND attempts_total >= attempts),
    CONSTRAINT webhook_deliveries_status_next_attempt_at_check CHECK ((status IN ('pending', 'retrying')) = (next_attempt_at IS NOT NULL)),
    CONSTRAINT webhook_deliveries_version_check CHECK (version >= 1)
);
-- An endpoint hears of a thing once, and its numbers have no gaps.
CREATE UNIQUE INDEX webhook_deliveries_customer_id_endpoint_id_event_key_key ON webhook_deliveries (customer_id, endpoint_id, event_key);
CREATE UNIQUE INDEX webhook_deliveries_customer_id_endpoint_id_sequence_key ON webhook_deliveries (customer_id, endpoint_id, sequence);
-- Serves who delivers, and who looks for what nobody delivers.
CREATE INDEX webhook_deliveries_customer_id_endpoint_id_due_idx ON webhook_deliveries (customer_id, endpoint_id, next_attempt_at, sequence)
    WHERE status IN ('pending', 'retrying');
-- Serves how far an endpoint has had everything.
CREATE INDEX webhook_deliveries_customer_id_endpoint_id_open_idx ON webhook_deliveries (customer_id, endpoint_id, sequence)
    WHERE status <> 'success';
-- Serves the list, newest first, of all and of one endpoint, and retention.
CREATE INDEX webhook_deliveries_customer_id_created_at_id_idx ON webhook_deliveries (customer_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_customer_id_endpoint_id_created_at_id_idx ON webhook_deliveries (customer_id, endpoint_id, created_at DESC, id DESC);
-- Serves the dead letters.
CREATE INDEX webhook_deliveries_customer_id_dead_idx ON webhook_deliveries (customer_id, created_at DESC, id DESC) WHERE status = 'dead';

CREATE TABLE webhook_attempts (
    customer_id   uuid         NOT NULL,
    delivery_id   uuid         NOT NULL,
    number        integer      NOT NULL,
    endpoint_id   uuid         NOT NULL,
    started_at    timestamptz  NOT NULL,
    duration_ms   bigint       NOT NULL,
    outcome       varchar(20)  NOT NULL,
    response_code integer,
    error         varchar(1000),
    response_body varchar(1000),
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (customer_id, delivery_id, number),
    CONSTRAINT webhook_attempts_customer_id_delivery_id_fkey FOREIGN KEY (customer_id, delivery_id)
        REFERENCES webhook_deliveries (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_attempts_number_check CHECK (number >= 1),
    CONSTRAINT webhook_attempts_duration_ms_check CHECK (duration_ms >= 0),
    CONSTRAINT webhook_attempts_outcome_check CHECK (outcome IN ('delivered', 'rejected', 'gone', 'redirected', 'timed_out',
        'unresolved', 'unreachable', 'tls_failed', 'blocked', 'invalid_answer'))
);
-- Serves retention.
CREATE INDEX webhook_attempts_customer_id_started_at_idx ON webhook_attempts (customer_id, started_at);

ALTER TABLE webhook_endpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_endpoints_tenant ON webhook_endpoints
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
ALTER TABLE webhook_streams ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_streams FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_streams_tenant ON webhook_streams
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
ALTER TABLE webhook_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_events FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_events_tenant ON webhook_events
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_deliveries_tenant ON webhook_deliveries
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
ALTER TABLE webhook_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_attempts FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_attempts_tenant ON webhook_attempts
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));

-- A job looks after the customers of whom something waits: that it does is all
-- that system transactions see.
CREATE POLICY webhook_deliveries_system_waiting ON webhook_deliveries FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on' AND status IN ('pending', 'retrying'));
CREATE POLICY webhook_events_system_unnumbered ON webhook_events FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on' AND sequence IS NULL);

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints, webhook_deliveries TO upstream_app;
GRANT SELECT, INSERT, UPDATE ON webhook_streams TO upstream_app;
-- What happened never changes, except that it gets its number.
GRANT SELECT, INSERT, DELETE ON webhook_events, webhook_attempts TO upstream_app;
GRANT UPDATE (sequence) ON webhook_events TO upstream_app;
