-- Claims files, the rows they were made of, and the mappings applied to them.

CREATE TABLE uploads (
    id                      uuid         NOT NULL,
    customer_id             uuid         NOT NULL,
    uploaded_at             timestamptz  NOT NULL DEFAULT now(),
    filename                varchar(255) NOT NULL,
    status                  varchar(20)  NOT NULL DEFAULT 'processing',
    error_message           text,
    row_count               bigint,
    date_min                date,
    date_max                date,
    processing_started_at   timestamptz,
    processing_completed_at timestamptz,
    accepted_row_count      bigint       NOT NULL DEFAULT 0,
    rejected_row_count      bigint       NOT NULL DEFAULT 0,
    warning_row_count       bigint       NOT NULL DEFAULT 0,
    phi_detections          bigint       NOT NULL DEFAULT 0,
    missing_fields          bigint       NOT NULL DEFAULT 0,
    invalid_dates           bigint       NOT NULL DEFAULT 0,
    invalid_values          bigint       NOT NULL DEFAULT 0,
    file_size_bytes         bigint,
    file_hash               char(64),
    file_encoding           varchar(50)  NOT NULL DEFAULT 'utf-8',
    uploaded_by             uuid,
    upload_source           varchar(50)  NOT NULL DEFAULT 'web_ui',
    version                 bigint       NOT NULL DEFAULT 1,
    created_at              timestamptz  NOT NULL DEFAULT now(),
    updated_at              timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT uploads_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT uploads_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT uploads_uploaded_by_fkey FOREIGN KEY (uploaded_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT uploads_filename_check CHECK (filename <> ''),
    CONSTRAINT uploads_status_check CHECK (status IN ('processing', 'success', 'failed', 'partial')),
    CONSTRAINT uploads_upload_source_check CHECK (upload_source IN ('web_ui', 'api', 'batch')),
    CONSTRAINT uploads_row_count_check CHECK (row_count >= 0),
    CONSTRAINT uploads_accepted_row_count_check CHECK (accepted_row_count >= 0),
    CONSTRAINT uploads_rejected_row_count_check CHECK (rejected_row_count >= 0),
    CONSTRAINT uploads_warning_row_count_check CHECK (warning_row_count >= 0),
    CONSTRAINT uploads_phi_detections_check CHECK (phi_detections >= 0),
    CONSTRAINT uploads_missing_fields_check CHECK (missing_fields >= 0),
    CONSTRAINT uploads_invalid_dates_check CHECK (invalid_dates >= 0),
    CONSTRAINT uploads_invalid_values_check CHECK (invalid_values >= 0),
    CONSTRAINT uploads_accepted_rejected_row_count_check
        CHECK (row_count IS NULL OR accepted_row_count + rejected_row_count <= row_count),
    CONSTRAINT uploads_rejected_row_count_categories_check
        CHECK (phi_detections + missing_fields + invalid_dates + invalid_values = rejected_row_count),
    CONSTRAINT uploads_date_min_date_max_check CHECK (date_min <= date_max),
    CONSTRAINT uploads_file_size_bytes_check CHECK (file_size_bytes >= 0),
    CONSTRAINT uploads_file_hash_check CHECK (file_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT uploads_version_check CHECK (version >= 1)
);
-- The same bytes are ingested once per customer; a failed file may be sent again.
CREATE UNIQUE INDEX uploads_customer_id_file_hash_key ON uploads (customer_id, file_hash)
    WHERE file_hash IS NOT NULL AND status <> 'failed';
-- Serves the list, newest first.
CREATE INDEX uploads_customer_id_uploaded_at_id_idx ON uploads (customer_id, uploaded_at DESC, id DESC);
-- Serves the list of one status and the order by status.
CREATE INDEX uploads_customer_id_status_uploaded_at_id_idx ON uploads (customer_id, status, uploaded_at, id);

ALTER TABLE uploads ENABLE ROW LEVEL SECURITY;
ALTER TABLE uploads FORCE ROW LEVEL SECURITY;
CREATE POLICY uploads_tenant ON uploads
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON uploads TO upstream_app;

CREATE TABLE upload_rejections (
    customer_id uuid         NOT NULL,
    upload_id   uuid         NOT NULL,
    row_number  bigint       NOT NULL,
    column_name varchar(64)  NOT NULL,
    code        varchar(32)  NOT NULL,
    message     varchar(200) NOT NULL,
    CONSTRAINT upload_rejections_pkey PRIMARY KEY (customer_id, upload_id, row_number),
    CONSTRAINT upload_rejections_customer_id_upload_id_fkey FOREIGN KEY (customer_id, upload_id)
        REFERENCES uploads (customer_id, id) ON DELETE CASCADE,
    CONSTRAINT upload_rejections_row_number_check CHECK (row_number >= 1),
    CONSTRAINT upload_rejections_code_check CHECK (code IN
        ('phi_detected', 'required', 'invalid_date', 'invalid_value', 'duplicate_row', 'duplicate_claim'))
);

ALTER TABLE upload_rejections ENABLE ROW LEVEL SECURITY;
ALTER TABLE upload_rejections FORCE ROW LEVEL SECURITY;
CREATE POLICY upload_rejections_tenant ON upload_rejections
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
GRANT SELECT, INSERT, DELETE ON upload_rejections TO upstream_app;

CREATE TABLE payer_mappings (
    customer_id     uuid         NOT NULL,
    id              uuid         NOT NULL,
    raw_name        varchar(255) NOT NULL,
    normalized_name varchar(255) NOT NULL,
    version         bigint       NOT NULL DEFAULT 1,
    created_at      timestamptz  NOT NULL DEFAULT now(),
    updated_at      timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT payer_mappings_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT payer_mappings_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT payer_mappings_raw_name_check CHECK (btrim(raw_name) <> ''),
    CONSTRAINT payer_mappings_normalized_name_check CHECK (btrim(normalized_name) <> ''),
    CONSTRAINT payer_mappings_version_check CHECK (version >= 1)
);
CREATE UNIQUE INDEX payer_mappings_customer_id_raw_name_key ON payer_mappings (customer_id, lower(raw_name));

ALTER TABLE payer_mappings ENABLE ROW LEVEL SECURITY;
ALTER TABLE payer_mappings FORCE ROW LEVEL SECURITY;
CREATE POLICY payer_mappings_tenant ON payer_mappings
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON payer_mappings TO upstream_app;

CREATE TABLE cpt_group_mappings (
    customer_id uuid        NOT NULL,
    id          uuid        NOT NULL,
    cpt_code    varchar(20) NOT NULL,
    cpt_group   varchar(50) NOT NULL,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT cpt_group_mappings_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT cpt_group_mappings_customer_id_cpt_code_key UNIQUE (customer_id, cpt_code),
    CONSTRAINT cpt_group_mappings_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT cpt_group_mappings_cpt_code_check CHECK (btrim(cpt_code) <> ''),
    -- ALL names a payer as a whole in drift detection.
    CONSTRAINT cpt_group_mappings_cpt_group_check CHECK (btrim(cpt_group) <> '' AND upper(cpt_group) <> 'ALL'),
    CONSTRAINT cpt_group_mappings_version_check CHECK (version >= 1)
);

ALTER TABLE cpt_group_mappings ENABLE ROW LEVEL SECURITY;
ALTER TABLE cpt_group_mappings FORCE ROW LEVEL SECURITY;
CREATE POLICY cpt_group_mappings_tenant ON cpt_group_mappings
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON cpt_group_mappings TO upstream_app;

CREATE TABLE claims (
    customer_id            uuid          NOT NULL,
    id                     uuid          NOT NULL,
    upload_id              uuid          NOT NULL,
    source_row_number      bigint,
    submitted_date         date          NOT NULL,
    decided_date           date          NOT NULL,
    payment_date           date,
    line_number            integer       NOT NULL DEFAULT 1,
    procedure_count        integer       NOT NULL DEFAULT 1,
    authorization_required boolean       NOT NULL DEFAULT false,
    authorization_obtained boolean       NOT NULL DEFAULT false,
    claim_number           varchar(64),
    payer                  varchar(255)  NOT NULL,
    cpt                    varchar(20)   NOT NULL,
    cpt_group              varchar(50)   NOT NULL DEFAULT 'OTHER',
    outcome                varchar(20)   NOT NULL,
    billed_amount          numeric(12,2),
    allowed_amount         numeric(12,2),
    paid_amount            numeric(12,2),
    denial_reason_code     varchar(50),
    denial_reason_text     text,
    authorization_number   varchar(100),
    modifier_codes         text[]        NOT NULL DEFAULT '{}',
    diagnosis_codes        text[]        NOT NULL DEFAULT '{}',
    data_quality_score     double precision,
    submitted_via          varchar(20)   NOT NULL DEFAULT 'csv_upload',
    source_data_hash       bytea,
    processed_at           timestamptz   NOT NULL DEFAULT now(),
    -- Denied for a missing authorisation: by a CARC that says so, or in words.
    -- The pattern is drift.AuthDenialCodePattern; a test holds the two together.
    authorization_denied   boolean       NOT NULL GENERATED ALWAYS AS (
        outcome = 'DENIED' AND (
            coalesce(upper(denial_reason_code) ~ '^(?:[A-Z]{2}[- ]?)?0*(?:15|197|198|210|243|284|296|302)$|AUTH', false)
            OR coalesce(denial_reason_text ILIKE '%authorization%', false))) STORED,
    CONSTRAINT claims_pkey PRIMARY KEY (customer_id, id),
    CONSTRAINT claims_customer_id_upload_id_fkey FOREIGN KEY (customer_id, upload_id)
        REFERENCES uploads (customer_id, id) ON DELETE RESTRICT,
    CONSTRAINT claims_submitted_date_decided_date_check CHECK (submitted_date <= decided_date),
    CONSTRAINT claims_outcome_check CHECK (outcome IN ('PAID', 'DENIED', 'OTHER')),
    CONSTRAINT claims_payer_check CHECK (payer <> ''),
    CONSTRAINT claims_cpt_check CHECK (cpt <> ''),
    CONSTRAINT claims_cpt_group_check CHECK (cpt_group <> '' AND cpt_group <> 'ALL'),
    CONSTRAINT claims_line_number_check CHECK (line_number >= 1),
    CONSTRAINT claims_procedure_count_check CHECK (procedure_count >= 1),
    CONSTRAINT claims_billed_amount_check CHECK (billed_amount >= 0 AND billed_amount <> 'NaN'),
    CONSTRAINT claims_allowed_amount_check CHECK (allowed_amount >= 0 AND allowed_amount <> 'NaN'),
    CONSTRAINT claims_paid_amount_check CHECK (paid_amount >= 0 AND paid_amount <> 'NaN'),
    CONSTRAINT claims_data_quality_score_check CHECK (data_quality_score BETWEEN 0 AND 1),
    CONSTRAINT claims_source_row_number_check CHECK (source_row_number >= 1),
    CONSTRAINT claims_source_data_hash_check CHECK (octet_length(source_data_hash) = 32),
    CONSTRAINT claims_submitted_via_check CHECK (submitted_via IN ('csv_upload', 'ehr_webhook', 'api', 'batch_import'))
);
-- Keeps a row from being stored twice for one file; serves the claims of an upload.
CREATE UNIQUE INDEX claims_customer_id_upload_id_source_data_hash_key
    ON claims (customer_id, upload_id, source_data_hash) WHERE source_data_hash IS NOT NULL;
-- Keeps a claim line that carries a number from being stored twice.
CREATE UNIQUE INDEX claims_customer_id_claim_number_line_number_key
    ON claims (customer_id, claim_number, line_number) WHERE claim_number IS NOT NULL;
-- Serves the default list, and drift detection by decision date without touching the heap.
CREATE INDEX claims_customer_id_decided_date_id_idx ON claims (customer_id, decided_date DESC, id DESC)
    INCLUDE (payer, cpt_group, cpt, outcome, submitted_date, payment_date,
             allowed_amount, billed_amount, authorization_required, authorization_denied);
-- Serves the order by submission and detection by submission date.
CREATE INDEX claims_customer_id_submitted_date_id_idx ON claims (customer_id, submitted_date DESC, decided_date DESC, id DESC);
-- Serves one payer's claims, newest first, and the order by payer.
CREATE INDEX claims_customer_id_payer_decided_date_id_idx ON claims (customer_id, payer, decided_date, id);
-- Serves one outcome's claims, newest first, and the order by outcome.
CREATE INDEX claims_customer_id_outcome_decided_date_id_idx ON claims (customer_id, outcome, decided_date, id);

ALTER TABLE claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE claims FORCE ROW LEVEL SECURITY;
CREATE POLICY claims_tenant ON claims
    USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
    WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid));
GRANT SELECT, INSERT ON claims TO upstream_app;
