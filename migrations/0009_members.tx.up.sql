-- Members: a change of role and a removal end the member's sessions of that
-- customer. Tokens die by their version already; this says so in the sessions,
-- which would otherwise look alive until they expire.

ALTER TABLE sessions
    DROP CONSTRAINT sessions_end_reason_check,
    ADD CONSTRAINT sessions_end_reason_check
        CHECK (end_reason IN ('logout', 'token_reused', 'password_changed', 'role_changed', 'member_removed'));

-- A trigger, so that no statement that changes a role can forget to; and
-- because no customer may touch sessions, which only the system may: it opens
-- them for its one statement.
CREATE FUNCTION end_member_sessions() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    was text := coalesce(current_setting('app.system', true), '');
BEGIN
    PERFORM set_config('app.system', 'on', true);
    UPDATE sessions
    SET ended_at = now(), end_reason = CASE TG_OP WHEN 'DELETE' THEN 'member_removed' ELSE 'role_changed' END
    WHERE user_id = OLD.user_id AND for_customer_id = OLD.customer_id AND ended_at IS NULL;
    PERFORM set_config('app.system', was, true);
    RETURN NULL;
END
$$;
CREATE TRIGGER memberships_role_ends_sessions
    AFTER UPDATE ON memberships
    FOR EACH ROW
    WHEN (OLD.role IS DISTINCT FROM NEW.role)
    EXECUTE FUNCTION end_member_sessions();
CREATE TRIGGER memberships_removal_ends_sessions
    AFTER DELETE ON memberships
    FOR EACH ROW
    EXECUTE FUNCTION end_member_sessions();
