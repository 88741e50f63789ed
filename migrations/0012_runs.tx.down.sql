DROP TRIGGER customers_replan ON customers;
DROP FUNCTION customers_replan();
ALTER TABLE customers
    DROP COLUMN next_monthly_run_at,
    DROP COLUMN next_weekly_run_at,
    DROP COLUMN run_local_time,
    DROP COLUMN monthly_run_enabled,
    DROP COLUMN weekly_run_weekday,
    DROP COLUMN weekly_run_enabled;

-- A schema before queues knows no run that waits.
DROP POLICY report_runs_system_unfinished ON report_runs;
ALTER TABLE report_runs NO FORCE ROW LEVEL SECURITY;
UPDATE report_runs
SET status = 'failed', finished_at = now(), error_code = 'ABANDONED',
    error_message = 'The run was given up when the schema went back to a version without a queue.',
    version = version + 1, updated_at = now()
WHERE status = 'queued';
ALTER TABLE report_runs FORCE ROW LEVEL SECURITY;
DROP INDEX report_runs_customer_id_unfinished_idx;
DROP INDEX report_runs_customer_id_run_type_as_of_key;
DROP INDEX report_runs_customer_id_background_key;
ALTER TABLE report_runs
    DROP CONSTRAINT report_runs_status_check,
    DROP CONSTRAINT report_runs_status_finished_at_check,
    DROP CONSTRAINT report_runs_status_origin_check,
    DROP CONSTRAINT report_runs_status_worker_check,
    DROP COLUMN worker,
    DROP COLUMN signals,
    DROP COLUMN origin,
    ADD CONSTRAINT report_runs_status_check CHECK (status IN ('running', 'success', 'failed')),
    ADD CONSTRAINT report_runs_status_finished_at_check CHECK ((status = 'running') = (finished_at IS NULL));
