package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alexedwards/argon2id"

	"upstream/internal/auth"
	"upstream/internal/config"
	"upstream/internal/demo"
	"upstream/internal/obs"
	"upstream/models"
	"upstream/store"
)

// seeder loads the demo. Every step looks whether it was done before, so that
// a second start reuses the data and one after a crash completes it.
type seeder struct {
	*app
	store    *store.Store
	dir      string
	password string
	hash     string
	harbor   demo.Harbor
}

func newSeeder(a *app, st *store.Store, password string) (*seeder, error) {
	dataDir, err := a.dataDir()
	if err != nil {
		return nil, err
	}
	s := &seeder{
		app: a, store: st, dir: filepath.Join(dataDir, "demo"), password: password,
		harbor: demo.NewHarbor(models.DateOf(time.Now())),
	}
	if s.password == "" {
		s.password, err = config.KeepSecret(filepath.Join(s.dir, "password"))
	}
	return s, err
}

// seed makes sure of both clinics and answers with the run each shows.
func (s *seeder) seed(ctx context.Context) ([]clinicResult, error) {
	if err := s.choosePassword(ctx); err != nil {
		return nil, err
	}
	if err := s.user(ctx, models.CustomerID{}, models.NewUser{Email: demo.SuperuserEmail, Superuser: true}); err != nil {
		return nil, err
	}
	var results []clinicResult
	for _, clinic := range demo.Clinics(s.harbor.Today) {
		result, err := s.clinic(ctx, clinic)
		if err != nil {
			return nil, err
		}
		results = append(results, clinicResult{Slug: clinic.Customer.Slug, Run: result})
	}
	return results, nil
}

func (s *seeder) clinic(ctx context.Context, clinic demo.Clinic) (runResult, error) {
	customer, err := s.customer(ctx, clinic)
	if err != nil {
		return runResult{}, err
	}
	viewer := models.SystemViewer(customer.ID)
	ctx = obs.Bulk(ctx)
	if err := s.claims(ctx, viewer, clinic); err != nil {
		return runResult{}, err
	}
	run, err := s.run(ctx, viewer, clinic)
	if err != nil {
		return runResult{}, err
	}
	return findings(ctx, s.store, viewer, customer.Name, run)
}

// choosePassword makes the hash of the demo's password. All demo users have the
// same one, so the hash of one of them tells whether the password is still that
// of the last start; then it is kept, and no user changes.
func (s *seeder) choosePassword(ctx context.Context) error {
	known, err := s.store.AccountByEmail(ctx, demo.SuperuserEmail)
	if err == nil {
		same, err := argon2id.ComparePasswordAndHash(s.password, known.User.PasswordHash)
		if err == nil && same {
			s.hash = known.User.PasswordHash
			return nil
		}
	} else if models.CodeOf(err) != models.CodeNotFound {
		return err
	}
	s.hash, err = auth.HashPassword(s.password)
	return err
}

// customer makes sure of a clinic, its users, its payer mappings and its rules.
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
	return customer, s.alerting(ctx, models.SystemViewer(customer.ID), clinic)
}

// alerting makes sure of the clinic's alert rules, and of where its alerts go.
func (s *seeder) alerting(ctx context.Context, v models.Viewer, clinic demo.Clinic) error {
	if _, err := s.store.CreateNotificationChannel(ctx, v, clinic.Channel); !created(err) {
		return err
	}
	for _, rule := range clinic.AlertRules {
		if _, err := s.store.CreateAlertRule(ctx, v, rule); !created(err) {
			return err
		}
	}
	return nil
}

// anAlert is the identifier of an alert to look at, the newest of the clinic
// that has any; empty when none has.
func (s *seeder) anAlert(ctx context.Context) (string, error) {
	for _, clinic := range slices.Backward(demo.Clinics(s.harbor.Today)) {
		customer, err := s.store.CustomerBySlug(ctx, clinic.Customer.Slug)
		if err != nil {
			return "", err
		}
		alerts, err := s.store.AlertEvents(ctx, models.SystemViewer(customer.ID), models.AlertEventFilter{Resolved: new(false)},
			models.List[models.AlertEventOrderField]{Page: models.Page{Limit: 1}})
		if err != nil {
			return "", err
		}
		if len(alerts.Items) > 0 {
			return alerts.Items[0].ID.String(), nil
		}
	}
	return "", nil
}

// user makes sure of an account with the demo's current password.
func (s *seeder) user(ctx context.Context, customer models.CustomerID, in models.NewUser) error {
	in.PasswordHash = s.hash
	_, err := s.store.CreateUser(ctx, customer, in)
	if err == nil || models.CodeOf(err) != models.CodeConflict {
		return err
	}
	account, err := s.store.AccountByEmail(ctx, in.Email)
	if err != nil || account.User.PasswordHash == s.hash {
		return err
	}
	return s.store.SetPassword(ctx, account.User.ID, s.hash)
}

// created reports whether a row is there now: made, or found.
func created(err error) bool { return err == nil || models.CodeOf(err) == models.CodeConflict }

// claims makes sure that the clinic's file was ingested. An upload that failed,
// because a start was interrupted, does not count.
func (s *seeder) claims(ctx context.Context, v models.Viewer, clinic demo.Clinic) error {
	done, err := s.ingested(ctx, v, clinic.Filename)
	if err != nil || done {
		return err
	}
	file, err := s.file(ctx, clinic)
	if err != nil {
		return err
	}
	started := time.Now()
	in := models.NewUpload{Filename: clinic.Filename, Source: models.UploadSourceBatch}
	upload, err := s.store.Ingest(ctx, v, in, file)
	if closeErr := file.Close(); closeErr != nil {
		return errors.Join(err, closeErr)
	}
	if err != nil && models.CodeOf(err) == models.CodeConflict {
		return nil // another start of the demo was faster
	}
	if err != nil {
		return err
	}
	s.log.InfoContext(ctx, "claims ingested", "clinic", clinic.Customer.Slug, "accepted", upload.AcceptedRowCount,
		"rejected", upload.RejectedRowCount, "took", time.Since(started).Round(time.Millisecond))
	return nil
}

// ingested looks for a successful upload of a file.
func (s *seeder) ingested(ctx context.Context, v models.Viewer, filename string) (bool, error) {
	for _, status := range []models.UploadStatus{models.UploadSuccess, models.UploadPartial} {
		uploads, err := s.store.Uploads(ctx, v, models.UploadFilter{Status: &status}, models.List[models.UploadOrderField]{
			Search: filename, Page: models.Page{Limit: models.MaxPageSize},
		})
		if err != nil {
			return false, err
		}
		for _, upload := range uploads.Items {
			if upload.Filename == filename {
				return true, nil
			}
		}
	}
	return false, nil
}

// file opens the clinic's claims, which for Harbor are generated first.
func (s *seeder) file(ctx context.Context, clinic demo.Clinic) (io.ReadSeekCloser, error) {
	if clinic.Customer.Slug == demo.CedarSlug {
		return nopCloser{demo.CedarCSV()}, nil
	}
	path := filepath.Join(s.dir, clinic.Filename)
	if err := writeHarbor(ctx, s.harbor, path); err != nil {
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
