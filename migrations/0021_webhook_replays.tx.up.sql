-- Replays: deliveries of an endpoint that a job sends again, some at a time.

CREATE TABLE webhook_replays (
    customer_id uuid        NOT NULL,
    id          uuid        NOT NULL,
    endpoint_id uuid        NOT NULL,
    -- Which deliveries, by when they were made.
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    status      varchar(20),
    event_type  varchar(50),
    state       varchar(20) NOT NULL DEFAULT 'queued',
    -- How many there were when it was asked for, and how many were queued again.
    total       bigint      NOT NULL,
    queued      bigint      NOT NULL DEFAULT 0,
    -- The last delivery that was queued again.
    position    uuid,
    created_by  uuid,
    finished_at timestamptz,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_replays_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT webhook_replays_customer_id_endpoint_id_fkey FOREIGN KEY (customer_id, endpoint_id)
        REFERENCES webhook_endpoints (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_replays_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id),
    CONSTRAINT webhook_replays_since_until_check CHECK (since <= until),
    CONSTRAINT webhook_replays_status_check CHECK (status IN ('success', 'dead')),
    CONSTRAINT webhook_replays_event_type_check CHECK (event_type IN ('drift.detected', 'report.completed', 'report.failed',
        'alert.triggered', 'alert.resolved', 'upload.processed', 'webhook.test')),
    CONSTRAINT webhook_replays_state_check CHECK (state IN ('queued', 'running', 'done', 'stopped')),
    CONSTRAINT webhook_replays_state_finished_at_check CHECK ((state IN ('done', 'stopped')) = (finished_at IS NOT NULL)),
    CONSTRAINT webhook_replays_total_check CHECK (total >= 0 AND queued >= 0),
    CONSTRAINT webhook_replays_version_check CHECK (version >= 1)
);
-- One replay of an endpoint at a time.
CREATE UNIQUE INDEX webhook_replays_customer_id_endpoint_id_unfinished_key ON webhook_replays (customer_id, endpoint_id)
    WHERE state IN ('queued', 'running');
-- Serves the list, newest first, and the endpoint's.
CREATE INDEX webhook_replays_customer_id_created_at_id_idx ON webhook_replays (customer_id, created_at DESC, id DESC);
CREATE INDEX webhook_replays_customer_id_endpoint_id_idx ON webhook_replays (customer_id, endpoint_id);

ALTER TABLE webhook_replays ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_replays FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_replays_tenant ON webhook_replays
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
-- That one is unfinished is all that system transactions see.
CREATE POLICY webhook_replays_system_unfinished ON webhook_replays FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on' AND state IN ('queued', 'running'));

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_replays TO upstream_app;
