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
    source_data_hash       bytea,
    warned                 boolean
) ON COMMIT DROP`

const copyStaging = `COPY claims_staging FROM STDIN`

// planSettings keep the planner from joining the staged rows with each other
// row by row: it has no statistics of a table written in this transaction, and
// its guess of a few rows would cost the square of their number.
const planSettings = `SELECT set_config('enable_nestloop', ?, true)`

// rejectRepeatedRows and rejectRepeatedNumbers mark the staged rows that say
// what an earlier row of the file says, or that number a claim line as an
// earlier row does. The first row is kept.
const rejectRepeatedRows = `
UPDATE claims_staging s
SET rejected_column = '', rejected_code = 'duplicate_row', rejected_message = 'repeats row ' || same.first_row
FROM (
    SELECT source_data_hash, min(source_row_number) AS first_row
    FROM claims_staging
    WHERE rejected_code IS NULL
    GROUP BY source_data_hash
    HAVING count(*) > 1
) same
WHERE s.rejected_code IS NULL AND s.source_data_hash = same.source_data_hash AND s.source_row_number > same.first_row`

const rejectRepeatedNumbers = `
UPDATE claims_staging s
SET rejected_column = 'claim_number', rejected_code = 'duplicate_claim',
    rejected_message = 'has the number and line of row ' || same.first_row
FROM (
    SELECT claim_number, line_number, min(source_row_number) AS first_row
    FROM claims_staging
    WHERE rejected_code IS NULL AND claim_number IS NOT NULL
    GROUP BY claim_number, line_number
    HAVING count(*) > 1
) same
WHERE s.rejected_code IS NULL AND s.claim_number = same.claim_number AND s.line_number = same.line_number
  AND s.source_row_number > same.first_row`

// rejectKnownNumbers marks the staged rows whose claim line is stored already.
// No other ingestion of the customer can add one before this one commits.
const rejectKnownNumbers = `
UPDATE claims_staging s
SET rejected_column = 'claim_number', rejected_code = 'duplicate_claim',
    rejected_message = 'is stored already with this line number'
WHERE s.rejected_code IS NULL AND s.claim_number IS NOT NULL AND EXISTS (
    SELECT FROM claims c
    WHERE c.customer_id = ?0 AND c.claim_number = s.claim_number AND c.line_number = s.line_number)`

// insertClaims stores the accepted rows, oldest decision first, so that the
// rows of a window lie together.
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
ORDER BY decided_date, source_row_number`

const insertRejections = `
INSERT INTO upload_rejections (customer_id, upload_id, row_number, column_name, code, message)
SELECT ?0, ?1, source_row_number, rejected_column, rejected_code, rejected_message
FROM claims_staging
WHERE rejected_code IS NOT NULL`

// countKept is what the rows that are left span and how many of them were
// changed to be accepted.
const countKept = `
SELECT min(submitted_date), max(decided_date), count(*) FILTER (WHERE warned)
FROM claims_staging
WHERE rejected_code IS NULL`
