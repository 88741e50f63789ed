package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
)

// plan is a node of EXPLAIN (FORMAT JSON).
type plan struct {
	NodeType string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	// Presorted are the keys that an incremental sort finds in order.
	Presorted []string `json:"Presorted Key"`
	// Once is a condition on no row: what is below it is not done when it is false.
	Once  string `json:"One-Time Filter"`
	Plans []plan
}

// scans are the ways a plan reads tables, such as "Seq Scan on claims".
func (p plan) scans() []string {
	var all []string
	if strings.HasSuffix(p.NodeType, "Scan") && (p.Relation != "" || p.Index != "") {
		all = append(all, strings.TrimSpace(p.NodeType+" "+p.Index+" on "+p.Relation))
	}
	if p.NodeType == "Sort" || p.NodeType == "Incremental Sort" {
		all = append(all, p.NodeType)
	}
	if p.Once == "false" {
		return all
	}
	for _, child := range p.Plans {
		all = append(all, child.scans()...)
	}
	return all
}

// sorts is how many nodes of a plan put what was read of a table in order. What
// follows a number that no two rows have needs no order.
func (p plan) sorts(table string) (n int) {
	for _, child := range p.Plans {
		n += child.sorts(table)
	}
	numbered := slices.ContainsFunc(p.Presorted, func(key string) bool { return strings.HasSuffix(key, ".seq") })
	if strings.HasSuffix(p.NodeType, "Sort") && p.reads(table) && !numbered {
		n++
	}
	return n
}

func (p plan) reads(table string) bool {
	return p.Relation == table || slices.ContainsFunc(p.Plans, func(child plan) bool { return child.reads(table) })
}

// explain is how a statement reads tables.
func explain(t *testing.T, tenant *factory.Tenant, s statement) []string {
	t.Helper()
	return planOf(t, tenant, s).scans()
}

// planOf plans a statement as it was sent, within the customer.
func planOf(t *testing.T, tenant *factory.Tenant, s statement) plan {
	t.Helper()
	var text []byte
	err := pgx.BeginFunc(t.Context(), tenant.DB.App, func(tx pgx.Tx) error {
		if err := within(tx, tenant.Customer.ID); err != nil {
			return err
		}
		return tx.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON) "+s.sql, s.args...).Scan(&text)
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, s.sql)
	}
	var plans []struct{ Plan plan }
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan
}

// settle makes the pages of the tables visible to everybody and their figures
// known to the planner. One VACUUM passes over what another session's snapshot
// still needs or has pinned, so it is repeated until nothing was passed over;
// the server's own vacuum, which is such a session, leaves the tables alone.
func settle(w *factory.World, tables ...string) {
	w.Helper()
	for _, table := range tables {
		if _, err := w.DB.Owner.Exec(w.Context(), `ALTER TABLE `+table+` SET (autovacuum_enabled = false)`); err != nil {
			w.Fatal(err)
		}
		for hidden := 1; hidden > 0; {
			if _, err := w.DB.Owner.Exec(w.Context(), `VACUUM (ANALYZE, DISABLE_PAGE_SKIPPING) `+table); err != nil {
				w.Fatal(err)
			}
			err := w.DB.Owner.QueryRow(w.Context(), `SELECT relpages - relallvisible FROM pg_class WHERE oid = $1::text::regclass`, table).Scan(&hidden)
			if err != nil {
				w.Fatal(err)
			}
		}
	}
}

// crowded is a customer with 20,000 claims beside another with as many.
func crowded(w *factory.World) *factory.Tenant {
	w.Helper()
	seed := func(tenant *factory.Tenant) {
		upload := tenant.UploadRow()
		tenant.Insert(upload)
		for _, sql := range []string{
			`INSERT INTO claims (customer_id, id, upload_id, payer, cpt, cpt_group, submitted_date, decided_date, outcome,
				billed_amount, source_data_hash)
			SELECT $1::uuid, gen_random_uuid(), $2::uuid, 'Payer ' || i % 14, '99213', 'E&M', '2026-06-10'::date - i % 700,
				'2026-06-14'::date - i % 700, (ARRAY['PAID','DENIED'])[1 + i % 2], 100, sha256(i::text::bytea)
			FROM generate_series(1, 20000) i`,
			`INSERT INTO uploads (customer_id, id, filename, uploaded_at)
			SELECT $1::uuid, gen_random_uuid(), 'f' || $2::text, now() - i * interval '1 hour' FROM generate_series(1, 3000) i`,
			`INSERT INTO report_runs (customer_id, id, method, window_by, as_of, baseline_start, baseline_end, current_start,
				current_end, min_volume, alpha, status, finished_at, started_at)
			SELECT $1::uuid, gen_random_uuid(), 'statistical', 'decided', '2026-06-15', '2026-03-03', '2026-06-01', '2026-06-01',
				'2026-06-15', 30, 0.05, 'success', now() - i * interval '1 day', now() - i * interval '1 day'
			FROM generate_series(1, 200) i WHERE $2::text <> ''`,
			`INSERT INTO drift_events (customer_id, id, report_run_id, payer, cpt_group, drift_type, baseline_value, current_value,
				delta_value, severity, confidence, baseline_start, baseline_end, current_start, current_end, baseline_sample_size,
				current_sample_size, test_method, trend_direction, signal_key, evidence, created_at)
			SELECT $1::uuid, gen_random_uuid(), r.id, 'Payer ' || i, 'E&M', 'DENIAL_RATE', 0, 1, 1, random(), 1, '2026-03-03',
				'2026-06-01', '2026-06-01', '2026-06-15', 1, 1, 'THRESHOLD', 'degrading', $2::text, '{}', r.finished_at
			FROM report_runs r, generate_series(1, 20) i WHERE r.customer_id = $1::uuid`,
		} {
			if err := asOwner(w, tenant, sql, tenant.Customer.ID.UUID().String(), upload.ID.UUID().String()); err != nil {
				w.Fatal(err)
			}
		}
	}
	cedar := w.Tenant("cedar")
	seed(cedar)
	seed(w.Tenant("harbor"))
	settle(w, "claims", "uploads", "report_runs", "drift_events")
	return cedar
}

// The lists a client waits for read an index in their own order, a page of it
// and nothing else.
func TestExplain_ListsReadTheirIndex(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := crowded(w)
	r := traced(w)
	ctx, v, s := t.Context(), cedar.System(), w.Store
	claims := func(order []models.ClaimOrder, f models.ClaimFilter, page models.Page) func(tester) string {
		return func(t tester) string {
			page.Limit = 50
			rows := must(s.Claims(ctx, v, f, models.List[models.ClaimOrderField]{OrderBy: order, Page: page}))(t)
			return rows.Cursors[len(rows.Cursors)-1]
		}
	}
	byPayer := []models.ClaimOrder{{Field: models.ClaimOrderPayer}}
	byPayerDown := []models.ClaimOrder{{Field: models.ClaimOrderPayer, Direction: models.Descending}}
	byOutcome := []models.ClaimOrder{{Field: models.ClaimOrderOutcome}}
	submitted := []models.ClaimOrder{{Field: models.ClaimOrderSubmittedDate, Direction: models.Descending}}
	deep := claims(nil, models.ClaimFilter{}, models.Page{Number: 100})(t)
	deepPayer := claims(byPayer, models.ClaimFilter{}, models.Page{Number: 100})(t)
	uploadPage := models.List[models.UploadOrderField]{Page: models.Page{Limit: 50}}
	uploadCursor := must(s.Uploads(ctx, v, models.UploadFilter{}, uploadPage))(t).Cursors[49]
	eventPage := models.List[models.DriftEventOrderField]{Page: models.Page{Limit: 50}}

	const (
		decidedIndex = "claims_customer_id_decided_date_id_idx on claims"
		outcomeIndex = "claims_customer_id_outcome_decided_date_id_idx on claims"
		payerIndex   = "claims_customer_id_payer_decided_date_id_idx on claims"
	)
	for name, tt := range map[string]struct {
		run   func(tester)
		index string
	}{
		"claims":                 {func(t tester) { claims(nil, models.ClaimFilter{}, models.Page{})(t) }, decidedIndex},
		"claims after a cursor":  {func(t tester) { claims(nil, models.ClaimFilter{}, models.Page{After: deep})(t) }, decidedIndex},
		"claims before a cursor": {func(t tester) { claims(nil, models.ClaimFilter{}, models.Page{Before: deep, Backward: true})(t) }, decidedIndex},
		"the last claims":        {func(t tester) { claims(nil, models.ClaimFilter{}, models.Page{Backward: true})(t) }, decidedIndex},
		"claims by payer":        {func(t tester) { claims(byPayer, models.ClaimFilter{}, models.Page{})(t) }, payerIndex},
		"claims by payer, deep":  {func(t tester) { claims(byPayer, models.ClaimFilter{}, models.Page{After: deepPayer})(t) }, payerIndex},
		"claims by payer, down":  {func(t tester) { claims(byPayerDown, models.ClaimFilter{}, models.Page{})(t) }, payerIndex},
		"claims by submission":   {func(t tester) { claims(submitted, models.ClaimFilter{}, models.Page{})(t) }, "claims_customer_id_submitted_date_decided_date_id_idx on claims"},
		"claims by outcome":      {func(t tester) { claims(byOutcome, models.ClaimFilter{}, models.Page{})(t) }, outcomeIndex},
		"claims in a period": {func(t tester) {
			claims(nil, models.ClaimFilter{EndDate: new(factory.Today().AddDays(-300))}, models.Page{})(t)
		}, decidedIndex},
		"uploads": {func(t tester) { must(s.Uploads(ctx, v, models.UploadFilter{}, uploadPage))(t) }, "uploads_customer_id_uploaded_at_id_idx on uploads"},
		"uploads after a cursor": {func(t tester) {
			must(s.Uploads(ctx, v, models.UploadFilter{}, models.List[models.UploadOrderField]{Page: models.Page{Limit: 50, After: uploadCursor}}))(t)
		}, "uploads_customer_id_uploaded_at_id_idx on uploads"},
		"events": {func(t tester) { must(s.DriftEvents(ctx, v, models.DriftEventFilter{}, eventPage))(t) }, "drift_events_customer_id_created_at_id_idx on drift_events"},
		"events, worst first": {func(t tester) {
			must(s.DriftEvents(ctx, v, models.DriftEventFilter{}, models.List[models.DriftEventOrderField]{
				OrderBy: []models.DriftEventOrder{{Field: models.DriftEventOrderSeverity, Direction: models.Descending}}, Page: models.Page{Limit: 50},
			}))(t)
		}, "drift_events_customer_id_severity_created_at_id_idx on drift_events"},
	} {
		r.take()
		tt.run(t)
		pages := 0
		for _, sent := range r.take() {
			if !strings.Contains(sent.sql, "LIMIT") {
				continue
			}
			pages++
			got := explain(t, cedar, sent)
			if len(got) != 1 || !strings.HasSuffix(got[0], tt.index) || !strings.HasPrefix(got[0], "Index") {
				t.Errorf("%s: %v, want an index scan of %s", name, got, tt.index)
			}
		}
		equal(t, name+": statements that read a page", 1, pages)
	}
}

// A part of a payer's name is looked up among the payers, not the claims.
func TestExplain_PayerFilter(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := crowded(w)
	r := traced(w)
	list := models.List[models.ClaimOrderField]{Page: models.Page{Limit: 50}}
	rows := must(w.Store.Claims(t.Context(), cedar.System(), models.ClaimFilter{Payer: new("YER 13")}, list))(t)
	equal(t, "rows", 50, len(rows.Items))
	statements := 0
	for _, sent := range r.take() {
		if !strings.Contains(sent.sql, "claims") {
			continue
		}
		statements++
		for _, scan := range explain(t, cedar, sent) {
			if !strings.HasPrefix(scan, "Index") && !strings.HasPrefix(scan, "CTE Scan") && !strings.HasPrefix(scan, "WorkTable Scan") {
				t.Errorf("%s\n%s", scan, sent.sql)
			}
		}
	}
	equal(t, "statements that read claims", 2, statements)
}

// What counts claims reads the counts: the payer summary the days of its period,
// the dashboard its trend, statistics the months asked for.
func TestExplain_CountsDoNotReadClaims(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := crowded(w)
	for days, tenant := range map[int]*factory.Tenant{700: cedar, 7000: w.Tenant("third")} {
		upload := tenant.UploadRow()
		tenant.Insert(upload)
		err := asOwner(w, tenant, `INSERT INTO claims (customer_id, id, upload_id, payer, cpt, cpt_group, submitted_date, decided_date, outcome)
			SELECT $1::uuid, gen_random_uuid(), $2::uuid, 'Insurer ' || i % 13, '99213', 'Group ' || i % 17, '2026-06-10'::date - i % $3::int,
				'2026-06-14'::date - i % $3::int, (ARRAY['PAID','DENIED'])[1 + i % 2]
			FROM generate_series(1, 20000) i`, tenant.Customer.ID.UUID().String(), upload.ID.UUID().String(), days)
		if err != nil {
			t.Fatal(err)
		}
	}
	settle(w, "claim_days", "claim_payer_days", "claim_months", "uploads")
	r := traced(w)
	ctx, v, s := t.Context(), cedar.System(), w.Store
	month := models.MonthOf(factory.Today())
	total := func(t tester, f models.ClaimFilter) {
		counted := models.List[models.ClaimOrderField]{Page: models.Page{SkipRows: true, WantTotal: true}}
		must(s.Claims(ctx, v, f, counted))(t)
	}
	for name, tt := range map[string]struct {
		run    func(tester)
		wanted []string
	}{
		"payer summary": {func(t tester) {
			list := everyRow[models.PayerSummaryOrderField]()
			list.Page.WantTotal = true
			must(s.PayerSummaries(ctx, v, models.PayerSummaryFilter{}, list))(t)
		}, []string{"claim_payer_days_pkey"}},
		"statistics of a month": {func(t tester) {
			must(s.ClaimStats(ctx, v, models.ClaimStatsFilter{FromMonth: &month, ToMonth: &month}, everyRow[models.ClaimStatsOrderField]()))(t)
		}, []string{"claim_months_pkey"}},
		"total of all claims": {func(t tester) { total(t, models.ClaimFilter{}) }, []string{"claim_days_pkey"}},
		"total of a payer":    {func(t tester) { total(t, models.ClaimFilter{Payer: new("INSURER 7")}) }, []string{"claim_payer_days_pkey"}},
		"total of a month and a group": {func(t tester) {
			first := month.First()
			total(t, models.ClaimFilter{CptGroup: new("Group 7"), StartDate: &first})
		}, []string{"claim_months_pkey", "claim_months_pkey"}},
		"dashboard": {func(t tester) { must(s.Dashboard(ctx, v))(t) }, []string{
			"claim_days_pkey", "claim_days_pkey", "drift_events_customer_id_report_run_id_severity_id_idx",
			"drift_events_customer_id_report_run_id_severity_id_idx", "report_runs_customer_id_finished_at_idx", "uploads_customer_id_status_uploaded_at_id_idx",
		}},
	} {
		r.take()
		tt.run(t)
		var read []string
		for _, sent := range r.take() {
			if !strings.Contains(sent.sql, "claim_") && !strings.Contains(sent.sql, "newest") {
				continue
			}
			for _, scan := range explain(t, cedar, sent) {
				_, index, found := strings.Cut(scan, "Index Scan ")
				if !found {
					_, index, found = strings.Cut(scan, "Index Only Scan ")
				}
				if found && index != "" {
					read = append(read, strings.Fields(index)[0])
				} else if strings.HasPrefix(scan, "Seq Scan") {
					t.Errorf("%s: %s\n%s", name, scan, sent.sql)
				}
			}
		}
		slices.Sort(read)
		equal(t, name+": indexes read", tt.wanted, read)
	}
}

// settled are the nodes of a plan that was carried out, with what they did.
type settled struct {
	NodeType    string `json:"Node Type"`
	Strategy    string
	Index       string `json:"Index Name"`
	HeapFetches int    `json:"Heap Fetches"`
	Batches     int    `json:"HashAgg Batches"`
	DiskUsage   int    `json:"Disk Usage"`
	TempWritten int    `json:"Temp Written Blocks"`
	Plans       []settled
}

// all is the node and everything below it.
func (p settled) all() []settled {
	nodes := []settled{p}
	for _, child := range p.Plans {
		nodes = append(nodes, child.all()...)
	}
	return nodes
}

// carriedOut runs a statement within the customer, with the settings of a run
// of detection, and answers what each node of its plan did. Reading a table
// as small as a test's any other way costs next to nothing, so the ways that
// cost much on a large one are off.
func carriedOut(t *testing.T, tenant *factory.Tenant, s statement) []settled {
	t.Helper()
	var text []byte
	err := pgx.BeginFunc(t.Context(), tenant.DB.App, func(tx pgx.Tx) error {
		if err := within(tx, tenant.Customer.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(t.Context(), `SELECT set_config(name, value, true) FROM (VALUES ('work_mem', '64MB'), ('enable_sort', 'off'), ('jit', 'off'), ('enable_seqscan', 'off'),
			('enable_bitmapscan', 'off'), ('max_parallel_workers_per_gather', '0')) settings (name, value)`); err != nil {
			return err
		}
		return tx.QueryRow(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+s.sql, s.args...).Scan(&text)
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, s.sql)
	}
	var plans []struct{ Plan settled }
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan.all()
}

// A run reads one index and nothing else, whichever date places the claims:
// two passes find the groups, by skipping from one to the next, and two count
// their claims. No aggregate spills, nothing sorts, and no row is looked up in
// the table.
func TestExplain_DetectionReadsTheIndexAlone(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := crowded(w)
	r := traced(w)
	const index = "claims_customer_id_payer_cpt_group_decided_date_idx"
	for _, by := range []models.WindowBy{models.WindowByDecided, models.WindowBySubmitted} {
		r.take()
		must(w.Store.DetectDrift(t.Context(), cedar.System(), models.DetectInput{WindowBy: &by}))(t)
		found := 0
		for _, sent := range r.take() {
			if !strings.Contains(sent.sql, "FROM claims") {
				continue
			}
			found++
			scans, hashes := 0, 0
			for _, node := range carriedOut(t, cedar, sent) {
				switch node.NodeType {
				case "Index Only Scan":
					scans++
					equal(t, string(by)+": index and rows looked up in the table", fmt.Sprint(index, 0), fmt.Sprint(node.Index, node.HeapFetches))
				case "CTE Scan", "WorkTable Scan", "Values Scan", "Subquery Scan": // of rows already read
				case "Aggregate":
					if node.Strategy != "Plain" {
						hashes++
						equal(t, string(by)+": strategy, no second batch, nothing on disk",
							fmt.Sprint("Hashed", true, true), fmt.Sprint(node.Strategy, node.Batches <= 1, node.DiskUsage == 0))
					}
				default:
					if strings.HasSuffix(node.NodeType, "Scan") || strings.HasSuffix(node.NodeType, "Sort") {
						t.Errorf("%s: a %s", by, node.NodeType)
					}
				}
				equal(t, string(by)+": blocks written aside", 0, node.TempWritten)
			}
			equal(t, string(by)+": passes over the index and hashes", []int{4, 2}, []int{scans, hashes})
		}
		equal(t, "statements that read claims", 1, found)
	}
}
