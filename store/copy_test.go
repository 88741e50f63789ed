package store_test

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/models/claimfile"
)

// awkward is text made of what COPY, array literals, CSV and SQL give a
// meaning to.
func awkward() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			`\`, `\N`, `\.`, `\t`, `\\`, `\x41`, `"`, `""`, `'`, `''`, `,`, `{`, `}`, `{}`, `NULL`, `null`, `$1`, `?`, `?0`,
			`%`, `_`, ` `, "\t", "\n", "\r\n", "\r", "\x00", "\x1f", "é", "漢", "🩺", "\u2028", "\u0301", "\ufeff", `--`, `;`, `/*`,
		}),
		rapid.StringMatching(`[A-Za-z]{1,4}`),
	)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
	})
}

var copyColumns = []string{
	"payer", "cpt", "submitted_date", "decided_date", "outcome", "claim_number", "line_number", "billed_amount", "allowed_amount",
	"paid_amount", "payment_date", "denial_reason_code", "denial_reason_text", "authorization_required",
	"authorization_number", "modifier_codes", "diagnosis_codes", "procedure_count",
}

func awkwardRow(t *rapid.T) []string {
	text := awkward()
	amount := rapid.SampledFrom([]string{"", "0", "0.01", "1234.5", "9999999999.99", "$1,000.10"})
	return []string{
		text.Draw(t, "payer") + "p", text.Draw(t, "cpt") + "c", "2026-01-02", rapid.SampledFrom([]string{"2026-01-02", "2026-03-04"}).Draw(t, "decided"),
		rapid.SampledFrom([]string{"PAID", "DENIED", "other", "?"}).Draw(t, "outcome"),
		text.Draw(t, "number"), rapid.SampledFrom([]string{"", "2", "2147483647"}).Draw(t, "line"),
		amount.Draw(t, "billed"), amount.Draw(t, "allowed"), amount.Draw(t, "paid"),
		rapid.SampledFrom([]string{"", "2026-02-01", "9999-12-31"}).Draw(t, "payment"),
		text.Draw(t, "code"), text.Draw(t, "text"), rapid.SampledFrom([]string{"", "yes", "0"}).Draw(t, "auth"),
		text.Draw(t, "authorization"), text.Draw(t, "modifiers"), text.Draw(t, "diagnoses"),
		rapid.SampledFrom([]string{"", "10000"}).Draw(t, "procedures"),
	}
}

// stored is a claim and a file's row in terms both can be put in.
type stored struct {
	Row                   int64
	Number                string
	Line                  int
	Payer, CPT, Group     string
	Submitted, Decided    models.Date
	Outcome               models.Outcome
	Billed, Allowed, Paid string
	Code, Text, Payment   string
	Required, Obtained    bool
	Authorization         string
	Modifiers, Diagnoses  []string
	Procedures            int
	Quality               float64
}

func ofRow(r claimfile.Row) stored {
	cents := func(c claimfile.Null[claimfile.Cents]) string {
		if !c.Valid {
			return ""
		}
		return c.V.String()
	}
	s := stored{
		r.Number, r.ClaimNumber, r.LineNumber, r.Payer, r.CPT, r.CPTGroup, r.SubmittedDate, r.DecidedDate, r.Outcome,
		cents(r.BilledAmount), cents(r.AllowedAmount), cents(r.PaidAmount), r.DenialReasonCode, r.DenialReasonText, "",
		r.AuthorizationRequired, r.AuthorizationObtained, r.AuthorizationNumber, r.ModifierCodes, r.DiagnosisCodes,
		r.ProcedureCount, r.DataQualityScore,
	}
	if r.PaymentDate.Valid {
		s.Payment = r.PaymentDate.V.String()
	}
	return s
}

func ofClaim(c *models.Claim) stored {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	dollars := func(d *decimal.Decimal) string {
		if d == nil {
			return ""
		}
		return d.StringFixed(2)
	}
	s := stored{
		*c.SourceRowNumber, text(c.ClaimNumber), c.LineNumber, c.Payer, c.CPT, c.CPTGroup, c.SubmittedDate, c.DecidedDate, c.Outcome,
		dollars(c.BilledAmount), dollars(c.AllowedAmount), dollars(c.PaidAmount), text(c.DenialReasonCode), text(c.DenialReasonText), "",
		c.AuthorizationRequired, c.AuthorizationObtained, text(c.AuthorizationNumber), c.ModifierCodes, c.DiagnosisCodes,
		c.ProcedureCount, *c.DataQualityScore,
	}
	if c.PaymentDate != nil {
		s.Payment = c.PaymentDate.String()
	}
	return s
}

// Whatever a file's cells hold, what is stored is byte for byte what the reader
// of claims files made of them.
func TestIngest_TextSurvivesCopy(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	groups := must(claimfile.DefaultGroups())(t)
	kept, files := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		files++
		var text strings.Builder
		out := csv.NewWriter(&text)
		rows := [][]string{copyColumns}
		for range rapid.IntRange(1, 12).Draw(rt, "rows") {
			rows = append(rows, awkwardRow(rt))
		}
		if err := out.WriteAll(rows); err != nil {
			rt.Fatal(err)
		}
		reader, err := claimfile.NewReader(strings.NewReader(text.String()), claimfile.Options{Today: factory.Today(), Groups: groups})
		if err != nil {
			rt.Fatal(err)
		}
		var want []stored
		for {
			row, rejection, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				rt.Fatal(err)
			}
			if rejection == nil {
				want = append(want, ofRow(row))
			}
		}
		cedar := w.Tenant(factory.Slug())
		upload, err := cedar.IngestText(text.String())
		if models.CodeOf(err) != models.CodeValidation && err != nil {
			rt.Fatal(err)
		}
		duplicates := map[int64]bool{}
		for _, r := range must(cedar.Store.Rejections(t.Context(), cedar.System(), upload.ID, everyRow[models.RejectionOrderField]()))(t).Items {
			if r.Code == models.RejectionDuplicateRow || r.Code == models.RejectionDuplicateClaim {
				duplicates[r.RowNumber] = true
			}
		}
		want = slices.DeleteFunc(want, func(s stored) bool { return duplicates[s.Row] })
		var got []stored
		for _, c := range claims(t, cedar) {
			got = append(got, ofClaim(c))
		}
		slices.SortFunc(got, func(a, b stored) int { return int(a.Row - b.Row) })
		equal(rt, "claims", want, got)
		kept += len(got)
	})
	// Some four rows of a file are acceptable on average.
	if kept < files {
		t.Errorf("only %d rows of %d files were accepted", kept, files)
	}
}
