-- Sessions: what a sign-in starts and a logout, a password change or a stolen
-- refresh token ends, and the failures that lock an account for one address.
--
-- All three tables are read before anybody's tenant is known, by the hash of
-- something the caller holds, so only system transactions may touch them. The
-- customer a session acts for is therefore called for_customer_id: it is what
-- the session is for, not whose row it is.

CREATE TABLE sessions (
    id              uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    for_customer_id uuid,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    end_reason      varchar(20),
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sessions_for_customer_id_fkey FOREIGN KEY (for_customer_id) REFERENCES customers (id),
    CONSTRAINT sessions_created_at_expires_at_check CHECK (expires_at > created_at),
    CONSTRAINT sessions_end_reason_check CHECK (end_reason IN ('logout', 'token_reused', 'password_changed')),
    CONSTRAINT sessions_ended_at_end_reason_check CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
-- Serves ending every session of a user.
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
-- Serves the deletion of what has expired.
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
-- Serves the foreign key.
CREATE INDEX sessions_for_customer_id_idx ON sessions (for_customer_id);

-- The refresh tokens of a session, one after another: the family that dies
-- together. Whether it is dead is said once, by its session, whose row every
-- change of the family locks first.
CREATE TABLE refresh_tokens (
    id         uuid        NOT NULL,
    session_id uuid        NOT NULL,
    token_hash bytea       NOT NULL,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT refresh_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT refresh_tokens_token_hash_check CHECK (octet_length(token_hash) = 32),
    CONSTRAINT refresh_tokens_issued_at_expires_at_check CHECK (expires_at > issued_at)
);
-- Serves the foreign key; and at most one token of a session is good at a time.
CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id);
CREATE UNIQUE INDEX refresh_tokens_session_id_key ON refresh_tokens (session_id) WHERE used_at IS NULL;

-- Serves the deletion of what has expired.
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);

-- Failed sign-ins by account and address. The key is a SHA-256 over both, so
-- that the table is no list of who tried to be whom, from where.
CREATE TABLE sign_in_failures (
    key_hash     bytea       NOT NULL,
    failures     integer     NOT NULL,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    locked_until timestamptz,
    CONSTRAINT sign_in_failures_pkey PRIMARY KEY (key_hash),
    CONSTRAINT sign_in_failures_key_hash_check CHECK (octet_length(key_hash) = 32),
    CONSTRAINT sign_in_failures_failures_check CHECK (failures >= 1)
);
-- Serves the deletion of what no longer counts.
CREATE INDEX sign_in_failures_last_at_idx ON sign_in_failures (last_at);

ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY sessions_system ON sessions
    USING ((SELECT current_setting('app.system', true)) = 'on')
    WITH CHECK ((SELECT current_setting('app.system', true)) = 'on');
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY refresh_tokens_system ON refresh_tokens
    USING ((SELECT current_setting('app.system', true)) = 'on')
    WITH CHECK ((SELECT current_setting('app.system', true)) = 'on');
ALTER TABLE sign_in_failures ENABLE ROW LEVEL SECURITY;
ALTER TABLE sign_in_failures FORCE ROW LEVEL SECURITY;
CREATE POLICY sign_in_failures_system ON sign_in_failures
    USING ((SELECT current_setting('app.system', true)) = 'on')
    WITH CHECK ((SELECT current_setting('app.system', true)) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, refresh_tokens, sign_in_failures TO upstream_app;

-- Every token names the version it was issued under, and dies when that is no
-- longer the current one. The triggers raise it, so that no statement that
-- changes a password or a role can forget to.
ALTER TABLE users
    ADD COLUMN token_version integer NOT NULL DEFAULT 1,
    ADD CONSTRAINT users_token_version_check CHECK (token_version >= 1);
ALTER TABLE memberships
    ADD COLUMN token_version integer NOT NULL DEFAULT 1,
    ADD CONSTRAINT memberships_token_version_check CHECK (token_version >= 1);

CREATE FUNCTION raise_token_version() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    NEW.token_version := greatest(NEW.token_version, OLD.token_version + 1);
    RETURN NEW;
END
$$;
CREATE TRIGGER users_raise_token_version
    BEFORE UPDATE ON users
    FOR EACH ROW
    WHEN (OLD.password_hash IS DISTINCT FROM NEW.password_hash
          OR OLD.is_active IS DISTINCT FROM NEW.is_active
          OR OLD.is_superuser IS DISTINCT FROM NEW.is_superuser)
    EXECUTE FUNCTION raise_token_version();
CREATE TRIGGER memberships_raise_token_version
    BEFORE UPDATE ON memberships
    FOR EACH ROW
    WHEN (OLD.role IS DISTINCT FROM NEW.role)
    EXECUTE FUNCTION raise_token_version();
