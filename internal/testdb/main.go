package testdb

import (
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main runs a package's tests from its TestMain, stops the server they used,
// and fails the run when a goroutine was left behind. It does not return.
func Main(m *testing.M, options ...goleak.Option) {
	os.Exit(run(m, process, os.Stderr, options...))
}

// runner is the part of testing.M that is used.
type runner interface{ Run() int }

func run(m runner, on *server, stderr io.Writer, options ...goleak.Option) int {
	code := m.Run()
	if err := on.stop(); err != nil {
		_, _ = fmt.Fprintln(stderr, "stop the database of the tests:", err)
		code = max(code, 1)
	}
	if code != 0 {
		return code // a failed test may well leave something behind
	}
	if err := goleak.Find(options...); err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
