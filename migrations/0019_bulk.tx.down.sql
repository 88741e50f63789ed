DROP TABLE upload_chunks;
DROP POLICY uploads_system_unfinished ON uploads;
DROP INDEX uploads_customer_id_unfinished_idx;
ALTER TABLE uploads
    DROP CONSTRAINT uploads_status_worker_check,
    DROP COLUMN rows_read,
    DROP COLUMN bytes_read,
    DROP COLUMN error_code,
    DROP COLUMN worker,
    DROP COLUMN attempts;
