package factory

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"upstream/models"
)

// The builders below answer with a valid row that is not stored yet; each
// change is applied in order. Insert stores them.

func build[T any](row *T, changes []func(*T)) *T {
	for _, change := range changes {
		change(row)
	}
	return row
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// UploadRow is a successful upload of no rows.
func (t *Tenant) UploadRow(changes ...func(*models.Upload)) *models.Upload {
	now := Now()
	return build(&models.Upload{
		ID: models.UploadID{}.From(newID()), CustomerID: t.Customer.ID, UploadedAt: now,
		Filename: fmt.Sprintf("file-%d.csv", t.seq.Add(1)), Status: models.UploadSuccess,
		FileEncoding: "utf-8", UploadSource: models.UploadSourceAPI, Version: 1, CreatedAt: now, UpdatedAt: now,
	}, changes)
}

// RejectionRow is a rejected row of the upload.
func (t *Tenant) RejectionRow(upload models.UploadID, row int64) *models.Rejection {
	return &models.Rejection{
		CustomerID: t.Customer.ID, UploadID: upload, RowNumber: row,
		Column: "payer", Code: models.RejectionMissing, Message: "is required",
	}
}

// ClaimRow is a paid claim of the upload, decided today.
func (t *Tenant) ClaimRow(upload models.UploadID, changes ...func(*models.Claim)) *models.Claim {
	return build(&models.Claim{
		CustomerID: t.Customer.ID, ID: models.ClaimID{}.From(newID()), UploadID: upload, LineNumber: 1,
		Payer: "Payer A", CPT: "99213", CPTGroup: "E&M", SubmittedDate: Today().AddDays(-10), DecidedDate: Today(),
		Outcome: models.OutcomePaid, ModifierCodes: []string{}, DiagnosisCodes: []string{}, ProcedureCount: 1,
		SubmittedVia: models.ViaCSVUpload, ProcessedAt: Now(),
	}, changes)
}

// RunRow is a successful weekly run as of today without tests.
func (t *Tenant) RunRow(changes ...func(*models.ReportRun)) *models.ReportRun {
	now, asOf := Now(), Today()
	return build(&models.ReportRun{
		CustomerID: t.Customer.ID, ID: models.ReportRunID{}.From(newID()), RunType: models.RunWeekly,
		Status: models.RunSuccess, Method: models.MethodStatistical, WindowBy: models.WindowByDecided, AsOf: asOf,
		BaselineStart: asOf.AddDays(-104), BaselineEnd: asOf.AddDays(-14),
		CurrentStart: asOf.AddDays(-14), CurrentEnd: asOf, MinVolume: 30, Alpha: 0.05,
		StartedAt: now, FinishedAt: &now, Version: 1, CreatedAt: now, UpdatedAt: now,
	}, changes)
}

// EventRow is an event of the run: one payer's denial rate rose.
func (t *Tenant) EventRow(run models.ReportRunID, payer string, changes ...func(*models.DriftEvent)) *models.DriftEvent {
	asOf := Today()
	return build(&models.DriftEvent{
		CustomerID: t.Customer.ID, ID: models.DriftEventID{}.From(newID()), ReportRunID: run,
		Payer: payer, CPTGroup: "E&M", DriftType: models.DriftDenialRate,
		BaselineValue: 0.1, CurrentValue: 0.4, DeltaValue: 0.3, Severity: 0.6, Confidence: 0.99,
		BaselineStart: asOf.AddDays(-104), BaselineEnd: asOf.AddDays(-14),
		CurrentStart: asOf.AddDays(-14), CurrentEnd: asOf, BaselineSampleSize: 300, CurrentSampleSize: 100,
		TestMethod: models.TestTwoProportionZ, TrendDirection: models.TrendDegrading, ConsecutivePeriods: 1,
		SignalKey: payer, Evidence: json.RawMessage(`{}`), Version: 1, CreatedAt: Now(),
	}, changes)
}

// TestRow is a test of the run that found nothing.
func (t *Tenant) TestRow(run models.ReportRunID, payer string, changes ...func(*models.DriftTest)) *models.DriftTest {
	return build(&models.DriftTest{
		CustomerID: t.Customer.ID, ReportRunID: run, Payer: payer, CPTGroup: "E&M",
		DriftType: models.DriftDenialRate, Method: models.TestTwoProportionZ,
		BaselineSampleSize: 300, CurrentSampleSize: 100, BaselineValue: 0.1, CurrentValue: 0.1,
	}, changes)
}

// Slug is a customer's slug that no other call has answered.
func Slug() string { return "c" + newID().String() }
