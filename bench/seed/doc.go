// Package seed fills customers with claims that look like a billing office's,
// hundreds of thousands a minute: the rows are made where they are stored, by
// statements of the database, under the same constraints, policies and triggers
// as any others. What is few is made by the use cases: customers, users, keys,
// mappings, and the runs that find the shifts that were planted. The same seed
// makes the same claims.
//
//	go run ./bench/seed/cmd -customers 20 -claims 5000000 -largest 2000000
//
// It may import models, store, migrations, internal/auth, internal/config and
// internal/postgres.
package seed
