package apitest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
)

// summaryLists are the lists whose rows count claims, and those that hang from
// them.
func summaryLists(claims list) []list {
	summaries := list{
		name: "payer summaries", path: "claims/payer_summary/", parent: "Query", field: "payerSummary",
		from: "(" + summaryRows + ") AS summaries", key: "payer", assumed: assumedPeriod,
		order: []string{"-total_claims", "payer"}, tie: []string{"total_claims", "payer"},
		filters: []probe{
			holds("payer", "payer", "ST"), holds("payer", "payer", "%"), holds("payer", "payer", "é"),
			{name: "start_date", text: "2026-05-23", where: "true"},
			{name: "end_date", text: "2026-06-10", where: "true", trivial: true},
			{name: "end_date", text: "2026-04-19", where: "true"},
		},
	}
	return []list{
		summaries, claimsOfPayer(claims), eventsOfPayer(),
		statsList(models.ByPayer, models.ByMonth), statsList(models.ByDenialReason, models.ByOutcome, models.ByCPTGroup, models.ByMonth, models.ByPayer),
	}
}

const summaryRows = `SELECT payer, count(*) AS total_claims, count(*) FILTER (WHERE outcome = 'PAID') AS paid_count,
	count(*) FILTER (WHERE outcome = 'DENIED') AS denied_count, count(*) FILTER (WHERE outcome = 'OTHER') AS other_count,
	count(*) FILTER (WHERE outcome = 'DENIED')::float8 / count(*) AS denial_rate, round(avg(allowed_amount), 2) AS avg_allowed_amount
	FROM claims WHERE %s GROUP BY payer`

// assumedPeriod is the period of a payer summary, of which a question need not
// say either end.
func assumedPeriod(probes []probe) []string {
	last := factory.Today()
	for _, p := range probes {
		if p.name == "end_date" {
			last, _ = models.ParseDate(p.text)
		}
	}
	first := last.AddDays(-89)
	for _, p := range probes {
		if p.name == "start_date" {
			first, _ = models.ParseDate(p.text)
		}
	}
	return []string{fmt.Sprintf("submitted_date BETWEEN '%s' AND '%s'", first, last)}
}

// onePayer is a payer of whom every other name differs by more than letters.
const onePayer = "Médica Élan"

// claimsOfPayer are the claims of a payer summary.
func claimsOfPayer(claims list) list {
	first := factory.Today().AddDays(-89)
	of := claims
	of.name, of.parent, of.id = "claims of a payer", "PayerSummary", onePayer
	of.fixed = url.Values{"payer": {onePayer}, "submitted_after": {first.String()}, "submitted_before": {factory.Today().String()}}
	of.where = fmt.Sprintf("payer = '%s' AND submitted_date BETWEEN '%s' AND '%s'", onePayer, first, factory.Today())
	of.filters = nil
	for _, p := range claims.filters {
		if p.trivial = true; of.fixed[p.name] == nil { // the claims of one payer are much alike
			of.filters = append(of.filters, p)
		}
	}
	return of
}

// eventsOfPayer are the drift events about a payer that has claims too.
func eventsOfPayer() list {
	of := eventLists()[0]
	of.name, of.parent, of.id = "drift events of a payer", "PayerSummary", "Shifty"
	of.fixed, of.where = url.Values{"payer": {"Shifty"}}, "payer = 'Shifty'"
	of.filters = slices.DeleteFunc(of.filters, func(p probe) bool { return p.name == "payer" })
	for i := range of.filters {
		of.filters[i].trivial = true
	}
	return of
}

// statsColumns are the dimensions of claims in the order of the columns, with
// the column of each over the claims themselves.
var statsColumns = []struct {
	dimension    models.ClaimDimension
	column, expr string
}{
	{models.ByPayer, "payer", "payer"},
	{models.ByCPTGroup, "cpt_group", "cpt_group"},
	{models.ByMonth, "month", "to_char(decided_date, 'YYYY-MM')"},
	{models.ByOutcome, "outcome", "outcome"},
	{models.ByDenialReason, "denial_reason_code", "denial_reason_code"},
}

// statsRows counts claims by group; %s stands for conditions.
func statsRows(by ...models.ClaimDimension) string {
	var columns, groups []string
	for i, c := range statsColumns {
		if slices.Contains(by, c.dimension) {
			columns, groups = append(columns, c.expr+" AS "+c.column), append(groups, strconv.Itoa(i+1))
		} else {
			columns = append(columns, "NULL::text AS "+c.column)
		}
	}
	rows := "SELECT " + strings.Join(columns, ", ") + `, count(*) AS total_claims, count(*) FILTER (WHERE outcome = 'PAID') AS paid_count,
		count(*) FILTER (WHERE outcome = 'DENIED') AS denied_count, count(*) FILTER (WHERE outcome = 'OTHER') AS other_count,
		count(*) FILTER (WHERE outcome = 'DENIED')::float8 / count(*) AS denial_rate, coalesce(sum(billed_amount), 0) AS billed_amount,
		coalesce(sum(allowed_amount), 0) AS allowed_amount, coalesce(sum(paid_amount), 0) AS paid_amount FROM claims WHERE %s`
	if len(groups) > 0 {
		rows += " GROUP BY " + strings.Join(groups, ", ")
	}
	return rows
}

// statsList is the statistics by these dimensions.
func statsList(by ...models.ClaimDimension) list {
	var names, upper, order, key []string
	for _, d := range by {
		names, upper = append(names, string(d)), append(upper, strings.ToUpper(string(d)))
		for _, c := range statsColumns {
			if c.dimension == d {
				order = append(order, c.column)
			}
		}
	}
	for _, c := range statsColumns {
		key = append(key, "coalesce("+c.column+", '<nil>')")
	}
	return list{
		name: "claims by " + strings.Join(names, " and "), path: "claims/stats/", parent: "Query", field: "claimStats",
		fixed: url.Values{"group_by": {strings.Join(names, ",")}}, arguments: map[string]any{"groupBy": upper},
		from: "(" + statsRows(by...) + ") AS stats", key: strings.Join(key, " || '|' || "), order: order, tie: order,
		filters: []probe{
			holds("payer", "payer", "aet"), equals("cpt_group", "cpt_group", "IMAGING"), word("outcome", "outcome", "OTHER"),
			equals("denial_reason_code", "denial_reason_code", "CO-97"),
			{name: "denial_reason_code", where: "denial_reason_code IS NULL", trivial: len(by) == 2},
			{name: "from_month", text: "2026-05", where: "decided_date >= '2026-05-01'"},
			{name: "to_month", text: "2026-04", where: "decided_date < '2026-05-01'"},
		},
	}
}

// dashboardCase asks for the dashboard.
func dashboardCase() Case {
	return Case{
		Name: "dashboard", As: Asker{User: "cedar.viewer"}, REST: Call{Path: "dashboard/"},
		GraphQL: Operation{Document: "{ dashboard { " + selection("Dashboard") + " } }", At: "dashboard", Type: "Dashboard"},
	}
}

// summaryCases are the questions about counts that lists do not put.
func summaryCases() []Case {
	stats, summaries := statsList(models.ByPayer), listNamed("payer summaries")
	grouped := func(name, inREST string, inGraphQL any, want models.Code, fields ...string) Case {
		c := stats.ask(question{})
		c.Name, c.Want, c.Fields = name, want, fields
		c.REST.Query = url.Values{}
		if c.GraphQL.Variables["groupBy"] = inGraphQL; inGraphQL != nil {
			c.REST.Query.Set("group_by", inREST)
		}
		c.REST.Query.Set("page_size", "20")
		return c
	}
	unknown := grouped("claims by something else", "payer,colour", []string{"PAYER", "COLOUR"}, models.CodeValidation, "group_by invalid")
	unknown.WordsOnly = true
	reversed := summaries.ask(question{probes: []probe{{name: "start_date", text: "2026-05-02"}, {name: "end_date", text: "2026-05-01"}}})
	reversed.Name, reversed.Want, reversed.Fields = "payer summary that ends before it starts", models.CodeValidation, []string{"start_date invalid"}
	future := summaries.ask(question{probes: []probe{{name: "start_date", text: "2026-06-16"}}})
	future.Name, future.Want, future.Fields = "payer summary from tomorrow", models.CodeValidation, []string{"start_date invalid"}
	day := summaries.ask(question{probes: []probe{{name: "start_date", text: "2026-05-06"}, {name: "end_date", text: "2026-05-06"}}})
	day.Name = "payer summary of one day"
	day.REST, day.GraphQL.Variables["first"] = day.REST.with("page_size", "20"), 20
	return []Case{
		dashboardCase(), unknown, reversed, future, day,
		grouped("claims by nothing said", "", nil, ""),
		grouped("claims in one group", "", []string{}, ""),
		grouped("claims by a payer twice", "payer,month,payer", []string{"PAYER", "MONTH", "PAYER"}, models.CodeValidation, "group_by repeated"),
	}
}

// testSummaries asks both APIs, and holds every value of the answers against
// the claims themselves.
func (s *Server) testSummaries(t *testing.T) {
	t.Parallel()
	s.runAll(t, summaryCases())
	t.Run("values of payer summaries", func(t *testing.T) {
		t.Parallel()
		s.sameValues(t, listNamed("payer summaries"), fmt.Sprintf(summaryRows, assumedPeriod(nil)[0]))
	})
	for _, by := range [][]models.ClaimDimension{{}, {models.ByPayer}, {models.ByMonth, models.ByOutcome}, {models.ByDenialReason}, {models.ByCPTGroup, models.ByPayer}} {
		t.Run(fmt.Sprint("values of claims by ", by), func(t *testing.T) {
			t.Parallel()
			l := statsList(by...)
			if len(by) == 0 {
				l.order, l.arguments = []string{"total_claims"}, map[string]any{"groupBy": []string{}}
			}
			s.sameValues(t, l, fmt.Sprintf(statsRows(by...), "true"))
		})
	}
	t.Run("values of the dashboard", func(t *testing.T) {
		t.Parallel()
		s.checkDashboard(t)
	})
}

// sameValues compares whole rows of a list with those of the database.
func (s *Server) sameValues(t tester, l list, rows string) {
	t.Helper()
	c := l.ask(question{})
	c.REST = c.REST.with("page_size", "100")
	c.GraphQL.Variables["first"] = 100
	var order []string
	for _, column := range l.order {
		name, descending := strings.CutPrefix(column, "-")
		order = append(order, name+map[bool]string{true: " DESC", false: ""}[descending])
	}
	want := query[[]Row](t, s.Cedar, fmt.Sprintf("SELECT jsonb_agg(to_jsonb(r) ORDER BY %s) FROM (%s) AS r", strings.Join(order, ", "), rows))
	if len(want) == 0 {
		t.Fatalf("%s: nothing to compare", l.name)
	}
	for _, row := range want {
		for name, value := range row {
			if amount, ok := value.(float64); ok && strings.HasSuffix(name, "_amount") {
				row[name] = fmt.Sprintf("%.2f", amount)
			}
		}
	}
	same(t, l.name+": rows of the database and of both APIs", want, s.run(t, c).Rows)
}

// checkDashboard compares the dashboard with statements over the claims and
// events themselves.
func (s *Server) checkDashboard(t tester) {
	t.Helper()
	got := s.run(t, dashboardCase()).Rows[0]
	newest := "(SELECT id FROM report_runs WHERE status = 'success' ORDER BY finished_at DESC LIMIT 1)"
	for field, statement := range map[string]string{
		"total_claims":        "SELECT count(*) FROM claims",
		"total_uploads":       "SELECT count(*) FROM uploads WHERE status IN ('success', 'partial')",
		"active_drift_events": "SELECT count(*) FROM drift_events WHERE report_run_id = " + newest,
	} {
		same(t, field, query[any](t, s.Cedar, statement), got[field])
	}
	same(t, "last run", any(s.names["run"]), got["last_report_run"])
	same(t, "last day", fullLength(t, factory.Now().Add(time.Minute).Format(time.RFC3339)), got["last_report_date"].(string))
	type payer struct {
		Payer                string
		Severity, DeltaValue float64
	}
	var top []payer
	for _, row := range got["top_drift_payers"].([]Row) {
		top = append(top, payer{row["payer"].(string), row["severity"].(float64), row["delta_value"].(float64)})
	}
	same(t, "gravest events", query[[]payer](t, s.Cedar, `SELECT jsonb_agg(jsonb_build_object('Payer', payer, 'Severity', severity, 'DeltaValue', delta_value))
		FROM (SELECT payer, severity, delta_value FROM drift_events WHERE report_run_id = `+newest+` ORDER BY severity DESC, created_at DESC, id DESC LIMIT 5) e`), top)
	trend := query[[]Row](t, s.Cedar, fmt.Sprintf(`SELECT jsonb_agg(to_jsonb(m) ORDER BY month) FROM (
		SELECT to_char(decided_date, 'YYYY-MM') AS month, count(*) AS total_claims, count(*) FILTER (WHERE outcome = 'DENIED') AS denied_claims,
			count(*) FILTER (WHERE outcome = 'DENIED')::float8 / count(*) AS denial_rate
		FROM claims WHERE decided_date >= '%s' GROUP BY 1) m`, factory.Today().AddDays(-180)))
	if len(trend) < 4 {
		t.Errorf("a trend over %d months shows little", len(trend))
	}
	same(t, "trend", trend, got["denial_rate_trend"].([]Row))
}
