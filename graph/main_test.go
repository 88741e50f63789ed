package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"upstream/graph"
	"upstream/internal/auth"
	"upstream/internal/factory"
	"upstream/internal/testdb"
	"upstream/models"
	"upstream/store"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// world is one test's database with two customers, the store on it, and the
// handler under test.
type world struct {
	t             *testing.T
	db            *testdb.DB
	store         *store.Store
	handler       http.Handler
	log           *bytes.Buffer
	cedar, harbor models.CustomerID
	// analyst and viewer work for cedar, rival for harbor.
	analyst, viewer, rival models.Viewer
}

var now = time.Date(2026, time.May, 1, 12, 0, 0, 123456000, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, graph.Options{})
}

// forAll are limits that are the same for every audience.
func forAll(l graph.Limits) map[graph.Audience]graph.Limits {
	limits := map[graph.Audience]graph.Limits{}
	for _, a := range graph.Audiences() {
		limits[a] = l
	}
	return limits
}

func newWorldWith(t *testing.T, opts graph.Options) *world {
	t.Helper()
	w := &world{t: t, db: testdb.New(t), log: &bytes.Buffer{}}
	w.store = store.New(w.db.App, store.Options{
		Webhooks: factory.Webhooks(t),
		Now:      func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler), Sealer: factory.Sealer(t),
	})
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	opts.Logger = slog.New(slog.NewTextHandler(w.log, nil))
	w.handler = graph.NewHandler(w.store, opts)
	w.cedar, w.harbor = w.customer("cedar"), w.customer("harbor")
	w.analyst = w.user(w.cedar, "analyst@cedar.test", models.RoleAnalyst)
	w.viewer = w.user(w.cedar, "viewer@cedar.test", models.RoleViewer)
	w.rival = w.user(w.harbor, "analyst@harbor.test", models.RoleAnalyst)
	return w
}

func (w *world) customer(slug string) models.CustomerID {
	w.t.Helper()
	c, err := w.store.CreateCustomer(w.t.Context(), models.NewCustomer{Slug: slug, Name: strings.ToUpper(slug)})
	if err != nil {
		w.t.Fatal(err)
	}
	return c.ID
}

func (w *world) user(customer models.CustomerID, email string, role models.Role) models.Viewer {
	w.t.Helper()
	u, err := w.store.CreateUser(w.t.Context(), customer, models.NewUser{Email: email, PasswordHash: "x", Role: role})
	if err != nil {
		w.t.Fatal(err)
	}
	return models.Viewer{UserID: u.ID, Email: email, CustomerID: customer, Role: role, RequestID: "req-1"}
}

// ingest sends a claims file through the normal path.
func (w *world) ingest(v models.Viewer, name, body string) *models.Upload {
	w.t.Helper()
	u, err := w.store.Ingest(w.t.Context(), v, models.NewUpload{Filename: name, Source: models.UploadSourceAPI}, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// claimsFile has n claims whose dates and payers repeat, so that orders have
// ties, and bad rows that are rejected.
func claimsFile(prefix string, n, bad int) string {
	var b strings.Builder
	b.WriteString("claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,allowed_amount,denial_reason_code\n")
	first := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		submitted := first.AddDate(0, 0, i%7)
		fmt.Fprintf(&b, "%s-%d,Payer %c,9921%d,%s,%s,%s,%d.50,100.00,%s\n", prefix, i, 'A'+rune(i%3), i%5,
			submitted.Format(time.DateOnly), submitted.AddDate(0, 0, 3+i%4).Format(time.DateOnly),
			[]string{"PAID", "DENIED", "OTHER"}[i%3], 100+i, []string{"", "CO-97", ""}[i%3])
	}
	for i := range bad {
		fmt.Fprintf(&b, "%s-bad-%d,,99213,2026-01-01,2026-01-02,PAID,1.00,1.00,\n", prefix, i)
	}
	return b.String()
}

// sql runs statements as the owner on behalf of a customer.
func (w *world) sql(customer models.CustomerID, statement string, args ...any) {
	w.t.Helper()
	err := pgx.BeginFunc(w.t.Context(), w.db.Owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(w.t.Context(), "SELECT set_config('app.customer_id', $1, true)", customer.UUID().String()); err != nil {
			return err
		}
		_, err := tx.Exec(w.t.Context(), statement, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// uploads inserts n uploads, each with its own claims and rejections; every
// third upload has no row count yet.
func (w *world) uploads(customer models.CustomerID, n, claims, rejections int) {
	w.t.Helper()
	w.sql(customer, `WITH u AS (
		INSERT INTO uploads (customer_id, id, filename, uploaded_at, status, row_count)
		SELECT $1, gen_random_uuid(), 'file ' || i || '.csv', timestamptz '2026-01-01 00:00:00.000001+00' + (i / 2) * interval '1 second',
			(ARRAY['success', 'partial', 'processing'])[1 + i % 3], nullif(i % 3, 2) * 100
		FROM generate_series(1, $2::int) i RETURNING id
	), c AS (
		INSERT INTO claims (customer_id, id, upload_id, payer, cpt, submitted_date, decided_date, outcome)
		SELECT $1, gen_random_uuid(), u.id, 'Payer ' || j % 3, '99213', date '2026-01-01' + j % 5, date '2026-02-01' + j % 4, 'PAID'
		FROM u, generate_series(1, $3::int) j
	)
	INSERT INTO upload_rejections (customer_id, upload_id, row_number, column_name, code, message)
	SELECT $1, u.id, j + 1, 'payer', 'required', 'must be given' FROM u, generate_series(1, $4::int) j`,
		customer.UUID(), n, claims, rejections)
}

// runs inserts n successful runs with events and tests; every second test has
// become an event as long as there are events, and odd tests have no p-value.
func (w *world) runs(customer models.CustomerID, n, events, tests int) {
	w.t.Helper()
	w.sql(customer, `WITH r AS (
		INSERT INTO report_runs (customer_id, id, status, run_type, method, window_by, as_of, baseline_start, baseline_end,
			current_start, current_end, min_volume, alpha, started_at, finished_at, test_count)
		SELECT $1, gen_random_uuid(), 'success', (ARRAY['weekly', 'custom'])[1 + i % 2], 'statistical', 'decided', '2026-05-01',
			'2026-01-01', '2026-04-01', '2026-04-01', '2026-05-01', 30, 0.05,
			timestamptz '2026-04-01 00:00:00.000001+00' + (i / 2) * interval '1 second', timestamptz '2026-04-02 00:00:00+00' + i * interval '1 second', $4
		FROM generate_series(1, $2::int) i RETURNING id
	), e AS (
		INSERT INTO drift_events (customer_id, id, report_run_id, payer, cpt_group, drift_type, baseline_value, current_value, delta_value,
			severity, confidence, baseline_start, baseline_end, current_start, current_end, baseline_sample_size, current_sample_size,
			test_method, q_value, trend_direction, signal_key, evidence, created_at)
		SELECT $1, gen_random_uuid(), r.id, 'Payer ' || lpad(j::text, 3, '0'), 'EM', 'DENIAL_RATE', 0.1, 0.3, 0.2, (j % 4) * 0.25, 0.99,
			'2026-01-01', '2026-04-01', '2026-04-01', '2026-05-01', 300, 100, 'TWO_PROPORTION_Z', 0.01, 'degrading', 'key ' || j,
			'{"weeks": [1, 2]}', timestamptz '2026-04-02 00:00:00.000001+00' + (j / 2) * interval '1 microsecond'
		FROM r, generate_series(1, $3::int) j RETURNING id, report_run_id, payer
	)
	INSERT INTO drift_tests (customer_id, report_run_id, payer, cpt_group, drift_type, method, baseline_sample_size, current_sample_size,
		baseline_value, current_value, delta_value, p_value, q_value, practical, significant)
	SELECT $1, r.id, 'Payer ' || lpad(j::text, 3, '0'), 'EM', 'DENIAL_RATE', 'TWO_PROPORTION_Z', 300, 100, 0.1, 0.3, 0.2,
		CASE WHEN j % 2 = 0 THEN (j % 3) * 0.1 END, CASE WHEN j % 2 = 0 THEN 0.2 END, true, j % 2 = 0
	FROM r, generate_series(1, $4::int) j`, customer.UUID(), n, events, tests)
	w.sql(customer, `UPDATE drift_tests t SET drift_event_id = e.id FROM drift_events e
		WHERE (e.customer_id, e.report_run_id, e.payer) = (t.customer_id, t.report_run_id, t.payer)`)
}

// alerts inserts a rule, and n alerts about different events with 3 lines of
// history, 3 results and 2 judgments each.
func (w *world) alerts(customer models.CustomerID, n int) {
	w.t.Helper()
	rule, err := w.store.CreateAlertRule(w.t.Context(), models.SystemViewer(customer), models.NewAlertRule{Name: "Everything"})
	if err != nil {
		w.t.Fatal(err)
	}
	admin := w.user(customer, "desk@alerts.test", models.RoleAdmin).UserID.UUID()
	channel, err := w.store.CreateNotificationChannel(w.t.Context(), models.SystemViewer(customer), models.NewNotificationChannel{
		Name: "Desk", Config: models.ChannelConfig{Recipients: []string{"desk@alerts.test"}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.sql(customer, `WITH a AS (
		INSERT INTO alert_events (customer_id, id, alert_rule_id, drift_event_id, report_run_id, signal_key, payer, drift_type, triggered_at,
			payload, latest_verdict, assignee_id, created_at, updated_at)
		SELECT customer_id, gen_random_uuid(), $1, id, report_run_id, id::text, payer, drift_type, created_at,
			jsonb_build_object('payer', payer, 'drift_type', drift_type, 'signal_type', drift_type, 'rule_severity', 'warning', 'rule_metric', 'severity',
				'rule_threshold_type', 'gte', 'trend_direction', trend_direction, 'severity', severity, 'consecutive_periods', 1,
				'baseline_start', baseline_start, 'baseline_end', baseline_end, 'current_start', current_start, 'current_end', current_end),
			'real', $2, created_at, created_at
		FROM (SELECT DISTINCT ON (payer) * FROM drift_events ORDER BY payer, id LIMIT $3) e RETURNING customer_id, id
	), h AS (
		INSERT INTO alert_history (customer_id, alert_event_id, number, at, action, from_status, to_status, user_id)
		SELECT customer_id, id, i, '2026-05-01', 'snooze', 'pending', 'pending', $2 FROM a, generate_series(1, 3) i
	), n AS (
		INSERT INTO alert_notifications (customer_id, alert_event_id, number, channel_id, channel_name, channel_type, created_at, updated_at)
		SELECT customer_id, id, i, CASE i WHEN 1 THEN $4::uuid WHEN 2 THEN gen_random_uuid() END, 'Desk', 'email', '2026-05-01', '2026-05-01'
		FROM a, generate_series(1, 3) i
	)
	INSERT INTO operator_judgments (customer_id, id, alert_event_id, verdict, notes, operator_id, operator_name, judged_at, created_at, updated_at)
	SELECT customer_id, gen_random_uuid(), id, 'real', 'Called.', CASE i WHEN 1 THEN $2::uuid END, 'desk', '2026-05-01', '2026-05-01', '2026-05-01'
	FROM a, generate_series(1, 2) i`, rule.ID.UUID(), admin, n, channel.ID.UUID())
}

// response is a decoded answer.
type response struct {
	Status     int             `json:"-"`
	Header     http.Header     `json:"-"`
	Body       string          `json:"-"`
	Data       json.RawMessage `json:"data"`
	Errors     []gqlError      `json:"errors"`
	Extensions struct {
		Cost *struct {
			Requested     int     `json:"requested"`
			Actual        int     `json:"actual"`
			Budget        int     `json:"budget"`
			Remaining     int     `json:"remaining"`
			SQLStatements int     `json:"sqlStatements"`
			DBMs          float64 `json:"dbMs"`
		} `json:"cost"`
	} `json:"extensions"`
}

type gqlError struct {
	Message    string           `json:"message"`
	Path       []any            `json:"path"`
	Locations  []map[string]int `json:"locations"`
	Extensions struct {
		Code      string `json:"code"`
		RequestID string `json:"request_id"`
		Fields    []struct {
			Path string `json:"path"`
		} `json:"fields"`
	} `json:"extensions"`
}

// code is the code of the first error; empty without one.
func (r response) code() string {
	if len(r.Errors) == 0 {
		return ""
	}
	return r.Errors[0].Extensions.Code
}

// field is the path of the first error's first field.
func (r response) field() string {
	if len(r.Errors) == 0 || len(r.Errors[0].Extensions.Fields) == 0 {
		return ""
	}
	return r.Errors[0].Extensions.Fields[0].Path
}

// ask runs an operation as a viewer.
func (w *world) ask(v models.Viewer, query string, variables ...map[string]any) response {
	w.t.Helper()
	params := map[string]any{"query": query}
	if len(variables) > 0 {
		params["variables"] = variables[0]
	}
	body, err := json.Marshal(params)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.post(v, string(body), nil)
}

func (w *world) post(v models.Viewer, body string, header http.Header) response {
	w.t.Helper()
	req := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	maps.Copy(req.Header, header)
	return w.do(v, req)
}

func (w *world) do(v models.Viewer, req *http.Request) response {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, req.WithContext(auth.WithViewer(req.Context(), v)))
	raw, err := io.ReadAll(rec.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := response{Status: rec.Code, Header: rec.Header(), Body: string(raw)}
	if err := json.Unmarshal(raw, &r); err != nil {
		w.t.Fatalf("answer is not JSON: %v\n%s", err, raw)
	}
	return r
}

// data runs an operation that must succeed and gives its data.
func (w *world) data(v models.Viewer, query string, variables ...map[string]any) map[string]any {
	w.t.Helper()
	r := w.ask(v, query, variables...)
	if len(r.Errors) > 0 {
		w.t.Fatalf("%s\nanswered %s", query, r.Body)
	}
	var data map[string]any
	if err := json.Unmarshal(r.Data, &data); err != nil {
		w.t.Fatal(err)
	}
	return data
}

// in is the world as a subtest sees it, failing that and not its parent.
func (w *world) in(t *testing.T) *world {
	t.Helper()
	sub := *w
	sub.t = t
	return &sub
}

// equal compares data with JSON text.
func equal(t *testing.T, got any, want string) {
	t.Helper()
	var parsed any
	if err := json.Unmarshal([]byte(want), &parsed); err != nil {
		t.Fatalf("bad expectation: %v", err)
	}
	if diff := cmp.Diff(parsed, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// at digs into decoded JSON.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			v = v.(map[string]any)[step]
		case int:
			v = v.([]any)[step]
		}
	}
	return v
}
