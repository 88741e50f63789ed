-- Customers (the tenants), the people who sign in, and the audit log.
--
-- Row-level security is forced everywhere. Two settings, both local to a
-- transaction, say on whose behalf it runs: app.customer_id names the tenant,
-- app.system = 'on' opens the few tables sign-in needs before a tenant is known.

CREATE TABLE customers (
    id         uuid         NOT NULL,
    slug       varchar(63)  NOT NULL,
    name       varchar(255) NOT NULL,
    to_email   varchar(254),
    cc_email   varchar(254),
    attach_pdf boolean      NOT NULL DEFAULT true,
    time_zone  varchar(64)  NOT NULL DEFAULT 'UTC',
    version    bigint       NOT NULL DEFAULT 1,
    created_at timestamptz  NOT NULL DEFAULT now(),
    updated_at timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT customers_pkey PRIMARY KEY (id),
    CONSTRAINT customers_slug_key UNIQUE (slug),
    CONSTRAINT customers_name_key UNIQUE (name),
    CONSTRAINT customers_slug_check CHECK (slug ~ '^[a-z][a-z0-9-]{1,62}$'),
    CONSTRAINT customers_name_check CHECK (btrim(name) <> ''),
    CONSTRAINT customers_version_check CHECK (version >= 1)
);

ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
CREATE POLICY customers_tenant ON customers
    USING (id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)
           OR (SELECT current_setting('app.system', true)) = 'on')
    WITH CHECK (id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)
           OR (SELECT current_setting('app.system', true)) = 'on');
GRANT SELECT, INSERT, UPDATE ON customers TO upstream_app;

CREATE TABLE users (
    id            uuid         NOT NULL,
    email         varchar(254) NOT NULL,
    first_name    varchar(150) NOT NULL DEFAULT '',
    last_name     varchar(150) NOT NULL DEFAULT '',
    password_hash text         NOT NULL,
    is_active     boolean      NOT NULL DEFAULT true,
    is_superuser  boolean      NOT NULL DEFAULT false,
    last_login_at timestamptz,
    version       bigint       NOT NULL DEFAULT 1,
    created_at    timestamptz  NOT NULL DEFAULT now(),
    updated_at    timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_check CHECK (email LIKE '%_@_%'),
    CONSTRAINT users_version_check CHECK (version >= 1)
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE memberships (
    id          uuid        NOT NULL,
    customer_id uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    role        varchar(20) NOT NULL,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT memberships_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT memberships_customer_id_user_id_key UNIQUE (customer_id, user_id),
    CONSTRAINT memberships_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT memberships_role_check CHECK (role IN ('owner', 'admin', 'analyst', 'viewer')),
    CONSTRAINT memberships_version_check CHECK (version >= 1)
);
-- Serves sign-in: which customers may this user act for?
CREATE INDEX memberships_user_id_idx ON memberships (user_id);
-- Serves the member list by role and the count of owners.
CREATE INDEX memberships_customer_id_role_idx ON memberships (customer_id, role);

ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY memberships_tenant ON memberships
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)
           OR (SELECT current_setting('app.system', true)) = 'on')
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)
           OR (SELECT current_setting('app.system', true)) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON memberships TO upstream_app;

-- A tenant sees the users who are its members, and nobody else.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY users_member ON users
    USING ((SELECT current_setting('app.system', true)) = 'on'
           OR EXISTS (SELECT FROM memberships m
                      WHERE m.user_id = users.id
                        AND m.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)))
    WITH CHECK ((SELECT current_setting('app.system', true)) = 'on');
GRANT SELECT, INSERT, UPDATE ON users TO upstream_app;

CREATE TABLE audit_events (
    id          uuid         NOT NULL,
    customer_id uuid,
    occurred_at timestamptz  NOT NULL DEFAULT now(),
    action      varchar(50)  NOT NULL,
    entity_type varchar(100) NOT NULL,
    entity_id   varchar(100),
    user_id     uuid,
    actor       varchar(254) NOT NULL,
    request_id  varchar(64),
    remote_addr varchar(64),
    metadata    jsonb        NOT NULL DEFAULT '{}',
    CONSTRAINT audit_events_pkey PRIMARY KEY (id),
    CONSTRAINT audit_events_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT audit_events_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT audit_events_action_check CHECK (action <> ''),
    CONSTRAINT audit_events_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);
-- Serves the audit list of a customer, newest first.
CREATE INDEX audit_events_customer_id_occurred_at_id_idx ON audit_events (customer_id, occurred_at DESC, id DESC);
-- Serves "everything that happened to this row".
CREATE INDEX audit_events_customer_id_entity_type_entity_id_idx
    ON audit_events (customer_id, entity_type, entity_id, occurred_at DESC);

-- Rows without a customer are events of the platform (a failed sign-in, a new
-- customer): only system transactions write or read them.
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_events_tenant ON audit_events
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)
           OR (customer_id IS NULL AND (SELECT current_setting('app.system', true)) = 'on'))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)
           OR (customer_id IS NULL AND (SELECT current_setting('app.system', true)) = 'on'));

CREATE FUNCTION audit_events_refuse_change() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_events_append_only
    BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_refuse_change();
CREATE TRIGGER audit_events_no_truncate
    BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change();
GRANT SELECT, INSERT ON audit_events TO upstream_app;
