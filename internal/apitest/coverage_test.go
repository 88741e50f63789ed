package apitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"upstream/internal/web"
	"upstream/models"
	"upstream/rest"
)

// allCases are the questions of this package that are known before it runs.
func allCases() []Case {
	cases := slices.Concat(detailCases(), accessCases(), invalidCases(), oddCases(), summaryCases(), replayCounts())
	for _, w := range slices.Concat(detections(), refusals(), triggers(), triggerRefusals(), memberChanges(), memberRefusals(), keyChanges(), keyRefusals(), invitationChanges(), invitationRefusals(),
		mappingChanges(), mappingRefusals(), settingsChanges(), settingsRefusals(), uploadChanges(), uploadRefusals(), alertRuleChanges(), alertRuleRefusals(), channelChanges(), channelRefusals(),
		alertChanges(), alertRefusals(), webhookChanges(), webhookRefusals()) {
		cases = append(cases, w.Case)
	}
	for _, l := range lists() {
		cases = append(cases, l.ask(question{}))
	}
	return cases
}

// aloneInREST are the operations that GraphQL has no counterpart of, and why.
var aloneInREST = map[string]string{
	"POST /api/v1/auth/token/":         "every case signs in by it",
	"POST /api/v1/auth/token/refresh/": "authentication is REST only: GraphQL takes the tokens and gives none",
	"POST /api/v1/auth/token/verify/":  "authentication is REST only: GraphQL says who a token is by viewer",
	"POST /api/v1/auth/logout/":        "authentication is REST only",
	"POST /api/v1/auth/password/":      "authentication is REST only",

	"POST /api/v1/auth/password-reset/":         "authentication is REST only",
	"POST /api/v1/auth/password-reset/confirm/": "authentication is REST only",

	"POST /api/v1/auth/invitations/accept/": "authentication is REST only",

	"POST /api/v1/uploads/":            "bytes come by REST; TestUploads reads them by GraphQL",
	"POST /api/v1/claims/batch/":       "claims without a file come by REST; TestBatches reads them by GraphQL",
	"GET /api/v1/claims/export/":       "whole lists are written down by REST; TestExports compares them with the lists",
	"GET /api/v1/drift-events/export/": "whole lists are written down by REST; TestExports compares them with the lists",
	"GET /api/v1/health/":              "says nothing about a customer",
	"GET /healthz":                     "says nothing about a customer",
	"GET /readyz":                      "says nothing about a customer",
}

// aloneInGraphQL are the root fields that are not one operation of REST, and why.
var aloneInGraphQL = map[string]string{
	"Query.nodes": "checkNodes asks REST for the same objects one by one",
}

// document is the part of OpenAPI that is looked at.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string
		Permission  models.Permission `json:"x-permission"`
		Also        models.Permission `json:"x-also-permission"`
		Parameters  []struct{ Name, In string }
		Responses   map[string]struct {
			Content map[string]struct {
				Schema struct {
					Ref string `json:"$ref"`
				}
			}
		}
	}
	Components struct {
		Schemas map[string]struct{ Properties map[string]any }
	}
}

func openAPI(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(must(rest.OpenAPI("3.1"))(t), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var variable = regexp.MustCompile(`\{[^}]*\}|[a-z]+_[0-9a-z]{26}`)

// template is a path with its identifiers blanked, whatever they are called.
func template(path string) string {
	return variable.ReplaceAllString(strings.TrimPrefix(path, "/api/v1/"), "{}")
}

// isList says whether an operation answers with the envelope of lists.
func (d document) isList(path, method string) bool {
	schema := d.Paths[path][method].Responses["200"].Content["application/json"].Schema.Ref
	properties := d.Components.Schemas[schema[strings.LastIndex(schema, "/")+1:]].Properties
	return properties["results"] != nil && properties["count"] != nil
}

// TestEveryRESTOperationHasACase fails when REST can do what no case tries.
func TestEveryRESTOperationHasACase(t *testing.T) {
	t.Parallel()
	touched := map[string]bool{}
	for _, c := range allCases() {
		method := c.REST.Method
		if method == "" {
			method = "GET"
		}
		touched[method+" "+template(c.REST.Path)] = true
	}
	listed := map[string]bool{}
	for _, l := range lists() {
		listed[template(l.path)] = true
	}
	d, seen := openAPI(t), 0
	for path, methods := range d.Paths {
		for method := range methods {
			operation := strings.ToUpper(method) + " " + path
			if _, alone := aloneInREST[operation]; alone {
				seen++
				continue
			}
			if !touched[strings.ToUpper(method)+" "+template(path)] {
				t.Errorf("no case asks %s; add one, or say in aloneInREST why there is none", operation)
			}
			if method == "get" && d.isList(path, method) {
				seen++
				if !listed[template(path)] {
					t.Errorf("%s is a list that is not among lists()", operation)
				}
			}
		}
	}
	if want := len(aloneInREST) + 9; seen < want {
		t.Errorf("%d lists and exceptions found, want at least %d: has the document changed its form?", seen, want)
	}
}

// TestEveryConnectionHasACase fails when GraphQL has a connection, or any
// other root field, that no case selects.
func TestEveryConnectionHasACase(t *testing.T) {
	t.Parallel()
	touched := map[string]bool{}
	for _, c := range allCases() {
		if parsed, err := parser.ParseQuery(&ast.Source{Input: c.GraphQL.Document}); err == nil {
			for _, op := range parsed.Operations {
				root := "Query"
				if op.Operation == ast.Mutation {
					root = "Mutation"
				}
				touch(touched, root, op.SelectionSet)
			}
		} else {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	listed := map[string]bool{}
	for _, l := range lists() {
		listed[l.parent+"."+l.field] = true
	}
	for _, def := range schema().Types {
		if def.Kind != ast.Object || strings.HasPrefix(def.Name, "__") {
			continue
		}
		for _, f := range def.Fields {
			field := def.Name + "." + f.Name
			isRoot := (def == schema().Query || def == schema().Mutation) && !strings.HasPrefix(f.Name, "__")
			if _, alone := aloneInGraphQL[field]; isRoot && !alone && !touched[field] {
				t.Errorf("no case asks %s; add one, or say in aloneInGraphQL why there is none", field)
			}
			if shapeOf(f) == connection && !listed[field] {
				t.Errorf("%s is a connection that is not among lists()", field)
			}
		}
	}
}

// touch notes the fields of a selection.
func touch(touched map[string]bool, typ string, set ast.SelectionSet) {
	for _, selected := range set {
		switch selected := selected.(type) {
		case *ast.Field:
			touched[typ+"."+selected.Name] = true
			if f := definition(typ).Fields.ForName(selected.Name); f != nil {
				touch(touched, f.Type.Name(), selected.SelectionSet)
			}
		case *ast.InlineFragment:
			touch(touched, selected.TypeCondition, selected.SelectionSet)
		}
	}
}

// listParameters are what every list of REST takes besides its filter.
var listParameters = []string{"search", "ordering", "page", "page_size", "cursor", "count"}

// TestEveryFilterFieldHasAProbe fails when a list can be filtered in a way no
// probe tries, or in one API and not in the other.
func TestEveryFilterFieldHasAProbe(t *testing.T) {
	t.Parallel()
	d := openAPI(t)
	for _, l := range lists() {
		var probed []string
		for _, p := range l.filters {
			probed = append(probed, p.name)
		}
		slices.Sort(probed)
		probed = slices.Compact(probed)
		inGraphQL := slices.Sorted(slices.Values(l.filterFields()))
		same(t, l.name+": fields of the filter in GraphQL, and probed", inGraphQL, probed)
		var inREST []string
		for path, methods := range d.Paths {
			if template(path) != template(l.path) {
				continue
			}
			for _, p := range methods["get"].Parameters {
				if p.In == "query" && !slices.Contains(listParameters, p.Name) && !slices.Contains(l.fixes(), p.Name) {
					inREST = append(inREST, p.Name)
				}
			}
		}
		slices.Sort(inREST)
		same(t, l.name+": fields of the filter in REST, and in GraphQL", inREST, inGraphQL)
	}
}

// TestEveryErrorHasAPage fails when a problem could name a type whose address
// leads nowhere, or to a page with another title.
func TestEveryErrorHasAPage(t *testing.T) {
	t.Parallel()
	var d struct {
		Components struct {
			Schemas struct{ ErrorCode struct{ Enum []string } }
		}
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Examples map[string]struct {
						Value struct{ Type, Title, Code string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(must(rest.OpenAPI("3.1"))(t), &d); err != nil {
		t.Fatal(err)
	}
	titles := map[string]string{}
	for _, methods := range d.Paths {
		for _, op := range methods {
			for _, response := range op.Responses {
				for _, example := range response.Content["application/problem+json"].Examples {
					titles[example.Value.Type] = example.Value.Title
				}
			}
		}
	}
	pages := must(web.New(web.Options{}))(t)
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
	if len(d.Components.Schemas.ErrorCode.Enum) < 15 || len(titles) < 10 {
		t.Fatalf("%d codes, %d types: has the document changed its form?", len(d.Components.Schemas.ErrorCode.Enum), len(titles))
	}
	index := ask("/errors/").Body.String()
	for _, code := range d.Components.Schemas.ErrorCode.Enum {
		path := "/errors/" + strings.ReplaceAll(strings.ToLower(code), "_", "-")
		w := ask(path)
		page := w.Body.String()
		for _, want := range []string{"<code>" + code + "</code>", titles[path] + "</title>", "What to do", "&#34;" + path + "&#34;"} {
			if w.Code != http.StatusOK || !strings.Contains(page, want) {
				t.Errorf("%s: %d, without %q", path, w.Code, want)
			}
		}
		if !strings.Contains(index, path) {
			t.Errorf("/errors/ does not list %s", path)
		}
	}
}
