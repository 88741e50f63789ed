DROP TABLE audit_events;
DROP FUNCTION audit_events_refuse_change();
DROP POLICY users_member ON users;
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE customers;
