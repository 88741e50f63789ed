package claimfile_test

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"upstream/models"
	"upstream/models/claimfile"
)

// drawRow makes a valid row; what the reader derives stays empty.
func drawRow(t *rapid.T) claimfile.Row {
	word := rapid.StringMatching(`[A-Z]{1,3}[a-zé]{0,6}( &,;|"x)?[0-9]{0,2}`)
	code := rapid.StringMatching(`[A-Z][0-9]{1,3}(\.[0-9])?`)
	submitted := models.NewDate(1990, time.January, 1).AddDays(rapid.IntRange(0, 13_000).Draw(t, "submitted"))
	decided := submitted.AddDays(rapid.IntRange(0, 300).Draw(t, "days"))
	row := claimfile.Row{
		LineNumber: rapid.IntRange(1, 1<<31-1).Draw(t, "line"),
		Payer:      word.Draw(t, "payer"), CPT: code.Draw(t, "cpt"), CPTGroup: models.CPTGroupOther,
		SubmittedDate: submitted, DecidedDate: decided,
		Outcome:      rapid.SampledFrom([]models.Outcome{models.OutcomePaid, models.OutcomeDenied, models.OutcomeOther}).Draw(t, "outcome"),
		BilledAmount: drawAmount(t), AllowedAmount: drawAmount(t), PaidAmount: drawAmount(t),
		AuthorizationRequired: rapid.Bool().Draw(t, "required"), AuthorizationObtained: rapid.Bool().Draw(t, "obtained"),
		ModifierCodes: rapid.SliceOfN(code, 0, 4).Draw(t, "modifiers"), DiagnosisCodes: rapid.SliceOfN(code, 0, 4).Draw(t, "diagnoses"),
		ProcedureCount: rapid.IntRange(1, 10_000).Draw(t, "procedures"),
	}
	if rapid.Bool().Draw(t, "optional") {
		row.ClaimNumber, row.DenialReasonCode = word.Draw(t, "number"), word.Draw(t, "reason")
		row.DenialReasonText, row.AuthorizationNumber = word.Draw(t, "text")+"\n"+word.Draw(t, "text"), word.Draw(t, "authorization")
		row.PaymentDate = claimfile.Null[models.Date]{V: decided, Valid: true}
	}
	return row
}

func drawAmount(t *rapid.T) claimfile.Null[claimfile.Cents] {
	if !rapid.Bool().Draw(t, "has amount") {
		return claimfile.Null[claimfile.Cents]{}
	}
	return amount(claimfile.Cents(rapid.Int64Range(0, 999_999_999_999).Draw(t, "cents")))
}

// cellsOf writes a row's values in one of the accepted spellings.
func cellsOf(t *rapid.T, row claimfile.Row) map[string]string {
	layout := rapid.SampledFrom([]string{"2006-01-02", "01/02/2006", "2006/01/02"}).Draw(t, "layout")
	date := func(d models.Date) string { return d.Time().Format(layout) }
	list := func(codes []string) string {
		return strings.Join(codes, rapid.SampledFrom([]string{"|", ";", ",", " ", ", "}).Draw(t, "list"))
	}
	payment := ""
	if row.PaymentDate.Valid {
		payment = date(row.PaymentDate.V)
	}
	return map[string]string{
		"claim_number": row.ClaimNumber, "line_number": strconv.Itoa(row.LineNumber), "payer": row.Payer, "cpt": row.CPT,
		"submitted_date": date(row.SubmittedDate), "decided_date": date(row.DecidedDate), "outcome": string(row.Outcome),
		"billed_amount": spell(t, row.BilledAmount), "allowed_amount": spell(t, row.AllowedAmount), "paid_amount": spell(t, row.PaidAmount),
		"denial_reason_code": row.DenialReasonCode, "denial_reason_text": row.DenialReasonText, "payment_date": payment,
		"authorization_required": strconv.FormatBool(row.AuthorizationRequired), "authorization_obtained": strconv.FormatBool(row.AuthorizationObtained),
		"authorization_number": row.AuthorizationNumber, "modifier_codes": list(row.ModifierCodes),
		"diagnosis_codes": list(row.DiagnosisCodes), "procedure_count": strconv.Itoa(row.ProcedureCount),
	}
}

// spell writes an amount plain, with a dollar sign, grouped, or with zeros.
func spell(t *rapid.T, a claimfile.Null[claimfile.Cents]) string {
	if !a.Valid {
		return ""
	}
	text := a.V.String()
	switch rapid.IntRange(0, 3).Draw(t, "spelling") {
	case 1:
		return "$" + text
	case 2:
		for i := strings.IndexByte(text, '.') - 3; i > 0; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
		return "$" + text
	case 3:
		return text + "000"
	}
	return text
}

// TestWrittenRowsComeBack: any valid rows, in any column order, header case,
// separator, line end, and spelling of dates, amounts and lists, are read back
// with the values they were written with.
func TestWrittenRowsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(drawRow), 1, 10).Draw(t, "rows")
		columns := rapid.Permutation([]string{
			"claim_number", "line_number", "payer", "cpt", "submitted_date", "decided_date", "outcome", "billed_amount",
			"allowed_amount", "paid_amount", "denial_reason_code", "denial_reason_text", "payment_date", "authorization_required",
			"authorization_obtained", "authorization_number", "modifier_codes", "diagnosis_codes", "procedure_count", "unknown",
		}).Draw(t, "columns")
		records := [][]string{make([]string, len(columns))}
		for i, c := range columns {
			records[0][i] = rapid.SampledFrom([]string{c, strings.ToUpper(c), " " + c + " ", strings.ToUpper(c[:1]) + c[1:]}).Draw(t, "name")
		}
		for i := range want {
			want[i].Number = int64(i + 2)
			cells, record := cellsOf(t, want[i]), make([]string, len(columns))
			for j, c := range columns {
				record[j] = cells[c]
			}
			records = append(records, record)
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma = rapid.SampledFrom([]rune(",;\t|")).Draw(t, "separator")
		if err := w.WriteAll(records); err != nil {
			t.Fatal(err)
		}
		reader, err := claimfile.NewReader(&b, claimfile.Options{Today: today})
		if err != nil {
			t.Fatal(err)
		}
		var hashes [][32]byte
		for i := range want {
			row, rejection, err := reader.Next()
			if rejection != nil || err != nil {
				t.Fatalf("row %d: %+v, %v", want[i].Number, rejection, err)
			}
			hashes = append(hashes, row.SourceHash)
			derived := cmpopts.IgnoreFields(claimfile.Row{}, "DataQualityScore", "SourceHash")
			if diff := cmp.Diff(want[i], row, derived, cmpopts.EquateEmpty(), cmp.Comparer(sameDate)); diff != "" {
				t.Fatalf("row %d (-want +got):\n%s", want[i].Number, diff)
			}
			for j := range i {
				same := cmp.Equal(want[i], want[j], cmpopts.IgnoreFields(claimfile.Row{}, "Number"), cmpopts.EquateEmpty(), cmp.Comparer(sameDate))
				if same != (hashes[i] == hashes[j]) {
					t.Fatalf("rows %d and %d: equal %v, equal hashes %v", j+2, i+2, same, hashes[i] == hashes[j])
				}
			}
		}
	})
}
