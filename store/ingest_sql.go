package store

// ingestSettings let one big file take its time and sort in memory.
const ingestSettings = `SELECT set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true)`

// createStaging holds the rows of one file, accepted and rejected, in the
// order of copyStaging. A temporary table is not logged and is gone after
// commit or crash.
const createStaging = `
CREATE TEMPORARY TABLE claims_staging (
    source_row_number      bigint NOT NULL,
    rejected_column        text,
    rejected_code          text,
    rejected_message       text,
    id                     uuid,
    claim_number           text,
    line_number            integer,
    payer                  text,
    cpt                    text,
    cpt_group              text,
    submitted_date         date,
    decided_date           date,
    outcome                text,
    billed_amount          numeric(12,2),
    allowed_amount         numeric(12,2),
    paid_amount            numeric(12,2),
    denial_reason_code     text,
    denial_reason_text     text,
    payment_date           date,
    authorization_required boolean,
    authorization_obtained boolean,
    authorization_number   text,
    modifier_codes         text[],
    diagnosis_codes        text[],
    procedure_count        integer,
    data_quality_score     double precision,
    source_data_hash       bytea
) ON COMMIT DROP`

const copyStaging = `COPY claims_staging FROM STDIN`

// insertClaims stores the accepted rows, oldest decision first, so that the
// rows of a window lie together. A row that repeats another of the file, or a
// claim line that is stored already, is passed over; insertDuplicates says so.
const insertClaims = `
INSERT INTO claims (
    customer_id, upload_id, submitted_via, processed_at, id, source_row_number, claim_number, line_number,
    payer, cpt, cpt_group, submitted_date, decided_date, outcome, billed_amount, allowed_amount, paid_amount,
    denial_reason_code, denial_reason_text, payment_date, authorization_required, authorization_obtained,
    authorization_number, modifier_codes, diagnosis_codes, procedure_count, data_quality_score, source_data_hash)
SELECT ?0, ?1, ?2, ?3, id, source_row_number, claim_number, line_number,
    payer, cpt, cpt_group, submitted_date, decided_date, outcome, billed_amount, allowed_amount, paid_amount,
    denial_reason_code, denial_reason_text, payment_date, authorization_required, authorization_obtained,
    authorization_number, modifier_codes, diagnosis_codes, procedure_count, data_quality_score, source_data_hash
FROM claims_staging
WHERE rejected_code IS NULL
ORDER BY decided_date, source_row_number
ON CONFLICT DO NOTHING`

const insertRejections = `
INSERT INTO upload_rejections (customer_id, upload_id, row_number, column_name, code, message)
SELECT ?0, ?1, source_row_number, rejected_column, rejected_code, rejected_message
FROM claims_staging
WHERE rejected_code IS NOT NULL`

// insertDuplicates rejects the accepted rows that insertClaims passed over:
// the same row again in this file, or a claim line whose number is known.
const insertDuplicates = `
INSERT INTO upload_rejections (customer_id, upload_id, row_number, column_name, code, message)
SELECT ?0, ?1, s.source_row_number,
    CASE WHEN same_row.id IS NULL THEN 'claim_number' ELSE '' END,
    CASE WHEN same_row.id IS NULL THEN 'duplicate_claim' ELSE 'duplicate_row' END,
    CASE WHEN same_row.id IS NULL THEN 'is stored already with this line number'
         ELSE 'repeats row ' || same_row.source_row_number END
FROM claims_staging s
LEFT JOIN claims same_row
    ON same_row.customer_id = ?0 AND same_row.upload_id = ?1 AND same_row.source_data_hash = s.source_data_hash
WHERE s.rejected_code IS NULL AND same_row.id IS DISTINCT FROM s.id`
