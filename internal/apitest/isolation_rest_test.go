package apitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/rest"
)

// restOperation is one method of one path of the OpenAPI document.
type restOperation struct {
	method, path, permission string
	// pathKinds are the prefixes of the identifiers in the path, in order.
	pathKinds []string
	// queryKinds are parameters that take an identifier, with its prefix; texts
	// those that take any text.
	queryKinds map[string]string
	texts      []string
	// needed are the parameters that have to be given, as in examples.
	needed map[string]any
	orders []string
	list   bool
	body   any
}

func (op restOperation) String() string { return op.method + " " + op.path }

// spec is the part of OpenAPI that the walk reads.
type spec struct {
	Paths map[string]map[string]struct {
		Permission string `json:"x-permission"`
		Parameters []struct {
			Name, In string
			Required bool
			Schema   struct {
				Examples []any
				Type     any
				Pattern  string
				Format   string
				Enum     []any
				Items    struct{ Enum []string }
				Ref      string `json:"$ref"`
				AnyOf    []any
				OneOf    []any
			}
		}
		RequestBody struct {
			Content map[string]struct{ Example any }
		}
	}
}

// idPattern is the pattern of identifiers of one kind.
var idPattern = regexp.MustCompile(`^\^([a-z]+)_\[0-7\]`)

// restOperations are all there are, those that destroy something last.
func restOperations(t tester) []restOperation {
	t.Helper()
	var d spec
	if err := json.Unmarshal(must(rest.OpenAPI("3.1"))(t), &d); err != nil {
		t.Fatal(err)
	}
	var all []restOperation
	for path, methods := range d.Paths {
		for method, described := range methods {
			op := restOperation{method: strings.ToUpper(method), path: strings.TrimPrefix(path, "/api/v1/"), permission: described.Permission, queryKinds: map[string]string{}, needed: map[string]any{}}
			if content, json := described.RequestBody.Content["application/json"]; json {
				if op.body = timely(content.Example); op.body == nil {
					t.Errorf("%s has no example of its body, which the isolation walk would send", op)
				}
			}
			for _, p := range described.Parameters {
				kind := idPattern.FindStringSubmatch(p.Schema.Pattern)
				if p.In == "query" && p.Required {
					op.needed[p.Name] = p.Schema.Examples[0]
				}
				switch {
				case p.In == "path" && kind == nil:
					t.Errorf("%s: the isolation walk does not know what {%s} identifies", op, p.Name)
				case p.In == "path":
					op.pathKinds = append(op.pathKinds, kind[1])
				case p.In != "query":
				case kind != nil:
					op.queryKinds[p.Name] = kind[1]
				case p.Name == "ordering":
					op.orders = p.Schema.Items.Enum
				case p.Name == "cursor":
					op.list = true
				case p.Schema.Type == "string" && p.Schema.Pattern == "" && p.Schema.Format == "" && p.Schema.Enum == nil:
					op.texts = append(op.texts, p.Name)
				}
			}
			all = append(all, op)
		}
	}
	rank := []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodPost, http.MethodDelete}
	slices.SortFunc(all, func(a, b restOperation) int {
		if byMethod := slices.Index(rank, a.method) - slices.Index(rank, b.method); byMethod != 0 {
			return byMethod
		}
		return strings.Compare(a.path, b.path)
	})
	return all
}

// timely is a body whose instants lie a month after the clock of the tests, and
// those since which something is asked for a month before: in examples they are
// what some reader's clock is before.
func timely(v any) any {
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return factory.Now().AddDate(0, 0, 30).Format(time.RFC3339)
		}
	case map[string]any:
		for name, item := range v {
			if v[name] = timely(item); name == "since" {
				v[name] = factory.Now().AddDate(0, 0, -30).Format(time.RFC3339)
			}
		}
	}
	return v
}

// restShows says whether there is such a resource.
func restShows(resource string) bool {
	var d spec
	document, err := rest.OpenAPI("3.1")
	return err == nil && json.Unmarshal(document, &d) == nil && d.Paths["/api/v1/"+resource+"/"] != nil
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

// call is the operation with these identifiers in its path.
func (op restOperation) call(ids []string) Call {
	at := 0
	path := inBraces.ReplaceAllStringFunc(op.path, func(string) string {
		at++
		return ids[at-1]
	})
	query := url.Values{}
	for name, value := range timely(maps.Clone(op.needed)).(map[string]any) {
		query.Set(name, fmt.Sprint(value))
	}
	return Call{Method: op.method, Path: path, Body: op.body, Query: query}
}

// calls are the operation for up to most of a customer's objects. A second
// identifier in a path is tried with the first object that has one.
func (op restOperation) calls(ids map[string][]string, most int) []Call {
	sets := [][]string{nil}
	for _, kind := range op.pathKinds {
		var longer [][]string
		for _, set := range sets {
			for _, id := range ids[kind] {
				longer = append(longer, append(slices.Clone(set), id))
			}
		}
		sets = longer[:min(len(longer), most)]
	}
	var calls []Call
	for _, set := range sets {
		calls = append(calls, op.call(set))
	}
	return calls
}

// replaced is a JSON value with its identifiers replaced, one after another.
func replaced(v any, with func(at int, id string) string) any {
	at := -1
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case string:
			if !typeID.MatchString(v) {
				return v
			}
			at++
			return with(at, v)
		case map[string]any:
			out := map[string]any{}
			for _, name := range slices.Sorted(maps.Keys(v)) {
				out[name] = walk(v[name])
			}
			return out
		case []any:
			out := make([]any, len(v))
			for i, item := range v {
				out[i] = walk(item)
			}
			return out
		default:
			return v
		}
	}
	return walk(v)
}

// bodyKinds are the prefixes of the identifiers in the body.
func (op restOperation) bodyKinds() []string {
	var kinds []string
	replaced(op.body, func(_ int, id string) string {
		kinds = append(kinds, models.IDPrefix(id))
		return id
	})
	return kinds
}

// first are one's own identifiers of these kinds.
func (e *estate) first(kinds []string) []string {
	ids := make([]string, len(kinds))
	for i, kind := range kinds {
		if ids[i] = kind + nowhere; len(e.ids[kind]) > 0 {
			ids[i] = e.ids[kind][0]
		}
	}
	return ids
}

// restAt is an operation with a value at one place, and one's own everywhere
// else.
func restAt(op restOperation, put func(c *Call, ids []string, value string)) func(*town, *estate, map[string]string) func(Asker, string) reply {
	return func(s *town, own *estate, header map[string]string) func(Asker, string) reply {
		return func(as Asker, value string) reply {
			ids := own.first(op.pathKinds)
			c := op.call(ids)
			c.Body = replaced(op.body, func(_ int, id string) string { return own.first([]string{models.IDPrefix(id)})[0] })
			c.Header = map[string]string{}
			maps.Copy(c.Header, header)
			if op.method == http.MethodPatch && c.Header["If-Match"] == "" {
				c.Header["If-Match"] = "*" // any version, or nothing would be found out
			}
			put(&c, ids, value)
			return s.rest(s, as, c)
		}
	}
}

// restPositions are all places in REST for an identifier or a text. Where an
// identifier goes, a customer's own must be accepted: else nothing is shown by
// another's being refused.
func (s *town) restPositions(t *testing.T) []position {
	t.Helper()
	var all []position
	for _, op := range restOperations(t) {
		for i, kind := range op.pathKinds {
			all = append(all, position{
				name: fmt.Sprintf("%s, %s_ in the path", op, kind), kinds: []string{kind}, conditional: true,
				ask: restAt(op, func(c *Call, ids []string, value string) {
					there := slices.Clone(ids)
					there[i] = value
					c.Path = op.call(there).Path
				}),
			})
		}
		for name, kind := range op.queryKinds {
			all = append(all, position{
				name: fmt.Sprintf("%s?%s=%s_", op, name, kind), kinds: []string{kind},
				ask: restAt(op, func(c *Call, _ []string, value string) { c.Query.Set(name, value) }),
			})
		}
		for i, kind := range op.bodyKinds() {
			all = append(all, position{
				name: fmt.Sprintf("%s, %s_ in the body", op, kind), kinds: []string{kind}, conditional: true,
				ask: restAt(op, func(c *Call, _ []string, value string) {
					c.Body = replaced(c.Body, func(at int, id string) string {
						if at == i {
							return value
						}
						return id
					})
				}),
			})
		}
		for _, at := range all[max(0, len(all)-len(op.pathKinds)-len(op.queryKinds)-len(op.bodyKinds())):] {
			s.wantAccepted(t, at)
		}
		for _, name := range op.texts {
			all = append(all, position{
				name: fmt.Sprintf("%s?%s=", op, name),
				ask:  restAt(op, func(c *Call, _ []string, value string) { c.Query.Set(name, value) }),
			})
		}
		all = append(all, op.headerPositions()...)
	}
	return all
}

// headerPositions names the other customer in the header, which is a
// superuser's to do: theirs is the one question that is not put.
func (op restOperation) headerPositions() []position {
	if op.permission == "" || len(op.pathKinds) > 0 {
		return nil
	}
	at := restAt(op, func(*Call, []string, string) {})
	return []position{{
		name: fmt.Sprintf("%s for a customer", op), kinds: []string{"cust"},
		ask: func(s *town, own *estate, header map[string]string) func(Asker, string) reply {
			ask := at(s, own, header)
			return func(as Asker, value string) reply {
				if as.User == "root" {
					return reply{}
				}
				as.Customer = value
				return ask(as, "")
			}
		},
	}}
}

// wantAccepted demands that a place takes an identifier of the owner's own:
// one of those that there are, and as the owner or the superuser.
func (s *town) wantAccepted(t *testing.T, at position) {
	t.Helper()
	ask := at.ask(s, s.cedar.own, nil)
	var last reply
	for _, kind := range at.kinds {
		for _, id := range s.cedar.own.ids[kind][:min(len(s.cedar.own.ids[kind]), 5)] {
			for _, as := range []Asker{{User: "cedar.owner"}, {User: "root", Customer: "{cedar}"}} {
				if last = ask(as, id); last.status < 400 || last.status == http.StatusConflict {
					return
				}
			}
		}
	}
	t.Errorf("%s: no call that is answered could be built from what Cedar has (%d %s); "+
		"give the operation an example that works, or plant rows for it", at.name, last.status, last.body)
}

// walkCursors pages on from where the other customer stands, in every list
// and order of both APIs.
func (s *town) walkCursors(t *testing.T, p parties) {
	t.Helper()
	seen := 0
	for _, op := range restOperations(t) {
		for _, order := range append(op.orders, "") {
			cursor := p.foreign.cursors[op.path+" "+order]
			if !op.list || cursor == "" {
				continue
			}
			seen++
			ask := restAt(op, func(c *Call, _ []string, value string) {
				c.Query.Set("cursor", value)
				if order != "" {
					c.Query.Set("ordering", order)
				}
			})(s, p.own, map[string]string{"X-Request-Id": requestName})
			p.indistinguishable(t, probeOf{name: fmt.Sprint("a cursor of ", op, " by ", order), ask: ask}, cursor, forged(t, cursor))
		}
		// One's own customer is the only one.
		if op.list && op.path != "customers/" && p.foreign.cursors[op.path+" "] == "" {
			t.Errorf("%s has no second row in %s, so no cursor to try", p.foreign.slug, op)
		}
	}
	if seen < 30 {
		t.Errorf("only %d cursors of REST were tried", seen)
	}
	s.walkConnections(t, p)
}
