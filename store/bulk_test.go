package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
)

func batchOf(t tester, mode models.BatchMode, rows ...string) models.NewBatch {
	t.Helper()
	content := []byte("[" + strings.Join(rows, ",") + "]")
	return models.NewBatch{Mode: mode, Filename: "claims.json", Content: content, Rows: must(models.SplitBatch(content, models.BatchJSON))(t)}
}

func jsonRow(number, payer string) string {
	return fmt.Sprintf(`{"claim_number":%q,"payer":%q,"cpt":"99213","submitted_date":"2026-01-01","decided_date":"2026-01-05","outcome":"PAID","billed_amount":100}`, number, payer)
}

func TestIngestBatch(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	ctx, v := t.Context(), cedar.User(models.RoleAnalyst)
	must(w.Store.CreatePayerMapping(ctx, cedar.System(), models.NewPayerMapping{RawName: "aetna inc", NormalizedName: "Aetna"}))(t)
	bad := []string{
		jsonRow("B1", "Aetna Inc"), jsonRow("B2", ""), jsonRow("B1", "Cigna"), jsonRow("B3", "Jennifer Quimby"),
		strings.Replace(jsonRow("B4", "Cigna"), "2026-01-05", "2025-01-05", 1), `17`, `{"secret name": 1}`, jsonRow("B5", "Cigna"),
	}
	want := []string{
		"[1].payer:required", "[2].claim_number:duplicate_claim", "[3].payer:phi_detected", "[4].decided_date:invalid_value",
		"[5]:invalid_value", "[6]:invalid_value",
	}
	_, err := w.Store.IngestBatch(ctx, v, batchOf(t, models.BatchAtomic, bad...))
	e := wantCode(t, err, models.CodeValidation)
	equal(t, "every bad row", want, fieldPaths(e))
	equal(t, "stored", []int{0, 0, 0}, []int{len(uploads(t, cedar)), len(claims(t, cedar)), audited(cedar, "upload_created")})

	done := must(w.Store.IngestBatch(ctx, v, batchOf(t, models.BatchPartial, bad...)))(t)
	equal(t, "tally", tally{Status: models.UploadPartial, Rows: 8, Accepted: 2, Rejected: 6, PHI: 1, Missing: 1, Val: 4}, tallyOf(done.Upload))
	var got []string
	for i, row := range done.Rows {
		if row.Error != nil {
			got = append(got, row.Error.Path+":"+row.Error.Code)
			continue
		}
		claim := must(w.Store.Claim(ctx, v, *row.Claim))(t)
		equal(t, "claim", []any{models.ViaAPI, int64(i + 1), done.Upload.ID}, []any{claim.SubmittedVia, *claim.SourceRowNumber, claim.UploadID})
	}
	equal(t, "results", want, got)
	equal(t, "mapped", 1, factory.Query[int](cedar, `SELECT count(*) FROM claims WHERE payer = 'Aetna'`))
	equal(t, "rolled up", 2, factory.Query[int](cedar, `SELECT sum(claims)::int FROM claim_days`))
	equal(t, "the source", models.UploadSourceAPI, done.Upload.UploadSource)
	if text, _ := json.Marshal(done); strings.Contains(string(text), "secret name") || strings.Contains(string(text), "Quimby") {
		t.Errorf("what was sent is repeated: %s", text)
	}
	_, err = w.Store.IngestBatch(ctx, v, batchOf(t, models.BatchPartial, bad...))
	equal(t, "existing", done.Upload.ID.String(), wantCode(t, err, models.CodeConflict).ExistingID)
	_, err = w.Store.IngestBatch(ctx, v, batchOf(t, models.BatchAtomic, jsonRow("B5", "Other")))
	equal(t, "stored already", []string{"[0].claim_number:duplicate_claim"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	failed := must(w.Store.IngestBatch(ctx, v, batchOf(t, models.BatchPartial, jsonRow("B5", "Other"))))(t)
	equal(t, "nothing kept", models.UploadFailed, failed.Upload.Status)
	_, err = w.Store.IngestBatch(ctx, cedar.User(models.RoleViewer), batchOf(t, models.BatchPartial, jsonRow("C", "X")))
	wantCode(t, err, models.CodeForbidden)
	_, err = w.Store.IngestBatch(ctx, v, batchOf(t, "some", jsonRow("C", "X")))
	wantCode(t, err, models.CodeValidation)
}

func TestIngestBatch_Once(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	ask := func(rows ...string) (*models.Batch, error) {
		v := cedar.System()
		v.Once = models.NewOnce("a key", "batch").Streamed()
		return cedar.Store.IngestBatch(t.Context(), v, batchOf(t, models.BatchPartial, rows...))
	}
	first := must(ask(jsonRow("A", "Aetna"), jsonRow("B", "")))(t)
	equal(t, "again", first, must(ask(jsonRow("A", "Aetna"), jsonRow("B", "")))(t))
	_, err := ask(jsonRow("C", "Aetna"))
	wantCode(t, err, models.CodeValidation)
	equal(t, "claims", 1, len(claims(t, cedar)))
}

func TestExport_IsTheList(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, run := inhabited(w, "cedar")
	inhabited(w, "harbor")
	ctx, v := t.Context(), cedar.User(models.RoleViewer)
	outcome := models.OutcomeDenied
	f := models.ClaimFilter{Payer: new("a"), Outcome: &outcome}
	l := everyRow[models.ClaimOrderField]()
	l.Search, l.OrderBy = "9", []models.ClaimOrder{{Field: models.ClaimOrderPayer, Direction: models.Descending}}
	want := must(w.Store.Claims(ctx, v, f, l))(t).Items
	var got []*models.Claim
	if err := w.Store.ExportClaims(ctx, v, f, l, func(c *models.Claim) error { got = append(got, c); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(want) == 0 {
		t.Error("nothing to export")
	}
	equal(t, "claims", want, got)
	said := factory.Query[string](cedar, `SELECT (metadata - 'filters')::text || (metadata->'filters')::text FROM audit_events WHERE action = 'report_exported'`)
	equal(t, "audited", fmt.Sprintf(`{"complete": true, "export_type": "claims", "record_count": %d}{"payer": true, "search": true, "outcome": "DENIED"}`, len(got)), said)

	events := must(w.Store.DriftEvents(ctx, v, models.DriftEventFilter{ReportRun: &run.ID}, everyRow[models.DriftEventOrderField]()))(t).Items
	var exported []*models.DriftEvent
	err := w.Store.ExportDriftEvents(ctx, v, models.DriftEventFilter{ReportRun: &run.ID}, models.List[models.DriftEventOrderField]{},
		func(e *models.DriftEvent) error { exported = append(exported, e); return nil })
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "events", events, exported)
	none := func(*models.Claim) error { return nil }
	wantCode(t, w.Store.ExportClaims(ctx, models.Viewer{}, f, l, none), models.CodeUnauthenticated)
	equal(t, "audit lines", 2, audited(cedar, "report_exported"))
}

// An export sees what was there when it began, ends with who reads it, and is
// audited with what was sent.
func TestExport_SnapshotAndEnd(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	must(cedar.IngestText(longFile()))(t)
	n := 0
	err := w.Store.ExportClaims(t.Context(), cedar.System(), models.ClaimFilter{}, models.List[models.ClaimOrderField]{}, func(*models.Claim) error {
		if n++; n == 1 {
			must(cedar.IngestText(header + line("LATE", "Aetna")))(t)
		}
		return nil
	})
	equal(t, "one snapshot", []any{nil, 20_000}, []any{err, n})

	for name, stop := range map[string]func(context.CancelFunc) error{
		"a reader that fails": func(context.CancelFunc) error { return errDisk },
		"a client that left":  func(cancel context.CancelFunc) error { cancel(); return nil },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		err := w.Store.ExportClaims(ctx, cedar.System(), models.ClaimFilter{}, models.List[models.ClaimOrderField]{}, func(*models.Claim) error {
			if n++; n == 100 {
				return stop(cancel)
			}
			return nil
		})
		cancel()
		if !errors.Is(err, errDisk) && !errors.Is(err, context.Canceled) || n > 20_000 {
			t.Errorf("%s: %v after %d rows", name, err, n)
		}
	}
	equal(t, "said to be not whole", 2, factory.Query[int](cedar, `SELECT count(*) FROM audit_events
		WHERE action = 'report_exported' AND NOT (metadata->>'complete')::boolean AND (metadata->>'record_count')::int BETWEEN 99 AND 20000`))
}

// However many rows there are, few of them are in memory.
func TestExport_Memory(t *testing.T) { //nolint:paralleltest // measures the heap of the whole process
	cedar := factory.New(t).Tenant("cedar")
	upload := must(cedar.IngestText(header + line("X", "Aetna")))(t)
	const rows = 100_000
	err := asOwner(t, cedar, `INSERT INTO claims (customer_id, id, upload_id, payer, cpt, cpt_group, submitted_date, decided_date, outcome,
			denial_reason_text, source_row_number, line_number, procedure_count, submitted_via, processed_at, authorization_required, authorization_obtained)
		SELECT $1, gen_random_uuid(), $2, 'Aetna', '99213', 'E&M', '2026-01-01', '2026-01-05', 'PAID', repeat('x', 500), i, 1, 1, 'api', now(), false, false
		FROM generate_series(10, $3 + 8) i`, cedar.Customer.ID.UUID().String(), upload.ID.UUID().String(), rows)
	if err != nil {
		t.Fatal(err)
	}
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, peak := 0, int64(0)
	err = cedar.Store.ExportClaims(t.Context(), cedar.System(), models.ClaimFilter{}, models.List[models.ClaimOrderField]{}, func(*models.Claim) error {
		if n++; n%20_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, int64(now.HeapAlloc)-int64(before.HeapAlloc))
		}
		return nil
	})
	equal(t, "rows", []any{nil, rows}, []any{err, n})
	if peak > 8<<20 { // of 60 MB and more
		t.Errorf("the heap rose by %d KB", peak>>10)
	}
}
