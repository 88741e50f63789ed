// Package migrations holds the database schema as numbered SQL files, applies
// and undoes them, and dumps the schema they produce.
//
// The files are plain SQL and import no Go types; the job queue's tables are
// made by River's own migrations, up to a pinned version, as a step of one of
// ours. schema.sql is the committed dump; a test migrates an empty database and
// compares. The package imports nothing of ours.
package migrations
