-- The audit log becomes a chain per customer: every line carries its number
-- within the chain and the SHA-256 of itself and of the line before it.
--
-- docs/audit.md describes the canonical form that is hashed and how writers
-- take turns. Lines without a customer form the chain of the platform.

ALTER TABLE audit_events
    ADD COLUMN seq        bigint,
    ADD COLUMN actor_type varchar(20),
    ADD COLUMN actor_id   varchar(100),
    ADD COLUMN before     jsonb,
    ADD COLUMN after      jsonb,
    ADD COLUMN prev_hash  bytea,
    ADD COLUMN hash       bytea;

-- The newest line of each chain. It is kept apart from the lines so that lines
-- missing at the end are noticed. A writer adds a row and removes older ones; a
-- serializable writer only adds, because it could not tell that a row it cannot
-- see yet was there.
CREATE TABLE audit_heads (
    customer_id uuid,
    seq         bigint NOT NULL,
    hash        bytea  NOT NULL,
    CONSTRAINT audit_heads_customer_id_seq_key UNIQUE NULLS NOT DISTINCT (customer_id, seq),
    CONSTRAINT audit_heads_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT audit_heads_seq_check CHECK (seq >= 1),
    CONSTRAINT audit_heads_hash_check CHECK (octet_length(hash) = 32)
);

-- Lines written before there was a chain are numbered by time and hashed with
-- the same canonical form that the program uses. The owner is subject to
-- row-level security as well, so it is lifted from the owner while that is done.
CREATE FUNCTION audit_canonical(value jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT AS $$
SELECT CASE jsonb_typeof(value)
    WHEN 'object' THEN '{' || coalesce((
        SELECT string_agg(to_json(e.key)::text || ':' || audit_canonical(e.value), ',' ORDER BY e.key COLLATE "C")
        FROM jsonb_each(value) e), '') || '}'
    WHEN 'array' THEN '[' || coalesce((
        SELECT string_agg(audit_canonical(e.value), ',' ORDER BY e.ordinality)
        FROM jsonb_array_elements(value) WITH ORDINALITY e), '') || ']'
    WHEN 'number' THEN trim_scale(value::numeric)::text
    ELSE value::text
END
$$;

ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_events DISABLE TRIGGER audit_events_append_only;

DO $$
DECLARE
    line     audit_events;
    chain    uuid;
    number   bigint := 0;
    previous bytea;
BEGIN
    PERFORM set_config('app.system', 'on', true);
    FOR line IN SELECT * FROM audit_events ORDER BY customer_id NULLS FIRST, occurred_at, id LOOP
        IF number = 0 OR line.customer_id IS DISTINCT FROM chain THEN
            chain := line.customer_id;
            number := 0;
            previous := decode(repeat('00', 32), 'hex');
        END IF;
        number := number + 1;
        line.actor_type := CASE
            WHEN line.user_id IS NULL THEN 'system'
            WHEN EXISTS (SELECT FROM users u WHERE u.id = line.user_id AND u.is_superuser) THEN 'superuser'
            ELSE 'user'
        END;
        line.hash := sha256(previous || convert_to(audit_canonical(jsonb_build_array(
            'upstream.audit.v1', line.customer_id, number, line.id,
            (extract(epoch FROM line.occurred_at) * 1000000)::bigint,
            line.action, line.entity_type, line.entity_id, line.actor_type, line.actor_id, line.actor, line.user_id,
            line.request_id, line.remote_addr, line.before, line.after, line.metadata)), 'UTF8'));
        UPDATE audit_events SET seq = number, actor_type = line.actor_type, prev_hash = previous, hash = line.hash
        WHERE id = line.id;
        previous := line.hash;
    END LOOP;
    INSERT INTO audit_heads (customer_id, seq, hash)
    SELECT DISTINCT ON (customer_id) customer_id, seq, hash FROM audit_events ORDER BY customer_id, seq DESC;
    PERFORM set_config('app.system', '', true);
END
$$;

ALTER TABLE audit_events ENABLE TRIGGER audit_events_append_only;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
DROP FUNCTION audit_canonical(jsonb);

ALTER TABLE audit_events
    ALTER COLUMN seq SET NOT NULL,
    ALTER COLUMN actor_type SET NOT NULL,
    ALTER COLUMN prev_hash SET NOT NULL,
    ALTER COLUMN hash SET NOT NULL,
    ADD CONSTRAINT audit_events_customer_id_seq_key UNIQUE NULLS NOT DISTINCT (customer_id, seq),
    ADD CONSTRAINT audit_events_seq_check CHECK (seq >= 1),
    ADD CONSTRAINT audit_events_actor_type_check
        CHECK (actor_type IN ('user', 'key', 'superuser', 'system', 'job', 'anonymous')),
    ADD CONSTRAINT audit_events_before_check CHECK (jsonb_typeof(before) = 'object'),
    ADD CONSTRAINT audit_events_after_check CHECK (jsonb_typeof(after) = 'object'),
    ADD CONSTRAINT audit_events_prev_hash_check CHECK (octet_length(prev_hash) = 32),
    ADD CONSTRAINT audit_events_hash_check CHECK (octet_length(hash) = 32);
-- Serves "everything of this kind" and "everything this person did".
CREATE INDEX audit_events_customer_id_action_occurred_at_id_idx
    ON audit_events (customer_id, action, occurred_at DESC, id DESC);
CREATE INDEX audit_events_customer_id_user_id_occurred_at_id_idx
    ON audit_events (customer_id, user_id, occurred_at DESC, id DESC);

ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_heads_tenant ON audit_heads
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)
           OR (customer_id IS NULL AND (SELECT current_setting('app.system', true)) = 'on'))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)
           OR (customer_id IS NULL AND (SELECT current_setting('app.system', true)) = 'on'));
GRANT SELECT, INSERT, DELETE ON audit_heads TO upstream_app;

-- audit_lock makes the transaction the only writer of a chain until it ends. It
-- locks the customer's row first, as the foreign key of a line would later: a
-- transaction that holds that row waits for no writer who waits for it.
CREATE FUNCTION audit_lock(chain uuid) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM 1 FROM customers c WHERE c.id = chain FOR KEY SHARE;
    PERFORM pg_advisory_xact_lock(hashtextextended('upstream.audit:' || coalesce(chain::text, ''), 0));
END
$$;

-- audit_head is audit_lock, and then the newest line of the chain. Under READ
-- COMMITTED the second statement sees what was committed while the first one
-- waited, which saves a round trip.
CREATE FUNCTION audit_head(chain uuid) RETURNS TABLE (seq bigint, hash bytea)
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM audit_lock(chain);
    IF chain IS NULL THEN
        RETURN QUERY SELECT h.seq, h.hash FROM audit_heads h WHERE h.customer_id IS NULL ORDER BY h.seq DESC LIMIT 1;
    ELSE
        RETURN QUERY SELECT h.seq, h.hash FROM audit_heads h WHERE h.customer_id = chain ORDER BY h.seq DESC LIMIT 1;
    END IF;
END
$$;
