DROP TRIGGER claims_roll_up_deleted ON claims;
DROP TRIGGER claims_roll_up_updated ON claims;
DROP TRIGGER claims_roll_up ON claims;
DROP FUNCTION claims_roll_up_changed();
DROP FUNCTION claims_roll_up_anew(uuid);
DROP FUNCTION claims_roll_up();
DROP TABLE claim_months;
DROP TABLE claim_payer_days;
DROP TABLE claim_days;
