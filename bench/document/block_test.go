package document_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"upstream/bench/document"
)

func TestBlock(t *testing.T) {
	t.Parallel()
	block := document.Block{Name: "figures", Begin: "<!-- begin -->\n", End: "<!-- end -->"}
	for name, tt := range map[string]struct{ text, want string }{
		"replaced":       {"a\n<!-- begin -->\nold\n<!-- end -->\nb", "a\n<!-- begin -->\nnew\n<!-- end -->\nb"},
		"empty before":   {"<!-- begin -->\n<!-- end -->", "<!-- begin -->\nnew\n<!-- end -->"},
		"the first only": {"<!-- begin -->\n1<!-- end --> <!-- begin -->\n2<!-- end -->", "<!-- begin -->\nnew\n<!-- end --> <!-- begin -->\n2<!-- end -->"},
		"no begin":       {"old\n<!-- end -->", ""},
		"no end":         {"<!-- begin -->\nold", ""},
		"end first":      {"<!-- end --> <!-- begin -->\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "document.md")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := block.ReplaceIn(path, "new\n")
			after, readErr := os.ReadFile(path)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if tt.want == "" {
				if _, of := block.OfFile(path); !errors.Is(err, document.ErrNoBlock) || !errors.Is(of, document.ErrNoBlock) || string(after) != tt.text {
					t.Errorf("%v, %v, and the document is %q", err, of, after)
				}
				return
			}
			if body, of := block.OfFile(path); err != nil || of != nil || string(after) != tt.want || body != "new\n" {
				t.Errorf("%v, %v: %q in %q", err, of, body, after)
			}
		})
	}
	if err := block.ReplaceIn(filepath.Join(t.TempDir(), "none"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
