package claimfile_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
	"upstream/models/claimfile"
)

const realFile = "../../testdata/claims/rcm-2024-2026.csv"

const requiredHeader = "payer,cpt,submitted_date,decided_date,outcome\n"

var today = models.NewDate(2026, time.September, 1)

// result is everything a file came to.
type result struct {
	rows       []claimfile.Row
	rejections []models.Rejection
	counts     claimfile.Counts
	bytes      int64
}

// readAll reads src to its end and checks what holds for every file.
func readAll(t testing.TB, src io.Reader, opts claimfile.Options) (result, error) {
	t.Helper()
	if opts.Today == (models.Date{}) {
		opts.Today = today
	}
	reader, err := claimfile.NewReader(src, opts)
	if err != nil {
		return result{}, err
	}
	var out result
	for want := int64(2); ; want++ {
		row, rejection, err := reader.Next()
		if errors.Is(err, io.EOF) {
			out.counts, out.bytes = reader.Counts(), reader.BytesRead()
			checkCounts(t, out)
			return out, nil
		}
		if err != nil {
			return out, err
		}
		number := row.Number
		if rejection != nil {
			number = rejection.RowNumber
			out.rejections = append(out.rejections, *rejection)
		} else {
			out.rows = append(out.rows, row)
		}
		if number != want {
			t.Fatalf("record has number %d, want %d", number, want)
		}
	}
}

func checkCounts(t testing.TB, r result) {
	t.Helper()
	c := r.counts
	got := [...]int64{c.Rows, c.Accepted, c.Rejected, c.PHIDetections + c.MissingFields + c.InvalidDates + c.InvalidValues}
	want := [...]int64{int64(len(r.rows) + len(r.rejections)), int64(len(r.rows)), int64(len(r.rejections)), c.Rejected}
	if got != want {
		t.Fatalf("counts %+v do not add up: %v, want %v", c, got, want)
	}
}

func mustRead(t testing.TB, file string, opts claimfile.Options) result {
	t.Helper()
	out, err := readAll(t, strings.NewReader(file), opts)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	return out
}

func defaultGroups(t testing.TB) claimfile.Groups {
	t.Helper()
	groups, err := claimfile.DefaultGroups()
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func TestRealFile(t *testing.T) {
	t.Parallel()
	file, err := os.Open(realFile)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	out, err := readAll(t, file, claimfile.Options{Today: today, Groups: defaultGroups(t)})
	if err != nil {
		t.Fatal(err)
	}
	want := claimfile.Counts{
		Rows: 2575, Accepted: 2575,
		DateMin: claimfile.Null[models.Date]{V: models.NewDate(2024, time.April, 2), Valid: true},
		DateMax: claimfile.Null[models.Date]{V: models.NewDate(2026, time.August, 9), Valid: true},
	}
	if diff := cmp.Diff(want, out.counts, cmp.Comparer(sameDate)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	outcomes, groups, hashes := map[models.Outcome]int{}, map[string]int{}, map[[32]byte]bool{}
	for _, row := range out.rows {
		outcomes[row.Outcome]++
		groups[row.CPTGroup]++
		hashes[row.SourceHash] = true
		if row.DataQualityScore != 1 {
			t.Errorf("row %d has quality %v, want 1: the file is complete", row.Number, row.DataQualityScore)
		}
	}
	if diff := cmp.Diff(map[models.Outcome]int{models.OutcomePaid: 2239, models.OutcomeDenied: 336}, outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if len(hashes) != len(out.rows) {
		t.Errorf("%d distinct hashes of %d distinct rows", len(hashes), len(out.rows))
	}
	if groups["OTHER"] != 0 || len(groups) < 4 {
		t.Errorf("groups = %v, want several and no OTHER", groups)
	}
	if info, err := os.Stat(realFile); err != nil || info.Size() != out.bytes {
		t.Errorf("read %d bytes of %v, %v", out.bytes, info, err)
	}
}

func sameDate(a, b models.Date) bool { return a == b }

func TestRealFileFirstRow(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(realFile)
	if err != nil {
		t.Fatal(err)
	}
	got := mustRead(t, string(file), claimfile.Options{Groups: defaultGroups(t)}).rows[0]
	got.SourceHash = [32]byte{}
	want := claimfile.Row{
		Number: 2, ClaimNumber: "CLM0000541", LineNumber: 1, Payer: "Self-Pay", CPT: "99203", CPTGroup: "E&M",
		SubmittedDate: models.NewDate(2024, time.April, 8), DecidedDate: models.NewDate(2024, time.April, 22),
		Outcome: models.OutcomePaid, BilledAmount: amount(107042), AllowedAmount: amount(81107), PaidAmount: amount(39033),
		PaymentDate:   claimfile.Null[models.Date]{V: models.NewDate(2024, time.April, 22), Valid: true},
		ModifierCodes: []string{}, DiagnosisCodes: []string{}, ProcedureCount: 1, DataQualityScore: 1,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(sameDate)); diff != "" {
		t.Errorf("first row (-want +got):\n%s", diff)
	}
}

func amount(cents claimfile.Cents) claimfile.Null[claimfile.Cents] {
	return claimfile.Null[claimfile.Cents]{V: cents, Valid: true}
}

func TestWholeFileErrors(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("x,", 1000)
	cases := map[string]struct {
		file, code, message string
		fields              int
	}{
		"empty":                   {"", "empty", "The file is empty.", 1},
		"only a BOM":              {"\ufeff", "empty", "The file is empty.", 1},
		"only blank lines":        {"\r\n  \n\n", "empty", "The file is empty.", 1},
		"xlsx":                    {"PK\x03\x04\x14\x00", "not_csv", "The file must be a CSV file, but this is an Excel workbook or ZIP archive.", 1},
		"xls":                     {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "not_csv", "The file must be a CSV file, but this is an old Excel workbook.", 1},
		"pdf":                     {"%PDF-1.7\n%\xe2\xe3", "not_csv", "The file must be a CSV file, but this is a PDF document.", 1},
		"gzip":                    {"\x1f\x8b\x08\x00", "not_csv", "The file must be a CSV file, but this is a gzip archive.", 1},
		"NUL in the header":       {"payer\x00,cpt\n", "not_csv", "The file must be a CSV file, but this is binary data.", 1},
		"UTF-16":                  {"\xff\xfep\x00a\x00", "encoding", "The file must be UTF-8 text, but this is UTF-16: save it as CSV UTF-8.", 1},
		"Latin-1 header":          {"payer,cpt,d\xe9cision\n", "encoding", "The file must be UTF-8 text, but its header line is not: save it as CSV UTF-8.", 1},
		"NUL later in the header": {"payer,\"cp\nt\x00\",x\n", "not_csv", "The file must be a CSV file, but this is binary data.", 1},
		"quote in header":         {"payer,c\"pt,x\n", "malformed_header", "The file has a header line that is not a valid CSV record: a quote is misplaced or never closed.", 1},
		"endless header":          {strings.Repeat("payer", 300_000), "malformed_header", "The file has a header line that is longer than 1 MiB, or a quote in it is never closed.", 1},
		"1001 columns":            {many + "payer\n", "too_many_columns", "The file must have at most 1000 columns.", 1},
		"one missing":             {"payer,cpt,submitted_date,decided_date\nA,1,2026-01-01,2026-01-02\n", "missing_column", "The file lacks required columns: outcome.", 1},
		"three missing":           {"outcome,CPT\n", "missing_column", "The file lacks required columns: payer, submitted_date, decided_date.", 3},
		"no header":               {"Aetna,99213,2026-01-01,2026-01-02,PAID\n", "missing_column", "The file has no header line, which must name the required columns: payer, cpt, submitted_date, decided_date, outcome.", 5},
		"repeated required":       {"payer,cpt,submitted_date,decided_date,outcome, Payer \n", "duplicate_column", "The file names a column more than once: payer.", 1},
		"repeated optional":       {"payer,cpt,submitted_date,decided_date,outcome,billed_amount,billed_amount\n", "duplicate_column", "The file names a column more than once: billed_amount.", 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readAll(t, strings.NewReader(tc.file), claimfile.Options{})
			e := models.AsError(err)
			if e.Code != models.CodeValidation || e.Message != tc.message || len(e.Fields) != tc.fields {
				t.Fatalf("got %s %q with %d fields, want VALIDATION %q with %d", e.Code, e.Message, len(e.Fields), tc.message, tc.fields)
			}
			for _, f := range e.Fields {
				if f.Path != "file" || f.Code != tc.code || f.Message == "" {
					t.Errorf("field %+v, want path file, code %s", f, tc.code)
				}
			}
		})
	}
}

func TestMissingColumnsAreNamedOneByOne(t *testing.T) {
	t.Parallel()
	_, err := readAll(t, strings.NewReader("payer,cpt,outcome\n"), claimfile.Options{})
	want := []models.FieldError{
		{Path: "file", Code: "missing_column", Message: "lacks the required column submitted_date"},
		{Path: "file", Code: "missing_column", Message: "lacks the required column decided_date"},
	}
	if diff := cmp.Diff(want, models.AsError(err).Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestHeaderOnlyHasNoRows(t *testing.T) {
	t.Parallel()
	for _, file := range []string{requiredHeader, strings.TrimSpace(requiredHeader), requiredHeader + "\n\r\n   \n"} {
		if out := mustRead(t, file, claimfile.Options{}); out.counts != (claimfile.Counts{}) {
			t.Errorf("%q has counts %+v, want none", file, out.counts)
		}
	}
}

func TestExactlyThousandColumns(t *testing.T) {
	t.Parallel()
	file := strings.TrimSpace(requiredHeader) + strings.Repeat(",x", 995) +
		"\nAetna,99213,2026-01-01,2026-01-02,PAID" + strings.Repeat(",", 995) + "\n"
	if out := mustRead(t, file, claimfile.Options{}); out.counts.Accepted != 1 {
		t.Errorf("counts %+v, want one accepted", out.counts)
	}
}

func TestDialects(t *testing.T) {
	t.Parallel()
	plain := "payer,cpt,submitted_date,decided_date,outcome,note\n" +
		"Aetna,99213,2026-01-05,2026-01-20,PAID,x\nCigna,99214,2026-01-06,2026-01-21,DENIED,y\n"
	cases := map[string]string{
		"as is":                plain,
		"no final line end":    strings.TrimSuffix(plain, "\n"),
		"BOM":                  "\ufeff" + plain,
		"CRLF":                 strings.ReplaceAll(plain, "\n", "\r\n"),
		"CRLF, no final LF":    strings.TrimSuffix(strings.ReplaceAll(plain, "\n", "\r\n"), "\n"),
		"CR CR LF":             strings.ReplaceAll(plain, "\n", "\r\r\n"),
		"lone CR":              strings.ReplaceAll(plain, "\n", "\r"),
		"semicolon":            strings.ReplaceAll(plain, ",", ";"),
		"tab":                  strings.ReplaceAll(plain, ",", "\t"),
		"bar":                  strings.ReplaceAll(plain, ",", "|"),
		"header case, spaces":  strings.Replace(plain, "payer,cpt,submitted_date", " PAYER ,\tCpt,\u00a0Submitted_Date", 1),
		"BOM, quoted header":   "\ufeff" + strings.Replace(plain, "payer,cpt", `"payer","cpt"`, 1),
		"quotes":               `"` + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(plain), ",", `","`), "\n", "\"\n\"") + `"`,
		"quotes, CR CR LF":     `"` + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(plain), ",", `","`), "\n", "\"\r\r\n\"") + "\"\r\r\n",
		"blank lines":          "\n\n" + strings.ReplaceAll(plain, "\n", "\n \n\r\n"),
		"padded cells":         strings.ReplaceAll(plain, ",9", " , 9"),
		"separator in a cell":  strings.ReplaceAll(plain, "x\n", "\"a,b;c|d\te\"\n"),
		"line end in a cell":   strings.ReplaceAll(plain, "x\n", "\"a\nb\r\nc\"\n"),
		"quote in a cell":      strings.ReplaceAll(plain, "x\n", "\"say \"\"hi\"\"\"\n"),
		"line end in a header": strings.Replace(plain, ",note", ",\"a\nnote, or two\"", 1),
		"semicolon in header":  strings.Replace(plain, ",note", ",a;b;c;d;e;f;g;h", 1),
		"two unknown columns":  strings.ReplaceAll(strings.Replace(plain, ",note", ",note,note", 1), "D,", "D,,"),
	}
	want := mustRead(t, plain, claimfile.Options{}).rows
	if len(want) != 2 {
		t.Fatalf("the plain file has %d rows", len(want))
	}
	for name, file := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, mustRead(t, file, claimfile.Options{}).rows, cmp.Comparer(sameDate)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			oneByte, err := readAll(t, iotest.OneByteReader(strings.NewReader(file)), claimfile.Options{})
			if diff := cmp.Diff(want, oneByte.rows, cmp.Comparer(sameDate)); diff != "" || err != nil {
				t.Errorf("byte by byte: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestMalformedRecordsDoNotStopTheFile(t *testing.T) {
	t.Parallel()
	const good = "Aetna,99213,2026-01-05,2026-01-20,PAID\n"
	big := strings.Repeat("y", 1<<20)
	cases := map[string]struct {
		bad      string
		messages []string
	}{
		"bare quote":             {"Ae\"tna,99213,2026-01-05,2026-01-20,PAID\n", []string{quotesMessage}},
		"text behind a quote":    {"\"Aetna\"x,99213,2026-01-05,2026-01-20,PAID\n", []string{quotesMessage}},
		"quote never closed":     {"\"Aetna,99213,2026-01-05,2026-01-20,PAID\n", []string{quotesMessage}},
		"quote over two lines":   {"\"Aetna\nx\"y,1,2,3,4\n", []string{quotesMessage, quotesMessage}},
		"too few cells":          {"Aetna,99213\n", []string{"has 2 cells where the header has 5"}},
		"too many cells":         {strings.TrimSpace(good) + ",,\n", []string{"has 7 cells where the header has 5"}},
		"very many cells":        {strings.Repeat(",", 500_000) + "\n", []string{"has 500001 cells where the header has 5"}},
		"many cells, one quoted": {"\"a\"" + strings.Repeat(",", 9) + "\n", []string{"has 10 cells where the header has 5"}},
		"NUL":                    {"Ae\x00tna,99213,2026-01-05,2026-01-20,PAID\n", []string{"holds NUL bytes"}},
		"NUL in quotes":          {"\"Ae\x00tna\",99213,2026-01-05,2026-01-20,PAID\n", []string{"holds NUL bytes"}},
		"Latin-1":                {"Sant\xe9,99213,2026-01-05,2026-01-20,PAID\n", []string{"is not valid UTF-8 text"}},
		"Latin-1 in quotes":      {"\"Sant\xe9\",99213,2026-01-05,2026-01-20,PAID\n", []string{"is not valid UTF-8 text"}},
		"too long":               {big + ",99213,2026-01-05,2026-01-20,PAID\n", []string{tooLongMessage}},
		"far too long":           {big + big + big + big + "\n", []string{tooLongMessage}},
		"too long in quotes":     {"\"a\n" + big + "\",99213,2026-01-05,2026-01-20,PAID\n", []string{tooLongMessage, tooLongMessage}},
		"only separators":        {",,,,\n", []string{"is required"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := mustRead(t, requiredHeader+good+tc.bad+good+good, claimfile.Options{})
			if len(out.rows) != 3 {
				t.Errorf("%d rows accepted, want the 3 good ones; rejections %+v", len(out.rows), out.rejections)
			}
			var messages []string
			for _, r := range out.rejections {
				messages = append(messages, r.Message)
				if name != "only separators" && (r.Code != models.RejectionInvalidValue || r.Column != "") {
					t.Errorf("rejection %+v, want invalid_value without column", r)
				}
			}
			if diff := cmp.Diff(tc.messages, messages); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	quotesMessage  = "is not a valid CSV record: a quote is misplaced or never closed"
	tooLongMessage = "is longer than 1 MiB, or a quote in it is never closed"
)

func TestUnclosedQuoteCostsOneLine(t *testing.T) {
	t.Parallel()
	const good = "Aetna,99213,2026-01-05,2026-01-20,PAID\n"
	file := requiredHeader + "\"" + good + strings.Repeat(good, 50_000)
	out := mustRead(t, file, claimfile.Options{})
	if out.counts.Rejected != 1 || out.counts.Accepted != 50_000 || out.rejections[0].RowNumber != 2 {
		t.Errorf("counts %+v, want only row 2 rejected", out.counts)
	}
}

func TestRowsAreNumberedByRecord(t *testing.T) {
	t.Parallel()
	out := mustRead(t, "payer,cpt,submitted_date,decided_date,outcome,note\n"+
		"Aetna,99213,2026-01-05,2026-01-20,PAID,\"one\ntwo\nthree\"\n\n"+
		",99213,2026-01-05,2026-01-20,PAID,\n", claimfile.Options{})
	if len(out.rejections) != 1 || out.rejections[0].RowNumber != 3 {
		t.Errorf("rejections %+v, want one for record 3", out.rejections)
	}
}

func TestSourceFailure(t *testing.T) {
	t.Parallel()
	broken := models.NewError(models.CodePayloadTooLarge, "Too large.")
	const good = "Aetna,99213,2026-01-05,2026-01-20,PAID\n"
	for name, prefix := range map[string]string{
		"at once":          "",
		"in the header":    "payer,cp",
		"between rows":     requiredHeader + strings.Repeat(good, 10_000),
		"in a long header": "payer" + strings.Repeat(",x", 100_000),
		"in blank lines":   strings.Repeat(" ", 1<<17),
		"in a row":         requiredHeader + strings.Repeat(good, 10_000) + "Aetna,99",
		"in a quoted cell": requiredHeader + strings.Repeat(good, 10_000) + "\"Aetna\n,99",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := io.MultiReader(strings.NewReader(prefix), iotest.ErrReader(broken))
			out, err := readAll(t, src, claimfile.Options{})
			if models.CodeOf(err) != models.CodePayloadTooLarge {
				t.Errorf("error %v, want the source's", err)
			}
			if len(out.rejections) > 0 {
				t.Errorf("a cut-off row was rejected instead: %+v", out.rejections)
			}
		})
	}
}

// TestReadsAheadLittle: progress that is shown must not run far ahead of the rows.
func TestReadsAheadLittle(t *testing.T) {
	t.Parallel()
	const good = "Aetna,99213,2026-01-05,2026-01-20,PAID\n"
	file := requiredHeader + strings.Repeat(good, 20_000)
	reader, err := claimfile.NewReader(strings.NewReader(file), claimfile.Options{Today: today})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20_000 {
		if _, rejection, err := reader.Next(); rejection != nil || err != nil {
			t.Fatal(rejection, err)
		}
		consumed := int64(len(requiredHeader) + (n+1)*len(good))
		if ahead := reader.BytesRead() - consumed; ahead < 0 || ahead > 64<<10 {
			t.Fatalf("after row %d, %d bytes ahead", n+2, ahead)
		}
	}
	if reader.BytesRead() != int64(len(file)) {
		t.Errorf("read %d of %d bytes", reader.BytesRead(), len(file))
	}
}

// TestRowsOutliveTheReader keeps rows while many more are read: their text must
// not be overwritten.
func TestRowsOutliveTheReader(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("claim_number," + requiredHeader)
	for i := range 5000 {
		fmt.Fprintf(&b, "CLM-%d,\"Payer %d\",99213,2026-01-05,2026-01-20,PAID\n", i, i%7)
	}
	for i, row := range mustRead(t, b.String(), claimfile.Options{}).rows {
		if row.ClaimNumber != fmt.Sprintf("CLM-%d", i) || row.Payer != fmt.Sprintf("Payer %d", i%7) {
			t.Fatalf("row %d became %s of %s", row.Number, row.ClaimNumber, row.Payer)
		}
	}
}

// stuck never returns a byte.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestStuckSource(t *testing.T) {
	t.Parallel()
	if _, err := readAll(t, stuck{}, claimfile.Options{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v, want ErrNoProgress", err)
	}
}

func TestErrorsRepeat(t *testing.T) {
	t.Parallel()
	reader, err := claimfile.NewReader(strings.NewReader(requiredHeader), claimfile.Options{Today: today})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, rejection, err := reader.Next(); !errors.Is(err, io.EOF) || rejection != nil {
			t.Fatalf("Next = %v, %v, want EOF", rejection, err)
		}
	}
}

func ExampleReader() {
	file := "Payer;CPT;Submitted_Date;Decided_Date;Outcome;Paid_Amount\n" +
		"Aetna;99213;2026-01-05;01/20/2026;approved;$1,234.50\n" +
		"Cigna;99214;2026-01-05;2026-01-20;denied;-5\n"
	reader, err := claimfile.NewReader(strings.NewReader(file), claimfile.Options{Today: models.NewDate(2026, time.June, 1)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		row, rejection, err := reader.Next()
		if err != nil {
			break
		}
		if rejection != nil {
			fmt.Println("row", rejection.RowNumber, rejection.Column, rejection.Message)
			continue
		}
		fmt.Println(row.Payer, row.DecidedDate, row.Outcome, row.PaidAmount.V)
	}
	// Output:
	// Aetna 2026-01-20 PAID 1234.50
	// row 3 paid_amount must not be negative
}
