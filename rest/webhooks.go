package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"upstream/models"
)

// webhookDoc is what the OpenAPI documents say about one event type.
type webhookDoc struct {
	summary, description string
	// example is the data of a body.
	example models.WebhookData
}

// webhookDocs are the event types in the order of their catalogue.
func webhookDocs() []webhookDoc {
	event := exampleID(models.DriftEventID{})
	run, rule := exampleID(models.ReportRunID{}), exampleID(models.AlertRuleID{})
	alert, asOf := exampleID(models.AlertEventID{}), models.NewDate(2026, time.May, 1)
	return []webhookDoc{
		{
			"Drift was detected", "A run found that a payer changed how it decides. There is one event for each drift event; `drift-events/{id}/` has the rest.",
			models.DriftDetectedData{
				DriftEventID: event, ReportRunID: run, DriftType: models.DriftDenialRate, TrendDirection: models.TrendDegrading,
				BaselineValue: 0.1, CurrentValue: 0.5, DeltaValue: 0.4, Severity: 0.8, Confidence: 0.99,
				BaselineSampleSize: 400, CurrentSampleSize: 120, RevenueImpact: new("12400.00"),
			},
		},
		{
			"A report was completed", "A detection run succeeded, whether or not it found anything. `reports/{id}/` has the rest.",
			models.ReportCompletedData{
				ReportRunID: run, RunType: models.RunType(models.RunType("").Values()[0]), Method: models.Method(models.Method("").Values()[0]),
				AsOf: asOf, TestCount: 98, DriftEventCount: 4,
			},
		},
		{
			"A report failed", "A detection run failed. `reports/{id}/` says why.",
			models.ReportFailedData{
				ReportRunID: run, RunType: models.RunType(models.RunType("").Values()[0]), Method: models.Method(models.Method("").Values()[0]), AsOf: asOf,
			},
		},
		{
			"An alert was triggered", "A rule of the customer's fired on a drift event. `alerts/{id}/` has the rest.",
			models.AlertTriggeredData{
				AlertEventID: alert, AlertRuleID: rule, DriftEventID: event, ReportRunID: run,
				RuleSeverity: models.AlertSeverity(models.AlertSeverity("").Values()[0]), DriftType: models.DriftDenialRate, DeltaValue: 0.4, Severity: 0.8,
			},
		},
		{
			"An alert was resolved", "Somebody resolved an alert, or what it was about is gone.",
			models.AlertResolvedData{AlertEventID: alert, AlertRuleID: rule, DriftEventID: event, Resolution: models.ResolvedByOperator},
		},
		{
			"An upload was processed", "A claims file was read, whatever came of it. `uploads/{id}/` has the rest.",
			models.UploadProcessedData{
				UploadID: exampleID(models.UploadID{}), Status: models.UploadPartial, AcceptedRowCount: 2570, RejectedRowCount: 5, WarningRowCount: 3,
			},
		},
		{
			"A test", "Somebody asked for a test of the endpoint, which gets it whatever its event types are.",
			models.WebhookTestData{WebhookEndpointID: exampleID(models.WebhookEndpointID{})},
		},
	}
}

// exampleID is the identifier of its kind that examples show.
func exampleID[K models.Kind](models.ID[K]) models.ID[K] {
	var kind K
	id, _ := models.ParseID[K](kind.Prefix() + exampleSuffix) // which is one: a test reads them
	return id
}

// exampleSuffix ends the identifiers of examples.
const exampleSuffix = "_01jz8k6v3pe9ktyh5wmcqa2x7d"

// body is an example of what is sent.
func (d webhookDoc) body() (any, error) {
	origin := models.WebhookOrigin{
		Delivery: exampleID(models.WebhookDeliveryID{}), Customer: exampleID(models.CustomerID{}),
		Sequence: 1042, Revision: 1, At: time.Date(2026, time.May, 1, 9, 30, 0, 0, time.UTC),
	}
	text, err := models.NewWebhookBody(origin, d.example).Bytes()
	if err != nil {
		return nil, err
	}
	var body any
	return body, json.Unmarshal(text, &body)
}

// schemaName names the component that describes the bodies of the type:
// DriftDetectedWebhook for drift.detected.
func (d webhookDoc) schemaName() string {
	var name strings.Builder
	for word := range strings.SplitSeq(string(d.example.EventType()), ".") {
		name.WriteString(capital(word))
	}
	return name.String() + "Webhook"
}

// webhookHeaders are those of the Standard Webhooks specification.
func webhookHeaders() []any {
	const longest = 200
	header := func(name, description, pattern, example string) map[string]any {
		return map[string]any{
			"name": name, "in": "header", "required": true, "description": description,
			"schema": map[string]any{"type": huma.TypeString, "pattern": pattern, "maxLength": longest}, "example": example,
		}
	}
	return []any{
		header("webhook-id", "Names the delivery: the same in every attempt, by which a repetition is known.",
			"^dlv_[0-7][0-9a-hjkmnp-tv-z]{25}$", exampleID(models.WebhookDeliveryID{}).String()),
		header("webhook-timestamp", "When this attempt was made, in seconds since 1970. Refuse what is older than five minutes.",
			"^[0-9]{1,12}$", "1777627800"),
		header("webhook-signature", "`v1,` and the HMAC-SHA256, in Base64, of id, timestamp and body joined by dots. During the rotation "+
			"of a secret there are two, separated by a space; either will do.",
			"^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)*$", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
	}
}

// webhookAnswers are what a receiver may say.
func webhookAnswers() map[string]any {
	answers := map[string]any{}
	for status, meaning := range map[string]string{
		"2XX": "Taken. Answer within ten seconds, and do the work afterwards.",
		"410": "Wants nothing more: the endpoint is switched off, and its owners are told.",
		"429": "Too much at once: tried again after `Retry-After`.",
		"4XX": "Not taken: tried again, up to six times in all.",
		"5XX": "Not taken: tried again, up to six times in all. `Retry-After` is honoured.",
	} {
		answers[status] = map[string]any{"description": meaning}
	}
	return answers
}

// operation is the request that a receiver gets.
func (d webhookDoc) operation() (map[string]any, error) {
	body, err := d.body()
	if err != nil {
		return nil, err
	}
	name := d.schemaName()
	return map[string]any{
		"operationId": strings.ToLower(name[:1]) + name[1:], "summary": d.summary, "tags": []any{tagWebhooks}, "security": []any{},
		"description": d.description + "\n\nVerify the signature by the Standard Webhooks specification before you believe it.",
		"parameters":  webhookHeaders(), "responses": webhookAnswers(),
		"requestBody": map[string]any{"required": true, "content": map[string]any{
			jsonType: map[string]any{"schema": map[string]any{"$ref": schemaPrefix + name}, "example": body},
		}},
	}, nil
}

// describeWebhooks adds to a document what is sent to partners: a component
// for the bodies of each event type, and the requests under the key section.
func describeWebhooks(section string) func(map[string]any) error {
	return func(document map[string]any) error {
		components, _ := document["components"].(map[string]any)
		schemas, _ := components["schemas"].(map[string]any)
		described := map[string]any{}
		for _, d := range webhookDocs() {
			kind := d.example.EventType()
			var schema map[string]any
			if err := json.Unmarshal(models.WebhookSchema(kind), &schema); err != nil {
				return fmt.Errorf("the schema of %s: %w", kind, err)
			}
			schema["description"] = "The body of a `" + string(kind) + "` webhook."
			schemas[d.schemaName()] = schema
			operation, err := d.operation()
			if err != nil {
				return fmt.Errorf("the example of %s: %w", kind, err)
			}
			described[string(kind)] = map[string]any{strings.ToLower(http.MethodPost): operation}
		}
		document[section] = described
		return nil
	}
}
