package rest

import (
	"math"
	"reflect"
	"regexp/syntax"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"upstream/internal/auth"
)

// maxText bounds, in characters, every text for which nothing tighter is known,
// and likewise the members of every list: none is longer than the body that
// carries it may be.
const maxText = DefaultMaxBodyBytes

// storableText is the pattern of every text for which nothing tighter is known:
// PostgreSQL stores any character but zero.
const storableText = `^[^\x00]*$`

// Whole numbers that every JSON reader keeps exact (RFC 8259 §6).
const (
	maxExact = 1<<53 - 1
	minExact = -maxExact
)

// textLimits bound fields by their name, in characters; those that columns
// have the name of are as wide as the columns.
func textLimits() map[string]int {
	return map[string]int{
		"action": 50, "actor": 254, "actor_id": 100, "authorization_number": 100, "cc_email": 254, "claim_number": 64,
		"column": 64, "cpt": 20, "cpt_code": 20, "cpt_group": 50, "denial_reason_code": 50, "email": 254,
		"entity_id": 100, "entity_type": 100, "error_code": 40, "file_encoding": 50, "file_hash": 64, "filename": 255,
		"first_name": 150, "last_name": 150, "last_used_addr": 64, "name": 255, "new_password": auth.MaxPasswordBytes,
		"old_password": auth.MaxPasswordBytes, "password": auth.MaxPasswordBytes, "payer": 255, "prefix": 20,
		"remote_addr": 64, "request_id": 64, "slug": 63, "time_zone": 64, "to_email": 254,
	}
}

// listLimits bound lists by their name.
func listLimits() map[string]int { return map[string]int{"allowed_cidrs": 50} }

// formatLimits are the longest texts of a format.
func formatLimits() map[string]int {
	return map[string]int{"date": len("2026-05-01"), "date-time": len("2026-05-01T09:30:00.123456789+00:00"), "email": 254}
}

// describer completes a document with what holds for all values of a kind, so
// that no reader has to assume it. It works on the written form: the library
// checks requests by its own schemas, which would then refuse in its words what
// the store refuses in ours.
type describer struct {
	texts, lists, formats map[string]int
	headers               map[string]any
}

// complete bounds every value, names the headers of all answers once, and says
// of operations that need no signing in that they need none.
func complete(document map[string]any) {
	d := describer{texts: textLimits(), lists: listLimits(), formats: formatLimits(), headers: map[string]any{}}
	operations(document, func(op map[string]any) {
		if op["security"] == nil {
			op["security"] = []any{}
		}
		d.answers(op)
	})
	if components, ok := document["components"].(map[string]any); ok {
		components["headers"] = d.headers
	}
	d.bound(document, "")
}

// operations visits each operation of a document.
func operations(document map[string]any, visit func(op map[string]any)) {
	paths, _ := document["paths"].(map[string]any)
	for _, path := range sortedKeys(paths) {
		methods, _ := paths[path].(map[string]any)
		for _, method := range sortedKeys(methods) {
			if op, ok := methods[method].(map[string]any); ok {
				visit(op)
			}
		}
	}
}

// answers adds the header that pages of other origins need and moves headers
// that many answers share to one place.
func (d describer) answers(op map[string]any) {
	responses, _ := op["responses"].(map[string]any)
	for _, status := range sortedKeys(responses) { // the first to have a header gives it
		response, ok := responses[status].(map[string]any)
		if !ok {
			continue
		}
		headers, ok := response["headers"].(map[string]any)
		if !ok {
			headers = map[string]any{}
			response["headers"] = headers
		}
		headers["Access-Control-Allow-Origin"] = map[string]any{
			"description": "The origin of the page that asks, when the operator allows it.",
			"schema":      map[string]any{"type": huma.TypeString},
		}
		for name, header := range headers {
			if _, known := d.headers[name]; !known {
				d.headers[name] = header
			}
			if reflect.DeepEqual(d.headers[name], header) {
				headers[name] = map[string]any{"$ref": "#/components/headers/" + name}
			}
		}
	}
}

// bound visits every schema below node; name is that of the field, parameter or
// header it belongs to.
func (d describer) bound(node any, name string) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			d.bound(child, name)
		}
	case map[string]any:
		if parameter, ok := node["name"].(string); ok {
			name = parameter
			if node["in"] == "query" {
				name = "" // a filter takes what no column holds, and finds nothing
			}
		}
		d.boundValue(node, name)
		for key, child := range node {
			switch key {
			case "example", "examples", "default", "enum": // values, not schemas
			case "schema", "items", "allOf", "anyOf", "oneOf":
				d.bound(child, name)
			default:
				d.bound(child, key)
			}
		}
	}
}

// boundValue bounds the values of one schema, unless it does so itself.
func (d describer) boundValue(schema map[string]any, name string) {
	unless := func(key string, value any) {
		if _, ok := schema[key]; !ok {
			schema[key] = value
		}
	}
	switch {
	case isType(schema, huma.TypeString):
		if schema["enum"] != nil {
			return
		}
		if constant, ok := schema["const"].(string); ok {
			unless("maxLength", len(constant))
			return
		}
		unless("maxLength", d.longest(schema, name))
		if schema["format"] == nil {
			unless("pattern", storableText)
		}
	case isType(schema, huma.TypeInteger):
		unless("format", "int64")
		if schema["format"] == "int32" {
			unless("minimum", math.MinInt32)
			unless("maximum", math.MaxInt32)
		}
		unless("minimum", minExact)
		unless("maximum", maxExact)
	case isType(schema, huma.TypeArray):
		unless("maxItems", limitOf(d.lists, name))
	case isType(schema, huma.TypeObject) && isOpen(schema):
		unless("maxProperties", maxText)
	}
}

// isOpen says whether a schema describes members of any name.
func isOpen(object map[string]any) bool {
	switch more := object["additionalProperties"].(type) {
	case bool:
		return more
	default:
		return more != nil
	}
}

// isType looks at a type as either version of OpenAPI writes it.
func isType(schema map[string]any, want string) bool {
	types, _ := schema["type"].([]any)
	return schema["type"] == want || slices.Contains(types, any(want))
}

func limitOf(limits map[string]int, name string) int {
	if limit, ok := limits[name]; ok {
		return limit
	}
	return maxText
}

// longest is how many characters a text of this schema can have.
func (d describer) longest(schema map[string]any, name string) int {
	if format, ok := schema["format"].(string); ok && d.formats[format] > 0 {
		return d.formats[format]
	}
	if pattern, ok := schema["pattern"].(string); ok {
		if tree, err := syntax.Parse(pattern, syntax.Perl); err == nil {
			if n, ok := longestMatch(tree); ok {
				return n
			}
		}
	}
	return limitOf(d.texts, name)
}

// longestMatch is how many characters an expression can match, where that has
// an end. It counts on anchors at both ends.
func longestMatch(e *syntax.Regexp) (int, bool) {
	total := 0
	for _, part := range e.Sub {
		n, ok := longestMatch(part)
		if !ok {
			return 0, false
		}
		if e.Op == syntax.OpAlternate {
			total = max(total, n)
		} else {
			total += n
		}
	}
	switch e.Op {
	case syntax.OpLiteral:
		return len(e.Rune), true
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, true
	case syntax.OpStar, syntax.OpPlus:
		return 0, false
	case syntax.OpRepeat:
		return total * e.Max, e.Max >= 0
	default:
		return total, true
	}
}
