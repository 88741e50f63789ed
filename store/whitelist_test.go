package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"upstream/internal/factory"
	"upstream/models"
)

// varied is a customer with some thousands of rows in every list that grows,
// which differ in every column that lists filter or order by, beside another
// with as many.
func varied(w *factory.World) *factory.Tenant {
	w.Helper()
	seed := func(tenant *factory.Tenant) {
		for _, sql := range []string{
			`INSERT INTO uploads (customer_id, id, filename, uploaded_at, status, row_count, upload_source)
			SELECT $1::uuid, gen_random_uuid(), 'f', now() - i * interval '1 hour', (ARRAY['success', 'partial'])[1 + i % 2], i % 900,
				(ARRAY['api', 'web_ui'])[1 + i % 2] FROM generate_series(1, 4000) i`,
			`INSERT INTO claims (customer_id, id, upload_id, payer, cpt, cpt_group, submitted_date, decided_date, outcome,
				billed_amount, denial_reason_code, source_data_hash)
			SELECT $1::uuid, gen_random_uuid(), u.id, 'Payer ' || i % 40, (10000 + i % 300)::text, 'Group ' || i % 30,
				'2026-06-10'::date - i % 700, '2026-06-14'::date - i % 700, CASE WHEN i % 8 = 0 THEN 'DENIED' ELSE 'PAID' END,
				i % 5000, CASE WHEN i % 8 = 0 THEN 'CO-' || i / 8 % 20 END, sha256(i::text::bytea)
			FROM generate_series(0, 19999) i
			JOIN (SELECT id, row_number() OVER (ORDER BY uploaded_at DESC) AS n FROM uploads WHERE customer_id = $1::uuid) u ON u.n = 1 + i / 100`,
			`INSERT INTO report_runs (customer_id, id, method, window_by, as_of, baseline_start, baseline_end, current_start,
				current_end, min_volume, alpha, status, finished_at, started_at, run_type)
			SELECT $1::uuid, gen_random_uuid(), (ARRAY['statistical', 'threshold'])[1 + i % 2], 'decided', '2026-06-15', '2026-03-03', '2026-06-01',
				'2026-06-01', '2026-06-15', 30, 0.05, 'success', now() - i * interval '1 hour', now() - i * interval '1 hour',
				(ARRAY['weekly', 'monthly', 'custom'])[1 + i % 3]
			FROM generate_series(1, 4000) i`,
			`INSERT INTO drift_events (customer_id, id, report_run_id, payer, cpt_group, drift_type, baseline_value, current_value,
				delta_value, severity, confidence, baseline_start, baseline_end, current_start, current_end, baseline_sample_size,
				current_sample_size, test_method, trend_direction, signal_key, evidence, created_at)
			SELECT $1::uuid, gen_random_uuid(), r.id, 'Payer ' || i, 'Group ' || i % 3, (ARRAY['DENIAL_RATE', 'DECISION_TIME'])[1 + i % 2], 0, 1, 1,
				random(), i / 5.0, '2026-03-03', '2026-06-01', '2026-06-01', '2026-06-15', 1, 1, 'THRESHOLD', 'degrading', '', '{}', r.finished_at
			FROM report_runs r, generate_series(1, 4) i WHERE r.customer_id = $1::uuid`,
		} {
			if err := asOwner(w, tenant, sql, tenant.Customer.ID.UUID().String()); err != nil {
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

// chosen is a value for one field of a filter, which some rows have.
func chosen(t *testing.T, cedar *factory.Tenant, field reflect.StructField) reflect.Value {
	t.Helper()
	texts := map[string]string{
		"payer": "payer 7", "cpt": "10007", "cpt_group": "Group 2", "denial_reason_code": "CO-7",
		"action": "claim_viewed", "entity_type": "upload", "entity_id": "clm_7",
	}
	switch value := reflect.New(field.Type.Elem()).Interface().(type) {
	case *models.Date:
		return reflect.ValueOf(new(factory.Today().AddDays(-300)))
	case *decimal.Decimal:
		return reflect.ValueOf(new(decimal.NewFromInt(2500)))
	case *time.Time:
		return reflect.ValueOf(new(time.Now().Add(-2000 * time.Hour)))
	case *float64:
		return reflect.ValueOf(new(0.5))
	case *models.UploadID, *models.ReportRunID, *models.AlertRuleID, *models.DriftEventID, *models.AlertEventID, *models.UserID, *models.WebhookEndpointID:
		return reflect.ValueOf(some(t, cedar, value))
	case *int64:
		return reflect.ValueOf(new(int64(3000)))
	case *int:
		return reflect.ValueOf(new(204))
	case *bool:
		return reflect.ValueOf(new(true))
	case *string:
		text, ok := texts[field.Tag.Get("query")]
		if !ok {
			t.Fatalf("no value for %s", field.Name)
		}
		return reflect.ValueOf(&text)
	case interface{ Values() []string }:
		dst := reflect.New(field.Type.Elem())
		dst.Elem().SetString(value.Values()[0])
		return dst
	default:
		t.Fatalf("no value for %s of type %s", field.Name, field.Type)
		return reflect.Value{}
	}
}

// some is the identifier of a row, of the kind that dst points to.
func some(t *testing.T, cedar *factory.Tenant, dst any) any {
	t.Helper()
	tables := map[reflect.Type]string{
		reflect.TypeFor[*models.UploadID](): "uploads", reflect.TypeFor[*models.ReportRunID](): "report_runs",
		reflect.TypeFor[*models.AlertRuleID](): "alert_rules", reflect.TypeFor[*models.DriftEventID](): "drift_events",
		reflect.TypeFor[*models.AlertEventID](): "alert_events", reflect.TypeFor[*models.UserID](): "users",
		reflect.TypeFor[*models.WebhookEndpointID](): "webhook_endpoints",
	}
	table := tables[reflect.TypeOf(dst)]
	text := factory.Query[string](cedar, `SELECT id::text FROM `+table+` ORDER BY id LIMIT 1 OFFSET (SELECT least(100, count(*) - 1) FROM `+table+`)`)
	if err := dst.(sql.Scanner).Scan(text); err != nil {
		t.Fatal(err)
	}
	return dst
}

// Each column that a list of many rows can be filtered or ordered by has an
// index that serves it together with the customer: no page of it reads the
// table from end to end, nor sorts what it did not have to read.
func TestExplain_EveryColumnOfEveryWhitelist(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := varied(w)
	r := traced(w)
	plans := planner{cedar: cedar, tracer: r}
	v, s := cedar.System(), w.Store
	explainList(t, plans, "claims", asked(v, s.Claims))
	explainList(t, plans, "uploads", asked(v, s.Uploads))
	explainList(t, plans, "report_runs", asked(v, s.ReportRuns))
	explainList(t, plans, "drift_events", asked(v, s.DriftEvents))
}

// planner looks at the plans of what was sent.
type planner struct {
	cedar  *factory.Tenant
	tracer *tracer
}

// asked is a list of the store for explainList, as a viewer asks it.
func asked[F any, O models.OrderField, R any](
	v models.Viewer, list func(context.Context, models.Viewer, F, models.List[O]) (R, error),
) func(context.Context, F, models.List[O]) error {
	return func(ctx context.Context, f F, l models.List[O]) error {
		_, err := list(ctx, v, f, l)
		return err
	}
}

// explainList asks a list for a page by each field of its filter and each of
// its orders, as far down as 20 pages.
func explainList[F any, O models.OrderField](t *testing.T, plans planner, table string, fetch func(context.Context, F, models.List[O]) error) {
	t.Helper()
	ask := func(name string, ordered bool, f F, l models.List[O]) {
		for _, page := range []models.Page{{Limit: 50}, {Limit: 50, Number: 20}, {Limit: 50, Backward: true}} {
			l.Page = page
			plans.tracer.take()
			if err := fetch(t.Context(), f, l); err != nil && models.CodeOf(err) != models.CodeNotFound {
				t.Fatalf("%s by %s: %v", table, name, err)
			}
			plans.check(t, fmt.Sprintf("%s by %s, page %+v", table, name, page), table, ordered)
		}
	}
	var zero O
	for _, column := range zero.Values() {
		for _, direction := range []models.Direction{models.Ascending, models.Descending} {
			var all F
			ask(column+" "+string(direction), true, all, models.List[O]{OrderBy: []models.Order[O]{{Field: O(column), Direction: direction}}})
		}
	}
	for field := range reflect.TypeFor[F]().Fields() {
		var f F
		reflect.ValueOf(&f).Elem().FieldByIndex(field.Index).Set(chosen(t, plans.cedar, field))
		ask(field.Tag.Get("query"), false, f, models.List[O]{})
	}
}

// check demands that the statement that read a page did not read the table from
// end to end. A list in one of its orders is not sorted either.
func (p planner) check(t *testing.T, name, table string, ordered bool) {
	t.Helper()
	pages := 0
	for _, sent := range p.tracer.take() {
		if !strings.Contains(sent.sql, "LIMIT") || !strings.Contains(sent.sql, `"`+table+`"`) {
			continue
		}
		pages++
		plan := planOf(t, p.cedar, sent)
		scans := plan.scans()
		whole := slices.ContainsFunc(scans, func(scan string) bool {
			return strings.HasPrefix(scan, "Seq Scan") && strings.HasSuffix(scan, " on "+table)
		})
		// The keys of a deep page are put in order again, 51 of them.
		if whole || ordered && plan.sorts(table) > 1 {
			t.Errorf("%s: %v", name, scans)
		}
	}
	equal(t, name+": statements that read a page", 1, pages)
}
