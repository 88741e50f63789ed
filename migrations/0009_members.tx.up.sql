-- Members: a change of role and a removal end the member's sessions of that
-- customer, in the transaction of the customer that does it.

ALTER TABLE sessions
    DROP CONSTRAINT sessions_end_reason_check,
    ADD CONSTRAINT sessions_end_reason_check
        CHECK (end_reason IN ('logout', 'token_reused', 'password_changed', 'role_changed', 'member_removed'));

-- A customer reaches the sessions that act for it, and no refresh token.
CREATE POLICY sessions_tenant ON sessions
    USING (for_customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (for_customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
