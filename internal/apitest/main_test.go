package apitest

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"

	"upstream/internal/testdb"
)

func TestMain(m *testing.M) {
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.FileBodyDecoder)
	testdb.Main(m)
}
