package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"upstream/internal/config"
	"upstream/models"
	"upstream/store"
)

type ingestCommand struct {
	File     string `arg:"" help:"Claims file (CSV); - reads standard input."`
	Customer string `required:"" help:"Slug of the customer the claims belong to." placeholder:"SLUG"`
	Name     string `help:"File name to record; defaults to the file's own." placeholder:"NAME"`

	Retries config.Retries `embed:""`
}

// Help is what --help adds.
func (ingestCommand) Help() string {
	return "Prints what became of the file and the first rejected rows. Rows that break a rule are left out and the rest " +
		"is kept, which is success. A file that is no CSV, lacks a column or has no row to keep is refused with exit " +
		"code 2, one that was read before with 4."
}

// Run reads the file into the customer's claims.
func (c ingestCommand) Run(ctx context.Context, a *app) error {
	file, err := a.openInput(ctx, c.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return a.openDelivering(ctx, commandConns, c.Retries, func(st *store.Store, _ *database) error {
		customer, err := customerBySlug(ctx, st, c.Customer)
		if err != nil {
			return err
		}
		viewer := models.SystemViewer(customer.ID)
		in := models.NewUpload{Filename: c.filename(), Source: models.UploadSourceBatch}
		upload, err := st.Ingest(ctx, viewer, in, file)
		if upload == nil {
			return err
		}
		result := newUploadResult(upload)
		rejections, listErr := firstRejections(ctx, st, viewer, upload)
		result.Rejections = rejections
		return errors.Join(err, listErr, a.print(result, func(w *tabwriter.Writer) { printUpload(w, result) }))
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

// shownRejections is how many rejected rows are printed; the API has them all.
const shownRejections = 10

func firstRejections(ctx context.Context, st *store.Store, v models.Viewer, u *models.Upload) ([]rejectionResult, error) {
	list := []rejectionResult{}
	if u.RejectedRowCount == 0 {
		return list, nil
	}
	rows, err := st.Rejections(ctx, v, u.ID, models.List[models.RejectionOrderField]{Page: models.Page{Limit: shownRejections}})
	if err != nil {
		return list, err
	}
	for _, r := range rows.Items {
		list = append(list, rejectionResult{RowNumber: r.RowNumber, Column: r.Column, Code: r.Code, Message: r.Message})
	}
	return list, nil
}

// uploadResult is an upload as the command line prints it.
type uploadResult struct {
	ID            models.UploadID     `json:"id"`
	Filename      string              `json:"filename"`
	Status        models.UploadStatus `json:"status"`
	Rows          *int64              `json:"row_count"`
	Accepted      int64               `json:"accepted_row_count"`
	Rejected      int64               `json:"rejected_row_count"`
	Warnings      int64               `json:"warning_row_count"`
	MissingFields int64               `json:"missing_fields"`
	InvalidDates  int64               `json:"invalid_dates"`
	InvalidValues int64               `json:"invalid_values"`
	PHIDetections int64               `json:"phi_detections"`
	DateMin       *models.Date        `json:"date_min"`
	DateMax       *models.Date        `json:"date_max"`
	Error         *string             `json:"error_message"`
	// Rejections are the first few rejected rows.
	Rejections []rejectionResult `json:"rejections"`
}

type rejectionResult struct {
	RowNumber int64                `json:"row_number"`
	Column    string               `json:"column"`
	Code      models.RejectionCode `json:"code"`
	Message   string               `json:"message"`
}

func newUploadResult(u *models.Upload) uploadResult {
	return uploadResult{
		ID: u.ID, Filename: u.Filename, Status: u.Status, Rows: u.RowCount, Accepted: u.AcceptedRowCount,
		Rejected: u.RejectedRowCount, Warnings: u.WarningRowCount, MissingFields: u.MissingFields,
		InvalidDates: u.InvalidDates, InvalidValues: u.InvalidValues, PHIDetections: u.PHIDetections,
		DateMin: u.DateMin, DateMax: u.DateMax, Error: u.ErrorMessage,
	}
}

func printUpload(w *tabwriter.Writer, u uploadResult) {
	_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", u.ID, u.Filename, u.Status)
	if u.Rows == nil {
		return // no row was read; the error says why
	}
	_, _ = fmt.Fprintf(w, "accepted\t%d rows\n", u.Accepted)
	_, _ = fmt.Fprintf(w, "rejected\t%d rows (%d missing a field, %d bad dates, %d bad values, %d with patient data)\n",
		u.Rejected, u.MissingFields, u.InvalidDates, u.InvalidValues, u.PHIDetections)
	_, _ = fmt.Fprintf(w, "warnings\t%d rows\n", u.Warnings)
	if len(u.Rejections) == 0 {
		return
	}
	_, _ = fmt.Fprintln(w, "\nROW\tCOLUMN\tWHY REJECTED")
	for _, r := range u.Rejections {
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s (%s)\n", r.RowNumber, r.Column, r.Message, r.Code)
	}
	if more := u.Rejected - int64(len(u.Rejections)); more > 0 {
		_, _ = fmt.Fprintf(w, "and %d more\n", more)
	}
}
