package claimfile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
	"upstream/models/claimfile"
)

// baseCells is a good row; cases change one or two cells of it.
func baseCells(changes map[string]string) map[string]string {
	cells := map[string]string{
		"payer": "Aetna", "cpt": "99213", "submitted_date": "2026-01-05", "decided_date": "2026-01-20", "outcome": "PAID",
	}
	maps.Copy(cells, changes)
	return cells
}

// oneRow writes cells as a file of one row, columns sorted by name.
func oneRow(t testing.TB, cells map[string]string) string {
	t.Helper()
	columns := slices.Sorted(maps.Keys(cells))
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = cells[c]
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll([][]string{columns, values}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func readOne(t testing.TB, opts claimfile.Options, changes map[string]string) (*claimfile.Row, *models.Rejection) {
	t.Helper()
	out := mustRead(t, oneRow(t, baseCells(changes)), opts)
	if len(out.rejections) == 1 {
		return nil, &out.rejections[0]
	}
	return &out.rows[0], nil
}

func TestRejections(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("é", n) }
	const (
		missing = models.RejectionMissing
		phi     = models.RejectionPHI
		badDate = models.RejectionInvalidDate
		invalid = models.RejectionInvalidValue
		date    = "must be a date written YYYY-MM-DD, MM/DD/YYYY or YYYY/MM/DD"
		amount  = "must be an amount in dollars such as 1234.56"
		truth   = "must be true, false, yes, no, y, n, t, f, 1 or 0"
		ctrl    = "must not contain control characters"
	)
	cases := []struct {
		column, value string
		code          models.RejectionCode
		message       string
	}{
		{"payer", "", missing, "is required"},
		{"payer", " \t\u00a0", missing, "is required"},
		{"cpt", "  ", missing, "is required"},
		{"submitted_date", "", missing, "is required"},
		{"decided_date", " ", missing, "is required"},
		{"outcome", "\t", missing, "is required"},

		{"payer", "Mary Johnson", phi, "appears to identify a patient"},
		{"claim_number", "123-45-6789", phi, "appears to identify a patient"},

		{"submitted_date", "2026-13-01", badDate, date},
		{"submitted_date", "2025-02-29", badDate, date},
		{"submitted_date", "2026-00-10", badDate, date},
		{"submitted_date", "2026-01-00", badDate, date},
		{"submitted_date", "2025-04-31", badDate, date},
		{"submitted_date", "13/01/2025", badDate, date},
		{"submitted_date", "01-05-2026", badDate, date},
		{"submitted_date", "2026/01-05", badDate, date},
		{"submitted_date", "01/05/26", badDate, date},
		{"submitted_date", "20260105", badDate, date},
		{"submitted_date", "2026-01-05T00:00:00Z", badDate, date},
		{"submitted_date", "Jan 5, 2026", badDate, date},
		{"submitted_date", "0000-01-05", badDate, date},
		{"submitted_date", "+202-01-05", badDate, date},
		{"submitted_date", "46027", badDate, date},
		{"decided_date", "soon", badDate, date},
		{"decided_date", "2026-01-2O", badDate, date},
		{"payment_date", "2026-02-30", badDate, date},

		{"submitted_date", "1989-12-31", invalid, "must not be before 1990-01-01"},
		{"payment_date", "1989-12-31", invalid, "must not be before 1990-01-01"},
		{"submitted_date", "2026-09-02", invalid, "must not be in the future"},
		{"decided_date", "2026-09-02", invalid, "must not be in the future"},
		{"decided_date", "2026-01-04", invalid, "must not be before submitted_date"},
		{"payment_date", "2026-01-04", invalid, "must not be before submitted_date"},

		{"payer", long(256), invalid, "must have at most 255 characters"},
		{"payer", "Aet\x01na", invalid, ctrl},
		{"payer", "Aet\nna", invalid, ctrl},
		{"payer", "Aet\u0085na", invalid, ctrl},
		{"payer", "Aet\x7fna", invalid, ctrl},
		{"cpt", long(21), invalid, "must have at most 20 characters"},
		{"cpt", "99\t213", invalid, ctrl},

		{"billed_amount", "abc", invalid, amount},
		{"billed_amount", "NaN", invalid, amount},
		{"billed_amount", "Infinity", invalid, amount},
		{"billed_amount", "inf", invalid, amount},
		{"billed_amount", "1e3", invalid, amount},
		{"billed_amount", "0x10", invalid, amount},
		{"billed_amount", "$", invalid, amount},
		{"billed_amount", ".", invalid, amount},
		{"billed_amount", "1.2.3", invalid, amount},
		{"billed_amount", "12,34", invalid, amount},
		{"billed_amount", "1,2345", invalid, amount},
		{"billed_amount", "1234,567", invalid, amount},
		{"billed_amount", ",123", invalid, amount},
		{"billed_amount", "1,,234", invalid, amount},
		{"billed_amount", "1,234,", invalid, amount},
		{"billed_amount", "1.234,50", invalid, amount},
		{"billed_amount", "+5", invalid, amount},
		{"billed_amount", "5 USD", invalid, amount},
		{"billed_amount", "$$5", invalid, amount},
		{"billed_amount", "１２", invalid, amount},
		{"allowed_amount", "-0.01", invalid, "must not be negative"},
		{"allowed_amount", "-$5", invalid, "must not be negative"},
		{"allowed_amount", "$-5", invalid, "must not be negative"},
		{"allowed_amount", "(5.00)", invalid, "must not be negative"},
		{"paid_amount", "0.001", invalid, "must have at most two decimals"},
		{"paid_amount", "10.0000001", invalid, "must have at most two decimals"},
		{"paid_amount", "10000000000", invalid, "must be at most 9,999,999,999.99"},
		{"paid_amount", strings.Repeat("9", 400), invalid, "must be at most 9,999,999,999.99"},

		{"denial_reason_code", long(51), invalid, "must have at most 50 characters"},
		{"denial_reason_code", "CO\x0297", invalid, ctrl},
		{"denial_reason_text", "bell \a", invalid, ctrl},
		{"authorization_required", "maybe", invalid, truth},
		{"authorization_obtained", "2", invalid, truth},
		{"authorization_number", long(101), invalid, "must have at most 100 characters"},
		{"authorization_number", "A\x1b1", invalid, ctrl},
		{"modifier_codes", strings.Repeat("25|", 101), invalid, "must list at most 100 codes"},
		{"modifier_codes", "25|" + long(21), invalid, "must list codes of at most 20 characters"},
		{"diagnosis_codes", "E11\x02", invalid, ctrl},
		{"procedure_count", "0", invalid, "must be a whole number from 1 to 10000"},
		{"procedure_count", "10001", invalid, "must be a whole number from 1 to 10000"},
		{"procedure_count", "1.5", invalid, "must be a whole number from 1 to 10000"},
		{"procedure_count", "-1", invalid, "must be a whole number from 1 to 10000"},
		{"line_number", "0", invalid, "must be a whole number from 1 to 2147483647"},
		{"line_number", "2147483648", invalid, "must be a whole number from 1 to 2147483647"},
		{"line_number", strings.Repeat("9", 40), invalid, "must be a whole number from 1 to 2147483647"},
		{"claim_number", long(65), invalid, "must have at most 64 characters"},
		{"claim_number", "CLM\x031", invalid, ctrl},
	}
	for _, tc := range cases {
		_, got := readOne(t, claimfile.Options{}, map[string]string{tc.column: tc.value})
		want := models.Rejection{RowNumber: 2, Column: tc.column, Code: tc.code, Message: tc.message}
		if got == nil || *got != want {
			t.Errorf("%s=%.40q: got %+v, want %+v", tc.column, tc.value, got, want)
		}
		if len(tc.message) > 200 {
			t.Errorf("message %q is longer than 200 characters", tc.message)
		}
	}
}

func TestAcceptedValues(t *testing.T) {
	t.Parallel()
	jan5 := models.NewDate(2026, time.January, 5)
	cases := []struct {
		column, value string
		got           func(*claimfile.Row) any
		want          any
	}{
		{"payer", "  Blue Cross  Blue Shield ", payerOf, "Blue Cross  Blue Shield"},
		{"payer", strings.Repeat("é", 255), payerOf, strings.Repeat("é", 255)},
		{"cpt", strings.Repeat("A", 20), func(r *claimfile.Row) any { return r.CPT }, strings.Repeat("A", 20)},
		{"submitted_date", "2026-01-05", submittedOf, jan5},
		{"submitted_date", "01/05/2026", submittedOf, jan5},
		{"submitted_date", "1/5/2026", submittedOf, jan5},
		{"submitted_date", "2026/01/05", submittedOf, jan5},
		{"submitted_date", " 2026-1-5 ", submittedOf, jan5},
		{"submitted_date", "1990-01-01", submittedOf, models.NewDate(1990, time.January, 1)},
		{"submitted_date", "2024-02-29", submittedOf, models.NewDate(2024, time.February, 29)},
		{"decided_date", "2026-09-01", func(r *claimfile.Row) any { return r.DecidedDate }, today},
		{"decided_date", "2026-01-05", func(r *claimfile.Row) any { return r.DecidedDate }, jan5},
		{"payment_date", "", func(r *claimfile.Row) any { return r.PaymentDate.Valid }, false},
		{"payment_date", "2026-01-05", func(r *claimfile.Row) any { return r.PaymentDate.V }, jan5},
		{"payment_date", "2027-01-05", func(r *claimfile.Row) any { return r.PaymentDate.V }, models.NewDate(2027, time.January, 5)},
		{"billed_amount", "", func(r *claimfile.Row) any { return r.BilledAmount.Valid }, false},
		{"billed_amount", "0", billedOf, "0.00"},
		{"billed_amount", "150", billedOf, "150.00"},
		{"billed_amount", "150.5", billedOf, "150.50"},
		{"billed_amount", "0.07", billedOf, "0.07"},
		{"billed_amount", ".5", billedOf, "0.50"},
		{"billed_amount", "5.", billedOf, "5.00"},
		{"billed_amount", "150.5000000", billedOf, "150.50"},
		{"billed_amount", "$1,234.50", billedOf, "1234.50"},
		{"billed_amount", "$ 1,234,567", billedOf, "1234567.00"},
		{"billed_amount", "1234567", billedOf, "1234567.00"},
		{"billed_amount", "000012.30", billedOf, "12.30"},
		{"billed_amount", "9,999,999,999.99", billedOf, "9999999999.99"},
		{"denial_reason_code", " CO-97 ", func(r *claimfile.Row) any { return r.DenialReasonCode }, "CO-97"},
		{"denial_reason_text", "line one\n\tline two", textOf, "line one\n\tline two"},
		{"denial_reason_text", "éàü", textOf, "éàü"},
		{"authorization_number", " A-1 ", func(r *claimfile.Row) any { return r.AuthorizationNumber }, "A-1"},
		{"modifier_codes", "25|59", func(r *claimfile.Row) any { return r.ModifierCodes }, []string{"25", "59"}},
		{"modifier_codes", "", func(r *claimfile.Row) any { return r.ModifierCodes }, []string{}},
		{"modifier_codes", " ; | ", func(r *claimfile.Row) any { return r.ModifierCodes }, []string{}},
		{"diagnosis_codes", "E11.9; I10 ,J45  K21\tM54", func(r *claimfile.Row) any { return r.DiagnosisCodes }, []string{"E11.9", "I10", "J45", "K21", "M54"}},
		{"procedure_count", "", func(r *claimfile.Row) any { return r.ProcedureCount }, 1},
		{"procedure_count", "10000", func(r *claimfile.Row) any { return r.ProcedureCount }, 10000},
		{"line_number", "", func(r *claimfile.Row) any { return r.LineNumber }, 1},
		{"line_number", "2147483647", func(r *claimfile.Row) any { return r.LineNumber }, 2147483647},
		{"claim_number", " CLM-1 ", func(r *claimfile.Row) any { return r.ClaimNumber }, "CLM-1"},
		{"claim_number", strings.Repeat("é", 64), func(r *claimfile.Row) any { return r.ClaimNumber }, strings.Repeat("é", 64)},
	}
	for _, tc := range cases {
		row, rejection := readOne(t, claimfile.Options{}, map[string]string{tc.column: tc.value})
		if rejection != nil {
			t.Errorf("%s=%.40q was rejected: %s", tc.column, tc.value, rejection.Message)
			continue
		}
		if diff := cmp.Diff(tc.want, tc.got(row), cmp.Comparer(sameDate)); diff != "" {
			t.Errorf("%s=%.40q (-want +got):\n%s", tc.column, tc.value, diff)
		}
		if len(row.Warnings) > 0 {
			t.Errorf("%s=%.40q gave warnings %v", tc.column, tc.value, row.Warnings)
		}
	}
}

func payerOf(r *claimfile.Row) any     { return r.Payer }
func submittedOf(r *claimfile.Row) any { return r.SubmittedDate }
func billedOf(r *claimfile.Row) any    { return r.BilledAmount.V.String() }
func textOf(r *claimfile.Row) any      { return r.DenialReasonText }

func TestBooleans(t *testing.T) {
	t.Parallel()
	for _, want := range []struct {
		value bool
		words string
	}{{true, "true TRUE True t T yes Yes y Y 1"}, {false, "false FALSE f F no No n N 0"}} {
		for _, word := range append(strings.Fields(want.words), " "+strings.Fields(want.words)[0]+" ") {
			row, rejection := readOne(t, claimfile.Options{}, map[string]string{
				"authorization_required": word, "authorization_obtained": word,
			})
			if rejection != nil || row.AuthorizationRequired != want.value || row.AuthorizationObtained != want.value {
				t.Errorf("%q: %+v %+v, want %v", word, row, rejection, want.value)
			}
		}
	}
	if row, _ := readOne(t, claimfile.Options{}, map[string]string{"authorization_required": ""}); row.AuthorizationRequired {
		t.Error("an empty truth value is true")
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	cases := map[models.Outcome]string{
		models.OutcomePaid:   "PAID paid Approved ACCEPTED",
		models.OutcomeDenied: "DENIED denied rejected Declined",
		models.OutcomeOther:  "OTHER other",
	}
	for want, words := range cases {
		for word := range strings.FieldsSeq(words) {
			row, rejection := readOne(t, claimfile.Options{}, map[string]string{"outcome": " " + word + " "})
			if rejection != nil || row.Outcome != want || row.Warnings != nil {
				t.Errorf("%q: %+v %+v, want %s without warning", word, row, rejection, want)
			}
		}
	}
	out := mustRead(t, oneRow(t, baseCells(map[string]string{"outcome": "Pended"})), claimfile.Options{})
	want := []claimfile.Warning{{RowNumber: 2, Column: "outcome", Message: "is not a known outcome and was stored as OTHER"}}
	if diff := cmp.Diff(want, out.rows[0].Warnings); diff != "" || out.rows[0].Outcome != models.OutcomeOther || out.counts.Warned != 1 {
		t.Errorf("unknown outcome: %+v (-want +got):\n%s", out.counts, diff)
	}
}

// TestOrderOfChecks breaks rules one after the other, from the last to be
// checked to the first: each new one must win over those broken before.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	changes := map[string]string{}
	for _, step := range []struct{ column, value string }{
		{"claim_number", "CLM\x031"},
		{"line_number", "0"},
		{"procedure_count", "0"},
		{"diagnosis_codes", "\x02"},
		{"modifier_codes", "\x02"},
		{"authorization_number", "\x02"},
		{"authorization_obtained", "?"},
		{"authorization_required", "?"},
		{"denial_reason_text", "\x02"},
		{"denial_reason_code", "\x02"},
		{"payment_date", "?"},
		{"paid_amount", "?"},
		{"allowed_amount", "?"},
		{"billed_amount", "?"},
		{"cpt", "9\x02"},
		{"payer", "\x02"},
		{"decided_date", "2026-01-04"},
		{"submitted_date", "1900-01-01"},
		{"decided_date", "?"},
		{"submitted_date", "?"},
		{"claim_number", "a@b.example"},
		{"payer", "John Smith"},
		{"outcome", ""},
		{"decided_date", ""},
		{"submitted_date", ""},
		{"cpt", ""},
		{"payer", ""},
	} {
		changes[step.column] = step.value
		_, rejection := readOne(t, claimfile.Options{}, changes)
		if rejection == nil || rejection.Column != step.column {
			t.Errorf("after %s=%q the rejection is %+v", step.column, step.value, rejection)
		}
	}
}

func TestRejectedRowsGiveNoWarningAndNoDates(t *testing.T) {
	t.Parallel()
	out := mustRead(t, oneRow(t, baseCells(map[string]string{"outcome": "Pended", "billed_amount": "-1"})), claimfile.Options{})
	if out.counts.Warned != 0 || out.counts.DateMin.Valid || out.counts.DateMax.Valid || out.counts.InvalidValues != 1 {
		t.Errorf("counts %+v, want one invalid value and nothing else", out.counts)
	}
}

func TestCategories(t *testing.T) {
	t.Parallel()
	file := requiredHeader +
		"John Smith,1,2026-01-01,2026-01-02,PAID\n" +
		",1,2026-01-01,2026-01-02,PAID\n" + "A,,2026-01-01,2026-01-02,PAID\n" +
		"A,1,x,2026-01-02,PAID\n" + "A,1,2026-01-01,x,PAID\n" + "A,1,2026-01-01,,PAID\n" +
		"A,1,2026-01-03,2026-01-02,PAID\n" + "A,1\n" +
		"A,1,2025-03-04,2025-03-05,PAID\n" + "A,1,2026-01-01,2026-01-02,?\n"
	got := mustRead(t, file, claimfile.Options{}).counts
	want := claimfile.Counts{
		Rows: 10, Accepted: 2, Rejected: 8, Warned: 1,
		PHIDetections: 1, MissingFields: 3, InvalidDates: 2, InvalidValues: 2,
		DateMin: claimfile.Null[models.Date]{V: models.NewDate(2025, time.March, 4), Valid: true},
		DateMax: claimfile.Null[models.Date]{V: models.NewDate(2026, time.January, 2), Valid: true},
	}
	if got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

func TestMappings(t *testing.T) {
	t.Parallel()
	opts := claimfile.Options{
		Payers:    map[string]string{"bcbs of tx": "Blue Cross Blue Shield of Texas"},
		CPTGroups: map[string]string{"99213": "OFFICE", "j1100": "LOWER"},
		Groups:    defaultGroups(t),
	}
	for raw, want := range map[string]string{
		"BCBS of TX": "Blue Cross Blue Shield of Texas", " bcbs OF tx ": "Blue Cross Blue Shield of Texas", "BCBS": "BCBS",
	} {
		if row, _ := readOne(t, opts, map[string]string{"payer": raw}); row.Payer != want {
			t.Errorf("payer %q became %q, want %q", raw, row.Payer, want)
		}
	}
	for code, want := range map[string]string{
		"99213": "OFFICE", "99214": "E&M", "70553": "IMAGING", "j1100": "LOWER", "J1100": "TREATMENT", "g0008": "TREATMENT", "ZZZZZ": "OTHER",
	} {
		if row, _ := readOne(t, opts, map[string]string{"cpt": code}); row.CPTGroup != want {
			t.Errorf("code %q got group %q, want %q", code, row.CPTGroup, want)
		}
	}
	if row, _ := readOne(t, claimfile.Options{}, nil); row.CPTGroup != models.CPTGroupOther {
		t.Errorf("without groups the group is %q", row.CPTGroup)
	}
}

func TestMorePayersThanTheCacheHolds(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(requiredHeader)
	for range 2 {
		for i := range 5000 {
			b.WriteString("Payer " + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + strings.Repeat("y", i/50))
			b.WriteString(",99213,2026-01-05,2026-01-20,PAID\n")
		}
	}
	out := mustRead(t, b.String(), claimfile.Options{})
	for i, row := range out.rows[:5000] {
		if again := out.rows[5000+i]; row.Payer != again.Payer || row.SourceHash != again.SourceHash {
			t.Fatalf("row %d read as %q, then as %q", row.Number, row.Payer, again.Payer)
		}
	}
}

func TestQuality(t *testing.T) {
	t.Parallel()
	cases := []struct {
		changes map[string]string
		want    float64
	}{
		{map[string]string{}, 0},
		{map[string]string{"billed_amount": "0"}, 0.25},
		{map[string]string{"billed_amount": "1", "allowed_amount": "1", "denial_reason_code": "x"}, 0.5},
		{map[string]string{"billed_amount": "1", "allowed_amount": "1", "paid_amount": "1"}, 0.75},
		{map[string]string{"billed_amount": "1", "allowed_amount": "1", "paid_amount": "1", "payment_date": "2026-02-01"}, 1},
		{map[string]string{"outcome": "DENIED"}, 0},
		{map[string]string{"outcome": "DENIED", "billed_amount": "1", "paid_amount": "0"}, 0.5},
		{map[string]string{"outcome": "DENIED", "billed_amount": "1", "denial_reason_code": "CO-97"}, 1},
		{map[string]string{"outcome": "OTHER"}, 0},
		{map[string]string{"outcome": "OTHER", "billed_amount": "1"}, 1},
	}
	for _, tc := range cases {
		if row, _ := readOne(t, claimfile.Options{}, tc.changes); row.DataQualityScore != tc.want {
			t.Errorf("%v: quality %v, want %v", tc.changes, row.DataQualityScore, tc.want)
		}
	}
}

// fullCells uses every column.
func fullCells() map[string]string {
	return map[string]string{
		"claim_number": "C1", "line_number": "2", "payer": "bcbs", "cpt": "99213", "submitted_date": "01/05/2026",
		"decided_date": "2026/01/20", "outcome": "declined", "billed_amount": "$1,500", "allowed_amount": "7.5",
		"paid_amount": "0", "denial_reason_code": "CO-97", "denial_reason_text": "Bundled", "payment_date": "2026-01-21",
		"authorization_required": "yes", "authorization_obtained": "no", "authorization_number": "A1",
		"modifier_codes": "25;59", "diagnosis_codes": "I10", "procedure_count": "3",
	}
}

func TestSourceHash(t *testing.T) {
	t.Parallel()
	opts := claimfile.Options{Payers: map[string]string{"bcbs": "Blue Cross"}}
	canonical := strings.Join([]string{
		"C1", "2", "Blue Cross", "99213", "2026-01-05", "2026-01-20", "DENIED", "1500.00", "7.50", "0.00",
		"CO-97", "Bundled", "2026-01-21", "t", "f", "A1", "25,59", "I10", "3",
	}, "\x1f")
	row, rejection := readOne(t, opts, fullCells())
	if rejection != nil || row.SourceHash != sha256.Sum256([]byte(canonical)) {
		t.Errorf("%+v: the hash is not that of the documented text", rejection)
	}
	empty := strings.Join([]string{
		"", "1", "Aetna", "99213", "2026-01-05", "2026-01-20", "PAID", "", "", "", "", "", "", "f", "f", "", "", "", "1",
	}, "\x1f")
	if row, _ := readOne(t, opts, nil); row.SourceHash != sha256.Sum256([]byte(empty)) {
		t.Error("without optional values the hash is not that of the documented text")
	}
}

func TestSourceHashSeesEveryValue(t *testing.T) {
	t.Parallel()
	other := map[string]string{
		"claim_number": "C2", "line_number": "3", "payer": "Aetna", "cpt": "99214", "submitted_date": "2026-01-06",
		"decided_date": "2026-01-21", "outcome": "PAID", "billed_amount": "1500.01", "allowed_amount": "", "paid_amount": "",
		"denial_reason_code": "", "denial_reason_text": "Other", "payment_date": "", "authorization_required": "0",
		"authorization_obtained": "1", "authorization_number": "", "modifier_codes": "25", "diagnosis_codes": "", "procedure_count": "4",
	}
	base, _ := readOne(t, claimfile.Options{}, fullCells())
	seen := map[[32]byte]string{base.SourceHash: "base"}
	for column, value := range other {
		cells := fullCells()
		cells[column] = value
		row, rejection := readOne(t, claimfile.Options{}, cells)
		if rejection != nil {
			t.Fatal(column, rejection)
		}
		if twin, found := seen[row.SourceHash]; found {
			t.Errorf("changing %s gives the hash of %s", column, twin)
		}
		seen[row.SourceHash] = column
	}
	unknown := fullCells()
	unknown["note"] = "ignored"
	if row, _ := readOne(t, claimfile.Options{}, unknown); row.SourceHash != base.SourceHash {
		t.Error("an unknown column changes the hash")
	}
}

func TestCents(t *testing.T) {
	t.Parallel()
	for cents, want := range map[claimfile.Cents]string{0: "0.00", 5: "0.05", 70: "0.70", 100: "1.00", 123456: "1234.56", 999_999_999_999: "9999999999.99"} {
		if cents.String() != want || cents.Decimal().StringFixed(2) != want || cents.Decimal().Exponent() != -2 {
			t.Errorf("%d cents are %s and %s, want %s", int64(cents), cents, cents.Decimal(), want)
		}
	}
}
