-- What every authenticated request asks first, as one statement: who is behind
-- a session that has not ended, and what may they do where. Inside it the
-- system door is open, as the server's role could open it in a transaction of
-- four statements; on return it is as it was. Row-level security applies, and
-- no right is passed on. In plpgsql, because that keeps its plans; the setting
-- is no SET clause of the function, because only superusers may write those.
CREATE FUNCTION session_account(the_user uuid, the_session uuid)
    RETURNS TABLE (
        email         varchar,
        is_active     boolean,
        is_superuser  boolean,
        token_version integer,
        membership_id uuid,
        customer_id   uuid,
        role          varchar,
        role_version  integer
    )
    LANGUAGE plpgsql AS $$
DECLARE
    was text := current_setting('app.system', true);
BEGIN
    PERFORM set_config('app.system', 'on', true);
    RETURN QUERY
        SELECT us.email, us.is_active, us.is_superuser, us.token_version, me.id, me.customer_id, me.role, me.token_version
        FROM sessions se
        JOIN users us ON us.id = se.user_id
        LEFT JOIN memberships me ON me.user_id = us.id
        WHERE se.id = the_session AND se.user_id = the_user AND se.ended_at IS NULL
        ORDER BY me.created_at, me.id;
    PERFORM set_config('app.system', coalesce(was, ''), true);
END
$$;
REVOKE EXECUTE ON FUNCTION session_account(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_account(uuid, uuid) TO upstream_app;

-- The same for a request that shows an API key, found by the hash of its text.
CREATE FUNCTION api_key_account(the_hash bytea)
    RETURNS TABLE (
        customer_id     uuid,
        id              uuid,
        name            varchar,
        scopes          text[],
        allowed_cidrs   text[],
        expires_at      timestamptz,
        revoked_at      timestamptz,
        last_used_at    timestamptz,
        last_refused_at timestamptz
    )
    LANGUAGE plpgsql AS $$
DECLARE
    was text := current_setting('app.system', true);
BEGIN
    PERFORM set_config('app.system', 'on', true);
    RETURN QUERY
        SELECT ak.customer_id, ak.id, ak.name, ak.scopes, ak.allowed_cidrs::text[], ak.expires_at, ak.revoked_at,
            ak.last_used_at, ak.last_refused_at
        FROM api_keys ak
        WHERE ak.key_hash = the_hash
        LIMIT 1;
    PERFORM set_config('app.system', coalesce(was, ''), true);
END
$$;
REVOKE EXECUTE ON FUNCTION api_key_account(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api_key_account(bytea) TO upstream_app;
