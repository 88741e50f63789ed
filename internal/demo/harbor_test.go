package demo

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"upstream/models"
)

var testToday = models.NewDate(2026, time.March, 4)

// claim is one parsed row of a generated file.
type claim struct {
	rowNumber                       int64
	number, rawPayer, payer         string
	cpt, group                      string
	submitted, decided              models.Date
	outcome                         models.Outcome
	billed, allowed, paid           float64
	hasAllowed, hasPaid             bool
	payment                         *models.Date
	reasonCode, reasonText          string
	authRequired, authObtained      bool
	authNumber                      string
	procedures                      int
	defect                          string
	delay                           int
	currentWindow, baselineInWindow bool
}

// readAll parses a file the way a reader of the format would, and marks the
// rows that the truth calls bad.
func readAll(tb fataler, h Harbor) []claim {
	tb.Helper()
	var file bytes.Buffer
	if err := h.WriteCSV(&file); err != nil {
		tb.Fatalf("WriteCSV: %v", err)
	}
	bad := map[int64]string{}
	for _, b := range h.badRows() {
		bad[b.RowNumber] = b.Defect
	}
	names, groupOf := map[string]string{}, map[string]string{}
	for _, a := range PayerAliases() {
		names[a.Raw] = a.Normalized
	}
	for _, g := range groups {
		for _, c := range g.codes {
			groupOf[c.cpt] = g.name
		}
	}
	reader := csv.NewReader(&file)
	reader.ReuseRecord = true
	columns, err := reader.Read()
	if err != nil {
		tb.Fatalf("header: %v", err)
	}
	at := map[string]int{}
	for i, name := range columns {
		at[name] = i
	}
	claims := make([]claim, 0, h.Claims+h.BadRows)
	for {
		fields, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return claims
		}
		if err != nil {
			tb.Fatalf("row: %v", err)
		}
		get := func(column string) string { return strings.Clone(fields[at[column]]) }
		c := claim{
			rowNumber: int64(len(claims) + 2), number: get("claim_number"), rawPayer: get("payer"), cpt: get("cpt"),
			outcome: models.Outcome(get("outcome")), reasonCode: get("denial_reason_code"),
			reasonText: get("denial_reason_text"), authNumber: get("authorization_number"),
			submitted: parseDate(tb, get("submitted_date")), decided: parseDate(tb, get("decided_date")),
		}
		c.payer, c.group, c.defect = c.rawPayer, groupOf[c.cpt], bad[c.rowNumber]
		if name, ok := names[c.rawPayer]; ok {
			c.payer = name
		}
		c.billed, _ = parseAmount(tb, get("billed_amount"))
		c.allowed, c.hasAllowed = parseAmount(tb, get("allowed_amount"))
		c.paid, c.hasPaid = parseAmount(tb, get("paid_amount"))
		if text := get("payment_date"); text != "" {
			day := parseDate(tb, text)
			c.payment = &day
		}
		c.authRequired, c.authObtained = get("authorization_required") == "true", get("authorization_obtained") == "true"
		c.procedures, _ = strconv.Atoi(get("procedure_count"))
		c.delay = c.decided.Sub(c.submitted)
		lead := h.Today.Sub(c.decided)
		c.currentWindow = lead >= 1 && lead <= models.DefaultCurrentDays
		c.baselineInWindow = lead > models.DefaultCurrentDays && lead <= models.DefaultCurrentDays+models.DefaultBaselineDays
		claims = append(claims, c)
	}
}

func parseDate(tb fataler, text string) models.Date {
	tb.Helper()
	day, err := models.ParseDate(text)
	if err != nil {
		tb.Fatalf("date %q: %v", text, err)
	}
	return day
}

func parseAmount(tb fataler, text string) (float64, bool) {
	tb.Helper()
	if text == "" {
		return 0, false
	}
	whole, cents, ok := strings.Cut(text, ".")
	if !ok || len(cents) != 2 || whole == "" {
		tb.Fatalf("amount %q does not have two decimals", text)
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		tb.Fatalf("amount %q: %v", text, err)
	}
	return value, true
}

// demoFile is the file the demo shows, parsed once for all tests.
var demoFile = sync.OnceValue(func() []claim { return readAll(noTest{}, NewHarbor(testToday)) })

// fataler is what testing and rapid have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// noTest reports failures of the shared file, which belongs to no test.
type noTest struct{}

func (noTest) Helper()                           {}
func (noTest) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func fileHash(t *testing.T, h Harbor) string {
	t.Helper()
	sum := sha256.New()
	if err := h.WriteCSV(sum); err != nil {
		t.Fatalf("WriteCSV: %v", err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func TestHarbor_WriteCSV_Deterministic(t *testing.T) {
	t.Parallel()
	h := NewHarbor(testToday)
	first := fileHash(t, h)
	if again := fileHash(t, h); again != first {
		t.Errorf("the same description gave %s, then %s", first, again)
	}
	h.Seed++
	if other := fileHash(t, h); other == first {
		t.Error("another seed gave the same file")
	}
}

// The documentation quotes what the demo finds: the file may change only on
// purpose, and then together with it.
func TestHarbor_WriteCSV_Golden(t *testing.T) {
	t.Parallel()
	const want = "55b37da27a426a01901c7a85ce100c3feac5fc2f2c68467861e54bc774512233"
	if got := fileHash(t, NewHarbor(testToday)); got != want {
		t.Errorf("SHA-256 of the demo's file is %s, want %s", got, want)
	}
}

func TestHarbor_WriteCSV_TodayMovesDatesOnly(t *testing.T) {
	t.Parallel()
	a, b := NewHarbor(testToday), NewHarbor(models.NewDate(2028, time.March, 1))
	a.Claims, b.Claims = 5000, 5000
	move := b.Today.Sub(a.Today)
	left, right := readAll(t, a), readAll(t, b)
	if len(left) != len(right) {
		t.Fatalf("%d rows against %d", len(left), len(right))
	}
	for i := range left {
		l, r := left[i], right[i]
		l.submitted, l.decided = l.submitted.AddDays(move), l.decided.AddDays(move)
		if l.payment != nil {
			day := l.payment.AddDays(move)
			l.payment = &day
		}
		if diff := cmp.Diff(l, r, cmp.AllowUnexported(claim{}, models.Date{})); diff != "" {
			t.Fatalf("row %d differs in more than its dates:\n%s", i, diff)
		}
	}
}

func TestHarbor_WriteCSV_Counts(t *testing.T) {
	t.Parallel()
	good, bad := 0, map[string]int{}
	for _, c := range demoFile() {
		if c.defect == "" {
			good++
		} else {
			bad[c.defect]++
		}
	}
	if good != HarborClaims {
		t.Errorf("%d good rows, want %d", good, HarborClaims)
	}
	want := map[string]int{"reversed_dates": 9, "negative_amount": 8, "missing_payer": 8}
	if diff := cmp.Diff(want, bad); diff != "" {
		t.Errorf("bad rows (-want +got):\n%s", diff)
	}
}

func TestHarbor_WriteCSV_BadRows(t *testing.T) {
	t.Parallel()
	for _, c := range demoFile() {
		broken := map[string]bool{
			"reversed_dates": c.decided.Before(c.submitted), "negative_amount": c.billed < 0, "missing_payer": c.rawPayer == "",
		}
		for name, is := range broken {
			if is != (name == c.defect) {
				t.Errorf("row %d: %s is %t, but the truth says %q", c.rowNumber, name, is, c.defect)
			}
		}
	}
}

func TestHarbor_WriteCSV_GoodRows(t *testing.T) {
	t.Parallel()
	h := NewHarbor(testToday)
	known, numbers := map[string]bool{}, map[string]bool{}
	for i := range payers {
		known[payers[i].name] = true
	}
	first, last := h.LastDecided(), h.FirstDecided()
	for _, c := range demoFile() {
		if numbers[c.number] {
			t.Fatalf("row %d: claim number %s is not unique", c.rowNumber, c.number)
		}
		numbers[c.number] = true
		if c.defect != "" {
			continue
		}
		checkIdentity(t, h, c, known)
		checkOutcome(t, c)
		checkAuthorization(t, c)
		if c.decided.Before(first) {
			first = c.decided
		}
		if c.decided.After(last) {
			last = c.decided
		}
		if t.Failed() {
			t.Fatalf("row %d is wrong: %+v", c.rowNumber, c)
		}
	}
	if first != h.FirstDecided() || last != h.LastDecided() {
		t.Errorf("decided from %s to %s, want %s to %s", first, last, h.FirstDecided(), h.LastDecided())
	}
	if last != testToday.AddDays(-2) || last.Sub(first) != 239 {
		t.Errorf("the file spans %s to %s, want 240 days up to the day before yesterday", first, last)
	}
}

func checkIdentity(t *testing.T, h Harbor, c claim, known map[string]bool) {
	t.Helper()
	if !known[c.payer] {
		t.Errorf("payer %q is not one of Harbor's", c.rawPayer)
	}
	if c.group == "" {
		t.Errorf("code %q is in no group", c.cpt)
	}
	if c.decided.After(h.LastDecided()) || c.decided.Before(h.FirstDecided()) {
		t.Errorf("decided %s, outside the file's days", c.decided)
	}
	if c.delay < 1 || c.delay > maxDelay {
		t.Errorf("decided %d days after submission", c.delay)
	}
	if c.procedures < 1 || c.procedures > len(procedureWeights) {
		t.Errorf("%d procedures", c.procedures)
	}
	if c.billed <= 0 {
		t.Errorf("billed %.2f", c.billed)
	}
}

func checkOutcome(t *testing.T, c claim) {
	t.Helper()
	paid, denied := c.outcome == models.OutcomePaid, c.outcome == models.OutcomeDenied
	if !models.ValidEnum(c.outcome) {
		t.Errorf("outcome %q", c.outcome)
	}
	if c.hasAllowed != paid || c.hasPaid != paid || (c.payment != nil && !paid) {
		t.Error("allowed, paid and payment date belong to paid claims")
	}
	if paid && (c.paid <= 0 || c.paid > c.allowed || c.allowed > c.billed) {
		t.Errorf("billed %.2f, allowed %.2f, paid %.2f", c.billed, c.allowed, c.paid)
	}
	if c.payment != nil && c.payment.Before(c.decided) {
		t.Errorf("paid on %s, before the decision on %s", c.payment, c.decided)
	}
	if (c.reasonCode != "") != denied || (c.reasonText != "") != denied {
		t.Errorf("outcome %s with reason %q %q", c.outcome, c.reasonCode, c.reasonText)
	}
}

func checkAuthorization(t *testing.T, c claim) {
	t.Helper()
	if c.authObtained && !c.authRequired {
		t.Error("an authorization was obtained that nobody required")
	}
	if c.authNumber != "" && !c.authObtained {
		t.Errorf("authorization number %q without an authorization", c.authNumber)
	}
	if authFailed(c) && !c.authRequired {
		t.Error("denied for an authorization that nobody required")
	}
	if c.reasonCode == "CO-197" && c.authObtained {
		t.Error("denied for want of an authorization that was obtained")
	}
	saysSo := strings.Contains(strings.ToLower(c.reasonText), "authorization")
	if saysSo != authFailed(c) {
		t.Errorf("reason %s says %q", c.reasonCode, c.reasonText)
	}
}

// authFailed reads the codes that count as authorization failures.
func authFailed(c claim) bool {
	switch strings.TrimPrefix(c.reasonCode, "CO-") {
	case "15", "197", "198", "210", "243", "284", "296", "302":
		return true
	}
	return false
}

func TestHarbor_WriteCSV_Columns(t *testing.T) {
	t.Parallel()
	h := NewHarbor(testToday)
	h.Claims, h.BadRows = 3, 0
	var file strings.Builder
	if err := h.WriteCSV(&file); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(file.String(), "\n")
	want := "claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,allowed_amount,paid_amount," +
		"payment_date,denial_reason_code,denial_reason_text,authorization_required,authorization_obtained," +
		"authorization_number,procedure_count"
	if lines[0] != want {
		t.Errorf("header %q", lines[0])
	}
	if len(lines) != 5 || lines[4] != "" {
		t.Errorf("%d lines, want a header, three rows and a final line break", len(lines))
	}
	if !strings.HasPrefix(lines[1], "HRB000000001,") {
		t.Errorf("first row %q", lines[1])
	}
}

func TestHarbor_WriteCSV_AnySize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := Harbor{
			Seed: rapid.Uint64().Draw(t, "seed"), Claims: rapid.IntRange(1, 400).Draw(t, "claims"),
			Today: testToday.AddDays(rapid.IntRange(-4000, 4000).Draw(t, "today")),
			Days:  rapid.IntRange(1, 400).Draw(t, "days"),
		}
		h.BadRows = rapid.IntRange(0, h.Claims).Draw(t, "bad rows")
		good, bad := 0, 0
		for _, c := range readAll(t, h) {
			if c.defect != "" {
				bad++
				continue
			}
			good++
			if c.decided.Before(h.FirstDecided()) || c.decided.After(h.LastDecided()) || !c.submitted.Before(c.decided) {
				t.Fatalf("submitted %s, decided %s", c.submitted, c.decided)
			}
			if c.rawPayer == "" || c.billed <= 0 {
				t.Fatalf("row %d is bad but the truth does not say so", c.rowNumber)
			}
		}
		if good != h.Claims || bad != h.BadRows {
			t.Fatalf("%d good and %d bad rows, want %d and %d", good, bad, h.Claims, h.BadRows)
		}
	})
}

func TestHarbor_Validate(t *testing.T) {
	t.Parallel()
	ok := NewHarbor(testToday)
	if err := ok.Validate(); err != nil {
		t.Fatalf("the demo's file: %v", err)
	}
	bad := Harbor{Claims: 0, Days: 0, BadRows: 1}
	for _, err := range []error{bad.Validate(), bad.WriteCSV(io.Discard)} {
		var e *models.Error
		if !errors.As(err, &e) || e.Code != models.CodeValidation {
			t.Fatalf("got %v, want a VALIDATION error", err)
		}
		var paths []string
		for _, f := range e.Fields {
			paths = append(paths, f.Path)
		}
		if diff := cmp.Diff([]string{"claims", "days", "bad_rows"}, paths); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
	}
}

// fullDisk accepts some bytes, then fails.
type fullDisk struct{ left int }

var errFull = errors.New("disk full")

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.left -= len(b); d.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestHarbor_WriteCSV_WriterFails(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 100_000} {
		if err := NewHarbor(testToday).WriteCSV(&fullDisk{left: room}); !errors.Is(err, errFull) {
			t.Errorf("with room for %d bytes: got %v, want the writer's error", room, err)
		}
	}
}

func BenchmarkHarbor_WriteCSV(b *testing.B) {
	h := NewHarbor(testToday)
	for b.Loop() {
		if err := h.WriteCSV(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	rows := float64(h.Claims+h.BadRows) * float64(b.N)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
}
