package rest

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
	"regexp/syntax"
	"strconv"
	"testing"
)

// What is documented of a field is what its column holds.
func TestTextLimits_AreThoseOfTheColumns(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../migrations/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	column := regexp.MustCompile(`^\s+(\w+) character varying\((\d+)\)`)
	widest := map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if m := column.FindStringSubmatch(lines.Text()); m != nil {
			width, err := strconv.Atoi(m[2])
			if err != nil {
				t.Fatal(err)
			}
			widest[m[1]] = max(widest[m[1]], width)
		}
	}
	if lines.Err() != nil || len(widest) < 20 {
		t.Fatalf("found %d columns: %v", len(widest), lines.Err())
	}
	for name, limit := range textLimits() {
		if width, ok := widest[name]; ok && width != limit {
			t.Errorf("%s: documented as %d characters, the column has %d", name, limit, width)
		}
	}
}

func TestLongestMatch(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]int{
		"^clm_[0-7][0-9a-hjkmnp-tv-z]{25}$": 30,
		"^[0-9a-f]{64}$":                    64,
		`^-?\d{1,10}(\.\d{1,2})?$`:          14,
		"^(a|bcd|ef)$":                      3,
		"^(ab){2,3}.$":                      7,
		"^$":                                0,
		`^\d+$`:                             -1,
		"^a*b$":                             -1,
		"^(ab){2,}$":                        -1,
		"^(a|b+)$":                          -1,
	} {
		tree, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		got, ends := longestMatch(tree)
		if !ends {
			got = -1
		}
		if got != want {
			t.Errorf("%s: %d, want %d", pattern, got, want)
		}
	}
}

// A value that is written down in the description has a bound there.
func TestEveryValueIsBounded(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.1", "3.0"} {
		b, err := OpenAPI(version)
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal(b, &document); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		visitSchemas(document, func(schema map[string]any) {
			for kind, keys := range map[string][]string{
				"string": {"maxLength"}, "integer": {"minimum", "maximum", "format"}, "array": {"maxItems"},
			} {
				if !isType(schema, kind) || schema["enum"] != nil {
					continue
				}
				seen[kind]++
				for _, key := range keys {
					if schema[key] == nil {
						t.Errorf("%s: %v has no %s", version, schema, key)
					}
				}
			}
		})
		if seen["string"] < 200 || seen["integer"] < 50 || seen["array"] < 20 {
			t.Errorf("%s: looked at no more than %v", version, seen)
		}
	}
}

func visitSchemas(node any, visit func(map[string]any)) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			visitSchemas(child, visit)
		}
	case map[string]any:
		visit(node)
		for key, child := range node {
			if key != "example" && key != "examples" && key != "default" {
				visitSchemas(child, visit)
			}
		}
	}
}

// Limits that a schema names itself, and values that are no schemas, stay.
func TestComplete_LeavesWhatIsThere(t *testing.T) {
	t.Parallel()
	document := map[string]any{
		"components": map[string]any{"schemas": map[string]any{"Thing": map[string]any{
			"type": "object", "properties": map[string]any{
				"payer": map[string]any{"type": "string", "maxLength": 3, "pattern": "^x"},
				"count": map[string]any{"type": "integer", "format": "int32", "minimum": 1},
				"note":  map[string]any{"type": []any{"string", "null"}, "example": map[string]any{"type": "string"}},
			},
		}}},
		"paths": map[string]any{"/x": map[string]any{"get": map[string]any{
			"responses": map[string]any{"200": map[string]any{"headers": map[string]any{}}, "404": map[string]any{}},
		}}},
	}
	complete(document)
	got, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	const origin = `{"headers":{"Access-Control-Allow-Origin":{"$ref":"#/components/headers/Access-Control-Allow-Origin"}}}`
	want := `{"components":{"headers":{"Access-Control-Allow-Origin":{` +
		`"description":"The origin of the page that asks, when the operator allows it.",` +
		`"schema":{"maxLength":262144,"pattern":"^[^\\x00]*$","type":"string"}}},"schemas":{"Thing":{"properties":{` +
		`"count":{"format":"int32","maximum":2147483647,"minimum":1,"type":"integer"},` +
		`"note":{"example":{"type":"string"},"maxLength":262144,"pattern":"^[^\\x00]*$","type":["string","null"]},` +
		`"payer":{"maxLength":3,"pattern":"^x","type":"string"}},"type":"object"}}},` +
		`"paths":{"/x":{"get":{"responses":{"200":` + origin + `,"404":` + origin + `},"security":[]}}}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
