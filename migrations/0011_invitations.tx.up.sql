-- Invitations: mailed links by which people become members of a customer.
--
-- A link is looked up by the hash of its secret before anybody's tenant is
-- known, and accepting it makes a user, so system transactions may read
-- invitations and write what becomes of them; all else takes the tenant.

CREATE TABLE invitations (
    customer_id  uuid         NOT NULL,
    id           uuid         NOT NULL,
    email        varchar(254) NOT NULL,
    role         varchar(20)  NOT NULL,
    token_hash   bytea        NOT NULL,
    token_sealed bytea,
    invited_by   uuid,
    expires_at   timestamptz  NOT NULL,
    mailed_at    timestamptz,
    accepted_at  timestamptz,
    accepted_by  uuid,
    revoked_at   timestamptz,
    replaced_at  timestamptz,
    version      bigint       NOT NULL DEFAULT 1,
    created_at   timestamptz  NOT NULL DEFAULT now(),
    updated_at   timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT invitations_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT invitations_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT invitations_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES users (id),
    CONSTRAINT invitations_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES users (id),
    CONSTRAINT invitations_email_check CHECK (email LIKE '%_@_%'),
    CONSTRAINT invitations_role_check CHECK (role IN ('owner', 'admin', 'analyst', 'viewer')),
    CONSTRAINT invitations_token_hash_check CHECK (octet_length(token_hash) = 32),
    CONSTRAINT invitations_created_at_expires_at_check CHECK (expires_at > created_at),
    CONSTRAINT invitations_accepted_at_accepted_by_check CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
    CONSTRAINT invitations_accepted_at_revoked_at_check CHECK (accepted_at IS NULL OR revoked_at IS NULL),
    CONSTRAINT invitations_version_check CHECK (version >= 1)
);
-- An address has one invitation that is open. One that has expired gives way to
-- the next: replaced_at says so, because an index cannot ask for the time.
CREATE UNIQUE INDEX invitations_customer_id_email_key ON invitations (customer_id, lower(email))
    WHERE accepted_at IS NULL AND revoked_at IS NULL AND replaced_at IS NULL;
-- Serves acceptance. It is not unique: uniqueness ignores row-level security,
-- and 256 random bits do not repeat.
CREATE INDEX invitations_token_hash_idx ON invitations (token_hash);
-- Serves the list, newest first.
CREATE INDEX invitations_customer_id_created_at_id_idx ON invitations (customer_id, created_at DESC, id DESC);
-- Serves forgetting the secrets that were never mailed.
CREATE INDEX invitations_expires_at_idx ON invitations (expires_at) WHERE token_sealed IS NOT NULL;

ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY invitations_tenant ON invitations
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
CREATE POLICY invitations_system_read ON invitations FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on');
CREATE POLICY invitations_system_answer ON invitations FOR UPDATE
    USING ((SELECT current_setting('app.system', true)) = 'on')
    WITH CHECK ((SELECT current_setting('app.system', true)) = 'on');

-- An invitation is never deleted, because the audit log names it, and whom it
-- invites as what never changes.
GRANT SELECT, INSERT ON invitations TO upstream_app;
GRANT UPDATE (token_hash, token_sealed, expires_at, mailed_at, accepted_at, accepted_by, revoked_at, replaced_at, version, updated_at)
    ON invitations TO upstream_app;
