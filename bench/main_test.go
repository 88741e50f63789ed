package bench

import (
	"testing"

	"upstream/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
