// Package testdb gives every test a migrated database of its own. It is for
// tests only.
//
// A test calls [New]; the package's TestMain calls [Main]:
//
//	func TestMain(m *testing.M) { testdb.Main(m) }
//
// The databases are clones of a template that is migrated once. They live on
// the server that UPSTREAM_TEST_DATABASE_URL names (a superuser's URL of a
// server that is only for tests), or else on an embedded one: each test process
// starts its own on first use, without durability, from a cached cluster, and
// it ends with the process however the process ends. Processes share nothing
// that one of them would have to outlive the others for.
//
// It may import migrations and internal/postgres.
package testdb
