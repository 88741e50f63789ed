package document

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrNoBlock says that a document does not have both lines of a block.
var ErrNoBlock = errors.New("has no place")

// Block is a part of a document, by the text that precedes it and the text that
// follows it. Errors call it by its name.
type Block struct{ Name, Begin, End string }

// cut is what stands before, in and after the block.
func (b Block) cut(text string) (before, body, after string, err error) {
	before, rest, begun := strings.Cut(text, b.Begin)
	body, after, ended := strings.Cut(rest, b.End)
	if !begun || !ended {
		return "", "", "", fmt.Errorf("%w for %s", ErrNoBlock, b.Name)
	}
	return before, body, after, nil
}

// Of is what stands in the block; ErrNoBlock when there is none.
func (b Block) Of(text string) (string, error) {
	_, body, _, err := b.cut(text)
	return body, err
}

// Replace puts a body into the block of a text; ErrNoBlock when there is none.
func (b Block) Replace(text, body string) (string, error) {
	before, _, after, err := b.cut(text)
	if err != nil {
		return "", err
	}
	return before + b.Begin + body + b.End + after, nil
}

// OfFile is Of for the document in a file.
func (b Block) OfFile(path string) (string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the document is the caller's own
	if err != nil {
		return "", err
	}
	body, err := b.Of(string(text))
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return body, nil
}

// ReplaceIn is Replace for the document in a file. One without the block stays as
// it is.
func (b Block) ReplaceIn(path, body string) error {
	text, err := os.ReadFile(path) //nolint:gosec // the document is the caller's own
	if err != nil {
		return err
	}
	changed, err := b.Replace(string(text), body)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(changed), 0o644) //nolint:gosec // documents are for everybody
}
