DROP TRIGGER memberships_removal_ends_sessions ON memberships;
DROP TRIGGER memberships_role_ends_sessions ON memberships;
DROP FUNCTION end_member_sessions();

ALTER TABLE sessions NO FORCE ROW LEVEL SECURITY;
UPDATE sessions SET end_reason = 'logout' WHERE end_reason IN ('role_changed', 'member_removed');
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions
    DROP CONSTRAINT sessions_end_reason_check,
    ADD CONSTRAINT sessions_end_reason_check CHECK (end_reason IN ('logout', 'token_reused', 'password_changed'));
