// Package doctor examines an installation: the server and its settings, the
// role, row-level security, the schema, clocks, the job queue. It changes
// nothing, and reads no row of a customer: of tenant tables it asks only that
// they show none.
//
// A [Finding] says what was looked at, how it is and what to do about it.
// Failed is what makes an installation lose data, show it to the wrong reader
// or stand still; a warning is what will, or what makes it slow.
//
// It may import migrations and internal/postgres.
package doctor
