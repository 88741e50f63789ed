-- What the filters and orders of lists had no index for. Every index on claims
-- costs a share of the rate of ingest, so none is added whole.

-- Serves `claims/?upload=`, `Upload.claims`, and the foreign key when an upload
-- is deleted, besides what it is for: that no row of a file comes twice. It left
-- rows without a hash out, which kept it from serving anything else; the claims
-- of a file all have one, so it has no more entries than before, and NULLs are
-- as distinct in it as they were outside of it.
DROP INDEX claims_customer_id_upload_id_source_data_hash_key;
CREATE UNIQUE INDEX claims_customer_id_upload_id_source_data_hash_key
    ON claims (customer_id, upload_id, source_data_hash);

-- Serves `claims/?denial_reason_code=`, in the order of the list. Only claims
-- with a code are in it, about one of eight, and so is its cost.
CREATE INDEX claims_customer_id_denial_reason_code_decided_date_id_idx
    ON claims (customer_id, denial_reason_code, decided_date DESC, id DESC)
    WHERE denial_reason_code IS NOT NULL;

-- Serves `uploads/?ordering=row_count`. One entry per file costs nothing.
CREATE INDEX uploads_customer_id_row_count_uploaded_at_id_idx
    ON uploads (customer_id, row_count, uploaded_at, id);
