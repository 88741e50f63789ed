ALTER TABLE customers
    DROP COLUMN alert_auto_resolve_runs,
    DROP COLUMN alert_memory_days,
    DROP COLUMN alert_noise_window_days,
    DROP COLUMN alert_noise_threshold,
    DROP COLUMN alert_cooldown_minutes;
