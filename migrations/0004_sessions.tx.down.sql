DROP TRIGGER memberships_raise_token_version ON memberships;
DROP TRIGGER users_raise_token_version ON users;
DROP FUNCTION raise_token_version();
ALTER TABLE memberships DROP COLUMN token_version;
ALTER TABLE users DROP COLUMN token_version;
DROP TABLE sign_in_failures;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
