package apitest

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// known names a row for placeholders: "{name}" is its identifier, "{name.uuid}"
// that as the database has it.
func (s *Server) known(name, id string, stored uuid.UUID) {
	s.names[name], s.names[name+".uuid"] = id, stored.String()
}

// shift is two windows of claims in which one payer's denial rate rises from
// 10 to 50 percent and its decisions come twenty days later, and another's
// stays as it was.
func shift(today models.Date) []factory.Batch {
	mixed := func(payer string, first models.Date, days, wait, paid, denied int) []factory.Batch {
		b := factory.Batch{Payer: payer, CPT: "99213", FirstDay: first, Days: days, Wait: wait, Billed: 200}
		b.Count, b.Outcome = paid, models.OutcomePaid
		d := b
		d.Count, d.Outcome = denied, models.OutcomeDenied
		return []factory.Batch{b, d}
	}
	baseline, current := today.AddDays(-104), today.AddDays(-14)
	batches := mixed("Shifty", baseline, 90, 10, 81, 9)
	batches = append(batches, mixed("Shifty", current, 14, 30, 20, 20)...)
	batches = append(batches, mixed("Steady", baseline, 90, 10, 81, 9)...)
	return append(batches, mixed("Steady", current, 14, 10, 36, 4)...)
}

// populate gives both clinics claims and a run, and Cedar rows of every kind
// that lists can tell apart. It is for tests that read.
func (s *Server) populate() {
	s.findings("harbor.", s.Harbor)
	s.findings("real.", s.Cedar)
	s.claims()
	s.uploads()
	s.runs()
	s.history()
	s.people()
	s.keys()
	s.mappings()
	s.invitations()
	s.alerts()
	s.webhooks()
}

// people names one member of Cedar, and adds one who cannot sign in.
func (s *Server) people() {
	former := s.Cedar.User(models.RoleAnalyst)
	err := pgx.BeginFunc(s.Context(), s.DB.Owner, func(tx pgx.Tx) error {
		for _, statement := range []string{
			`SELECT set_config('app.system', 'on', true)`,
			`UPDATE users SET first_name = 'Ada', last_name = 'Okafor' WHERE email = '` + s.names["cedar.admin"] + `'`,
			`UPDATE users SET first_name = 'Obi', last_name = 'Okafor', is_active = false WHERE email = '` + former.Email + `'`,
		} {
			if _, err := tx.Exec(s.Context(), statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// findings ingests claims of a clinic, detects drift in them, and names a row
// of each kind.
func (s *Server) findings(prefix string, clinic *factory.Tenant) {
	upload := clinic.Ingest(shift(factory.Today())...)
	s.known(prefix+"upload", upload.ID.String(), upload.ID.UUID())
	viewer := clinic.System()
	run := must(s.Store.DetectDrift(s.Context(), viewer, models.DetectInput{}))(s)
	s.known(prefix+"run", run.ID.String(), run.ID.UUID())
	events := must(s.Store.DriftEvents(s.Context(), viewer, models.DriftEventFilter{}, models.List[models.DriftEventOrderField]{Page: models.Page{Limit: 1}}))(s)
	claims := must(s.Store.Claims(s.Context(), viewer, models.ClaimFilter{}, models.List[models.ClaimOrderField]{Page: models.Page{Limit: 1}}))(s)
	if len(events.Items) == 0 || len(claims.Items) == 0 {
		s.Fatal("no drift was found")
	}
	s.known(prefix+"event", events.Items[0].ID.String(), events.Items[0].ID.UUID())
	s.known(prefix+"claim", claims.Items[0].ID.String(), claims.Items[0].ID.UUID())
}

// claims ingests a file whose rows differ in every column, some of them wrong.
func (s *Server) claims() {
	upload := must(s.Cedar.IngestText(variedClaims()))(s)
	s.known("upload", upload.ID.String(), upload.ID.UUID())
	id := factory.Query[string](s.Cedar, `SELECT id::text FROM claims WHERE claim_number = 'V-7'`)
	claim := models.ClaimID{}.From(uuid.MustParse(id))
	s.known("claim", claim.String(), claim.UUID())
}

// variedClaims has few dates, payers and outcomes, so that every order has
// ties, and amounts that are missing here and there.
func variedClaims() string {
	payers := []string{"Aetna", "Aetna Better", "Alpine 50%", "Alpine under_score", "Médica Élan", `Back\slash "Quote"`}
	codes := []string{"99213", "70450", "99214", "J1100"}
	outcomes := []string{"PAID", "DENIED", "OTHER", "PAID"}
	var b strings.Builder
	b.WriteString("claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,allowed_amount,paid_amount,denial_reason_code," +
		"denial_reason_text,payment_date,authorization_required,authorization_obtained,authorization_number,modifier_codes,diagnosis_codes,procedure_count\n")
	for i := range 72 {
		submitted := models.NewDate(2026, time.April, 20).AddDays(i % 5 * 8)
		decided := submitted.AddDays(3 + i%4*7)
		billed, allowed, paid, code, reason, payment := fmt.Sprintf("%d.5", 100+i%4*25), "", "", "", "", ""
		if i%7 == 3 {
			billed = ""
		}
		switch outcomes[i%4] {
		case "PAID":
			allowed, paid, payment = "100.00", fmt.Sprintf("%d.25", 90+i%20), decided.AddDays(5).String()
		case "DENIED":
			code, reason = []string{"CO-97", "CO-45", "PR-1"}[i%3], "not covered"
		}
		fmt.Fprintf(&b, "V-%d,\"%s\",%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%t,%t,%s,%s,%s,%d\n", i,
			strings.ReplaceAll(payers[i%len(payers)], `"`, `""`), codes[i/3%len(codes)], submitted, decided, outcomes[i%4],
			billed, allowed, paid, code, reason, payment, i%2 == 0, i%4 == 0, []string{"", "PA-1"}[i%2], []string{"", "25;59"}[i%2], "J06.9", 1+i%3)
	}
	for i := range 9 {
		fmt.Fprintf(&b, "W-%d,%s,99213,%s,2026-05-01,PAID,%s,,,,,,,,,,,\n", i, []string{"", "Aetna", "Aetna"}[i%3],
			[]string{"2026-04-01", "2026-06-01", "2026-04-01"}[i%3], []string{"1.00", "1.00", "-5.00"}[i%3])
	}
	return b.String()
}

// uploads inserts uploads of every state and source, two and two at the same
// instant.
func (s *Server) uploads() {
	statuses := models.UploadStatus("").Values()
	sources := models.UploadSource("").Values()
	noon := time.Date(2026, time.May, 10, 8, 30, 0, 0, time.UTC)
	for i := range 24 {
		s.Cedar.Insert(s.Cedar.UploadRow(func(u *models.Upload) {
			u.UploadedAt = noon.Add(time.Duration(i/2-5) * time.Microsecond)
			u.Filename = []string{"may", "June", "100%", "50 may"}[i%4] + fmt.Sprintf(" %d.csv", i)
			u.Status, u.UploadSource = models.UploadStatus(statuses[i%len(statuses)]), models.UploadSource(sources[i%len(sources)])
			if i%4 > 0 {
				count := int64(i % 5 * 10)
				u.RowCount = &count
			}
			if u.Status == models.UploadFailed {
				reason := "The file is empty."
				u.ErrorMessage = &reason
			}
		}))
	}
}

// runs inserts runs of every kind, the newest of them with events and another
// one with tests.
func (s *Server) runs() {
	types, methods := models.RunType("").Values(), models.Method("").Values()
	for i := range 14 {
		s.Cedar.Insert(s.Cedar.RunRow(func(r *models.ReportRun) {
			r.RunType, r.Method = models.RunType(types[i%len(types)]), models.Method(methods[i%len(methods)])
			r.StartedAt = factory.Now().Add(-time.Hour - time.Duration(i/2)*time.Microsecond)
			r.FinishedAt = &r.StartedAt
			switch i % 5 {
			case 1:
				r.Status, r.FinishedAt = models.RunRunning, nil
			case 3:
				code, reason := string(models.CodeInternal), models.InternalMessage
				r.Status, r.ErrorCode, r.ErrorMessage = models.RunFailed, &code, &reason
			}
		}))
	}
	old := s.Cedar.RunRow(func(r *models.ReportRun) {
		r.StartedAt = factory.Now().Add(-2 * time.Hour)
		r.FinishedAt = &r.StartedAt
	})
	newest := s.Cedar.RunRow(func(r *models.ReportRun) {
		finished := factory.Now().Add(time.Minute)
		r.FinishedAt = &finished
	})
	s.known("old.run", old.ID.String(), old.ID.UUID())
	s.known("run", newest.ID.String(), newest.ID.UUID())
	s.Cedar.Insert(old, newest)
	s.tests(old.ID)
	s.events(newest.ID)
	s.broad()
}

// broad inserts a run by submission with an event whose window holds most
// claims of a payer.
func (s *Server) broad() {
	run := s.Cedar.RunRow(func(r *models.ReportRun) {
		r.WindowBy, r.StartedAt = models.WindowBySubmitted, factory.Now().Add(-3*time.Hour)
		r.FinishedAt = &r.StartedAt
	})
	event := s.Cedar.EventRow(run.ID, "Aetna Better", func(e *models.DriftEvent) {
		e.CPTGroup, e.SignalKey, e.CreatedAt = models.CPTGroupAll, "broad", factory.Now().Add(-3*time.Hour)
		e.CurrentStart, e.CurrentEnd = models.NewDate(2026, time.April, 28), models.NewDate(2026, time.June, 1)
	})
	s.Cedar.Insert(run, event)
	s.known("broad.event", event.ID.String(), event.ID.UUID())
}

// history writes audit lines of both clinics, two and two at the same instant
// and long before the Server's own: by people, the operator and the program,
// with fields that changed and without.
func (s *Server) history() {
	var ticks atomic.Int64
	before := s.StoreWith(s.DB.App, store.Options{Now: func() time.Time {
		return time.Date(2026, time.May, 10, 8, 30, 0, int(ticks.Load()/2)*1000, time.UTC)
	}, Logger: slog.New(slog.DiscardHandler)})
	claimNamed := func(name string) models.ClaimID {
		return models.ClaimID{}.From(uuid.MustParse(s.names[name+".uuid"]))
	}
	root := must(before.AccountByEmail(s.Context(), "root@upstream.test"))(s)
	superuser := models.Viewer{UserID: root.User.ID, Email: root.User.Email, Superuser: true, CustomerID: s.Cedar.Customer.ID}
	auditor := s.Cedar.User(models.RoleAnalyst)
	auditor.RequestID, auditor.RemoteAddr = "request 1", "192.0.2.17"
	s.known("auditor", auditor.UserID.String(), auditor.UserID.UUID())
	for i, v := range []models.Viewer{auditor, s.Cedar.System(), superuser, s.Cedar.User(models.RoleViewer), auditor} {
		for _, claim := range []string{"claim", "real.claim"} {
			_ = must(before.Claim(s.Context(), v, claimNamed(claim)))(s)
			ticks.Add(1)
		}
		if v.Superuser || v.System || models.RoleMay(v.Role, models.PermissionManageMappings) {
			in := models.NewPayerMapping{RawName: fmt.Sprint("Payer ", i), NormalizedName: "Payer"}
			_ = must(before.CreatePayerMapping(s.Context(), v, in))(s)
		}
	}
	_ = must(before.Claim(s.Context(), s.Harbor.System(), claimNamed("harbor.claim")))(s)
	for name, clinic := range map[string]*factory.Tenant{"audit": s.Cedar, "harbor.audit": s.Harbor} {
		id := uuid.MustParse(factory.Query[string](clinic, `SELECT id::text FROM audit_events WHERE action = 'report_run_completed' ORDER BY seq LIMIT 1`))
		s.known(name, models.AuditEventID{}.From(id).String(), id)
	}
}

// segment is the i-th of eighteen segments.
func segment(i int) (payer, group string, typ models.DriftType) {
	return []string{"Aetna", "Aetna Better", "Cigna"}[i%3], []string{"ALL", "E&M", "IMAGING"}[i/3%3],
		[]models.DriftType{models.DriftDenialRate, models.DriftDecisionTime}[i/9%2]
}

// tests inserts tests of a run; every third has no p-value, and others share one.
func (s *Server) tests(run models.ReportRunID) {
	for i := range 18 {
		payer, group, typ := segment(i)
		s.Cedar.Insert(s.Cedar.TestRow(run, payer, func(d *models.DriftTest) {
			d.CPTGroup, d.DriftType = group, typ
			d.Practical, d.Significant = i%2 == 0, i%4 < 2
			if i%3 > 0 {
				p, q := float64(i%4)*0.1, float64(i%5)*0.2
				above := q + 1
				d.PValue, d.QValue, d.Statistic, d.CILow, d.CIHigh = &p, &q, &p, &q, &above
			}
			if d.Practical && d.Significant {
				event := s.Cedar.EventRow(run, payer, func(e *models.DriftEvent) {
					e.CPTGroup, e.DriftType, e.SignalKey = group, typ, fmt.Sprint("old ", i)
					e.CreatedAt = factory.Now().Add(-2 * time.Hour)
				})
				s.Cedar.Insert(event)
				d.DriftEventID = &event.ID
			}
		}))
	}
}

// events inserts events of a run of every severity, two and two at the same
// instant.
func (s *Server) events(run models.ReportRunID) {
	first := time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)
	for i := range 18 {
		payer, group, typ := segment(i)
		s.Cedar.Insert(s.Cedar.EventRow(run, payer, func(e *models.DriftEvent) {
			e.CPTGroup, e.DriftType, e.SignalKey = group, typ, fmt.Sprint("new ", i)
			e.CreatedAt = first.Add(time.Duration(i/2) * time.Microsecond)
			e.Severity = []float64{0, 0.2, 0.4, 0.5999, 0.6, 0.75, 0.8, 1}[i%8]
			e.Confidence = []float64{0.5, 0.9, 0.99}[i%3]
			if i%2 == 0 {
				e.TrendDirection = models.TrendImproving
				e.BaselineValue, e.CurrentValue, e.DeltaValue = 0, 0.3, 0.3
			}
		}))
	}
}

// TestReads asks one populated server everything that changes nothing.
func TestReads(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	s.populate()
	t.Run("lists", s.testLists)
	t.Run("walks", s.testWalks)
	t.Run("details", s.testDetails)
	t.Run("access", s.testAccess)
	t.Run("roles", s.testRoles)
	t.Run("invalid", s.testInvalid)
	t.Run("viewer", s.testViewer)
	t.Run("random", s.testRandom)
	t.Run("summaries", s.testSummaries)
	t.Run("replay counts", s.testReplayCounts)
	t.Run("answers of endpoints", s.testAnswers)
	t.Run("random lists", s.testRandomLists)
	t.Run("references of alerts", s.testAlertReferences)
}
