package claimfile_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"upstream/models"
	"upstream/models/claimfile"
)

// fixedMessages is all a rejection or warning may say: as the set is closed, no
// value of a file can be in it.
var fixedMessages = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`is not a valid CSV record: a quote is misplaced or never closed`,
	`is longer than 1 MiB, or a quote in it is never closed`,
	`holds NUL bytes`, `is not valid UTF-8 text`, `has [0-9]{1,7} cells where the header has [0-9]{1,4}`,
	`is required`, `appears to identify a patient(?: and was stored as null)?`,
	`must be a date written YYYY-MM-DD, MM/DD/YYYY or YYYY/MM/DD`, `must not be before 1990-01-01`,
	`must not be in the future`, `must not be before submitted_date`, `must not contain control characters`,
	`must have at most (?:20|50|64|100|255) characters`, `must be an amount in dollars such as 1234\.56`,
	`must not be negative`, `must be at most 9,999,999,999\.99`, `must have at most two decimals`,
	`must be true, false, yes, no, y, n, t, f, 1 or 0`, `must be a whole number from 1 to (?:10000|2147483647)`,
	`must list at most 100 codes`, `must list codes of at most 20 characters`,
	`is not a known outcome and was stored as OTHER`,
}, "|") + `)$`)

var columnNames = regexp.MustCompile(`^(?:payer|cpt|submitted_date|decided_date|outcome|claim_number|line_number|` +
	`(?:billed|allowed|paid)_amount|payment_date|denial_reason_(?:code|text)|authorization_(?:required|obtained|number)|` +
	`(?:modifier|diagnosis)_codes|procedure_count)?$`)

// FuzzReader: whatever the bytes, nothing panics, the counts add up, messages
// are constants, and accepted rows keep every rule.
func FuzzReader(f *testing.F) {
	const row = "Aetna,99213,2026-01-05,2026-01-20,PAID"
	f.Add([]byte(requiredHeader + row + "\n"))
	f.Add([]byte("\ufeff" + strings.ReplaceAll(requiredHeader+row, ",", ";")))
	f.Add([]byte(strings.ReplaceAll(requiredHeader+row+"\nx", "\n", "\r")))
	f.Add([]byte(requiredHeader + "\"" + row + "\n" + row + "\n\"a\"b,\n\x00\xff\n"))
	f.Add([]byte("claim_number,line_number,billed_amount,denial_reason_text,modifier_codes," + requiredHeader +
		"219-09-9999,0,$1,MRN 8675309,25|59," + row + "\nC1,1,\"$1,234.50\",MRN 8675309,25|59," + row + "\n"))
	for _, canary := range canaries {
		f.Add([]byte(requiredHeader + canary + ",99213,1/5/2026,2026/01/20,what\n"))
	}
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, file []byte) {
		out, err := readAll(t, bytes.NewReader(file), claimfile.Options{})
		if err != nil {
			if e := models.AsError(err); e.Code != models.CodeValidation || len(e.Fields) == 0 || e.Fields[0].Path != "file" {
				t.Fatalf("error %v, want a VALIDATION about the file", err)
			}
			return
		}
		if out.bytes != int64(len(file)) {
			t.Fatalf("read %d of %d bytes", out.bytes, len(file))
		}
		for _, r := range out.rejections {
			checkSaid(t, r.Column, r.Message)
			if !models.ValidEnum(r.Code) {
				t.Fatalf("unknown code in %+v", r)
			}
		}
		for i := range out.rows {
			checkRow(t, &out.rows[i])
		}
	})
}

func checkSaid(t *testing.T, column, message string) {
	t.Helper()
	if !columnNames.MatchString(column) || !fixedMessages.MatchString(message) || len(message) > 200 {
		t.Fatalf("column %q, message %q: not one of the constants", column, message)
	}
}

func checkRow(t *testing.T, r *claimfile.Row) {
	t.Helper()
	earliest := models.NewDate(1990, time.January, 1)
	switch {
	case r.Payer == "" || r.CPT == "" || r.CPTGroup == "" || r.CPTGroup == models.CPTGroupAll || !models.ValidEnum(r.Outcome):
		t.Fatalf("a required value is missing: %+v", r)
	case r.SubmittedDate.Before(earliest) || r.DecidedDate.Before(r.SubmittedDate) || r.DecidedDate.After(today):
		t.Fatalf("impossible dates: %+v", r)
	case r.PaymentDate.Valid && r.PaymentDate.V.Before(r.SubmittedDate):
		t.Fatalf("paid before submitted: %+v", r)
	case r.LineNumber < 1 || r.ProcedureCount < 1 || r.ProcedureCount > 10_000 || r.DataQualityScore < 0 || r.DataQualityScore > 1:
		t.Fatalf("a number is out of range: %+v", r)
	case r.ModifierCodes == nil || r.DiagnosisCodes == nil || r.SourceHash == [32]byte{}:
		t.Fatalf("a derived value is missing: %+v", r)
	}
	for _, a := range []claimfile.Null[claimfile.Cents]{r.BilledAmount, r.AllowedAmount, r.PaidAmount} {
		if a.V < 0 || a.V > 999_999_999_999 || !a.Valid && a.V != 0 {
			t.Fatalf("impossible amount: %+v", r)
		}
	}
	for _, w := range r.Warnings {
		checkSaid(t, w.Column, w.Message)
	}
	checkTexts(t, r)
}

func checkTexts(t *testing.T, r *claimfile.Row) {
	t.Helper()
	limits := map[int][]string{
		255: {r.Payer}, 20: {r.CPT}, 64: {r.ClaimNumber}, 50: {r.DenialReasonCode}, 100: {r.AuthorizationNumber},
		1 << 20: {strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(r.DenialReasonText)},
	}
	limits[20] = append(append(limits[20], r.ModifierCodes...), r.DiagnosisCodes...)
	for limit, texts := range limits {
		for _, text := range texts {
			if utf8.RuneCountInString(text) > limit || strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
				t.Fatalf("text %q is no acceptable value", text)
			}
		}
	}
}
