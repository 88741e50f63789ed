-- The numbers by which a customer's alerts are suppressed, remembered and
-- resolved.

ALTER TABLE customers
    ADD COLUMN alert_cooldown_minutes  integer NOT NULL DEFAULT 240,
    ADD COLUMN alert_noise_threshold   integer NOT NULL DEFAULT 2,
    ADD COLUMN alert_noise_window_days integer NOT NULL DEFAULT 30,
    ADD COLUMN alert_memory_days       integer NOT NULL DEFAULT 60,
    ADD COLUMN alert_auto_resolve_runs integer NOT NULL DEFAULT 2,
    ADD CONSTRAINT customers_alert_cooldown_minutes_check CHECK (alert_cooldown_minutes BETWEEN 0 AND 10080),
    ADD CONSTRAINT customers_alert_noise_threshold_check CHECK (alert_noise_threshold BETWEEN 0 AND 100),
    ADD CONSTRAINT customers_alert_noise_window_days_check CHECK (alert_noise_window_days BETWEEN 1 AND 365),
    ADD CONSTRAINT customers_alert_memory_days_check CHECK (alert_memory_days BETWEEN 1 AND 365),
    ADD CONSTRAINT customers_alert_auto_resolve_runs_check CHECK (alert_auto_resolve_runs BETWEEN 0 AND 52);
