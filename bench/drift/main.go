package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"upstream/bench/document"
)

func main() {
	out := flag.String("out", ".", "folder of the repository to write into")
	part := flag.Float64("part", 1, "part of the replicates to make; the document is made with 1")
	flag.Parse()
	if err := run(*out, *part, os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "drift evaluation:", err)
		os.Exit(1)
	}
}

// run measures everything and writes the document, its plots and the table of
// the README.
func run(out string, part float64, log io.Writer) error {
	m, err := measureAll(part, log)
	if err != nil {
		return err
	}
	document, err := m.document()
	if err != nil {
		return err
	}
	readmePath := filepath.Join(out, "README.md")
	readme, err := os.ReadFile(readmePath) //nolint:gosec // the folder is the caller's own
	if err != nil {
		return err
	}
	changed, err := section().Replace(string(readme), m.comparison().String())
	if err != nil {
		return err
	}
	files := m.plots()
	files["weekly-denial-rate.svg"] = workedPlot().svg()
	for name, content := range files {
		if err := write(filepath.Join(out, "docs", "images", name), content); err != nil {
			return err
		}
	}
	if err := write(filepath.Join(out, "docs", "evaluation.md"), document); err != nil {
		return err
	}
	return write(readmePath, changed)
}

func write(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // documents are for everybody
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644) //nolint:gosec // as above
}

// section is where the table of the README stands.
func section() document.Block {
	return document.Block{Name: "the evaluation", Begin: "<!-- evaluation: written by go run ./bench/drift -->\n", End: "\n<!-- end of evaluation -->"}
}
