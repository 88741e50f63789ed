package apitest

import (
	"fmt"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"upstream/graph"
	"upstream/models"
)

// schema is the GraphQL schema, read from the text that clients read. What to
// select, and what a field's value is, comes from there: a field added to a
// type is compared with REST without a line here.
var schema = sync.OnceValue(func() *ast.Schema {
	return gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphqls", Input: graph.SDL()})
})

// definition is an object type that rows are of.
func definition(typ string) *ast.Definition { return schema().Types[typ] }

// shape is what kind of value a field holds.
type shape int

const (
	leaf shape = iota
	enum
	instant
	// reference is an object of its own, of which the identifier is selected.
	reference
	// structure is an object, or a list of them, without an identifier: a part
	// of the one it is in.
	structure
	connection
)

// apart are the structures that have an address of their own in REST, and are
// compared there; and members, whom REST names by their user.
var apart = map[string]bool{
	"AlertEvent.assignee": true, "AlertEvent.acknowledgedBy": true, "AlertEvent.resolvedBy": true, "AlertHistoryEntry.user": true,
	"AlertRule.createdBy": true, "NotificationChannel.createdBy": true, "OperatorJudgment.operator": true,
	// These take the permission to view reports too, which keys that read alerts
	// may lack: testAlertReferences compares them.
	"AlertEvent.driftEvent": true, "AlertEvent.reportRun": true,
	"AlertEvent.interpretation": true, "AlertEvent.memory": true,

	"DriftEvent.evidence": true, "ApiKey.createdBy": true, "ReportRun.createdBy": true, "Upload.uploadedBy": true,
	"WebhookEndpoint.createdBy": true, "WebhookReplay.createdBy": true,
}

func shapeOf(f *ast.FieldDefinition) shape {
	def := schema().Types[f.Type.Name()]
	switch {
	case def.Kind == ast.Enum:
		return enum
	case def.Name == "DateTime":
		return instant
	case def.Kind != ast.Object:
		return leaf
	case strings.HasSuffix(def.Name, "Connection"):
		return connection
	case def.Fields.ForName("id") == nil:
		return structure
	default:
		return reference
	}
}

// rowType is the type of the rows of a connection field.
func rowType(f *ast.FieldDefinition) string {
	return definition(f.Type.Name()).Fields.ForName("nodes").Type.Name()
}

// selection selects every field of a type: of objects the identifier, of
// connections nothing.
func selection(typ string) string {
	var b strings.Builder
	for _, f := range definition(typ).Fields {
		switch {
		case strings.HasPrefix(f.Name, "__"):
		case apart[typ+"."+f.Name]:
		case shapeOf(f) == reference:
			b.WriteString(f.Name + " { id } ")
		case shapeOf(f) == structure:
			b.WriteString(f.Name + " { " + selection(f.Type.Name()) + " } ")
		case shapeOf(f) != connection:
			b.WriteString(f.Name + " ")
		}
	}
	return strings.TrimSpace(b.String())
}

// keySelection selects what tells the rows of a type apart.
func keySelection(typ string) string {
	switch typ {
	case "DriftTest":
		return "payer cptGroup driftType"
	case "AlertHistoryEntry", "AlertNotification":
		return "number"
	case "Rejection":
		return "rowNumber"
	case "DeliveryAttempt":
		return "number"
	case "PayerSummary":
		return "payer"
	case "ClaimStats":
		return "payer cptGroup month outcome denialReasonCode"
	default:
		return "id"
	}
}

// pageSize is how many rows REST puts into an object that holds a page.
const pageSize = models.DefaultPageSize

// whole is selection and the first page of each list that REST shows inside of
// the object when it is asked for by itself.
func whole(typ string) string {
	if typ != "ReportRun" {
		return selection(typ)
	}
	return selection(typ) + fmt.Sprintf(" driftEvents(first: %d) { totalCount nodes { %s } }", pageSize, selection("DriftEvent"))
}

// connectionField writes a connection field with all its arguments as
// variables, what selects chooses of its rows, the variables it needs and the
// type of its rows.
func connectionField(parent, field string, selects func(string) string) (text, variables, rows string) {
	f := definition(parent).Fields.ForName(field)
	var arguments, declared []string
	for _, a := range f.Arguments {
		arguments = append(arguments, a.Name+": $"+a.Name)
		declared = append(declared, "$"+a.Name+": "+a.Type.String())
	}
	rows = rowType(f)
	return field + "(" + strings.Join(arguments, ", ") + ") { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } " +
		"edges { cursor } nodes { " + selects(rows) + " } }", strings.Join(declared, ", "), rows
}

// rootConnection is the document of a connection that Query has.
func rootConnection(field string, selects func(string) string) Operation {
	text, variables, rows := connectionField("Query", field, selects)
	return Operation{Document: "query(" + variables + ") { " + text + " }", At: field, Type: rows}
}

// nestedConnection is the document of a connection that an object has. A payer
// is found by its name, everything else by its identifier.
func nestedConnection(parent, field string, selects func(string) string) Operation {
	text, variables, rows := connectionField(parent, field, selects)
	if parent == "PayerSummary" {
		return Operation{
			Document: "query($id: String!, " + variables + ") { payerSummary(first: 1, filter: {payer: $id}) { nodes { " + text + " } } }",
			At:       "payerSummary.nodes.0." + field, Type: rows,
		}
	}
	return Operation{
		Document: "query($id: ID!, " + variables + ") { node(id: $id) { ... on " + parent + " { " + text + " } } }",
		At:       "node." + field, Type: rows,
	}
}

// node is the document of one object by its identifier.
func node(typ, id string) Operation {
	return Operation{
		Document:  "query($id: ID!) { node(id: $id) { ... on " + typ + " { " + whole(typ) + " } } }",
		Variables: map[string]any{"id": id}, At: "node", Type: typ,
	}
}

// snake writes a name of GraphQL the way REST does.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// camel writes a name of REST the way GraphQL does.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}
