CREATE INDEX claims_by_decision
    ON claims (customer_id, decided_date DESC, id DESC)
    INCLUDE (payer, cpt_group, cpt, outcome, submitted_date, payment_date,
             allowed_amount, billed_amount, authorization_required, authorization_denied);
CREATE INDEX claims_by_submission
    ON claims (customer_id, submitted_date DESC, decided_date DESC, id DESC)
    INCLUDE (payer, cpt_group, cpt, outcome, payment_date,
             allowed_amount, billed_amount, authorization_required, authorization_denied);
DROP INDEX claims_customer_id_decided_date_id_idx;
DROP INDEX claims_customer_id_submitted_date_decided_date_id_idx;
ALTER INDEX claims_by_decision RENAME TO claims_customer_id_decided_date_id_idx;
ALTER INDEX claims_by_submission RENAME TO claims_customer_id_submitted_date_decided_date_id_idx;
DROP INDEX claims_customer_id_payer_cpt_group_decided_date_idx;
