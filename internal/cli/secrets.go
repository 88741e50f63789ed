package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"upstream/internal/config"
	"upstream/models"
	"upstream/store"
)

type secretsCommand struct {
	Rotate secretsRotate `cmd:"" help:"Seal every stored secret with the current secret key, so that the retired ones are needed no more."`
}

type secretsRotate struct {
	config.Keys
}

// errUnreadable is the failure of a rotation that left secrets behind.
var errUnreadable = errors.New("some secrets were sealed with a key that is neither UPSTREAM_SECRET_KEY nor one of " +
	"UPSTREAM_RETIRED_SECRET_KEYS; they were left as they are")

// rotationResult is what happened to one column as the command line prints it.
type rotationResult struct {
	Table      string `json:"table"`
	Column     string `json:"column"`
	Secrets    int64  `json:"secrets"`
	Resealed   int64  `json:"resealed"`
	Unreadable int64  `json:"unreadable"`
}

// Run seals anew and fails when a secret could not be opened.
func (c secretsRotate) Run(ctx context.Context, a *app) error {
	if err := c.RequireSecret(a.DatabaseURL == ""); err != nil {
		return err
	}
	return a.open(ctx, opening{maxConns: commandConns, keys: &c.Keys}, func(st *store.Store, _ *database) error {
		done, err := st.RotateSecrets(ctx)
		if err != nil {
			return err
		}
		results := make([]rotationResult, 0, len(done))
		for _, r := range done {
			results = append(results, rotationResult(r))
		}
		if err := a.print(results, func(w *tabwriter.Writer) { printRotation(w, results) }); err != nil {
			return err
		}
		return unreadable(done)
	})
}

func unreadable(done []models.RotatedSecrets) error {
	for _, r := range done {
		if r.Unreadable > 0 {
			return errUnreadable
		}
	}
	return nil
}

func printRotation(w *tabwriter.Writer, results []rotationResult) {
	_, _ = fmt.Fprintln(w, "TABLE\tCOLUMN\tSECRETS\tRESEALED\tUNREADABLE")
	for _, r := range results {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\n", r.Table, r.Column, r.Secrets, r.Resealed, r.Unreadable)
	}
}
