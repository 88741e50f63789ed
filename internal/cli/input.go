package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/term"
)

// inputError is a file that was named and cannot be read.
type inputError struct{ error }

// Unwrap gives the reason.
func (e inputError) Unwrap() error { return e.error }

// openInput opens the named file; "-" is standard input, kept in a temporary
// file because ingestion reads twice.
func (a *app) openInput(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	if name == "-" {
		return a.spoolInput(ctx)
	}
	file, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, inputError{err}
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory, not a file", name)
	}
	if err != nil {
		return nil, inputError{errors.Join(err, file.Close())}
	}
	return file, nil
}

// spool is a temporary file that goes when it is closed.
type spool struct{ *os.File }

// Close closes and removes the file.
func (s spool) Close() error {
	err := s.File.Close()
	if removeErr := os.Remove(s.Name()); !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return err
}

func (a *app) spoolInput(ctx context.Context) (io.ReadSeekCloser, error) {
	file, err := os.CreateTemp("", "upstream-stdin-*")
	if err != nil {
		return nil, err
	}
	spool := spool{file}
	// Where the system allows it the name is given up at once, so that claims
	// stay behind in no case.
	_ = os.Remove(file.Name())
	_, err = abandonable(ctx, func() (int64, error) { return io.Copy(spool, a.In) })
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	return spool, nil
}

// abandonable is the result of read, or the error of ctx when that ends first.
// Nothing interrupts a read of a terminal or a pipe: it is left behind then, and
// ends with its input or with the program, which is about to end.
func abandonable[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

// password is the configured one, or read from the terminal without showing
// it, or the first line of a pipe.
func (a *app) password(ctx context.Context, configured string) (string, error) {
	if configured != "" {
		return configured, nil
	}
	if file, ok := a.In.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return a.askPassword(ctx, int(file.Fd()))
	}
	line, err := abandonable(ctx, func() (string, error) { return bufio.NewReader(a.In).ReadString('\n') })
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// askPassword leaves the terminal as it was, interrupted or not.
func (a *app) askPassword(ctx context.Context, terminal int) (string, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprint(a.Err, "Password: ")
	typed, err := abandonable(ctx, func() ([]byte, error) { return term.ReadPassword(terminal) })
	_, _ = fmt.Fprintln(a.Err)
	if ctx.Err() != nil {
		err = errors.Join(err, term.Restore(terminal, before))
	}
	return string(typed), err
}
