DROP TABLE operator_judgments;
DROP TABLE alert_notifications;
DROP TABLE alert_history;
DROP TABLE alert_events;
DROP TABLE alert_rule_channels;
DROP TABLE alert_rules;
DROP TABLE notification_channels;
