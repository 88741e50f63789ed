// Package postgres opens connection pools and runs an embedded PostgreSQL.
//
// Two jobs live here:
//
//   - [OpenPool] opens a pgx pool with sane limits and turns every way a
//     connection can fail into one clear sentence; [CheckRuntimeRole] refuses a
//     role that row-level security would not bind, and a database where it is
//     not in force.
//   - [Start], [Join] and [StartOrJoin] run or find the PostgreSQL that serves
//     development, the demo and the tests when no database is configured. The
//     binaries come from the machine, or are fetched once.
//
// It imports nothing of ours and knows no table, only that a column customer_id
// says whose a row is: it must not learn about migrations, models or the store.
package postgres
