-- What became of the requests that named themselves (Idempotency-Key): whoever
-- sends one again within a day is told the same, and nothing happens twice.
--
-- The row is stored in the transaction of the effect. A detection has an effect
-- only when its run ends, and until then the row names the run, whose state says
-- whether the request is still under way.

CREATE TABLE idempotency_keys (
    customer_id   uuid        NOT NULL,
    id            uuid        NOT NULL,
    -- SHA-256 of who sent the key, for which operation, and the key.
    scope         bytea       NOT NULL,
    -- SHA-256 of what was asked.
    request       bytea       NOT NULL,
    report_run_id uuid,
    result_sealed bytea,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT idempotency_keys_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT idempotency_keys_customer_id_report_run_id_fkey FOREIGN KEY (customer_id, report_run_id)
        REFERENCES report_runs (customer_id, id),
    CONSTRAINT idempotency_keys_scope_check CHECK (octet_length(scope) = 32),
    CONSTRAINT idempotency_keys_request_check CHECK (octet_length(request) = 32),
    CONSTRAINT idempotency_keys_report_run_id_result_sealed_check CHECK (report_run_id IS NOT NULL OR result_sealed IS NOT NULL),
    CONSTRAINT idempotency_keys_created_at_expires_at_check CHECK (expires_at > created_at)
);
CREATE UNIQUE INDEX idempotency_keys_customer_id_scope_key ON idempotency_keys (customer_id, scope);
CREATE INDEX idempotency_keys_customer_id_report_run_id_idx ON idempotency_keys (customer_id, report_run_id)
    WHERE report_run_id IS NOT NULL;
-- Serves the deletion of those that have expired.
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY idempotency_keys_tenant ON idempotency_keys
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
-- Housekeeping deletes for all customers at once what has expired, and sees no
-- more than that.
CREATE POLICY idempotency_keys_system_expired ON idempotency_keys FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on' AND expires_at <= now());
CREATE POLICY idempotency_keys_system_purge ON idempotency_keys FOR DELETE
    USING ((SELECT current_setting('app.system', true)) = 'on' AND expires_at <= now());

-- What was asked under a key never changes.
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO upstream_app;
GRANT UPDATE (result_sealed) ON idempotency_keys TO upstream_app;
