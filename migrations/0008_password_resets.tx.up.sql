-- The links by which people choose a new password. A user has one at most: a
-- newer one takes the place of the older, and one that was used is gone.
--
-- A row without a user is for an address that no active account has. It is
-- there so that asking for it costs the same, until the job that would mail the
-- link finds that there is nobody to mail it to.
--
-- Like sessions, resets are looked up by the hash of what the caller holds,
-- before anybody's tenant is known: only system transactions may touch them.
CREATE TABLE password_resets (
    id           uuid        NOT NULL,
    user_id      uuid,
    token_hash   bytea       NOT NULL,
    token_sealed bytea,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT password_resets_pkey PRIMARY KEY (id),
    CONSTRAINT password_resets_user_id_key UNIQUE (user_id),
    CONSTRAINT password_resets_token_hash_key UNIQUE (token_hash),
    CONSTRAINT password_resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT password_resets_token_hash_check CHECK (octet_length(token_hash) = 32),
    CONSTRAINT password_resets_created_at_expires_at_check CHECK (expires_at > created_at)
);
-- Serves the deletion of what has expired.
CREATE INDEX password_resets_expires_at_idx ON password_resets (expires_at);

ALTER TABLE password_resets ENABLE ROW LEVEL SECURITY;
ALTER TABLE password_resets FORCE ROW LEVEL SECURITY;
CREATE POLICY password_resets_system ON password_resets
    USING ((SELECT current_setting('app.system', true)) = 'on')
    WITH CHECK ((SELECT current_setting('app.system', true)) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON password_resets TO upstream_app;
