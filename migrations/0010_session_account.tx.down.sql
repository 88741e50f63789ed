DROP FUNCTION session_account(uuid, uuid);
