package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSecurity_NamesTestsThatExist reads the threat model: every row has a
// threat, what stops it, and tests, each of which is in the file it names.
func TestSecurity_NamesTestsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| threat | what stops it | which test shows it |\n|---|---|---|\n")
	if !found {
		t.Fatal("there is no table of threats")
	}
	reference := regexp.MustCompile("^`(Test\\w+)` in `([\\w/.-]+_test\\.go)`$")
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 3 {
			t.Errorf("a row of %d cells: %s", len(cells), line)
			continue
		}
		rows++
		for named := range strings.SplitSeq(cells[2], "; ") {
			match := reference.FindStringSubmatch(named)
			if match == nil {
				t.Errorf("%s: %q names no test", cells[0], named)
			} else if !slices.Contains(testsOf(t, match[2]), match[1]) {
				t.Errorf("%s: there is no %s in %s", cells[0], match[1], match[2])
			}
		}
	}
	if rows < 25 {
		t.Errorf("only %d threats", rows)
	}
}

// testsOf are the test functions of a file.
func testsOf(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return nil
	}
	var names []string
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// clientOf are the names of net/http by which a program asks others.
func clientOf() []string {
	return []string{
		"Client", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm", "NewRequest", "NewRequestWithContext", "Transport",
	}
}

// clients are the files that may: one fetches the embedded database's binaries,
// from an address that only the operator can name, the other asks whom customers
// name, behind a guard that looks at every address it dials.
func clients() []string {
	return []string{filepath.FromSlash("internal/postgres/relay.go"), filepath.FromSlash("internal/webhook/sender.go")}
}

// TestSecurity_NoOutgoingRequests reads the program: nothing else in it can send
// an HTTP request. The clients in conformance are a module of their own, and
// those in bench measure the program, which imports none of them.
func TestSecurity_NoOutgoingRequests(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && slices.Contains([]string{"node_modules", ".git", "conformance", "bench"}, entry.Name()) {
			return cmpSkip(err)
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || slices.Contains(clients(), path) {
			return nil
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, imported := range file.Imports {
			if strings.HasPrefix(imported.Path.Value, `"upstream/bench`) {
				t.Errorf("%s imports %s", path, imported.Path.Value)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok && isClient(selector) {
				t.Errorf("%s uses http.%s", path, selector.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil || files < 200 {
		t.Errorf("%d files were read: %v", files, err)
	}
}

// cmpSkip is the error, or else the word to leave a folder out.
func cmpSkip(err error) error {
	if err != nil {
		return err
	}
	return filepath.SkipDir
}

func isClient(selector *ast.SelectorExpr) bool {
	pkg, ok := selector.X.(*ast.Ident)
	return ok && pkg.Name == "http" && slices.Contains(clientOf(), selector.Sel.Name)
}
