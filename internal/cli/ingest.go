package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"upstream/models"
	"upstream/store"
)

type ingestCommand struct {
	File     string `arg:"" help:"Claims file (CSV); - reads standard input."`
	Customer string `required:"" help:"Slug of the customer the claims belong to." placeholder:"SLUG"`
	Name     string `help:"File name to record; defaults to the file's own." placeholder:"NAME"`
}

// Run reads the file into the customer's claims.
func (c ingestCommand) Run(ctx context.Context, a *app) error {
	file, err := a.openInput(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return a.openStore(ctx, commandConns, false, func(st *store.Store, _ *database) error {
		customer, err := st.CustomerBySlug(ctx, c.Customer)
		if err != nil {
			return err
		}
		in := models.NewUpload{Filename: c.filename(), Source: models.UploadSourceBatch}
		upload, err := st.Ingest(ctx, models.SystemViewer(customer.ID), in, file)
		if upload == nil {
			return err
		}
		return errors.Join(a.print(newUploadResult(upload), func(w *tabwriter.Writer) { printUpload(w, upload) }), err)
	})
}

func (c ingestCommand) filename() string {
	switch {
	case c.Name != "":
		return c.Name
	case c.File == "-":
		return "stdin.csv"
	default:
		return filepath.Base(c.File)
	}
}

func printUpload(w *tabwriter.Writer, u *models.Upload) {
	_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", u.ID, u.Filename, u.Status)
	_, _ = fmt.Fprintf(w, "accepted\t%d rows\n", u.AcceptedRowCount)
	_, _ = fmt.Fprintf(w, "rejected\t%d rows (%d missing a field, %d bad dates, %d bad values, %d with patient data)\n",
		u.RejectedRowCount, u.MissingFields, u.InvalidDates, u.InvalidValues, u.PHIDetections)
	_, _ = fmt.Fprintf(w, "warnings\t%d rows\n", u.WarningRowCount)
}
