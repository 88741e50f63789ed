package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

const header = "claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,denial_reason_text\n"

// line is a row below header that nothing is wrong with.
func line(number, payer string) string {
	return number + "," + payer + ",99213,2026-01-01,2026-01-05,PAID,100.00,\n"
}

func rejections(t tester, tenant *factory.Tenant, upload models.UploadID) []string {
	t.Helper()
	rows := must(tenant.Store.Rejections(context.Background(), tenant.System(), upload, everyRow[models.RejectionOrderField]()))(t)
	var all []string
	for _, r := range rows.Items {
		all = append(all, fmt.Sprintf("%d %s %s", r.RowNumber, r.Column, r.Code))
	}
	return all
}

func claims(t tester, tenant *factory.Tenant) []*models.Claim {
	t.Helper()
	return must(tenant.Store.Claims(context.Background(), tenant.System(), models.ClaimFilter{}, everyRow[models.ClaimOrderField]()))(t).Items
}

func uploads(t tester, tenant *factory.Tenant) []*models.Upload {
	t.Helper()
	return must(tenant.Store.Uploads(context.Background(), tenant.System(), models.UploadFilter{}, everyRow[models.UploadOrderField]()))(t).Items
}

// audited counts the audit lines of an action.
func audited(tenant *factory.Tenant, action string) int {
	return factory.Query[int](tenant, `SELECT count(*) FROM audit_events WHERE action = ?`, action)
}

// tally is the part of an upload that tests compare whole.
type tally struct {
	Status                                                    models.UploadStatus
	Rows, Accepted, Rejected, Warned, PHI, Missing, Date, Val int64
}

func tallyOf(u *models.Upload) tally {
	rows := int64(-1)
	if u.RowCount != nil {
		rows = *u.RowCount
	}
	return tally{
		u.Status, rows, u.AcceptedRowCount, u.RejectedRowCount, u.WarningRowCount,
		u.PHIDetections, u.MissingFields, u.InvalidDates, u.InvalidValues,
	}
}

func TestIngest_RealFile(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	file, err := os.ReadFile("../testdata/claims/rcm-2024-2026.csv")
	if err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC) }
	w.Store = w.StoreWith(w.DB.App, store.Options{Now: later})
	cedar := w.Tenant("cedar")
	viewer := cedar.User(models.RoleAnalyst)
	viewer.RequestID, viewer.RemoteAddr = "req-1", "192.0.2.7"
	in := models.NewUpload{Filename: "rcm.csv", Source: models.UploadSourceWebUI}
	upload := must(w.Store.Ingest(t.Context(), viewer, in, bytes.NewReader(file)))(t)

	equal(t, "tally", tally{Status: models.UploadSuccess, Rows: 2575, Accepted: 2575}, tallyOf(upload))
	equal(t, "uploader", &viewer.UserID, upload.UploadedBy)
	equal(t, "size", new(int64(len(file))), upload.FileSizeBytes)
	equal(t, "what is stored", upload, must(w.Store.Upload(t.Context(), viewer, upload.ID))(t))
	stored := claims(t, cedar)
	if len(stored) != 2575 {
		t.Fatalf("%d claims are stored", len(stored))
	}
	first, last := stored[0].SubmittedDate, stored[0].DecidedDate
	for _, c := range stored {
		if c.SubmittedDate.Before(first) {
			first = c.SubmittedDate
		}
		if c.DecidedDate.After(last) {
			last = c.DecidedDate
		}
	}
	equal(t, "earliest day", &first, upload.DateMin)
	equal(t, "latest day", &last, upload.DateMax)
	if n := audited(cedar, "upload_created"); n != 1 {
		t.Errorf("%d audit lines", n)
	}
	who := factory.Query[string](cedar, `SELECT concat_ws(' ', user_id, actor, request_id, remote_addr, entity_id, after->>'accepted_row_count')
		FROM audit_events WHERE action = 'upload_created'`)
	equal(t, "audit line", fmt.Sprintf("%s %s req-1 192.0.2.7 %s 2575", viewer.UserID.UUID(), viewer.Email, upload.ID), who)
}

func TestIngest_PartialFile(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	upload, err := cedar.IngestText(header +
		line("C1", "Aetna") + // 2
		"C2,,99213,2026-01-01,2026-01-05,PAID,1,\n" + // 3 required
		"C3,Aetna,99213,yesterday,2026-01-05,PAID,1,\n" + // 4 no date
		"C4,Aetna,99213,2026-01-09,2026-01-05,PAID,1,\n" + // 5 reversed
		"C5,Aetna,99213,2026-01-01,2026-01-05,PAID,-1,\n" + // 6 negative
		"C6,John Smith,99213,2026-01-01,2026-01-05,PAID,1,\n" + // 7 patient
		"C7,Aetna,99213,2026-01-01\n" + // 8 too few cells
		line("C1", "Cigna") + // 9 the number of row 2
		line("C1", "Aetna") + // 10 row 2 again
		"C8,Aetna,99213,2026-01-02,2026-01-04,LOST,1,\n" + // 11 warned
		",Aetna,99213,2026-01-01,2026-01-05,PAID,7,\n" + // 12 no number
		",Aetna,99213,2026-01-01,2026-01-05,PAID,7,\n") // 13 row 12 again
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "tally", tally{
		Status: models.UploadPartial, Rows: 12, Accepted: 3, Rejected: 9, Warned: 1,
		PHI: 1, Missing: 1, Date: 1, Val: 6,
	}, tallyOf(upload))
	equal(t, "rejections", []string{
		"3 payer required", "4 submitted_date invalid_date", "5 decided_date invalid_value",
		"6 billed_amount invalid_value", "7 payer phi_detected", "8  invalid_value",
		"9 claim_number duplicate_claim", "10  duplicate_row", "13  duplicate_row",
	}, rejections(t, cedar, upload.ID))
	equal(t, "claims", 3, len(claims(t, cedar)))
	equal(t, "audit lines about patient data", 1, audited(cedar, "phi_detection_in_upload"))
	stored := must(cedar.Store.Upload(t.Context(), cedar.System(), upload.ID))(t)
	equal(t, "what is stored", upload, stored)
}

// Of rows that number one claim line, the first of the file is kept, whatever
// its dates; the others say which it was.
func TestIngest_FirstRowOfANumberIsKept(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	upload, err := cedar.IngestText(header +
		"C1,First,99213,2026-03-01,2026-03-05,PAID,1,\n" +
		"C1,Second,99213,2026-01-01,2026-01-05,PAID,1,\n" +
		"C2,Other,99213,2026-01-01,2026-01-05,PAID,1,\n" +
		"C1,First,99213,2026-03-01,2026-03-05,PAID,1,\n")
	if err != nil {
		t.Fatal(err)
	}
	kept := factory.Query[string](cedar, `SELECT string_agg(payer, ' ' ORDER BY source_row_number) FROM claims`)
	equal(t, "kept", "First Other", kept)
	said := factory.Query[string](cedar, `SELECT string_agg(row_number || ' ' || message, '; ' ORDER BY row_number) FROM upload_rejections`)
	equal(t, "rejections", "3 has the number and line of row 2; 5 repeats row 2", said)
	equal(t, "first and last day", []string{"2026-01-01", "2026-03-05"}, []string{upload.DateMin.String(), upload.DateMax.String()})
}

// A line number tells the lines of one claim apart.
func TestIngest_LinesOfOneClaim(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	columns := "claim_number,line_number,payer,cpt,submitted_date,decided_date,outcome\n"
	row := func(n string) string { return "C1," + n + ",A,99213,2026-01-01,2026-01-05,PAID\n" }
	upload := must(cedar.IngestText(columns + row("1") + row("2") + row("")))(t)
	equal(t, "first file", []int64{2, 1}, []int64{upload.AcceptedRowCount, upload.RejectedRowCount})
	upload = must(cedar.IngestText(columns + row("2") + row("3")))(t)
	equal(t, "second file", []int64{1, 1}, []int64{upload.AcceptedRowCount, upload.RejectedRowCount})
	equal(t, "lines", "1 2 3", factory.Query[string](cedar, `SELECT string_agg(line_number::text, ' ' ORDER BY line_number) FROM claims`))
}

// Dates and warnings are those of the rows that were kept, not of repetitions.
func TestIngest_DuplicatesLeaveNoTrace(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	if _, err := cedar.IngestText(header + "C1,Aetna,99213,2026-01-01,2026-05-05,LOST,1,\n"); err != nil {
		t.Fatal(err)
	}
	upload, err := cedar.IngestText(header +
		"C1,Aetna,99213,2026-01-01,2026-05-05,LOST,1,\n" +
		"C2,Aetna,99213,2026-02-01,2026-02-05,PAID,1,\n")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "tally", tally{Status: models.UploadPartial, Rows: 2, Accepted: 1, Rejected: 1, Val: 1}, tallyOf(upload))
	equal(t, "first day", "2026-02-01", upload.DateMin.String())
	equal(t, "last day", "2026-02-05", upload.DateMax.String())

	// All known: the whole file is refused, and says why.
	again, err := cedar.IngestText(header + "C2,Aetna,99213,2026-02-01,2026-02-05,PAID,1,\n")
	e := wantCode(t, err, models.CodeValidation)
	if !strings.Contains(e.Fields[0].Message, "0 an invalid value") || !strings.Contains(e.Fields[0].Message, "1 repeat claims") {
		t.Errorf("message %q", e.Fields[0].Message)
	}
	equal(t, "status", models.UploadFailed, again.Status)
	if again.DateMin != nil || again.DateMax != nil {
		t.Errorf("an upload of nothing spans %v to %v", again.DateMin, again.DateMax)
	}
	equal(t, "rejections", []string{"2 claim_number duplicate_claim"}, rejections(t, cedar, again.ID))
}

func TestIngest_WholeFileFailures(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text     string
		fields   []string
		rejected []string
		mentions []string
	}{
		"missing columns": {
			text: "payer,cpt,billed_amount\nA,1,2\n", fields: []string{"file:missing_column", "file:missing_column", "file:missing_column"},
			mentions: []string{"submitted_date", "decided_date", "outcome"},
		},
		"no CSV":      {text: "PK\x03\x04zip", fields: []string{"file:not_csv"}, mentions: []string{"ZIP"}},
		"empty":       {text: "", fields: []string{"file:empty"}},
		"header only": {text: header, fields: []string{"file:no_rows"}},
		"nothing kept": {
			text:   header + "C1,,99213,2026-01-01,2026-01-05,PAID,1,\n" + "C2,A,99213,x,2026-01-05,PAID,1,\n",
			fields: []string{"file:no_valid_rows"}, rejected: []string{"2 payer required", "3 submitted_date invalid_date"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cedar := factory.New(t).Tenant("cedar")
			upload, err := cedar.IngestText(tt.text)
			e := wantCode(t, err, models.CodeValidation)
			equal(t, "fields", tt.fields, fieldPaths(e))
			if upload == nil || upload.Status != models.UploadFailed || upload.ErrorMessage == nil {
				t.Fatalf("upload = %+v", upload)
			}
			for _, word := range tt.mentions {
				if !strings.Contains(*upload.ErrorMessage, word) {
					t.Errorf("%q does not mention %s", *upload.ErrorMessage, word)
				}
			}
			equal(t, "what is stored", upload, must(cedar.Store.Upload(t.Context(), cedar.System(), upload.ID))(t))
			equal(t, "rejections", tt.rejected, rejections(t, cedar, upload.ID))
			equal(t, "claims", 0, len(claims(t, cedar)))
			equal(t, "audit lines", 1, audited(cedar, "upload_failed"))

			// A failed file may be sent again, and fails again.
			second, err := cedar.IngestText(tt.text)
			wantCode(t, err, models.CodeValidation)
			if second == nil || second.ID == upload.ID {
				t.Errorf("second upload = %+v", second)
			}
			equal(t, "uploads", 2, len(uploads(t, cedar)))
		})
	}
}

func TestIngest_SameFileTwice(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	first := must(cedar.IngestText(header + line("C1", "Aetna")))(t)
	second, err := cedar.IngestText(header + line("C1", "Aetna"))
	e := wantCode(t, err, models.CodeConflict)
	equal(t, "existing", first.ID.String(), e.ExistingID)
	equal(t, "fields", []string{"file:taken"}, fieldPaths(e))
	if second != nil {
		t.Errorf("a refused file answers with %+v", second)
	}
	equal(t, "uploads", 1, len(uploads(t, cedar)))
	must(harbor.IngestText(header + line("C1", "Aetna")))(t) // another customer's business
}

func TestIngest_SameFileTwiceAtOnce(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	const times = 6
	results := make([]*models.Upload, times)
	failures := make([]error, times)
	var wg sync.WaitGroup
	for i := range times {
		wg.Go(func() { results[i], failures[i] = cedar.IngestText(header + line("C1", "Aetna")) })
	}
	wg.Wait()
	var stored *models.Upload
	for i, u := range results {
		if failures[i] == nil {
			if stored != nil {
				t.Error("the file was stored twice")
			}
			stored = u
		}
	}
	if stored == nil {
		t.Fatalf("nobody stored it: %v", failures)
	}
	for _, err := range failures {
		if err != nil {
			equal(t, "existing", stored.ID.String(), wantCode(t, err, models.CodeConflict).ExistingID)
		}
	}
	equal(t, "uploads", 1, len(uploads(t, cedar)))
	equal(t, "claims", 1, len(claims(t, cedar)))
}

// Two files hold the same claim numbers in opposite order.
func TestIngest_OverlappingFilesAtOnce(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	const numbers = 3000
	var forwards, backwards strings.Builder
	forwards.WriteString(header)
	backwards.WriteString(header)
	for i := range numbers {
		forwards.WriteString(line(fmt.Sprintf("C%05d", i), "Aetna"))
		backwards.WriteString(line(fmt.Sprintf("C%05d", numbers-1-i), "Cigna"))
	}
	texts := []string{forwards.String(), backwards.String()}
	got := make([]*models.Upload, len(texts))
	failures := make([]error, len(texts))
	var wg sync.WaitGroup
	for i, text := range texts {
		wg.Go(func() { got[i], failures[i] = cedar.IngestText(text) })
	}
	wg.Wait()
	accepted, rejected, failed := int64(0), int64(0), 0
	for i, u := range got {
		if failures[i] != nil {
			wantCode(t, failures[i], models.CodeValidation) // all of it was there already
			failed++
		}
		accepted += u.AcceptedRowCount
		rejected += u.RejectedRowCount
		equal(t, "rejections kept", int(u.RejectedRowCount), len(rejections(t, cedar, u.ID)))
	}
	equal(t, "accepted, rejected", []int64{numbers, numbers}, []int64{accepted, rejected})
	equal(t, "files refused", 1, failed)
	equal(t, "claims", numbers, factory.Query[int](cedar, `SELECT count(DISTINCT claim_number) FROM claims`))
	equal(t, "claim rows", numbers, factory.Query[int](cedar, `SELECT count(*) FROM claims`))
}

var errDisk = errors.New("the disk is gone")

// breaking reads well once, for the hash, and breaks off on the second pass.
type breaking struct {
	*strings.Reader
	passes int
	after  int64
	// then runs when the second pass has come to after.
	then func() error
}

func (b *breaking) Seek(offset int64, whence int) (int64, error) {
	b.passes++
	return b.Reader.Seek(offset, whence)
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.passes == 0 {
		return b.Reader.Read(p)
	}
	if done := b.Size() - int64(b.Len()); done >= b.after {
		if err := b.then(); err != nil {
			return 0, err
		}
	}
	return b.Reader.Read(p[:min(len(p), 4096)])
}

func longFile() string {
	var text strings.Builder
	text.WriteString(header)
	for i := range 20_000 {
		text.WriteString(line(fmt.Sprintf("C%06d", i), "Aetna"))
	}
	return text.String()
}

func TestIngest_SourceBreaksOff(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	text := longFile()
	in := models.NewUpload{Filename: "long.csv", Source: models.UploadSourceBatch}
	source := &breaking{Reader: strings.NewReader(text), after: 500_000, then: func() error { return errDisk }}
	_, err := cedar.Store.Ingest(t.Context(), cedar.System(), in, source)
	e := wantCode(t, err, models.CodeInternal)
	if !errors.Is(err, errDisk) || strings.Contains(e.Message, errDisk.Error()) {
		t.Errorf("the cause is for the log alone: %v", err)
	}
	equal(t, "claims", 0, len(claims(t, cedar)))
	all := uploads(t, cedar)
	if len(all) != 1 || all[0].Status != models.UploadFailed || all[0].FileHash != nil || all[0].ErrorMessage == nil ||
		strings.Contains(*all[0].ErrorMessage, errDisk.Error()) {
		t.Fatalf("uploads = %+v", all)
	}
	equal(t, "audit lines", 1, audited(cedar, "upload_failed"))

	// The connection is as good as new and the same file goes in.
	upload := must(cedar.Store.Ingest(t.Context(), cedar.System(), in, strings.NewReader(text)))(t)
	equal(t, "accepted", int64(20_000), upload.AcceptedRowCount)
}

func TestIngest_ClientGivesUp(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	ctx, cancel := context.WithCancel(t.Context())
	in := models.NewUpload{Filename: "long.csv", Source: models.UploadSourceBatch}
	source := &breaking{Reader: strings.NewReader(longFile()), after: 500_000, then: func() error { cancel(); return nil }}
	upload, err := cedar.Store.Ingest(ctx, cedar.System(), in, source)
	if upload != nil || !errors.Is(err, context.Canceled) {
		t.Fatalf("Ingest = %v, %v", upload, err)
	}
	equal(t, "claims", 0, len(claims(t, cedar)))
	equal(t, "uploads", 0, len(uploads(t, cedar)))
	must(cedar.Store.Ingest(t.Context(), cedar.System(), in, strings.NewReader(longFile())))(t)
}

type unreadable struct{ seekFails bool }

func (u unreadable) Read([]byte) (int, error) {
	if u.seekFails {
		return 0, io.EOF
	}
	return 0, errDisk
}
func (unreadable) Seek(int64, int) (int64, error) { return 0, errDisk }

func TestIngest_UnreadableSource(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	in := models.NewUpload{Filename: "x.csv", Source: models.UploadSourceBatch}
	for _, source := range []unreadable{{false}, {true}} {
		_, err := cedar.Store.Ingest(t.Context(), cedar.System(), in, source)
		wantCode(t, err, models.CodeInternal)
		if !errors.Is(err, errDisk) {
			t.Errorf("the cause is lost: %v", err)
		}
	}
}

func TestIngest_Mappings(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	mapping := models.NewPayerMapping{RawName: " AETNA Inc. ", NormalizedName: " Aetna "}
	must(w.Store.CreatePayerMapping(t.Context(), cedar.System(), mapping))(t)
	_, err := w.Store.CreatePayerMapping(t.Context(), cedar.System(), models.NewPayerMapping{RawName: "aetna inc.", NormalizedName: "X"})
	equal(t, "second mapping", []string{"raw_name:taken"}, fieldPaths(wantCode(t, err, models.CodeConflict)))
	_, err = w.Store.CreatePayerMapping(t.Context(), cedar.System(), models.NewPayerMapping{})
	equal(t, "blank mapping", []string{"raw_name:invalid", "normalized_name:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	_, err = w.Store.CreatePayerMapping(t.Context(), cedar.User(models.RoleViewer), mapping)
	wantCode(t, err, models.CodeForbidden)
	cedar.Insert(&models.CPTGroupMapping{
		CustomerID: cedar.Customer.ID, ID: models.CPTGroupMappingID{}.From(cedar.UploadRow().ID.UUID()),
		CPTCode: "99213", CPTGroup: "VISITS", Version: 1, CreatedAt: factory.Now(), UpdatedAt: factory.Now(),
	})
	text := header + line("C1", "aetna INC.") + line("C2", "Cigna") + ",Cigna,ZZZZZ,2026-01-01,2026-01-05,PAID,1,\n"
	must(cedar.IngestText(text))(t)
	must(harbor.IngestText(text))(t)
	stored := func(tenant *factory.Tenant) string {
		return factory.Query[string](tenant, `SELECT string_agg(payer || '/' || cpt_group, ' ' ORDER BY source_row_number) FROM claims`)
	}
	equal(t, "with mappings", "Aetna/VISITS Cigna/VISITS Cigna/OTHER", stored(cedar))
	equal(t, "without", "aetna INC./E&M Cigna/E&M Cigna/OTHER", stored(harbor))
}

func TestIngest_WhoMay(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	in := models.NewUpload{Filename: "x.csv", Source: models.UploadSourceAPI}
	for name, tt := range map[string]struct {
		viewer models.Viewer
		want   models.Code
	}{
		"nobody":                    {models.Viewer{}, models.CodeUnauthenticated},
		"a stranger":                {models.Viewer{UserID: cedar.User(models.RoleOwner).UserID}, models.CodeForbidden},
		"a viewer":                  {cedar.User(models.RoleViewer), models.CodeForbidden},
		"a superuser of nobody":     {models.Viewer{UserID: cedar.User(models.RoleOwner).UserID, Superuser: true}, models.CodeValidation},
		"a customer without a name": {models.SystemViewer(models.CustomerID{}), models.CodeForbidden},
	} {
		_, err := cedar.Store.Ingest(t.Context(), tt.viewer, in, strings.NewReader(header+line("C1", "A")))
		if models.CodeOf(err) != tt.want || err == nil {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	_, err := cedar.Store.Ingest(t.Context(), cedar.System(), models.NewUpload{Source: models.UploadSourceAPI}, strings.NewReader(""))
	equal(t, "no name", []string{"file:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	_, err = cedar.Store.Ingest(t.Context(), cedar.System(), models.NewUpload{Filename: "x", Source: "fax"}, strings.NewReader("x"))
	equal(t, "bad door", []string{"upload_source:invalid"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	equal(t, "uploads", 0, len(uploads(t, cedar)))
}

// What a client says about itself is no reason to refuse its file.
func TestIngest_LongTraces(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	v := cedar.System()
	v.RequestID, v.RemoteAddr = strings.Repeat("ä", 500), strings.Repeat("f", 500)
	in := models.NewUpload{Filename: "x.csv", Source: models.UploadSourceAPI}
	must(cedar.Store.Ingest(t.Context(), v, in, strings.NewReader(header+line("C1", "A"))))(t)
	equal(t, "kept", strings.Repeat("ä", 64), factory.Query[string](cedar, `SELECT request_id FROM audit_events WHERE action = 'upload_created'`))
}

// Patient data reaches neither the database, nor an error, nor the log.
func TestIngest_PatientDataLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	var log buffer
	w.Store = w.StoreWith(w.DB.App, store.Options{Logger: log.logger()})
	cedar := w.Tenant("cedar")
	secrets := []string{"123-45-6789", "Jennifer Quimby", "patient@mail.test", "555-867-5309", "secretcell"}
	body := header +
		line("C1", "Jennifer Quimby") + line("123-45-6789", "Aetna") + line("C2", "patient@mail.test") +
		"C3,Aetna,99213,secretcell,2026-01-05,PAID,1,\n" +
		"C4,Aetna,99213,2026-01-01,2026-01-05,PAID,secretcell,\n" +
		"C5,Aetna,\"99213\"secretcell,2026-01-01,2026-01-05,PAID,1,\n"
	failedUpload, err := cedar.IngestText(body)
	e := wantCode(t, err, models.CodeValidation)
	said := []string{err.Error(), e.Message, *failedUpload.ErrorMessage}
	kept, err := cedar.IngestText(body + "C6,Aetna,99213,2026-01-01,2026-01-05,DENIED,1,call 555-867-5309\n")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "tally", tally{Status: models.UploadPartial, Rows: 7, Accepted: 1, Rejected: 6, Warned: 1, PHI: 3, Date: 1, Val: 2}, tallyOf(kept))
	said = append(said, log.String())
	for _, table := range strs(t, w.DB, tenantTables) {
		said = append(said, factory.Query[string](cedar, `SELECT coalesce(string_agg(x::text, E'\n'), '') FROM `+table+` x`))
	}
	everything := strings.Join(said, "\n")
	if !strings.Contains(everything, "appears to identify a patient") {
		t.Error("nothing was looked at")
	}
	for _, secret := range secrets {
		if strings.Contains(everything, secret) {
			t.Errorf("%q is found again", secret)
		}
	}
}

func TestIngest_ClaimsKeepTheirUpload(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	upload := must(cedar.IngestText(header + line("C1", "Aetna")))(t)
	err := asOwner(t, cedar, `DELETE FROM uploads WHERE id = $1`, upload.ID.UUID().String())
	e := wantCode(t, store.Translate(err), models.CodeInUse)
	if !strings.Contains(e.Message, "still has claims") {
		t.Errorf("message %q", e.Message)
	}
}
