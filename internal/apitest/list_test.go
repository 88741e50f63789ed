package apitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.jetify.com/typeid/base32"
)

// list is a list that both APIs have, and how the database tells it.
type list struct {
	name string
	// path and fixed are the resource of REST.
	path  string
	fixed url.Values
	// always is a filter in both APIs that every question has.
	always []probe
	// auditing says that it takes a permission that begins with admins, as
	// viewing the audit log does.
	auditing bool
	// across says that superusers see it whole and name no customer.
	across bool
	// arguments are those of GraphQL besides what every connection takes.
	arguments map[string]any
	// parent and field are the connection of GraphQL; id is the parent's
	// identifier unless that is Query.
	parent, field, id string
	// from and where are the rows in SQL, key their identifier, with prefix
	// when it is shown as a TypeID. In rows that are aggregates, %s stands for
	// the conditions on what they count, and assumed are those that a question
	// makes without saying so.
	from, where, key, prefix string
	assumed                  func([]probe) []string
	// order is the default order, tie what ends every other one.
	order, tie []string
	// search are the columns that words are looked for in.
	search []string
	// filters has at least one probe of every field.
	filters []probe
	// words are searches.
	words []string
}

// probe is one value of one filter field.
type probe struct {
	name string
	// text is the value in a query string.
	text string
	// value is the same in a GraphQL variable; the text itself when nil.
	value any
	// where says in SQL which rows match.
	where string
	// trivial says that every row of the list matches, or none can.
	trivial bool
}

// question is what a list is asked for.
type question struct {
	probes []probe
	order  []string // columns, "-" first when descending
	search string
}

func (q question) String() string {
	var parts []string
	for _, p := range q.probes {
		parts = append(parts, p.name+"="+p.text)
	}
	if len(q.order) > 0 {
		parts = append(parts, "by "+strings.Join(q.order, ","))
	}
	if q.search != "" {
		parts = append(parts, "search "+strconv.Quote(q.search))
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, " ")
}

// operation is the list's GraphQL connection.
func (l list) operation(selects func(string) string) Operation {
	if l.parent == "Query" {
		return rootConnection(l.field, selects)
	}
	op := nestedConnection(l.parent, l.field, selects)
	op.Variables = map[string]any{"id": l.id}
	return op
}

// takes says whether the connection has an argument.
func (l list) takes(argument string) bool {
	return definition(l.parent).Fields.ForName(l.field).Arguments.ForName(argument) != nil
}

// orderings are the columns the list can be ordered by, in the words of REST.
func (l list) orderings() []string {
	order := definition(l.parent).Fields.ForName(l.field).Arguments.ForName("orderBy")
	fields := definition(definition(order.Type.Name()).Fields.ForName("field").Type.Name())
	var names []string
	for _, v := range fields.EnumValues {
		names = append(names, strings.ToLower(v.Name))
	}
	return names
}

// ask is the question as a case, without paging, about every field of the rows.
func (l list) ask(q question) Case { return l.askFor(q, selection) }

// reader is who sees the list with the least rights, or the whole of it.
func (l list) reader() Asker {
	if l.across {
		return Asker{User: "root"}
	}
	return readerOf(l.auditing)
}

// askFor is ask about the fields that selects chooses.
func (l list) askFor(q question, selects func(string) string) Case {
	c := Case{
		Name: q.String(), As: l.reader(),
		REST: Call{Path: l.path, Query: maps.Clone(l.fixed)}, GraphQL: l.operation(selects),
	}
	if c.REST.Query == nil {
		c.REST.Query = url.Values{}
	}
	variables := map[string]any{}
	maps.Copy(variables, c.GraphQL.Variables)
	maps.Copy(variables, l.arguments)
	filter := map[string]any{}
	for _, p := range slices.Concat(l.always, q.probes) {
		c.REST.Query.Set(p.name, p.text)
		if filter[camel(p.name)] = p.value; p.value == nil {
			filter[camel(p.name)] = p.text
		}
	}
	if len(filter) > 0 {
		variables["filter"] = filter
	}
	if len(q.order) > 0 {
		c.REST.Query.Set("ordering", strings.Join(q.order, ","))
		variables["orderBy"] = orderBy(q.order)
	}
	if q.search != "" {
		c.REST.Query.Set("search", q.search)
		variables["search"] = q.search
	}
	c.GraphQL.Variables = variables
	return c
}

func orderBy(order []string) []any {
	var terms []any
	for _, column := range order {
		name, descending := strings.CutPrefix(column, "-")
		term := map[string]any{"field": strings.ToUpper(name)}
		if descending {
			term["direction"] = "DESC"
		}
		terms = append(terms, term)
	}
	return terms
}

// fromSQL is what the database itself says to the question: the keys of all
// rows in their order.
func (s *Server) fromSQL(t tester, l list, q question) []string {
	t.Helper()
	conditions := []string{"true"}
	if l.where != "" {
		conditions = append(conditions, l.where)
	}
	for _, p := range slices.Concat(l.always, q.probes) {
		conditions = append(conditions, p.where)
	}
	for _, word := range strings.FieldsFunc(q.search, func(r rune) bool { return r == ' ' || r == ',' }) {
		var columns []string
		for _, column := range l.search {
			columns = append(columns, contains(column, word))
		}
		conditions = append(conditions, "("+strings.Join(columns, " OR ")+")")
	}
	var terms []string
	for _, column := range l.totalOrder(q.order) {
		name, descending := strings.CutPrefix(column, "-")
		if descending {
			name += " DESC"
		}
		terms = append(terms, name)
	}
	if l.assumed != nil {
		conditions = append(conditions, l.assumed(q.probes)...)
	}
	from, where := l.from, "("+strings.Join(conditions, ") AND (")+")"
	if strings.Contains(from, "%s") {
		from, where = fmt.Sprintf(from, where), "true"
	}
	statement := fmt.Sprintf("SELECT coalesce(jsonb_agg(%s ORDER BY %s), '[]') FROM %s WHERE %s", l.key, strings.Join(terms, ", "), from, where)
	found := query[[]string](t, s.Cedar, s.expand(t, statement))
	if l.across {
		found = s.queryAll(t, s.expand(t, statement))
	}
	if l.prefix != "" {
		for i, id := range found {
			found[i] = l.prefix + "_" + base32.Encode(uuid.MustParse(id))
		}
	}
	return found
}

// contains says in SQL that a column holds a text, whatever its case.
func contains(column, text string) string {
	return "position(lower(" + literal(text) + ") in lower(" + column + "::text)) > 0"
}

// literal quotes a text for SQL. A brace could begin a placeholder of ours.
func literal(text string) string {
	return "'" + strings.NewReplacer("'", "''", "{", "'||chr(123)||'").Replace(text) + "'"
}

// totalOrder ends an order with the columns that make it total; they run the
// way of the column before them.
func (l list) totalOrder(order []string) []string {
	if len(order) == 0 {
		return l.order
	}
	total := slices.Clone(order)
	sign := ""
	if strings.HasPrefix(order[len(order)-1], "-") {
		sign = "-"
	}
	for _, column := range l.tie {
		if !slices.Contains(order, column) && !slices.Contains(order, "-"+column) {
			total = append(total, sign+column)
		}
	}
	return total
}

// answerWhole puts a question whose answer fits one page to both APIs and to
// the database.
func (s *Server) answerWhole(t tester, l list, q question) Answer {
	t.Helper()
	c := l.ask(q)
	c.REST.Query.Set("page_size", "100")
	c.GraphQL.Variables["first"] = 100
	a := s.run(t, c)
	want := s.fromSQL(t, l, q)
	if a.Total != int64(len(want)) {
		t.Errorf("%s: total %d, the database has %d", c.Name, a.Total, len(want))
	}
	same(t, c.Name+": the database and both APIs", want[:min(len(want), 100)], keys(a.Rows))
	return a
}

// testLists asks every list for everything, by each field of its filter, each
// order and some searches.
func (s *Server) testLists(t *testing.T) {
	t.Parallel()
	for _, l := range lists() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			all := s.answerWhole(t, l, question{}).Total
			if all < 2 {
				t.Fatalf("%d rows show nothing", all)
			}
			for _, p := range l.filters {
				t.Run(question{probes: []probe{p}}.String(), func(t *testing.T) {
					t.Parallel()
					if some := s.answerWhole(t, l, question{probes: []probe{p}}).Total; !p.trivial && (some == 0 || some == all) {
						t.Errorf("%d of %d rows match, which shows nothing", some, all)
					}
				})
			}
			for _, q := range append(l.orders(), l.searches()...) {
				t.Run(q.String(), func(t *testing.T) {
					t.Parallel()
					s.answerWhole(t, l, q)
				})
			}
			t.Run("all filters at once", func(t *testing.T) {
				t.Parallel()
				s.answerWhole(t, l, l.everyFilter())
			})
		})
	}
}

// orders are every order by one column, and two by many of them.
func (l list) orders() []question {
	var questions []question
	var all []string
	for i, column := range l.orderings() {
		questions = append(questions, question{order: []string{column}}, question{order: []string{"-" + column}})
		all = append(all, strings.Repeat("-", i%2)+column)
	}
	all = all[:min(len(all), 5)] // as many as GraphQL takes
	if len(all) > 1 {
		questions = append(questions, question{order: all})
		slices.Reverse(all)
		questions = append(questions, question{order: all})
	}
	return questions
}

func (l list) searches() []question {
	var questions []question
	for _, words := range l.words {
		questions = append(questions, question{search: words})
	}
	return questions
}

// everyFilter is one question with a value for each field.
func (l list) everyFilter() question {
	var q question
	for _, p := range l.filters {
		if !slices.ContainsFunc(q.probes, func(known probe) bool { return known.name == p.name }) {
			q.probes = append(q.probes, p)
		}
	}
	return q
}

// equals, atLeast and atMost are probes of a column.
func equals(name, column, text string) probe {
	return probe{name: name, text: text, where: column + " = " + literal(text)}
}

func atLeast(name, column, text string) probe {
	return probe{name: name, text: text, where: column + " >= " + literal(text)}
}

func atMost(name, column, text string) probe {
	return probe{name: name, text: text, where: column + " <= " + literal(text)}
}

func holds(name, column, text string) probe {
	return probe{name: name, text: text, where: contains(column, text)}
}

// word is a member of an enum.
func word(name, column, text string) probe {
	p := equals(name, column, text)
	p.value = strings.ToUpper(text)
	return p
}

// number is a bound as a JSON number.
func number(p probe) probe {
	p.value = json.Number(p.text)
	return p
}

// flag is a truth value.
func flag(name string, value bool) probe {
	return probe{name: name, text: strconv.FormatBool(value), value: value, where: fmt.Sprintf("%s = %t", name, value)}
}

// identifier is one, whose UUID the Server knows by its name and ".uuid".
func identifier(name, column, placeholder string) probe {
	return probe{name: name, text: "{" + placeholder + "}", where: column + " = '{" + placeholder + ".uuid}'"}
}

// listNamed is one of lists.
func listNamed(name string) list {
	every := lists()
	return every[slices.IndexFunc(every, func(l list) bool { return l.name == name })]
}

// lists are all lists of both APIs.
func lists() []list {
	claims := list{
		name: "claims", path: "claims/", parent: "Query", field: "claims", from: "claims", key: "id", prefix: "clm",
		order: []string{"-decided_date", "-id"}, tie: []string{"decided_date", "id"},
		search: []string{"payer", "cpt", "denial_reason_code"},
		words:  []string{"aetna", "AETNA 99213", "co-97", "alpine, 7", "50%", "under_score", "nothing like it"},
		filters: []probe{
			holds("payer", "payer", "AET"), holds("payer", "payer", "%"), holds("payer", "payer", "_"), holds("payer", "payer", "é"),
			word("outcome", "outcome", "PAID"), word("outcome", "outcome", "DENIED"), word("outcome", "outcome", "OTHER"),
			equals("cpt", "cpt", "99213"), equals("cpt_group", "cpt_group", "IMAGING"), identifier("upload", "upload_id", "upload"),
			atLeast("start_date", "decided_date", "2026-05-01"), atMost("end_date", "decided_date", "2026-05-01"),
			atLeast("submitted_after", "submitted_date", "2026-05-01"), atMost("submitted_before", "submitted_date", "2026-05-01"),
			atLeast("decided_after", "decided_date", "2026-06-01"), atMost("decided_before", "decided_date", "2026-06-01"),
			atLeast("min_amount", "billed_amount", "150.50"), atMost("max_amount", "billed_amount", "150.50"),
			equals("denial_reason_code", "denial_reason_code", "CO-97"),
		},
	}
	ofUpload := claims
	ofUpload.name, ofUpload.fixed, ofUpload.where = "claims of an upload", url.Values{"upload": {"{upload}"}}, "upload_id = '{upload.uuid}'"
	ofUpload.parent, ofUpload.field, ofUpload.id = "Upload", "claims", "{upload}"
	ofUpload.filters = slices.DeleteFunc(slices.Clone(claims.filters), func(p probe) bool { return p.name == "upload" })
	ofEvent := claims
	ofEvent.name, ofEvent.path = "claims behind a drift event", "drift-events/{broad.event}/claims/"
	ofEvent.parent, ofEvent.field, ofEvent.id = "DriftEvent", "claims", "{broad.event}"
	ofEvent.where = "payer = 'Aetna Better' AND outcome <> 'OTHER' AND submitted_date >= '2026-04-28' AND submitted_date < '2026-06-01'"
	ofEvent.words, ofEvent.filters = []string{"aetna", "AETNA 99213", "co-97", "nothing like it"}, nil
	for _, p := range claims.filters {
		// What the event says of its claims already tells none of them apart.
		p.trivial = slices.Contains([]string{
			"payer", "upload", "cpt_group", "denial_reason_code", "start_date", "end_date",
		}, p.name) || p.text == "OTHER"
		ofEvent.filters = append(ofEvent.filters, p)
	}
	uploads := list{
		name: "uploads", path: "uploads/", parent: "Query", field: "uploads", from: "uploads", key: "id", prefix: "upl",
		order: []string{"-uploaded_at", "-id"}, tie: []string{"uploaded_at", "id"}, search: []string{"filename", "status"},
		words: []string{"may", "MAY partial", "fail", "100%", "nothing like it"},
		filters: []probe{
			word("status", "status", "success"), word("status", "status", "partial"), word("status", "status", "failed"), word("status", "status", "processing"),
			word("upload_source", "upload_source", "api"), word("upload_source", "upload_source", "web_ui"), word("upload_source", "upload_source", "batch"),
			atLeast("uploaded_after", "uploaded_at", "2026-05-10T08:30:00.000001Z"), atMost("uploaded_before", "uploaded_at", "2026-05-10T10:30:00.000001+02:00"),
		},
	}
	rejections := list{
		name: "rejections", path: "uploads/{upload}/rejections/", parent: "Upload", field: "rejections", id: "{upload}",
		from: "upload_rejections", where: "upload_id = '{upload.uuid}'", key: "row_number::text",
		order: []string{"row_number"}, tie: []string{"row_number"},
	}
	runs := list{
		name: "reports", path: "reports/", parent: "Query", field: "reportRuns", from: "report_runs", key: "id", prefix: "run",
		order: []string{"-started_at", "-id"}, tie: []string{"started_at", "id"},
		filters: []probe{
			word("status", "status", "success"), word("status", "status", "failed"), word("status", "status", "running"),
			word("run_type", "run_type", "weekly"), word("run_type", "run_type", "monthly"), word("run_type", "run_type", "custom"),
			word("method", "method", "statistical"), word("method", "method", "threshold"),
		},
	}
	tests := list{
		name: "tests of a run", path: "reports/{old.run}/tests/", parent: "ReportRun", field: "tests", id: "{old.run}",
		from: "drift_tests", where: "report_run_id = '{old.run.uuid}'", key: "payer || '|' || cpt_group || '|' || drift_type",
		order: []string{"payer", "cpt_group", "drift_type"}, tie: []string{"payer", "cpt_group", "drift_type"},
		filters: []probe{
			holds("payer", "payer", "aet"), equals("cpt_group", "cpt_group", "ALL"), word("drift_type", "drift_type", "DECISION_TIME"),
			flag("practical", true), flag("practical", false), flag("significant", true), flag("significant", false),
		},
	}
	others := []list{claims, ofUpload, ofEvent, uploads, rejections, runs, tests, auditList(), memberList(), customerList(), keyList(), invitationList(), payerMappingList(), cptMappingList()}
	return slices.Concat(others, eventLists(), summaryLists(claims), alertLists(), webhookLists())
}

// auditList is the audit log up to the last line of before. What is asked of
// the Server writes further lines while others read: views of claims, sign-ins
// and every access of a superuser.
func auditList() list {
	never := func(actor string) probe {
		p := word("actor_type", "actor_type", actor)
		p.trivial = true
		return p
	}
	return list{
		name: "audit events", path: "audit-events/", parent: "Query", field: "auditEvents", from: "audit_events", key: "id", prefix: "aud",
		auditing: true, always: []probe{atMost("occurred_before", "occurred_at", "2026-06-01T00:00:00Z")},
		order: []string{"-occurred_at", "-id"}, tie: []string{"occurred_at", "id"}, search: []string{"action", "actor", "entity_type"},
		words: []string{"claim", "VIEWED system", "root@upstream.test", "analyst,claim_viewed", "%", "nothing like it"},
		filters: []probe{
			equals("action", "action", "claim_viewed"), equals("action", "action", "payer_mapping_created"),
			equals("entity_type", "entity_type", "claim"), equals("entity_type", "entity_type", "customer"),
			{name: "entity_id", text: "{claim}", where: "entity_id = '{claim}'"},
			word("actor_type", "actor_type", "user"), word("actor_type", "actor_type", "superuser"), word("actor_type", "actor_type", "system"),
			never("key"), never("job"), never("anonymous"),
			atLeast("occurred_after", "occurred_at", "2026-05-10T08:30:00.000002Z"),
			atMost("occurred_before", "occurred_at", "2026-05-10T10:30:00.000002+02:00"),
			identifier("user", "user_id", "auditor"),
		},
	}
}

// memberList is who belongs to Cedar.
func memberList() list {
	return list{
		name: "members", path: "members/", parent: "Query", field: "members", key: "id", prefix: "memb", auditing: true,
		from: "(SELECT m.id, m.role, m.created_at, u.email, u.first_name, u.last_name, u.is_active " +
			"FROM memberships m JOIN users u ON u.id = m.user_id) AS members",
		order: []string{"email", "id"}, tie: []string{"email", "id"}, search: []string{"email", "first_name", "last_name"},
		words: []string{"analyst", "CEDAR.test,owner", "Okafor", "ada okafor", "%", "nothing like it"},
		filters: []probe{
			word("role", "role", "owner"), word("role", "role", "admin"), word("role", "role", "analyst"), word("role", "role", "viewer"),
			flag("is_active", true), flag("is_active", false),
		},
	}
}

// customerList is what superusers choose from.
func customerList() list {
	return list{
		name: "customers", path: "customers/", parent: "Query", field: "customers", from: "customers", key: "id", prefix: "cust", across: true,
		order: []string{"name", "id"}, tie: []string{"name", "id"}, search: []string{"slug", "name"},
		words:   []string{"cedar", "CLINIC har", "%", "nothing like it"},
		filters: []probe{equals("slug", "slug", "cedar"), holds("name", "name", "HARB")},
	}
}

// eventLists are the four ways to drift events.
func eventLists() []list {
	of := func(name, path, parent, field, id, where string) list {
		return list{
			name: name, path: path, parent: parent, field: field, id: id, from: "drift_events", where: where, key: "id", prefix: "drift",
			order: []string{"-created_at", "-id"}, tie: []string{"created_at", "id"}, search: []string{"payer", "cpt_group", "drift_type"},
			words: []string{"aetna", "Aetna DENIAL", "Imaging,decision", "nothing like it"},
			filters: []probe{
				holds("payer", "payer", "aet"), equals("cpt_group", "cpt_group", "IMAGING"), word("drift_type", "drift_type", "DECISION_TIME"),
				word("trend_direction", "trend_direction", "degrading"), word("trend_direction", "trend_direction", "improving"),
				severity("CRITICAL", "severity >= 0.8"), severity("HIGH", "severity >= 0.6 AND severity < 0.8"),
				severity("MEDIUM", "severity >= 0.4 AND severity < 0.6"), severity("LOW", "severity < 0.4"),
				number(atLeast("min_severity", "severity", "0.6")), number(atMost("max_severity", "severity", "0.6")),
				number(atLeast("min_confidence", "confidence", "0.9")),
				atLeast("created_after", "created_at", "2026-06-01T00:00:00.000002Z"), atMost("created_before", "created_at", "2026-06-01T00:00:00.000002Z"),
			},
		}
	}
	all := of("drift events", "drift-events/", "Query", "driftEvents", "", "")
	all.filters = append(all.filters, identifier("report_run", "report_run_id", "run"))
	active := of("active drift events", "drift-events/active/", "Query", "activeDriftEvents", "",
		"report_run_id = (SELECT id FROM report_runs WHERE status = 'success' ORDER BY finished_at DESC LIMIT 1)")
	for _, run := range []string{"run", "real.run"} {
		p := identifier("report_run", "report_run_id", run)
		p.trivial = true
		active.filters = append(active.filters, p)
	}
	ofRun := of("drift events of a run", "reports/{run}/drift-events/", "ReportRun", "driftEvents", "{run}", "report_run_id = '{run.uuid}'")
	filtered := of("drift events filtered by a run", "drift-events/", "ReportRun", "driftEvents", "{run}", "report_run_id = '{run.uuid}'")
	filtered.fixed = url.Values{"report_run": {"{run}"}}
	return []list{all, active, ofRun, filtered}
}

func severity(label, where string) probe {
	return probe{name: "severity_label", text: label, where: where}
}
