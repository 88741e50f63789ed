package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"upstream/internal/demo"
	"upstream/models"
)

type demoGenerate struct {
	Out     string `required:"" type:"path" help:"File to write; what was planted goes beside it, with .truth.json in place of .csv." placeholder:"FILE"`
	Claims  int    `default:"${harbor_claims}" help:"Good rows."`
	Days    int    `default:"${harbor_days}" help:"Days the decisions span."`
	BadRows int    `default:"${harbor_bad_rows}" help:"Rows no reader should accept."`
	Seed    uint64 `default:"${harbor_seed}" help:"Seed; the same gives the same file."`
	Today   string `help:"Day the file is for, YYYY-MM-DD; defaults to today (UTC)." placeholder:"DATE"`
}

// Run writes the file.
func (c demoGenerate) Run(ctx context.Context, a *app) error {
	harbor := demo.Harbor{Seed: c.Seed, Today: models.DateOf(time.Now()), Claims: c.Claims, Days: c.Days, BadRows: c.BadRows}
	if c.Today != "" {
		today, err := models.ParseDate(c.Today)
		if err != nil {
			return models.InvalidField("--today", "invalid", "%s", err)
		}
		harbor.Today = today
	}
	if err := harbor.Validate(); err != nil {
		return err
	}
	if err := writeHarbor(ctx, harbor, c.Out); err != nil {
		return err
	}
	result := map[string]string{"claims": c.Out, "truth": truthPath(c.Out)}
	return a.print(result, func(w *tabwriter.Writer) {
		_, _ = fmt.Fprintf(w, "claims\t%s\ntruth\t%s\n", result["claims"], result["truth"])
	})
}

func truthPath(path string) string {
	return path[:len(path)-len(filepath.Ext(path))] + ".truth.json"
}

// writeHarbor writes the file and the truth about it, whole or not at all.
func writeHarbor(ctx context.Context, harbor demo.Harbor, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // no secret in it
		return err
	}
	err := writeFile(path, func(w io.Writer) error { return harbor.WriteCSV(contextWriter{ctx, w}) })
	if err != nil {
		return err
	}
	return writeFile(truthPath(path), func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(harbor.Truth())
	})
}

// contextWriter fails once its context has ended: a large file takes minutes.
type contextWriter struct {
	ctx context.Context //nolint:containedctx // a writer's method takes none
	w   io.Writer
}

// Write implements io.Writer.
func (w contextWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}

// writeFile puts a file in place, or leaves what was there.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".writing-*")
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(file)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
