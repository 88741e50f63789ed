DROP FUNCTION api_key_account(bytea);
DROP FUNCTION session_account(uuid, uuid);
