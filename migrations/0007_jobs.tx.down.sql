-- River's own migrations have removed its tables by now.
DROP SCHEMA river;
