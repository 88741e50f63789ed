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

	"upstream/internal/auth"
	"upstream/internal/config"
	"upstream/internal/demo"
	"upstream/models"
	"upstream/store"
)

type demoCommand struct {
	Run      demoRun      `cmd:"" default:"withargs" help:"Load the demo once and serve it (the default)."`
	Generate demoGenerate `cmd:"" help:"Write Harbor's claims file, and what was planted in it beside it."`
}

type demoRun struct {
	config.Serve
	Password string `name:"demo-password" env:"UPSTREAM_DEMO_PASSWORD" help:"Password of all demo users; random and printed when unset." placeholder:"PASSWORD"`
}

// Run loads what of the demo is not there yet, prints the findings and serves.
func (c demoRun) Run(ctx context.Context, a *app) error {
	listeners, err := serveCommand{c.Serve}.listen()
	if err != nil {
		return err
	}
	defer listeners.close()
	return a.openStore(ctx, c.MaxConns, true, func(st *store.Store, d *database) error {
		seeder, err := newSeeder(a, st, d.dataDir, c.Password)
		if err != nil {
			return err
		}
		runs, err := seeder.seed(ctx)
		if err != nil {
			return err
		}
		if err := a.print(runs, func(w *tabwriter.Writer) {
			for _, run := range runs {
				printFindings(w, run)
				_, _ = fmt.Fprintln(w)
			}
		}); err != nil {
			return err
		}
		return a.serve(ctx, c.Serve, listeners, st, d, func(url string) { a.printTour(url, seeder.password) })
	})
}

// seeder loads the demo. Every step looks whether it was done before, so that
// a second start reuses the data and one after a crash completes it.
type seeder struct {
	*app
	store    *store.Store
	dir      string
	password string
	hash     string
	today    models.Date
}

func newSeeder(a *app, st *store.Store, dataDir, password string) (*seeder, error) {
	s := &seeder{
		app: a, store: st, dir: filepath.Join(dataDir, "demo"), password: password,
		today: models.DateOf(time.Now()),
	}
	var err error
	if s.password == "" {
		if s.password, err = config.KeepSecret(filepath.Join(s.dir, "password")); err != nil {
			return nil, err
		}
	}
	s.hash, err = auth.HashPassword(s.password)
	return s, err
}

// seed makes sure of both clinics and answers with the run each shows.
func (s *seeder) seed(ctx context.Context) ([]runResult, error) {
	if err := s.user(ctx, models.CustomerID{}, models.NewUser{Email: demo.SuperuserEmail, Superuser: true}); err != nil {
		return nil, err
	}
	var results []runResult
	for _, clinic := range demo.Clinics(s.today) {
		customer, err := s.customer(ctx, clinic)
		if err != nil {
			return nil, err
		}
		viewer := models.SystemViewer(customer.ID)
		if err := s.claims(ctx, viewer, clinic); err != nil {
			return nil, err
		}
		run, err := s.run(ctx, viewer, clinic)
		if err != nil {
			return nil, err
		}
		result, err := findings(ctx, s.store, viewer, customer.Name, run)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

// customer makes sure of a clinic, its users and its payer mappings.
func (s *seeder) customer(ctx context.Context, clinic demo.Clinic) (*models.Customer, error) {
	customer, err := s.store.CustomerBySlug(ctx, clinic.Customer.Slug)
	if models.CodeOf(err) == models.CodeNotFound && err != nil {
		customer, err = s.store.CreateCustomer(ctx, clinic.Customer)
	}
	if err != nil {
		return nil, err
	}
	for _, u := range clinic.Users {
		if err := s.user(ctx, customer.ID, models.NewUser{Email: u.Email, Role: u.Role}); err != nil {
			return nil, err
		}
	}
	for _, alias := range clinic.PayerAliases {
		in := models.NewPayerMapping{RawName: alias.Raw, NormalizedName: alias.Normalized}
		if _, err := s.store.CreatePayerMapping(ctx, models.SystemViewer(customer.ID), in); !created(err) {
			return nil, err
		}
	}
	return customer, nil
}

// user makes sure of an account with the demo's current password.
func (s *seeder) user(ctx context.Context, customer models.CustomerID, in models.NewUser) error {
	in.PasswordHash = s.hash
	_, err := s.store.CreateUser(ctx, customer, in)
	if err == nil || models.CodeOf(err) != models.CodeConflict {
		return err
	}
	account, err := s.store.AccountByEmail(ctx, in.Email)
	if err != nil {
		return err
	}
	return s.store.SetPassword(ctx, account.User.ID, s.hash)
}

// created reports whether a row is there now: made, or found.
func created(err error) bool { return err == nil || models.CodeOf(err) == models.CodeConflict }

// claims makes sure that the clinic's file was ingested.
func (s *seeder) claims(ctx context.Context, v models.Viewer, clinic demo.Clinic) error {
	uploads, err := s.store.Uploads(ctx, v, models.UploadFilter{}, models.List[models.UploadOrderField]{
		Search: clinic.Filename, Page: models.Page{Limit: 1},
	})
	if err != nil || len(uploads.Items) > 0 {
		return err
	}
	file, err := s.file(clinic)
	if err != nil {
		return err
	}
	started := time.Now()
	in := models.NewUpload{Filename: clinic.Filename, Source: models.UploadSourceBatch}
	upload, err := s.store.Ingest(ctx, v, in, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "claims ingested", "clinic", clinic.Customer.Slug, "accepted", upload.AcceptedRowCount,
		"rejected", upload.RejectedRowCount, "took", time.Since(started).Round(time.Millisecond))
	return nil
}

// file opens the clinic's claims, which for Harbor are generated first.
func (s *seeder) file(clinic demo.Clinic) (io.ReadSeekCloser, error) {
	if clinic.Customer.Slug == demo.CedarSlug {
		return nopCloser{demo.CedarCSV()}, nil
	}
	path := filepath.Join(s.dir, clinic.Filename)
	if err := writeHarbor(demo.NewHarbor(s.today), path); err != nil {
		return nil, err
	}
	return os.Open(path) //nolint:gosec // in our own data directory
}

type nopCloser struct{ io.ReadSeeker }

// Close does nothing.
func (nopCloser) Close() error { return nil }

// run is the clinic's newest successful run, made when there is none.
func (s *seeder) run(ctx context.Context, v models.Viewer, clinic demo.Clinic) (*models.ReportRun, error) {
	success := models.RunSuccess
	runs, err := s.store.ReportRuns(ctx, v, models.ReportRunFilter{Status: &success}, models.List[models.ReportRunOrderField]{
		Page: models.Page{Limit: 1},
	})
	if err != nil {
		return nil, err
	}
	if len(runs.Items) > 0 {
		return runs.Items[0], nil
	}
	return s.store.DetectDrift(ctx, v, clinic.Detect)
}

// printTour tells where everything is and how to try it.
func (a *app) printTour(url, password string) {
	if a.JSON {
		return
	}
	_, _ = fmt.Fprintf(a.Out, `GraphQL playground  %[1]s/playground
REST documentation  %[1]s/api/docs

Sign in as owner@harbor.test, admin@…, analyst@… or viewer@…, the same at cedar.test,
or as %[3]s (names the customer). Password of all: %[2]s

TOKEN=$(curl -s %[1]s/api/v1/auth/token/ -H 'Content-Type: application/json' \
  -d '{"email":"analyst@harbor.test","password":"%[2]s"}' | sed 's/.*"access": *"\([^"]*\)".*/\1/')
curl -s -H "Authorization: Bearer $TOKEN" '%[1]s/api/v1/drift-events/active/?ordering=-severity&page_size=3'
curl -s -H "Authorization: Bearer $TOKEN" %[1]s/graphql -H 'Content-Type: application/json' \
  -d '{"query":"{ activeDriftEvents(first: 3) { nodes { payer cptGroup driftType deltaValue qValue } } }"}'

`, url, password, demo.SuperuserEmail)
}

type demoGenerate struct {
	Out     string `required:"" type:"path" help:"File to write; the truth goes beside it, with .truth.json for .csv." placeholder:"FILE"`
	Claims  int    `default:"${harbor_claims}" help:"Good rows."`
	Days    int    `default:"${harbor_days}" help:"Days the decisions span."`
	BadRows int    `default:"${harbor_bad_rows}" help:"Rows no reader should accept."`
	Seed    uint64 `default:"${harbor_seed}" help:"Seed; the same gives the same file."`
	Today   string `help:"Day the file is for, YYYY-MM-DD; defaults to today (UTC)." placeholder:"DATE"`
}

// Run writes the file.
func (c demoGenerate) Run(a *app) error {
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
	if err := writeHarbor(harbor, c.Out); err != nil {
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
func writeHarbor(harbor demo.Harbor, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // no secret in it
		return err
	}
	if err := writeFile(path, harbor.WriteCSV); err != nil {
		return err
	}
	return writeFile(truthPath(path), func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(harbor.Truth())
	})
}

func writeFile(path string, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".writing-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}()
	buffered := bufio.NewWriter(file)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
