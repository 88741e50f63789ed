package demo

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
	"upstream/models/claimfile"
)

func TestClinics(t *testing.T) {
	t.Parallel()
	emails := map[string]bool{SuperuserEmail: true}
	for _, c := range Clinics(testToday) {
		if err := c.Customer.Validate(); err != nil {
			t.Errorf("%s: %v", c.Customer.Slug, err)
		}
		if err := (models.NewUpload{Filename: c.Filename}).Validate(); err != nil || !strings.HasSuffix(c.Filename, ".csv") {
			t.Errorf("%s: file name %q: %v", c.Customer.Slug, c.Filename, err)
		}
		var roles []models.Role
		for _, u := range c.Users {
			if emails[u.Email] {
				t.Errorf("%s is used twice", u.Email)
			}
			emails[u.Email] = true
			roles = append(roles, u.Role)
			if err := (models.NewUser{Email: u.Email, PasswordHash: "x", Role: u.Role}).Validate(); err != nil {
				t.Errorf("%s: %v", u.Email, err)
			}
		}
		want := []models.Role{models.RoleOwner, models.RoleAdmin, models.RoleAnalyst, models.RoleViewer}
		if diff := cmp.Diff(want, roles); diff != "" {
			t.Errorf("%s: roles (-want +got):\n%s", c.Customer.Slug, diff)
		}
	}
	for _, email := range []string{"owner@cedar.test", "viewer@cedar.test", "admin@harbor.test", "analyst@harbor.test"} {
		if !emails[email] {
			t.Errorf("%s cannot sign in", email)
		}
	}
}

func TestClinics_Detect(t *testing.T) {
	t.Parallel()
	today := models.NewDate(2026, time.November, 3)
	clinics := Clinics(today)
	cedar, err := clinics[0].Detect.Resolve(today)
	if err != nil {
		t.Fatal(err)
	}
	if cedar.RunType != models.RunCustom || cedar.AsOf.String() != "2026-05-01" ||
		cedar.CurrentStart().String() != "2025-11-02" || cedar.BaselineStart().String() != "2024-11-02" {
		t.Errorf("cedar: %+v", cedar)
	}
	harbor, err := clinics[1].Detect.Resolve(today)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := models.DetectInput{}.Resolve(today)
	if !reflect.DeepEqual(harbor, want) {
		t.Errorf("harbor: %+v, want the defaults %+v", harbor, want)
	}
}

// ingest reads a file the way uploads are read.
func ingest(t *testing.T, src io.Reader, today models.Date) (claimfile.Counts, []claimfile.Row, []models.Rejection) {
	t.Helper()
	defaults, err := claimfile.DefaultGroups()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, a := range PayerAliases() {
		names[strings.ToLower(a.Raw)] = a.Normalized
	}
	reader, err := claimfile.NewReader(src, claimfile.Options{Today: today, Payers: names, Groups: defaults})
	if err != nil {
		t.Fatal(err)
	}
	var rows []claimfile.Row
	var rejections []models.Rejection
	for {
		row, rejection, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return reader.Counts(), rows, rejections
		case err != nil:
			t.Fatal(err)
		case rejection != nil:
			rejections = append(rejections, *rejection)
		default:
			row.Payer, row.CPTGroup, row.CPT = strings.Clone(row.Payer), strings.Clone(row.CPTGroup), strings.Clone(row.CPT)
			rows = append(rows, row)
		}
	}
}

func TestCedarCSV_Ingests(t *testing.T) {
	t.Parallel()
	counts, rows, _ := ingest(t, CedarCSV(), models.NewDate(2026, time.November, 3))
	if counts.Rows != 2575 || counts.Accepted != 2575 {
		t.Errorf("%d of %d rows accepted, want all of 2575", counts.Accepted, counts.Rows)
	}
	seen := map[string]bool{}
	for _, row := range rows {
		seen[row.Payer] = true
	}
	if len(seen) != 10 {
		t.Errorf("%d payers, want 10", len(seen))
	}
}

func TestCedarCSV_Rewinds(t *testing.T) {
	t.Parallel()
	file := CedarCSV()
	first, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	again, err := io.ReadAll(file)
	if err != nil || len(first) == 0 || string(first) != string(again) {
		t.Errorf("read %d bytes, then %d: %v", len(first), len(again), err)
	}
}

func TestHarbor_Ingests(t *testing.T) {
	t.Parallel()
	h := NewHarbor(testToday)
	src, dst := io.Pipe()
	go func() { dst.CloseWithError(h.WriteCSV(dst)) }()
	counts, rows, rejections := ingest(t, src, testToday)
	if counts.Accepted != HarborClaims || counts.Rejected != HarborBadRows {
		t.Errorf("%d rows accepted, %d rejected", counts.Accepted, counts.Rejected)
	}
	if counts.MissingFields != 8 || counts.PHIDetections != 0 || counts.Warned != 0 {
		t.Errorf("%d missing fields, %d detections of PHI, %d warnings", counts.MissingFields, counts.PHIDetections, counts.Warned)
	}
	type where struct {
		Row    int64
		Column string
	}
	var want, got []where
	for _, b := range h.Truth().Rejections {
		want = append(want, where{b.RowNumber, b.Column})
	}
	for _, r := range rejections {
		got = append(got, where{r.RowNumber, r.Column})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rejections (-want +got):\n%s", diff)
	}
	designed := map[segmentKey]bool{}
	for _, c := range h.Truth().Cells {
		designed[segmentKey{c.Payer, c.CPTGroup}] = true
	}
	for _, row := range rows {
		if key := (segmentKey{row.Payer, row.CPTGroup}); !designed[key] {
			t.Fatalf("row %d: %s %s is not a payer and group of the design", row.Number, row.Payer, row.CPTGroup)
		}
	}
}
