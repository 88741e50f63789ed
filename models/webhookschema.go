package models

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// WebhookSchema is the JSON Schema (2020-12, as OpenAPI 3.1 embeds it) of the
// bodies of an event type; nil for a type outside the catalogue. It is derived
// from the structs that are sent.
func WebhookSchema(t WebhookEventType) json.RawMessage {
	for _, data := range webhookCatalogue() {
		if data.EventType() == t {
			return schemaJSON(webhookSchema(data))
		}
	}
	return nil
}

// webhookCatalogue has the data of each event type once.
func webhookCatalogue() []WebhookData {
	return []WebhookData{
		DriftDetectedData{}, ReportCompletedData{}, ReportFailedData{}, AlertTriggeredData{}, AlertResolvedData{}, UploadProcessedData{}, WebhookTestData{},
	}
}

func webhookSchema(data WebhookData) map[string]any {
	schema := objectSchema(reflect.TypeFor[WebhookBody]())
	properties := schema["properties"].(map[string]any) //nolint:forcetypeassert // objectSchema has just made it
	about := properties["data"].(map[string]any)        //nolint:forcetypeassert // as above
	inner := objectSchema(reflect.TypeOf(data))
	inner["description"] = about["description"]
	properties["data"] = inner
	kind := properties["type"].(map[string]any) //nolint:forcetypeassert // as above
	delete(kind, "enum")
	kind["const"] = string(data.EventType())
	return schema
}

func schemaJSON(schema map[string]any) json.RawMessage {
	text, err := json.Marshal(schema)
	if err != nil {
		return nil // maps of strings and numbers cannot fail; a test reads every one
	}
	return text
}

// objectSchema describes a struct by its json, doc, minimum and maximum tags.
// Every field is required and no other is allowed.
func objectSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	for field := range t.Fields() {
		name := field.Tag.Get("json")
		property := valueSchema(field.Type)
		property["description"] = field.Tag.Get("doc")
		for _, bound := range []string{"minimum", "maximum"} {
			if limit, ok := field.Tag.Lookup(bound); ok {
				property[bound] = json.Number(limit)
			}
		}
		if pattern, ok := field.Tag.Lookup("pattern"); ok {
			property["pattern"] = pattern
		}
		properties[name] = property
		required = append(required, name)
	}
	slices.Sort(required)
	return map[string]any{
		"type": "object", "properties": properties, "required": required, "additionalProperties": false,
	}
}

// valueSchema describes what a value of a type is in JSON.
func valueSchema(t reflect.Type) map[string]any {
	if t.Kind() == reflect.Pointer {
		inner := valueSchema(t.Elem())
		inner["type"] = []any{inner["type"], "null"}
		return inner
	}
	switch value := reflect.Zero(t).Interface().(type) {
	case time.Time:
		return map[string]any{"type": "string", "format": "date-time"}
	case Date:
		return map[string]any{"type": "string", "format": "date"}
	case interface{ Values() []string }:
		return map[string]any{"type": "string", "enum": value.Values()}
	case interface {
		UUID() uuid.UUID
		String() string
	}:
		return map[string]any{"type": "string", "pattern": "^" + IDPrefix(value.String()) + "_[0-7][0-9a-hjkmnp-tv-z]{25}$"}
	}
	return map[string]any{"type": primitive(t.Kind())}
}

func primitive(kind reflect.Kind) string {
	name := kind.String()
	switch {
	case strings.HasPrefix(name, "int"):
		return "integer"
	case strings.HasPrefix(name, "float"):
		return "number"
	case kind == reflect.String:
		return "string"
	default:
		return "object" // WebhookBody.Data, which webhookSchema describes
	}
}
