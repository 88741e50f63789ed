-- Uploads that are read in the background: their bytes wait here, so that any
-- worker can read them and none is lost with a process.

ALTER TABLE uploads
    -- How far reading has come; written beside the transaction that stores the
    -- claims, so that others see it.
    ADD COLUMN rows_read  bigint NOT NULL DEFAULT 0,
    ADD COLUMN bytes_read bigint NOT NULL DEFAULT 0,
    -- Why the file as a whole failed, as a stable word.
    ADD COLUMN error_code varchar(40),
    -- The process that reads the file, which holds an advisory lock of this name
    -- for as long as it lives: see store/lifeline.go.
    ADD COLUMN worker     uuid,
    -- How often a process began to read the file.
    ADD COLUMN attempts   smallint NOT NULL DEFAULT 0,
    ADD CONSTRAINT uploads_rows_read_check CHECK (rows_read >= 0),
    ADD CONSTRAINT uploads_bytes_read_check CHECK (bytes_read >= 0),
    ADD CONSTRAINT uploads_attempts_check CHECK (attempts >= 0),
    ADD CONSTRAINT uploads_status_worker_check CHECK (status = 'processing' OR worker IS NULL);

-- Serves the watchdog.
CREATE INDEX uploads_customer_id_unfinished_idx ON uploads (customer_id, id) WHERE status = 'processing';
-- That an upload is unfinished is all that system transactions see of it.
CREATE POLICY uploads_system_unfinished ON uploads FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on' AND status = 'processing');

-- The bytes of a file that is yet to be read, in pieces.
CREATE TABLE upload_chunks (
    customer_id uuid    NOT NULL,
    upload_id   uuid    NOT NULL,
    number      integer NOT NULL,
    content     bytea   NOT NULL,
    CONSTRAINT upload_chunks_pkey PRIMARY KEY (customer_id, upload_id, number),
    CONSTRAINT upload_chunks_customer_id_upload_id_fkey FOREIGN KEY (customer_id, upload_id)
        REFERENCES uploads (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT upload_chunks_number_check CHECK (number >= 0)
);
-- Read once and deleted: compressing would cost more than it saves.
ALTER TABLE upload_chunks ALTER COLUMN content SET STORAGE EXTERNAL;

ALTER TABLE upload_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE upload_chunks FORCE ROW LEVEL SECURITY;
CREATE POLICY upload_chunks_tenant ON upload_chunks
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
GRANT SELECT, INSERT, DELETE ON upload_chunks TO upstream_app;
