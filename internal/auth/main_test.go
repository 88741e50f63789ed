package auth_test

import (
	"testing"

	"go.uber.org/goleak"

	"upstream/internal/testdb"
)

func TestMain(m *testing.M) {
	// database/sql keeps this goroutine for each store, which has no end of its own.
	testdb.Main(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}
