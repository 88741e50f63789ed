-- API keys: what a partner's program shows instead of signing in. Only the
-- SHA-256 of a key is kept; its text is shown once, when it is made.
--
-- A key is looked up by its hash before anybody's tenant is known, so system
-- transactions may read keys, and note their use; all else takes the tenant.

CREATE TABLE api_keys (
    customer_id     uuid         NOT NULL,
    id              uuid         NOT NULL,
    name            varchar(100) NOT NULL,
    prefix          varchar(20)  NOT NULL,
    key_hash        bytea        NOT NULL,
    scopes          text[]       NOT NULL,
    allowed_cidrs   cidr[]       NOT NULL DEFAULT '{}',
    expires_at      timestamptz,
    last_used_at    timestamptz,
    last_used_addr  varchar(64),
    last_refused_at timestamptz,
    replaces        uuid,
    replaced_at     timestamptz,
    revoked_at      timestamptz,
    created_by      uuid,
    version         bigint       NOT NULL DEFAULT 1,
    created_at      timestamptz  NOT NULL DEFAULT now(),
    updated_at      timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT api_keys_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT api_keys_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT api_keys_customer_id_replaces_fkey FOREIGN KEY (customer_id, replaces) REFERENCES api_keys (customer_id, id),
    CONSTRAINT api_keys_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id),
    CONSTRAINT api_keys_name_check CHECK (btrim(name) <> ''),
    CONSTRAINT api_keys_prefix_check CHECK (prefix LIKE 'up\_live\_%'),
    CONSTRAINT api_keys_key_hash_check CHECK (octet_length(key_hash) = 32),
    CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) >= 1 AND scopes <@ ARRAY[
        'claims:read', 'claims:write', 'drift:read', 'drift:run', 'mappings:read', 'mappings:write', 'alerts:read',
        'alerts:write', 'webhooks:read', 'webhooks:write', 'settings:write', 'audit:read']),
    CONSTRAINT api_keys_allowed_cidrs_check CHECK (cardinality(allowed_cidrs) <= 50 AND array_position(allowed_cidrs, NULL) IS NULL),
    CONSTRAINT api_keys_created_at_expires_at_check CHECK (expires_at >= created_at),
    CONSTRAINT api_keys_version_check CHECK (version >= 1)
);
-- Two keys in use cannot have one name; one that was replaced or revoked gives
-- its name away.
CREATE UNIQUE INDEX api_keys_customer_id_name_key ON api_keys (customer_id, lower(name))
    WHERE revoked_at IS NULL AND replaced_at IS NULL;
-- A key has at most one successor; serves the foreign key too.
CREATE UNIQUE INDEX api_keys_customer_id_replaces_key ON api_keys (customer_id, replaces);
-- Serves authentication. It is not unique: uniqueness ignores row-level
-- security, and 256 random bits do not repeat.
CREATE INDEX api_keys_key_hash_idx ON api_keys (key_hash);
-- Serves the list, newest first.
CREATE INDEX api_keys_customer_id_created_at_id_idx ON api_keys (customer_id, created_at DESC, id DESC);

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY api_keys_tenant ON api_keys
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
CREATE POLICY api_keys_system_read ON api_keys FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on');
CREATE POLICY api_keys_system_use ON api_keys FOR UPDATE
    USING ((SELECT current_setting('app.system', true)) = 'on')
    WITH CHECK ((SELECT current_setting('app.system', true)) = 'on');

-- A key is never deleted, because the audit log names it, and what it opens
-- never changes: neither its hash nor its scopes nor its addresses.
GRANT SELECT, INSERT ON api_keys TO upstream_app;
GRANT UPDATE (expires_at, last_used_at, last_used_addr, last_refused_at, replaced_at, revoked_at, version, updated_at)
    ON api_keys TO upstream_app;
