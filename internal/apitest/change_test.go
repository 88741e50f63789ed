package apitest

import (
	"fmt"
	"maps"
	"strings"

	"upstream/models"
)

// resource is a noun that both APIs write.
type resource struct {
	// typ is the type of GraphQL, path the resource of REST.
	typ, path string
	// table is where its rows are.
	table string
	// enums are the fields of its inputs that take a member of an enum.
	enums map[string]bool
}

// written are the tables that a change touches.
func (r resource) written() []string {
	tables := []string{"audit_events", "audit_heads", r.table}
	if r.table < "audit" || r.table > "audit_heads" {
		return tables
	}
	return tables[:2]
}

// input is a body of REST in the words of GraphQL.
func (r resource) input(body, also map[string]any) map[string]any {
	in := map[string]any{}
	for name, value := range body {
		if below, ok := value.(map[string]any); ok {
			value = r.input(below, nil)
		}
		if r.enums[name] && value != nil {
			value = members(value)
		}
		in[camel(name)] = value
	}
	maps.Copy(in, also)
	return in
}

// mutation asks for one, about the whole object.
func (r resource) mutation(verb string, input map[string]any) Operation {
	field := strings.ToLower(r.typ[:1]) + r.typ[1:]
	return Operation{
		Document: fmt.Sprintf("mutation($input: %[1]s%[2]sInput!) { %[3]s%[2]s(input: $input) { userErrors { code message path reason existingId } %[4]s { %[5]s } } }",
			strings.ToUpper(verb[:1])+verb[1:], r.typ, verb, field, selection(r.typ)),
		Variables: map[string]any{"input": input}, At: verb + r.typ + "." + field, Type: r.typ,
	}
}

// creating is the case that makes a row.
func (r resource) creating(name, user string, body map[string]any) write {
	return write{changes: r.written(), Case: Case{
		Name: name, As: Asker{User: user}, REST: Call{Method: "POST", Path: r.path, Body: body},
		GraphQL: r.mutation("create", r.input(body, nil)),
	}}
}

// changing is the case that changes a row by PATCH, at any version when that is
// 0.
func (r resource) changing(name, user, id string, version int, body map[string]any) write {
	w := write{changes: r.written(), Case: Case{
		Name: name, As: Asker{User: user}, REST: Call{Method: "PATCH", Path: r.path + id + "/", Body: body},
		GraphQL: r.mutation("update", r.input(body, map[string]any{"id": id})),
	}}
	return w.at(version)
}

// replacing is changing by PUT.
func (r resource) replacing(name, user, id string, version int, body map[string]any) write {
	w := r.changing(name, user, id, version, body)
	w.REST.Method = "PUT"
	return w
}

// deleting is the case that deletes a row.
func (r resource) deleting(name, user, id string, version int) write {
	gone := "deleted" + r.typ + "Id"
	w := write{changes: r.written(), Case: Case{
		Name: name, As: Asker{User: user}, REST: Call{Method: "DELETE", Path: r.path + id + "/"},
		GraphQL: Operation{
			Document: fmt.Sprintf("mutation($input: Delete%[1]sInput!) { delete%[1]s(input: $input) { userErrors { code message path reason existingId } %[2]s } }",
				r.typ, gone),
			Variables: map[string]any{"input": map[string]any{"id": id}}, At: "delete" + r.typ + "." + gone, Type: r.typ,
		},
	}}
	return w.at(version)
}

// at names the version that the client has seen.
func (c write) at(version int) write {
	if version > 0 {
		c.REST.Header = map[string]string{"If-Match": fmt.Sprintf(`"1-%d"`, version)}
		c.GraphQL.Variables["input"].(map[string]any)["expectedVersion"] = version
	}
	return c
}

// idle is a write that succeeds and changes nothing.
func idle(w write) write {
	w.changes = nil
	return w
}

// refusing is a write that is refused.
func refusing(w write, want models.Code, fields ...string) write {
	w.changes, w.Want, w.Fields = nil, want, fields
	return w
}

// inWords is a refusal that GraphQL makes while it validates the operation.
func inWords(w write) write {
	w.WordsOnly = true
	return w
}

// keyFor gives a clinic a key of one scope, to ask by.
func (s *Server) keyFor(scope models.Scope) {
	in := models.NewAPIKey{Name: string(scope), Scopes: []models.Scope{scope}}
	s.usable(string(scope), must(s.Store.CreateAPIKey(s.Context(), s.Cedar.System(), in))(s))
}
