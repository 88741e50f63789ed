package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"upstream/internal/factory"
	"upstream/models"
)

// field is a field of GraphQL that takes arguments.
type field struct {
	parent *ast.Definition
	*ast.FieldDefinition
}

func (f field) String() string { return f.parent.Name + "." + f.Name }

// isRoot says that no object comes before it.
func (f field) isRoot() bool { return f.parent == schema().Query || f.parent == schema().Mutation }

// fields are all fields with arguments, mutations last.
func fields() []field {
	var all []field
	for _, name := range slices.Sorted(maps.Keys(schema().Types)) {
		def := schema().Types[name]
		if def.Kind != ast.Object || strings.HasPrefix(name, "__") || def == schema().Mutation {
			continue
		}
		for _, f := range def.Fields {
			if len(f.Arguments) > 0 && !strings.HasPrefix(f.Name, "__") {
				all = append(all, field{def, f})
			}
		}
	}
	if schema().Mutation != nil {
		for _, f := range schema().Mutation.Fields {
			all = append(all, field{schema().Mutation, f})
		}
	}
	return all
}

// ways lead to the objects that have no identifier; the rest is found by node.
var ways = map[string]string{"PayerSummary": "payerSummary(first: 1) { nodes { %s } }"}

// place is where in the arguments of a field a value goes: the argument, and
// the fields of input objects below it.
type place struct {
	path []string
	typ  *ast.Type
}

// places are those in the arguments of a field whose values have the type.
func places(f field, named string) []place {
	var found []place
	var look func(path []string, typ *ast.Type)
	look = func(path []string, typ *ast.Type) {
		def := schema().Types[typ.Name()]
		switch {
		case typ.Name() == named:
			found = append(found, place{slices.Clone(path), typ})
		case def.Kind == ast.InputObject && len(path) < 5:
			for _, below := range def.Fields {
				look(append(path, below.Name), below.Type)
			}
		}
	}
	for _, argument := range f.Arguments {
		look([]string{argument.Name}, argument.Type)
	}
	return found
}

// nodeKinds are the prefixes of the types that `node` finds, and the other way
// round.
func (s *town) nodeKinds(t tester, own *estate) map[string]string {
	t.Helper()
	kinds := map[string]string{}
	for prefix, ids := range own.ids {
		if len(ids) == 0 {
			continue
		}
		var g struct {
			Data struct {
				Node *struct {
					Typename string `json:"__typename"`
				}
			}
		}
		op := Operation{Document: "query($id: ID!) { node(id: $id) { __typename } }", Variables: map[string]any{"id": ids[0]}}
		s.graphql(t, Asker{User: own.slug + ".owner"}, op).decode(t, &g)
		if g.Data.Node != nil {
			kinds[g.Data.Node.Typename] = prefix
		}
	}
	return kinds
}

// example is a value of a type, for arguments that must be given.
func (c composer) example(name string, typ *ast.Type) any {
	if typ.Elem != nil {
		return []any{c.example(name, typ.Elem)}
	}
	def := schema().Types[typ.NamedType]
	switch {
	case def.Kind == ast.Enum:
		return def.EnumValues[len(def.EnumValues)-1].Name
	case def.Kind == ast.InputObject:
		object := map[string]any{}
		for _, below := range def.Fields {
			if below.Type.NonNull && below.DefaultValue == nil {
				object[below.Name] = c.example(below.Name, below.Type)
			}
		}
		if def.Name == "CreateNotificationChannelInput" {
			object["channelType"] = "WEBHOOK" // which needs no more than a name
		}
		return object
	case def.Name == "ID":
		return c.own.first([]string{c.guess(name)})[0]
	case name == "since": // there has to be something after it
		return factory.Now().AddDate(0, 0, -30).Format(time.RFC3339)
	case name == "url":
		return "https://partner.example.org/hook"
	case strings.Contains(strings.ToLower(name), "email"):
		return "new@example.test"
	}
	return map[string]any{
		"String": "Text", "Int": 1, "BigInt": 1, "Float": 0.05, "Boolean": true, "Date": "2026-06-01",
		"DateTime": factory.Now().AddDate(0, 0, 30).Format(time.RFC3339), "Decimal": "1.00", "JSON": map[string]any{},
	}[def.Name]
}

// guess is the kind of identifier that an argument takes besides the one that
// is tried, by the name of it or of its field.
func (c composer) guess(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "Id"))
	if name == "id" && c.parent == schema().Mutation && strings.Contains(c.Name, "Alert") && !strings.Contains(c.Name, "Rule") {
		return c.kinds["AlertEvent"]
	}
	for typ, prefix := range c.kinds {
		if name == strings.ToLower(typ) || name == "id" && strings.Contains(strings.ToLower(c.Name), strings.ToLower(typ)) {
			return prefix
		}
	}
	return "unknown"
}

// composer writes operations that ask for one field.
type composer struct {
	field
	kinds map[string]string
	own   *estate
}

// operation asks for the field with a value at a place, and nothing else but
// what has to be given.
func (c composer) operation(at place, value any, also map[string]any) Operation {
	variables := map[string]any{}
	for _, argument := range c.Arguments {
		if argument.Type.NonNull && argument.DefaultValue == nil {
			variables[argument.Name] = c.example(argument.Name, argument.Type)
		}
	}
	maps.Copy(variables, also)
	if at.typ != nil && at.typ.Elem != nil {
		value = []any{value}
	}
	if len(at.path) > 0 {
		into := variables
		for _, name := range at.path[:len(at.path)-1] {
			below, ok := into[name].(map[string]any)
			if !ok {
				below = map[string]any{}
			}
			into[name], into = below, below
		}
		into[at.path[len(at.path)-1]] = value
	}
	var given, declared []string
	for _, argument := range c.Arguments {
		if _, ok := variables[argument.Name]; ok {
			given = append(given, argument.Name+": $"+argument.Name)
			declared = append(declared, "$"+argument.Name+": "+argument.Type.String())
		}
	}
	text := c.Name
	if len(given) > 0 {
		text += "(" + strings.Join(given, ", ") + ")"
	}
	text += " " + below(c.Type.Name(), 0)
	head := "query"
	switch {
	case c.parent == schema().Mutation:
		head = "mutation"
	case ways[c.parent.Name] != "":
		text = fmt.Sprintf(ways[c.parent.Name], text)
	case !c.isRoot():
		text = "node(id: $parent) { ... on " + c.parent.Name + " { " + text + " } }"
		declared = append(declared, "$parent: ID!")
		variables["parent"] = c.own.first([]string{c.kinds[c.parent.Name]})[0]
	}
	if len(declared) > 0 {
		head += "(" + strings.Join(declared, ", ") + ")"
	}
	return Operation{Document: head + " { " + text + " }", Variables: variables}
}

// below selects what a value of the type has: of objects with an identifier
// that, of others everything.
func below(typ string, depth int) string {
	def := schema().Types[typ]
	switch {
	case def.Kind == ast.Interface || def.Kind == ast.Union:
		return "{ __typename }"
	case def.Kind != ast.Object:
		return ""
	}
	names := []string{"__typename"}
	for _, f := range def.Fields {
		under := schema().Types[f.Type.Name()]
		switch {
		case strings.HasPrefix(f.Name, "__") || len(f.Arguments) > 0 || f.Name == "evidence" && depth > 1: // of many events it is too dear
		case under.Kind != ast.Object:
			names = append(names, f.Name)
		case depth < 3:
			names = append(names, f.Name+" "+below(f.Type.Name(), depth+1+map[bool]int{true: 2}[f.Name == "node"]))
		}
	}
	return "{ " + strings.Join(names, " ") + " }"
}

// send asks with further headers.
func (s *town) send(t tester, as Asker, op Operation, header map[string]string) reply {
	t.Helper()
	body := must(json.Marshal(map[string]any{"query": op.Document, "variables": op.Variables}))(t)
	r := must(http.NewRequestWithContext(s.Context(), http.MethodPost, s.http.URL+"/graphql", bytes.NewReader(body)))(t)
	r.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	s.authorize(t, r, as)
	return s.Server.send(t, r)
}

// graphqlCode is the first error of an answer.
func graphqlCode(t tester, r reply) models.Code {
	t.Helper()
	var g graphqlReply
	r.decode(t, &g)
	if len(g.Errors) > 0 {
		return g.Errors[0].Extensions.Code
	}
	for _, value := range g.Data {
		object, _ := value.(map[string]any)
		if object == nil && value == nil {
			return models.CodeNotFound
		}
		if problems, _ := object["userErrors"].([]any); len(problems) > 0 {
			return userErrors(problems).Code
		}
	}
	return ""
}

// graphqlPositions are all places in GraphQL for an identifier, and in filters
// for a text.
func (s *town) graphqlPositions(t *testing.T) []position {
	t.Helper()
	kinds := s.nodeKinds(t, s.cedar.own)
	var all []position
	for _, f := range fields() {
		way := ways[f.parent.Name]
		if !f.isRoot() && way == "" && kinds[f.parent.Name] == "" {
			t.Errorf("%s takes arguments, and the isolation walk cannot reach it: `node` finds no %s of Cedar", f, f.parent.Name)
			continue
		}
		askAt := func(at place) func(*town, *estate, map[string]string) func(Asker, string) reply {
			return func(s *town, own *estate, header map[string]string) func(Asker, string) reply {
				c := composer{field: f, kinds: kinds, own: own}
				return func(as Asker, value string) reply { return s.send(s, as, c.operation(at, value, nil), header) }
			}
		}
		for _, at := range places(f, "ID") {
			p := position{name: fmt.Sprint(f, " ", at.path), ask: askAt(at), conditional: f.parent == schema().Mutation}
			p.kinds = s.acceptedKinds(t, p)
			all = append(all, p)
		}
		for _, at := range places(f, "String") {
			if last := at.path[len(at.path)-1]; f.parent != schema().Mutation && last != "after" && last != "before" {
				all = append(all, position{name: fmt.Sprint(f, " ", at.path), ask: askAt(at)})
			}
		}
		if !f.isRoot() && way == "" {
			all = append(all, parentPosition(f, kinds))
		}
	}
	// One field each: what several fields are refused with comes in any order.
	return append(all, actingFor("{ customer { id name } }"), actingFor("{ claims { totalCount nodes { id payer } } }"))
}

// actingFor names the other customer in the header, as headerPositions does.
func actingFor(document string) position {
	op := Operation{Document: document}
	return position{
		name: document + " for a customer", kinds: []string{"cust"},
		ask: func(s *town, _ *estate, header map[string]string) func(Asker, string) reply {
			return func(as Asker, value string) reply {
				if as.User == "root" {
					return reply{} // it is theirs to do
				}
				as.Customer = value
				return s.send(s, as, op, header)
			}
		},
	}
}

// parentPosition asks for a field of another customer's object.
func parentPosition(f field, kinds map[string]string) position {
	return position{
		name: fmt.Sprint(f, " of an object"), kinds: []string{kinds[f.parent.Name]},
		ask: func(s *town, own *estate, header map[string]string) func(Asker, string) reply {
			c := composer{field: f, kinds: kinds, own: own}
			return func(as Asker, value string) reply {
				op := c.operation(place{}, nil, nil)
				op.Variables["parent"] = value
				return s.send(s, as, op, header)
			}
		},
	}
}

// acceptedKinds are the kinds of identifiers that a place takes: those for
// which one of the owner's own is answered.
func (s *town) acceptedKinds(t *testing.T, at position) []string {
	t.Helper()
	var kinds []string
	var last reply
	ask := at.ask(s, s.cedar.own, nil)
	for _, kind := range slices.Sorted(maps.Keys(s.cedar.own.ids)) {
		ids := s.cedar.own.ids[kind]
		accepted := false
		for _, id := range ids[:min(len(ids), 5)] {
			for _, as := range []Asker{{User: "cedar.owner"}, {User: "root", Customer: "{cedar}"}} {
				if accepted {
					continue
				}
				r := ask(as, id)
				code := graphqlCode(t, r)
				if accepted = code == "" || code == models.CodeConflict || code == models.CodeInUse; !accepted && code != models.CodeValidation {
					last = r
				}
			}
		}
		if accepted {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		t.Errorf("%s: no call that is answered could be built from what Cedar has (%s); "+
			"plant rows for it, or teach composer.example its other arguments", at.name, last.body)
	}
	return kinds
}

// connectionOrders are the orders that a connection can be asked for in.
func connectionOrders(f field) []map[string]any {
	orders := []map[string]any{{}}
	argument := f.Arguments.ForName("orderBy")
	if argument == nil {
		return orders
	}
	for _, value := range definition(definition(argument.Type.Name()).Fields.ForName("field").Type.Name()).EnumValues {
		for _, direction := range []string{"ASC", "DESC"} {
			orders = append(orders, map[string]any{"orderBy": []any{map[string]any{"field": value.Name, "direction": direction}}})
		}
	}
	return orders
}

// connections are the fields that page.
func connections() []field {
	return slices.DeleteFunc(fields(), func(f field) bool { return shapeOf(f.FieldDefinition) != connection })
}

// surveyConnections takes a cursor of every connection and order.
func (s *Server) surveyConnections(t tester, e *estate) {
	t.Helper()
	at := &town{Server: s}
	kinds := at.nodeKinds(t, e)
	for _, f := range connections() {
		for _, order := range connectionOrders(f) {
			parents := []string{""}
			if !f.isRoot() && ways[f.parent.Name] == "" {
				parents = e.ids[kinds[f.parent.Name]]
			}
			for _, parent := range parents[:min(len(parents), 20)] {
				op := composer{field: f, kinds: kinds, own: e}.operation(place{}, nil, order)
				op.Variables["parent"] = parent
				r := at.send(t, Asker{User: e.slug + ".owner"}, op, nil)
				if _, cursor, found := strings.Cut(string(r.body), `"endCursor":"`); found {
					e.cursors[fmt.Sprint(f, order)], _, _ = strings.Cut(cursor, `"`)
					break
				}
			}
		}
	}
}

// walkConnections pages on and back from where the other customer stands.
func (s *town) walkConnections(t *testing.T, p parties) {
	t.Helper()
	kinds := s.nodeKinds(t, p.own)
	for _, f := range connections() {
		for _, order := range connectionOrders(f) {
			cursor := p.foreign.cursors[fmt.Sprint(f, order)]
			if cursor == "" {
				t.Errorf("%s has no row in %s, so no cursor to try", p.foreign.slug, f)
				continue
			}
			for _, argument := range []string{"after", "before"} {
				c := composer{field: f, kinds: kinds, own: p.own}
				ask := func(as Asker, value string) reply {
					return s.send(t, as, c.operation(place{path: []string{argument}}, value, order), map[string]string{"X-Request-Id": requestName})
				}
				p.indistinguishable(t, probeOf{name: fmt.Sprint(f, " ", argument, " a cursor by ", order), ask: ask}, cursor, forged(t, cursor))
			}
		}
	}
}
