package claimfile_test

import (
	"fmt"
	"strings"
	"testing"

	"upstream/models"
	"upstream/models/claimfile"
)

func TestPayersThatIdentifyAPatient(t *testing.T) {
	t.Parallel()
	for name := range strings.FieldsSeq(`andrew anthony ashley barbara betty charles christopher daniel david
		donald donna dorothy elizabeth emily james jennifer jessica john joseph joshua karen kimberly linda margaret
		mark mary matthew michael michelle nancy patricia paul richard robert sandra sarah steven susan thomas william`) {
		expectPHI(t, "payer", strings.ToUpper(name[:1])+name[1:]+" Washington")
	}
	for _, payer := range []string{
		"  John Smith  ", "John  Smith", "John Q Smith", "John McDonald", "Mary-Jane Watson", "Mary Smith-Jones",
		"Sarah Élodie Dupont", "Aetna 123-45-6789", "jane@clinic.example", "MRN 12345", "call 555-123-4567",
	} {
		expectPHI(t, "payer", payer)
	}
}

func expectPHI(t *testing.T, column, value string) {
	t.Helper()
	_, got := readOne(t, claimfile.Options{}, map[string]string{column: value})
	if got == nil || got.Code != models.RejectionPHI || got.Column != column {
		t.Errorf("%s=%q: %+v, want a rejection as patient data", column, value, got)
	}
}

func TestPayersThatAreNoPersons(t *testing.T) {
	t.Parallel()
	for _, payer := range []string{
		"Blue Cross Blue Shield", "Kaiser Permanente", "Medicare Part B", "BCBS of Texas", "VA Benefits",
		"Aetna", "John", "JOHN SMITH", "john smith", "John smith", "John SMITH", "John Hancock Life Insurance",
		"John Smith 2", "John O'Brien", "Smith John", "UnitedHealthcare", "Self-Pay", "Johnson Mutual", "Plan 123456789",
		"Molina 1-800", "Mary-kay", "5551234567", "Health Plan (CA) 2026",
	} {
		if row, rejection := readOne(t, claimfile.Options{}, map[string]string{"payer": payer}); rejection != nil || row.Payer != payer {
			t.Errorf("payer %q: %+v", payer, rejection)
		}
	}
}

func TestPayerIsCheckedBeforeItsMapping(t *testing.T) {
	t.Parallel()
	opts := claimfile.Options{Payers: map[string]string{"john smith": "Aetna", "js insurance": "John Smith"}}
	if _, rejection := readOne(t, opts, map[string]string{"payer": "John Smith"}); rejection == nil {
		t.Error("a mapping let a person's name through")
	}
	if row, _ := readOne(t, opts, map[string]string{"payer": "JS Insurance"}); row == nil || row.Payer != "John Smith" {
		t.Error("the customer's own mapped name was refused")
	}
}

func TestClaimNumbers(t *testing.T) {
	t.Parallel()
	for _, number := range []string{
		"123-45-6789", "SSN123-45-6789", "123 45 6789", "123–45–6789", "C-123.45.6789-X", "555-123-4567", "(555) 123-4567",
		"+1 555.123.4567", "jane.doe@clinic.example", "MRN123", "mrn: 00123", "MRN-No. 77", "X MRN#9", "Emily Jones",
	} {
		expectPHI(t, "claim_number", number)
	}
	for _, number := range []string{
		"CLM0000541", "123456789", "5551234567", "15551234567", "2026-000123-01", "2026-01-05", "1123-45-67890", "HMRN", "AMRN1",
		"A1B2C3", "12-345-6789", "MRNX",
	} {
		if row, rejection := readOne(t, claimfile.Options{}, map[string]string{"claim_number": number}); rejection != nil || row.ClaimNumber != number {
			t.Errorf("claim number %q: %+v", number, rejection)
		}
	}
}

func TestDenialTextsThatIdentifyAPatient(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"SSN 123-45-6789", "ssn: 123456789.", "member 123456789", "born 1/2/1980", "DOB 01/02/1980", "call 555-123-4567",
		"call (555) 123-4567 today", "call 5551234567", "+1 555 123 4567", "15551234567", "mail jane@clinic.example", "MRN 12", "see mrn#0012",
		"two\nlines 123-45-6789",
	} {
		row, rejection := readOne(t, claimfile.Options{}, map[string]string{"denial_reason_text": text, "denial_reason_code": "CO-1"})
		if rejection != nil {
			t.Errorf("text %q was rejected", text)
			continue
		}
		want := claimfile.Warning{RowNumber: 2, Column: "denial_reason_text", Message: "appears to identify a patient and was stored as null"}
		if row.DenialReasonText != "" || len(row.Warnings) != 1 || row.Warnings[0] != want || row.DenialReasonCode != "CO-1" {
			t.Errorf("text %q: kept %q with warnings %v", text, row.DenialReasonText, row.Warnings)
		}
	}
	for _, text := range []string{
		"Prior Authorization Required", "Mary Johnson was not eligible", "CO-97, 2 of 3", "claim CLM0000541", "code 12345678",
		"1234567890123", "policy A123456789", "on 2026-01-05", "ratio 1/2/3", "@ desk 4", "MRN missing",
	} {
		row, rejection := readOne(t, claimfile.Options{}, map[string]string{"denial_reason_text": text})
		if rejection != nil || row.DenialReasonText != text || row.Warnings != nil {
			t.Errorf("text %q: %+v %+v", text, row, rejection)
		}
	}
}

func TestTwoWarningsOfOneRow(t *testing.T) {
	t.Parallel()
	out := mustRead(t, oneRow(t, baseCells(map[string]string{"outcome": "?", "denial_reason_text": "MRN 1"})), claimfile.Options{})
	if len(out.rows[0].Warnings) != 2 || out.counts.Warned != 1 {
		t.Errorf("warnings %v, counted %d rows", out.rows[0].Warnings, out.counts.Warned)
	}
}

// canaries identify patients in every way the rules know.
var canaries = []string{"John Zanzibar", "219-09-9999", "zoe@canary.example", "MRN 8675309", "555-867-5309"}

// TestPatientDataIsNeverRepeated puts canaries into every cell, the header, and
// records that break, and searches all that comes out for them.
func TestPatientDataIsNeverRepeated(t *testing.T) {
	t.Parallel()
	columns := []string{
		"payer", "cpt", "submitted_date", "decided_date", "outcome", "claim_number", "line_number", "billed_amount",
		"allowed_amount", "paid_amount", "payment_date", "denial_reason_text", "authorization_required",
		"authorization_obtained", "procedure_count",
	}
	for _, canary := range canaries {
		var files []string
		for _, column := range columns {
			// The only rule of cpt is its length; names are not looked for in prose.
			if column != "cpt" && (column != "denial_reason_text" || canary != canaries[0]) {
				files = append(files, oneRow(t, baseCells(map[string]string{column: canary})))
			}
		}
		files = append(files,
			oneRow(t, baseCells(map[string]string{"cpt": canary + strings.Repeat("x", 20)})),
			oneRow(t, baseCells(map[string]string{"note": canary})),
			canary+","+requiredHeader+canary+",Aetna,1,2026-01-01,2026-01-02,PAID\n",
			canary+",payer,cpt\n", canary+"\n", "payer,payer,"+canary+"\n", "payer,\""+canary+"\"x\n",
			requiredHeader+canary+"\n", requiredHeader+"\""+canary+"\n", requiredHeader+"a\""+canary+",,,,\n",
			requiredHeader+canary+"\x00,,,,\n", requiredHeader+canary+"\xff,,,,\n",
			requiredHeader+canary+strings.Repeat("x", 1<<20)+",,,,\n",
		)
		for _, file := range files {
			for _, said := range allOutput(t, file) {
				for word := range strings.FieldsSeq(canary) {
					if strings.Contains(said, word) && word != "MRN" {
						t.Errorf("%q is repeated in %q", canary, said)
					}
				}
			}
		}
	}
}

// allOutput is everything the package says or keeps of a file, as text.
func allOutput(t *testing.T, file string) []string {
	t.Helper()
	out, err := readAll(t, strings.NewReader(file), claimfile.Options{})
	said := []string{fmt.Sprint(err)}
	if err != nil {
		e := models.AsError(err)
		said = append(said, e.Message, fmt.Sprintf("%+v", e.Fields))
	}
	for _, r := range out.rejections {
		said = append(said, fmt.Sprintf("%+v", r))
	}
	for _, r := range out.rows {
		said = append(said, fmt.Sprintf("%+v", r))
	}
	return said
}
