package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"upstream/bench/meter"
	"upstream/internal/demo"
	"upstream/models"
)

// detect runs one detection with the default parameters, after one that opens
// the connection and reads what the first to come has to read from disk. It runs
// in this process, whose memory is measured.
func (s *site) detect(ctx context.Context) (figures, error) {
	run := func() error {
		_, err := s.db.Store.DetectDrift(ctx, models.SystemViewer(s.facts.ID), models.DetectInput{AsOf: &s.facts.Today})
		return err
	}
	if err := run(); err != nil {
		return figures{}, err
	}
	return s.once(ctx, run)
}

// ingest reads a file of so many rows, each of them good, into the customer.
func (s *site) ingest(ctx context.Context, rows int) (f figures, err error) {
	file, err := os.CreateTemp("", "upstream-growth-*.csv")
	if err != nil {
		return f, err
	}
	defer func() { _, _ = file.Close(), os.Remove(file.Name()) }()
	harbor := demo.Harbor{Seed: demo.HarborSeed, Today: s.facts.Today, Claims: rows, Days: days}
	if err := harbor.WriteCSV(file); err != nil {
		return f, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return f, err
	}
	return s.once(ctx, func() error {
		in := models.NewUpload{Filename: "growth.csv", Source: models.UploadSourceBatch}
		upload, err := s.db.Store.Ingest(ctx, models.SystemViewer(s.facts.ID), in, file)
		if err == nil && upload.AcceptedRowCount != int64(rows) {
			err = fmt.Errorf("%d of %d rows were accepted", upload.AcceptedRowCount, rows)
		}
		return err
	})
}

// once measures what this process and the database do once.
func (s *site) once(ctx context.Context, work func() error) (figures, error) {
	resettable := meter.ResetPeak() == nil // or it is that since the start
	start := time.Now()
	used, err := meter.New(s.db.Owner).Of(ctx, work)
	f := figures{elapsed: time.Since(start), used: used}
	if err == nil && resettable {
		f.peak, err = meter.Peak()
	}
	return f, err
}
