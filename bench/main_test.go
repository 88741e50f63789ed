package bench

import (
	"os"
	"testing"

	"upstream/internal/testdb"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(loadVariable); spec != "" {
		os.Exit(client(spec))
	}
	testdb.Main(m)
}
