-- Runs that wait their turn, schedules that ask for them, and how to tell a run
-- that takes long from one whose process is gone.

ALTER TABLE report_runs
    DROP CONSTRAINT report_runs_status_check,
    DROP CONSTRAINT report_runs_status_finished_at_check,
    -- Who asked: somebody who waits for the result (detect), somebody who does
    -- not (trigger), or the calendar (schedule).
    ADD COLUMN origin varchar(20) NOT NULL DEFAULT 'detect',
    ADD COLUMN signals text[] NOT NULL DEFAULT ARRAY['DENIAL_RATE', 'APPROVAL_RATE', 'AUTH_FAILURE_RATE',
        'DECISION_TIME', 'PROCESSING_DELAY', 'PAYMENT_AMOUNT'],
    -- The process that computes, which holds an advisory lock of this name for
    -- as long as it lives: see store/lifeline.go.
    ADD COLUMN worker uuid,
    ADD CONSTRAINT report_runs_status_check CHECK (status IN ('queued', 'running', 'success', 'failed')),
    ADD CONSTRAINT report_runs_status_finished_at_check CHECK ((status IN ('queued', 'running')) = (finished_at IS NULL)),
    ADD CONSTRAINT report_runs_origin_check CHECK (origin IN ('detect', 'trigger', 'schedule')),
    ADD CONSTRAINT report_runs_status_origin_check CHECK (status <> 'queued' OR origin <> 'detect'),
    ADD CONSTRAINT report_runs_status_worker_check CHECK (status = 'running' OR worker IS NULL),
    ADD CONSTRAINT report_runs_signals_check CHECK (cardinality(signals) >= 1 AND signals <@ ARRAY['DENIAL_RATE',
        'APPROVAL_RATE', 'AUTH_FAILURE_RATE', 'DECISION_TIME', 'PROCESSING_DELAY', 'PAYMENT_AMOUNT']);

-- One run in the background at a time: who asks for another gets this one.
CREATE UNIQUE INDEX report_runs_customer_id_background_key ON report_runs (customer_id)
    WHERE origin <> 'detect' AND status IN ('queued', 'running');
-- The calendar asks once for each of its days, however many servers read it.
CREATE UNIQUE INDEX report_runs_customer_id_run_type_as_of_key ON report_runs (customer_id, run_type, as_of)
    WHERE origin = 'schedule';
-- Serves the watchdog.
CREATE INDEX report_runs_customer_id_unfinished_idx ON report_runs (customer_id, id)
    WHERE status IN ('queued', 'running');

-- The watchdog looks after the runs of all customers: that one is unfinished is
-- all that system transactions see, and they change nothing.
CREATE POLICY report_runs_system_unfinished ON report_runs FOR SELECT
    USING ((SELECT current_setting('app.system', true)) = 'on' AND status IN ('queued', 'running'));

-- When the calendar asks for a customer's runs, in the customer's time zone.
-- The next instants are computed from the rest; null means not computed yet.
ALTER TABLE customers
    ADD COLUMN weekly_run_enabled  boolean    NOT NULL DEFAULT true,
    ADD COLUMN weekly_run_weekday  smallint   NOT NULL DEFAULT 1,
    ADD COLUMN monthly_run_enabled boolean    NOT NULL DEFAULT false,
    ADD COLUMN run_local_time      varchar(5) NOT NULL DEFAULT '02:00',
    ADD COLUMN next_weekly_run_at  timestamptz,
    ADD COLUMN next_monthly_run_at timestamptz,
    ADD CONSTRAINT customers_weekly_run_weekday_check CHECK (weekly_run_weekday BETWEEN 1 AND 7),
    ADD CONSTRAINT customers_run_local_time_check CHECK (run_local_time ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$');
CREATE INDEX customers_next_weekly_run_at_idx ON customers (next_weekly_run_at NULLS FIRST) WHERE weekly_run_enabled;
CREATE INDEX customers_next_monthly_run_at_idx ON customers (next_monthly_run_at NULLS FIRST) WHERE monthly_run_enabled;

-- Whatever changes what they depend on, stale instants do not stay.
CREATE FUNCTION customers_replan() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.next_weekly_run_at IS NOT DISTINCT FROM OLD.next_weekly_run_at THEN
        NEW.next_weekly_run_at := NULL;
    END IF;
    IF NEW.next_monthly_run_at IS NOT DISTINCT FROM OLD.next_monthly_run_at THEN
        NEW.next_monthly_run_at := NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER customers_replan
    BEFORE UPDATE ON customers
    FOR EACH ROW
    WHEN ((OLD.time_zone, OLD.weekly_run_enabled, OLD.weekly_run_weekday, OLD.monthly_run_enabled, OLD.run_local_time)
        IS DISTINCT FROM (NEW.time_zone, NEW.weekly_run_enabled, NEW.weekly_run_weekday, NEW.monthly_run_enabled, NEW.run_local_time))
    EXECUTE FUNCTION customers_replan();
