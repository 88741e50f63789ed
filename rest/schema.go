package rest

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/shopspring/decimal"

	"upstream/models"
)

const schemaPrefix = "#/components/schemas/"

// newSchemas is a registry that knows how the types of models look in JSON.
// They cannot say so themselves, because models knows no HTTP.
func newSchemas() huma.Registry {
	r := huma.NewMapRegistry(schemaPrefix, schemaName)
	r.RegisterTypeAlias(reflect.TypeFor[models.Date](), reflect.TypeFor[dateSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[models.Month](), reflect.TypeFor[monthSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[models.ClaimGrouping](), reflect.TypeFor[groupingSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[decimal.Decimal](), reflect.TypeFor[amountSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[models.AlertScope](), reflect.TypeFor[newAlertScope]())
	r.RegisterTypeAlias(reflect.TypeFor[models.ChannelConfig](), reflect.TypeFor[newChannelConfig]())
	aliasID(r, models.CustomerID{})
	aliasID(r, models.UserID{})
	aliasID(r, models.UploadID{})
	aliasID(r, models.ClaimID{})
	aliasID(r, models.ReportRunID{})
	aliasID(r, models.DriftEventID{})
	aliasID(r, models.AuditEventID{})
	aliasID(r, models.MembershipID{})
	aliasID(r, models.APIKeyID{})
	aliasID(r, models.InvitationID{})
	aliasID(r, models.PayerMappingID{})
	aliasID(r, models.CPTGroupMappingID{})
	aliasID(r, models.AlertRuleID{})
	aliasID(r, models.NotificationChannelID{})
	aliasID(r, models.AlertEventID{})
	aliasID(r, models.OperatorJudgmentID{})
	aliasID(r, models.WebhookEndpointID{})
	aliasID(r, models.WebhookDeliveryID{})
	aliasID(r, models.WebhookReplayID{})
	aliasID(r, models.WebhookEventID{})
	aliasEnum[errorCode](r)
	aliasEnum[models.UploadStatus](r)
	aliasEnum[models.UploadSource](r)
	aliasEnum[models.RejectionCode](r)
	aliasEnum[models.Outcome](r)
	aliasEnum[models.SubmittedVia](r)
	aliasEnum[models.ClaimDimension](r)
	aliasEnum[models.RunType](r)
	aliasEnum[models.RunStatus](r)
	aliasEnum[models.Method](r)
	aliasEnum[models.WindowBy](r)
	aliasEnum[models.DriftType](r)
	aliasEnum[models.TestMethod](r)
	aliasEnum[models.TrendDirection](r)
	aliasEnum[models.SeverityLabel](r)
	aliasEnum[models.ActorType](r)
	aliasEnum[models.EvidenceReasonCode](r)
	aliasEnum[models.Role](r)
	aliasEnum[models.InvitationStatus](r)
	aliasEnum[models.Scope](r)
	aliasEnum[models.Weekday](r)
	aliasEnum[models.AlertMetric](r)
	aliasEnum[models.ThresholdType](r)
	aliasEnum[models.AlertSeverity](r)
	aliasEnum[models.ChannelType](r)
	aliasEnum[models.AlertStatus](r)
	aliasEnum[models.SuppressionReason](r)
	aliasEnum[models.AlertResolution](r)
	aliasEnum[models.AlertAction](r)
	aliasEnum[models.NotificationStatus](r)
	aliasEnum[models.Verdict](r)
	aliasEnum[models.MemoryBadge](r)
	aliasEnum[models.AlertUrgency](r)
	aliasEnum[models.WebhookEventType](r)
	aliasEnum[models.CircuitState](r)
	aliasEnum[models.DisabledReason](r)
	aliasEnum[models.DeliveryStatus](r)
	aliasEnum[models.AttemptOutcome](r)
	aliasEnum[models.ReplayState](r)
	aliasEnum[doneStatus](r)
	aliasEnum[healthStatus](r)
	aliasEnum[checkStatus](r)
	return r
}

// schemaName names the component of a Go type: Claim, and ClaimPage for a page
// of them.
func schemaName(t reflect.Type, hint string) string {
	outer, inner, generic := strings.Cut(t.Name(), "[")
	if !generic {
		return huma.DefaultSchemaNamer(t, hint)
	}
	inner = strings.TrimSuffix(inner, "]")
	return capital(inner[strings.LastIndex(inner, ".")+1:]) + capital(outer)
}

func capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// dateSchema stands for models.Date.
type dateSchema struct{}

// Schema implements huma.SchemaProvider.
func (dateSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date", Examples: []any{"2026-05-01"}}
}

// monthSchema stands for models.Month.
type monthSchema struct{}

// Schema implements huma.SchemaProvider.
func (monthSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: `^\d{4}-(0[1-9]|1[0-2])$`, Examples: []any{"2026-05"}}
}

// groupingSchema stands for models.ClaimGrouping.
type groupingSchema struct{}

// Schema implements huma.SchemaProvider.
func (groupingSchema) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeArray, UniqueItems: true, Items: r.Schema(reflect.TypeFor[models.ClaimDimension](), true, ""),
		Examples: []any{[]any{models.ByPayer, models.ByMonth}},
	}
}

// amountSchema stands for an amount of money in a body.
type amountSchema struct{}

// Schema implements huma.SchemaProvider.
func (amountSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: amountPattern.String(), Examples: []any{"150.00"}}
}

// idSchema stands for the identifier of one kind of row.
type idSchema[K models.Kind] struct{}

// Schema implements huma.SchemaProvider.
func (idSchema[K]) Schema(huma.Registry) *huma.Schema {
	var kind K
	return &huma.Schema{
		Type: huma.TypeString, Pattern: "^" + kind.Prefix() + "_[0-7][0-9a-hjkmnp-tv-z]{25}$",
		Examples: []any{kind.Prefix() + exampleSuffix},
	}
}

func aliasID[K models.Kind](r huma.Registry, _ models.ID[K]) {
	r.RegisterTypeAlias(reflect.TypeFor[models.ID[K]](), reflect.TypeFor[idSchema[K]]())
}

// enumSchema stands for an enum: a component of its own, so that clients get
// one type for it.
type enumSchema[E models.Enum] struct{}

// Schema implements huma.SchemaProvider.
func (enumSchema[E]) Schema(r huma.Registry) *huma.Schema {
	var zero E
	name := capital(reflect.TypeFor[E]().Name())
	if _, known := r.Map()[name]; !known {
		s := &huma.Schema{Type: huma.TypeString}
		for _, member := range zero.Values() {
			s.Enum = append(s.Enum, member)
		}
		s.PrecomputeMessages()
		r.Map()[name] = s
	}
	return &huma.Schema{Ref: schemaPrefix + name}
}

func aliasEnum[E models.Enum](r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[E](), reflect.TypeFor[enumSchema[E]]())
}

// jsonObject is a JSON object stored as it is shown; null when there is none.
type jsonObject json.RawMessage

// MarshalJSON implements json.Marshaler.
func (o jsonObject) MarshalJSON() ([]byte, error) { return json.RawMessage(o).MarshalJSON() }

// Schema implements huma.SchemaProvider.
func (jsonObject) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true, Nullable: true, Examples: []any{map[string]any{}},
	}
}

// jsonBody is a JSON object of an event, as it is sent.
type jsonBody json.RawMessage

// MarshalJSON implements json.Marshaler.
func (b jsonBody) MarshalJSON() ([]byte, error) { return json.RawMessage(b).MarshalJSON() }

// Schema implements huma.SchemaProvider.
func (jsonBody) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Examples: []any{map[string]any{}}}
}

// jsonValue is any JSON value; null when there is none.
type jsonValue json.RawMessage

// MarshalJSON implements json.Marshaler.
func (v jsonValue) MarshalJSON() ([]byte, error) { return json.RawMessage(v).MarshalJSON() }

// Schema implements huma.SchemaProvider.
func (jsonValue) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Examples: []any{40}} }

// instantPattern is an instant as RFC 3339 writes it, or a day.
const instantPattern = `^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2}))?$`

// filterSchema is how a query parameter of this type is documented.
func filterSchema(r huma.Registry, t reflect.Type) *huma.Schema {
	switch t {
	case reflect.TypeFor[time.Time]():
		// One text for both forms: of a choice of formats generators make a type nobody can fill.
		return &huma.Schema{Type: huma.TypeString, Pattern: instantPattern, Examples: []any{"2026-05-01T09:30:00Z"}}
	case reflect.TypeFor[decimal.Decimal]():
		return &huma.Schema{Type: huma.TypeString, Pattern: amountPattern.String(), Examples: []any{"150.00"}}
	default:
		return r.Schema(t, true, "")
	}
}

// finishSchemas tells the schemas of our structs what the library does not see:
// an aliased type behind a pointer is nullable, a list never is. A nullable
// reference becomes a choice, because null listed inside an enum makes client
// generators invent a member for it.
func finishSchemas(r huma.Registry) {
	for name, schema := range r.Map() {
		t := r.TypeFromRef(schemaPrefix + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for _, f := range reflect.VisibleFields(t) {
			property, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			s, ok := schema.Properties[property]
			if !ok {
				continue
			}
			omitted := strings.Contains(f.Tag.Get("json"), ",omit")
			switch {
			case f.Type.Kind() == reflect.Slice && s.Type == huma.TypeArray:
				s.Nullable = false
			case f.Type.Kind() == reflect.Pointer && !omitted:
				schema.Properties[property] = nullable(s)
			}
		}
	}
}

// nullType is the schema of null alone.
const nullType = "null"

func nullable(s *huma.Schema) *huma.Schema {
	if s.Ref == "" {
		s.Nullable = true
		return s
	}
	return &huma.Schema{
		Description: s.Description,
		OneOf:       []*huma.Schema{{Ref: s.Ref}, {Type: nullType}},
	}
}
