-- The job queue. Its tables are River's: River's own migrations make them right
-- after this file, up to the version that river.go names. They live in a schema
-- of their own because they are nobody's data: a job's arguments are identifiers
-- of rows, and the rows stay behind row-level security.

DO $$
BEGIN
    -- Not IF NOT EXISTS: that asks for the right to create schemas even when an
    -- operator who withholds it has made this one.
    IF to_regnamespace('river') IS NULL THEN
        CREATE SCHEMA river;
    END IF;
END
$$;
GRANT USAGE ON SCHEMA river TO upstream_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA river GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO upstream_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA river GRANT USAGE ON SEQUENCES TO upstream_app;
