package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/yaml"

	"upstream/internal/auth"
	"upstream/models"
)

const problemRef = schemaPrefix + "Problem"

func statusKey(status int) string { return strconv.Itoa(status) }

// newHumaConfig is the library's configuration: JSON alone, our error bodies,
// no routes of its own.
func (a *api) newHumaConfig() huma.Config {
	format := huma.Format{Marshal: marshalJSON, Unmarshal: unmarshalJSON}
	return huma.Config{
		OpenAPI:       a.newOpenAPI(),
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{a.translateHumaErrors},
	}
}

func (a *api) newOpenAPI() *huma.OpenAPI {
	schemas := newSchemas()
	schemas.Schema(reflect.TypeFor[problem](), true, "")
	server := a.opts.PublicURL
	if server == "" {
		server = "/"
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Upstream", Version: apiVersion, Contact: &huma.Contact{Name: "The operator of this server"},
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			Description: "Early warning for healthcare revenue teams: upload adjudicated claims, detect which payers " +
				"changed how they decide, and read what was found.\n\nSign in with `POST /api/v1/auth/token/` and send the " +
				"access token as `Authorization: Bearer`; programs of partners send an API key there, which needs no signing in. Every error is a problem document (RFC 9457) with a stable `code`. " +
				"Lists page by number (`page`) or, for stable feeds, by `cursor`.",
		},
		Servers:    []*huma.Server{{URL: server, Extensions: map[string]any{"x-internal": false}}},
		Components: &huma.Components{Schemas: schemas, SecuritySchemes: securitySchemes()},
		Tags: []*huma.Tag{
			{Name: tagAuth, Description: "Signing in."},
			{Name: tagCustomers, Description: "The organisation you act for."},
			{Name: tagUploads, Description: "Claims files and what became of their rows."},
			{Name: tagClaims, Description: "Adjudicated claim lines."},
			{Name: tagReports, Description: "Detection runs, and every test they made."},
			{Name: tagDrift, Description: "What was found: changes of a payer's behaviour."},
			{Name: tagAlerts, Description: "Who is told of drift and how, and what operators made of it."},
			{Name: tagMappings, Description: "How claims files are read: payers' names and groups of procedure codes."},
			{Name: tagMembers, Description: "Who belongs to the organisation or is invited, and what they may do."},
			{Name: tagKeys, Description: "What programs of partners show instead of signing in."},
			{Name: tagWebhooks, Description: "Events, sent to partners' URLs or read by their programs."},
			{Name: tagAudit, Description: "Who did what, and when."},
			{Name: tagHealth, Description: "Is the service alive and ready?"},
		},
	}
}

// The tags operations are grouped under.
const (
	tagAuth      = "auth"
	tagCustomers = "customers"
	tagUploads   = "uploads"
	tagClaims    = "claims"
	tagReports   = "reports"
	tagDrift     = "drift-events"
	tagAlerts    = "alerts"
	tagMappings  = "mappings"
	tagMembers   = "members"
	tagKeys      = "api-keys"
	tagWebhooks  = "webhooks"
	tagAudit     = "audit-events"
	tagHealth    = "health"
)

func securitySchemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{"bearer": {
		Type: "http", Scheme: "bearer", BearerFormat: "JWT or up_live_…",
		Description: "An access token of POST /api/v1/auth/token/, valid for 30 minutes, or an API key of POST /api/v1/api-keys/. " +
			"What a token may do its user's role says (x-permission), what a key may do its scopes (x-scope).",
	}}
}

// customerParam documents the header superusers name a customer with.
func customerParam() *huma.Param {
	return &huma.Param{
		Name: auth.CustomerHeader, In: "header",
		Description: "The customer a superuser acts for. Others leave it out, or name their own customer.",
		Schema:      idSchemaOf(models.CustomerID{}),
	}
}

func idSchemaOf[K models.Kind](models.ID[K]) *huma.Schema { return idSchema[K]{}.Schema(nil) }

// listParams documents what every list takes.
func listParams(orders []string, unsearchable bool) []*huma.Param {
	one, size := 1.0, float64(models.MaxPageSize)
	both := make([]any, 0, 2*len(orders))
	for _, name := range orders {
		both = append(both, name, "-"+name)
	}
	flat := false
	query := func(name, doc string, s *huma.Schema) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: doc, Schema: s}
	}
	ordering := query("ordering", "Columns to order by, the first one first; a minus sign turns one round.",
		&huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Enum: both}, MaxItems: new(min(len(orders), models.MaxOrderTerms))})
	ordering.Style, ordering.Explode = "form", &flat
	cursor := query("cursor", "Page by position instead of by number, which stays exact while rows come and go: empty for the "+
		"first page, then what `next` and `previous` carry.", &huma.Schema{Type: huma.TypeString})
	cursor.AllowEmptyValue = true
	var params []*huma.Param
	if !unsearchable {
		longest := models.MaxSearchLength
		params = append(params, query("search", "Words, separated by white space or commas; each must occur in a row.",
			&huma.Schema{Type: huma.TypeString, MaxLength: &longest}))
	}
	return append(params, ordering,
		query("page", "Page number, from 1, or `last`. A page past the end is a 404.", &huma.Schema{
			// A choice of a number and a word is a type that generated clients cannot fill in.
			Type: huma.TypeString, Default: "1", Pattern: "^([1-9][0-9]{0,9}|" + lastPage + ")$",
		}),
		query("page_size", "Rows per page.", &huma.Schema{Type: huma.TypeInteger, Format: "int32", Minimum: &one, Maximum: &size, Default: models.DefaultPageSize}),
		cursor,
		query("count", "Whether to count the whole list, which takes a large one longer than a page of it: `exact` for pages by "+
			"number unless given, `none` for pages by cursor.", &huma.Schema{Type: huma.TypeString, Enum: []any{countExact, countNone}}),
	)
}

// documents are the OpenAPI documents, each made when it is first asked for:
// that takes longer than everything else that a server does before it serves.
type documents struct{ json, yaml, json30 func() (document, error) }

// document is what is served, with its tag.
type document struct {
	body []byte
	tag  string
}

// makeDocuments finishes the description, and says how it is written down in
// each form.
func makeDocuments(spec *huma.OpenAPI) documents {
	schemas := spec.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // the library's own error, which no answer has
	delete(schemas, "ErrorDetail")
	finishSchemas(spec.Components.Schemas)
	addExamples(spec)
	var d documents
	d.json = once("the OpenAPI document", func() ([]byte, error) {
		return write(spec.MarshalJSON, describeWebhooks("webhooks"))
	})
	d.yaml = once("the OpenAPI document as YAML", func() ([]byte, error) {
		var text bytes.Buffer
		source, err := d.json()
		if err == nil {
			err = yaml.Convert(&text, bytes.NewReader(source.body))
		}
		return text.Bytes(), err
	})
	// For older generators: OpenAPI 3.0.3, which has no webhooks; some tools read
	// them from where this puts them.
	d.json30 = once("the OpenAPI 3.0 document", func() ([]byte, error) {
		return write(spec.Downgrade, describeWebhooks("x-webhooks"), undo31)
	})
	return d
}

// once makes a document when it is first asked for.
func once(what string, body func() ([]byte, error)) func() (document, error) {
	return sync.OnceValues(func() (document, error) {
		b, err := body()
		if err != nil {
			return document{}, fmt.Errorf("write %s: %w", what, err)
		}
		return document{body: b, tag: contentTag(b)}, nil
	})
}

// write completes what marshal wrote, and what each of edits changes.
func write(marshal func() ([]byte, error), edits ...func(map[string]any) error) ([]byte, error) {
	b, err := marshal()
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if err := json.Unmarshal(b, &document); err != nil {
		return nil, err
	}
	for _, edit := range edits {
		if err := edit(document); err != nil {
			return nil, err
		}
	}
	complete(document)
	return json.Marshal(document)
}

// undo31 rewrites what the library's own downgrade leaves of 3.1: a choice
// with null, a licence identifier, a media type beside a format, a description
// beside a reference, a constant, and null among types.
func undo31(document map[string]any) error {
	components, _ := document["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	undoBelow(document, schemas)
	return nil
}

func undoBelow(node any, schemas map[string]any) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			undoBelow(child, schemas)
		}
	case map[string]any:
		for _, child := range node {
			undoBelow(child, schemas)
		}
		if choice, ok := node["oneOf"].([]any); ok && len(choice) == 2 && isNull(choice[1]) {
			delete(node, "oneOf")
			node["allOf"], node["nullable"] = choice[:1], true
			if known := referred(choice[0], schemas); known["type"] != nil {
				node["type"] = known["type"] // without it nullable says nothing
			}
		}
		if value, ok := node["const"].(string); ok {
			delete(node, "const")
			node["enum"] = []any{value}
		}
		if types, ok := node["type"].([]any); ok && len(types) == 2 && types[1] == nullType {
			node["type"], node["nullable"] = types[0], true
		}
		if node["contentMediaType"] != nil {
			delete(node, "contentMediaType")
		}
		if node["identifier"] == "Apache-2.0" {
			delete(node, "identifier")
			node["url"] = "https://www.apache.org/licenses/LICENSE-2.0"
		}
		if ref, ok := node["$ref"].(string); ok && node["description"] != nil && strings.HasPrefix(ref, schemaPrefix) {
			delete(node, "$ref")
			node["allOf"] = []any{map[string]any{"$ref": ref}}
		}
	}
}

// referred is the schema that a reference leads to; nil where it leads nowhere.
func referred(node any, schemas map[string]any) map[string]any {
	reference, _ := node.(map[string]any)
	name, _ := reference["$ref"].(string)
	schema, _ := schemas[strings.TrimPrefix(name, schemaPrefix)].(map[string]any)
	return schema
}

func isNull(node any) bool {
	schema, ok := node.(map[string]any)
	return ok && schema["type"] == nullType
}

// OpenAPI is the description of the API as JSON, in OpenAPI version "3.1" or
// "3.0". It needs no database.
func OpenAPI(version string) ([]byte, error) {
	d := newAPI(nil, nil, Options{}).documents
	switch version {
	case "3.1":
		return bodyOf(d.json())
	case "3.0":
		return bodyOf(d.json30())
	default:
		return nil, models.InvalidField("version", "invalid", "must be 3.1 or 3.0")
	}
}

// OpenAPIYAML is the description of the API as YAML, in OpenAPI version 3.1.
func OpenAPIYAML() ([]byte, error) {
	return bodyOf(newAPI(nil, nil, Options{}).documents.yaml())
}

func bodyOf(d document, err error) ([]byte, error) { return d.body, err }

// serveDocuments adds the routes of the documents.
func (a *api) serveDocuments() {
	const asJSON, asYAML = "application/json", "application/yaml"
	a.router.Get("/api/openapi.json", a.serveDocument(asJSON, a.documents.json))
	a.router.Get("/api/openapi-3.0.json", a.serveDocument(asJSON, a.documents.json30))
	for _, path := range []string{"/api/openapi.yaml", "/api/schema", "/api/schema/"} {
		a.router.Get(path, a.serveDocument(asYAML, a.documents.yaml))
	}
}

func (a *api) serveDocument(mediaType string, made func() (document, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d, err := made()
		if err != nil {
			a.writeProblem(w, r, models.Internal(err))
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Cache-Control", "public, max-age=60")
		if theirs, match := anyMatch(r.Header.Get("If-None-Match"), d.tag); match {
			w.Header().Set("ETag", theirs)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", d.tag)
		_, _ = w.Write(d.body) // a client that went away is nobody's error
	}
}
