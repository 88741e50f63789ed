// Command breaking compares two OpenAPI documents with oasdiff's checker and
// fails when clients of the first would break on the second.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
)

func main() {
	if len(os.Args) != 3 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: breaking RELEASED.json PRESENT.json")
		os.Exit(2)
	}
	broken, err := compare(os.Stdout, os.Args[1], os.Args[2])
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if broken > 0 {
		os.Exit(1)
	}
}

// compare reports every change that breaks clients, or may, and gives the
// number of those that do.
func compare(w io.Writer, released, present string) (int, error) {
	before, err := read(released)
	if err != nil {
		return 0, err
	}
	after, err := read(present)
	if err != nil {
		return 0, err
	}
	report, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), before, after)
	if err != nil {
		return 0, fmt.Errorf("compare: %w", err)
	}
	changes := checker.CheckBackwardCompatibilityUntilLevel(checker.NewConfig(checker.GetAllChecks()), report, sources, checker.WARN)
	sentence := checker.NewDefaultLocalizer()
	broken := 0
	for _, change := range changes {
		if change.GetLevel() == checker.ERR {
			broken++
		}
		_, err := fmt.Fprintf(w, "%s %s %s: %s [%s]\n", change.GetLevel(), change.GetOperation(), change.GetPath(),
			change.GetUncolorizedText(sentence), change.GetId())
		if err != nil {
			return broken, err
		}
	}
	_, err = fmt.Fprintf(w, "%d changes break clients, %d more may\n", broken, len(changes)-broken)
	return broken, err
}

// read loads a document, which must be a valid one.
func read(path string) (*load.SpecInfo, error) {
	document, err := load.NewSpecInfo(openapi3.NewLoader(), load.NewSource(path))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return document, nil
}
