package apitest

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"upstream/models"
)

// Answer is what either API said, in one vocabulary: the field names of REST,
// enum values in upper case, instants at full length.
type Answer struct {
	// Code is empty when the question was answered.
	Code models.Code
	// Fields are what an error is about, "path code", sorted.
	Fields []string
	// Rows are the rows of a list, or the one object asked for.
	Rows []Row
	// Total counts the whole list; -1 where it was not told.
	Total int64
	// Existing is the row a conflict ran into.
	Existing string
}

// Row is one object of either API.
type Row map[string]any

// key tells a row from the others of its list, by the first of these fields
// that it has.
func (r Row) key() string {
	for _, names := range [][]string{
		{"id"},
		{"payer", "cpt_group", "month", "outcome", "denial_reason_code"},
		{"payer", "cpt_group", "drift_type"},
		{"payer"},
		{"row_number"},
		{"number"},
	} {
		parts := make([]string, 0, len(names))
		for _, name := range names {
			if value, has := r[name]; has {
				parts = append(parts, fmt.Sprint(value))
			}
		}
		if len(parts) == len(names) {
			return strings.Join(parts, "|")
		}
	}
	return fmt.Sprint(r)
}

func keys(rows []Row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.key()
	}
	return out
}

// The fields that one API alone shows, on purpose. Whatever else one of them
// lacks is a difference that fails a case.
var (
	// onlyREST: hypermedia and the tenant, which is the viewer's own; who did
	// it, which GraphQL will show as objects once it has users; the run of a
	// test, which is the object that a connection hangs from.
	onlyREST = map[string][]string{
		"AlertEvent": {
			"_links", "customer", "drift_event", "report_run", "operator_judgments", "acknowledged_by", "resolved_by",
		},
		"AlertHistoryEntry":   {"_links", "user"},
		"AlertInterpretation": {"_links", "alert"},
		"AlertMemory":         {"_links", "alert"},
		"AlertNotification":   {"_links"},
		"AlertRule":           {"_links", "customer", "created_by"},
		"NotificationChannel": {"_links", "customer", "created_by"},
		"OperatorJudgment":    {"_links", "customer", "operator"},

		"ApiKey":          {"_links", "customer", "created_by", "key"},
		"AuditEvent":      {"_links", "customer", "user"},
		"Claim":           {"_links", "customer"},
		"ClaimStats":      {"_links"},
		"CptGroupMapping": {"_links", "customer"},
		"Customer":        {"_links"},
		"Dashboard":       {"_links"},
		"DriftEvent":      {"_links", "customer"},
		"DriftEvidence":   {"_links", "drift_event"},
		"DriftTest":       {"_links", "report_run"},
		"Invitation":      {"_links", "customer"},
		"Member":          {"_links", "customer"},
		"PayerMapping":    {"_links", "customer"},
		"PayerSummary":    {"_links"},
		"Rejection":       {"_links"},
		"ReportRun":       {"_links", "customer", "created_by"},
		"Upload":          {"_links", "customer", "uploaded_by"},
		"WebhookEndpoint": {"_links", "customer", "created_by", "secret"},
		"WebhookDelivery": {"_links", "customer"},
		"DeliveryAttempt": {"_links"},
		"WebhookReplay":   {"_links", "customer", "created_by"},
		"WebhookEvent":    {"_links", "customer"},
	}
	// onlyGraphQL: the version, which REST sends as the entity tag.
	onlyGraphQL = []string{"version"}
)

// renamed are the fields whose names differ by more than their spelling.
var renamed = map[string]string{
	"summary": "summary_json", "assigneeId": "assignee", "reasonCodes": "reason_codes_json", "last30Days": "last_30_days",
}

// restRow reads an object of REST that GraphQL shows as typ.
func restRow(t tester, typ string, object map[string]any) Row {
	t.Helper()
	row := Row{}
	for name, value := range object {
		if !slices.Contains(onlyREST[typ], name) {
			row[name] = value
		}
	}
	fractions(t, typ, row)
	for _, f := range definition(typ).Fields {
		name := restName(f.Name)
		value, there := row[name]
		if !there || value == nil {
			continue
		}
		switch shapeOf(f) {
		case enum:
			row[name] = members(value)
		case instant:
			row[name] = fullLength(t, value)
		case connection:
			row[name] = restPageOf(t, f, value.(map[string]any))
		case structure:
			row[name] = parts(value, func(part map[string]any) Row { return restRow(t, f.Type.Name(), part) })
		case reference:
			row[name] = identifiers(value)
		case leaf:
		}
	}
	return row
}

// percentages are the types whose denial rate REST shows in percent, as the
// older API did, and the field that counts what is denied.
var percentages = map[string]string{"PayerSummary": "denied_count", "MonthlyDenialRate": "denied_claims"}

// fractions turns such a rate into the fraction that it was rounded from.
func fractions(t tester, typ string, row Row) {
	t.Helper()
	counted, inPercent := percentages[typ]
	if !inPercent {
		return
	}
	denied, total := row[counted].(float64), row["total_claims"].(float64)
	if want := math.Round(denied*1e4/total) / 1e2; row["denial_rate"] != want {
		t.Errorf("%v of %v are %v %%, want %v", denied, total, row["denial_rate"], want)
	}
	row["denial_rate"] = denied / total
}

// members writes a member of an enum, or a list of them, as GraphQL does.
func members(value any) any {
	list, many := value.([]any)
	if !many {
		return strings.NewReplacer(":", "_", ".", "_").Replace(strings.ToUpper(value.(string)))
	}
	out := make([]any, len(list))
	for i, member := range list {
		out[i] = members(member)
	}
	return out
}

// graphqlRow reads an object of GraphQL.
func graphqlRow(t tester, typ string, object map[string]any) Row {
	t.Helper()
	row := Row{}
	for name, value := range object {
		if slices.Contains(onlyGraphQL, name) {
			continue
		}
		f := definition(typ).Fields.ForName(name)
		if f == nil {
			t.Fatalf("%s has no field %s", typ, name)
		}
		switch kind := shapeOf(f); {
		case value == nil:
		case kind == instant:
			value = fullLength(t, value)
		case kind == reference:
			value = identifiers(value)
		case kind == structure:
			value = parts(value, func(part map[string]any) Row { return graphqlRow(t, f.Type.Name(), part) })
		case kind == connection:
			value = graphqlPageOf(t, f, value.(map[string]any))
		}
		row[restName(name)] = value
	}
	return row
}

// parts reads a structure, or each of a list of them.
func parts(value any, read func(map[string]any) Row) any {
	list, ok := value.([]any)
	if !ok {
		return read(value.(map[string]any))
	}
	rows := make([]Row, len(list))
	for i, part := range list {
		rows[i] = read(part.(map[string]any))
	}
	return rows
}

// identifiers reads a reference, or each of a list of them: an identifier, or an
// object that has one.
func identifiers(value any) any {
	switch value := value.(type) {
	case []any:
		ids := make([]any, len(value))
		for i, item := range value {
			ids[i] = identifiers(item)
		}
		return ids
	case map[string]any:
		return value["id"]
	default:
		return value
	}
}

// page is a page of a list inside of an object.
type page struct {
	Total any
	Rows  []Row
}

func restPageOf(t tester, f *ast.FieldDefinition, envelope map[string]any) page {
	t.Helper()
	p := page{Total: envelope["count"]}
	for _, row := range envelope["results"].([]any) {
		p.Rows = append(p.Rows, restRow(t, rowType(f), row.(map[string]any)))
	}
	return p
}

func graphqlPageOf(t tester, f *ast.FieldDefinition, connection map[string]any) page {
	t.Helper()
	p := page{Total: connection["totalCount"]}
	for _, row := range connection["nodes"].([]any) {
		p.Rows = append(p.Rows, graphqlRow(t, rowType(f), row.(map[string]any)))
	}
	return p
}

func restName(name string) string {
	if other, ok := renamed[name]; ok {
		return other
	}
	return snake(name)
}

// fullLength writes an instant with all its digits.
func fullLength(t tester, value any) string {
	t.Helper()
	return must(time.Parse(time.RFC3339Nano, value.(string)))(t).Format("2006-01-02T15:04:05.000000000Z07:00")
}

// restAnswer reads what REST said; rows are of the GraphQL type typ.
func restAnswer(t tester, typ string, r reply) Answer {
	t.Helper()
	if r.status >= 400 {
		return restError(t, r)
	}
	if r.status == http.StatusNoContent {
		return Answer{Total: -1}
	}
	var envelope struct {
		Count   *int64
		Results []map[string]any
	}
	var object map[string]any
	r.decode(t, &object)
	a := Answer{Total: -1}
	if object["results"] == nil {
		a.Rows = []Row{restRow(t, typ, object)}
		return a
	}
	r.decode(t, &envelope)
	if envelope.Count != nil {
		a.Total = *envelope.Count
	}
	for _, object := range envelope.Results {
		a.Rows = append(a.Rows, restRow(t, typ, object))
	}
	return a
}

func restError(t tester, r reply) Answer {
	t.Helper()
	var problem struct {
		Code       models.Code
		ExistingID string `json:"existing_id"`
		Errors     []struct{ Path, Code string }
	}
	r.decode(t, &problem)
	a := Answer{Code: problem.Code, Total: -1, Existing: problem.ExistingID}
	for _, e := range problem.Errors {
		a.Fields = append(a.Fields, e.Path+" "+e.Code)
	}
	slices.Sort(a.Fields)
	return a
}

// graphqlReply is the frame of every GraphQL answer.
type graphqlReply struct {
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions struct {
			Code   models.Code
			Fields []struct{ Path, Code string }
		}
	}
}

// graphqlAnswer reads what GraphQL said where the operation says.
func graphqlAnswer(t tester, op Operation, r reply) Answer {
	t.Helper()
	var g graphqlReply
	r.decode(t, &g)
	if len(g.Errors) > 0 {
		return graphqlError(g)
	}
	value := any(g.Data)
	for name := range strings.SplitSeq(op.At, ".") {
		object, _ := value.(map[string]any)
		if problems, _ := object["userErrors"].([]any); len(problems) > 0 {
			return userErrors(problems)
		}
		value = memberOf(value, name)
	}
	if _, isID := value.(string); isID {
		return Answer{Total: -1} // the identifier of what is gone
	}
	object, there := value.(map[string]any)
	if !there {
		return Answer{Code: models.CodeNotFound, Total: -1}
	}
	a := Answer{Total: -1}
	if op.Silent {
		return a
	}
	nodes, list := object["nodes"].([]any)
	if !list {
		a.Rows = []Row{graphqlRow(t, op.Type, object)}
		return a
	}
	a.Total = int64(object["totalCount"].(float64))
	for _, n := range nodes {
		a.Rows = append(a.Rows, graphqlRow(t, op.Type, n.(map[string]any)))
	}
	return a
}

// memberOf is a field of an object, or an item of a list; nil when there is none.
func memberOf(value any, name string) any {
	if items, many := value.([]any); many {
		if at, err := strconv.Atoi(name); err == nil && at < len(items) {
			return items[at]
		}
		return nil
	}
	object, _ := value.(map[string]any)
	return object[name]
}

// graphqlError reads the first of the top-level errors; each field of the
// operation that fails has one.
func graphqlError(g graphqlReply) Answer {
	e := g.Errors[0].Extensions
	a := Answer{Code: e.Code, Total: -1}
	for _, f := range e.Fields {
		a.Fields = append(a.Fields, restPath(f.Path)+" "+f.Code)
	}
	slices.Sort(a.Fields)
	return a
}

// userErrors reads the expected failures of a mutation.
func userErrors(problems []any) Answer {
	a := Answer{Total: -1}
	for _, p := range problems {
		problem := p.(map[string]any)
		a.Code = models.Code(problem["code"].(string))
		a.Existing, _ = problem["existingId"].(string)
		if path, ok := problem["path"].([]any); ok {
			names := make([]string, len(path))
			for i, name := range path {
				names[i] = fmt.Sprint(name)
			}
			a.Fields = append(a.Fields, restPath(strings.Join(names, "."))+" "+fmt.Sprint(problem["reason"]))
		}
	}
	slices.Sort(a.Fields)
	return a
}

// restPath is what REST calls the argument at a path: the fields of a filter
// are parameters of their own there, and an ordering is one text.
func restPath(path string) string {
	for _, prefix := range []string{"variable.", "input.", "filter."} {
		rest, cut := strings.CutPrefix(path, prefix)
		if path = rest; cut && prefix == "filter." {
			return snake(path) // which no argument has the meaning of
		}
	}
	switch name, _, _ := strings.Cut(path, "."); name {
	case "orderBy":
		return "ordering"
	case "first", "last":
		return "page_size"
	case "after", "before":
		return "cursor"
	case "X-Customer-Id":
		return path
	}
	return snake(path)
}
