CREATE INDEX claims_customer_id_submitted_date_id_idx
    ON claims (customer_id, submitted_date DESC, decided_date DESC, id DESC);
DROP INDEX claims_customer_id_submitted_date_decided_date_id_idx;
