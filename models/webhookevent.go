package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// WebhookEventType is one kind of event that partners may hear of. The set is
// closed: what is not in it is never sent.
type WebhookEventType string

// The event types.
const (
	EventDriftDetected   WebhookEventType = "drift.detected"
	EventReportCompleted WebhookEventType = "report.completed"
	EventReportFailed    WebhookEventType = "report.failed"
	EventAlertTriggered  WebhookEventType = "alert.triggered"
	EventAlertResolved   WebhookEventType = "alert.resolved"
	EventUploadProcessed WebhookEventType = "upload.processed"
	EventWebhookTest     WebhookEventType = "webhook.test"
)

// Values lists the event types.
func (WebhookEventType) Values() []string {
	return []string{
		string(EventDriftDetected), string(EventReportCompleted), string(EventReportFailed), string(EventAlertTriggered),
		string(EventAlertResolved), string(EventUploadProcessed), string(EventWebhookTest),
	}
}

// MarshalGQL writes the GraphQL enum value: DRIFT_DETECTED for drift.detected.
func (t WebhookEventType) MarshalGQL(w io.Writer) {
	_, _ = io.WriteString(w, strconv.Quote(strings.ToUpper(strings.ReplaceAll(string(t), ".", "_"))))
}

// UnmarshalGQL reads the GraphQL enum value.
func (t *WebhookEventType) UnmarshalGQL(v any) error {
	if text, ok := v.(string); ok {
		v = strings.Replace(text, "_", ".", 1)
	}
	return unmarshalEnum(t, v)
}

// WebhookData is what the body of an event says. It holds identifiers, closed
// words and numbers and never text that somebody wrote: a name may identify
// more than its reader is meant to know. Who needs more asks the API.
type WebhookData interface {
	EventType() WebhookEventType
}

// WebhookBody is an event as it is sent.
type WebhookBody struct {
	ID         WebhookDeliveryID `json:"id" doc:"The webhook-id: the same in every attempt, by which a repetition is known."`
	Type       WebhookEventType  `json:"type" doc:"What happened."`
	Timestamp  time.Time         `json:"timestamp" doc:"When it happened, in UTC."`
	CustomerID CustomerID        `json:"customer_id" doc:"Whose event it is."`
	Sequence   int64             `json:"sequence" minimum:"1" doc:"Counts the events of the endpoint from 1, without gaps: a missing number is an event yet to come, or to be asked for again."`
	Revision   int64             `json:"revision" minimum:"1" doc:"The version of the object when it happened: of two events about one object, the one with the larger revision is the later."`
	Data       WebhookData       `json:"data" doc:"The object, by identifier, and its numbers."`
}

// WebhookOrigin says which delivery a body belongs to and what it is about.
type WebhookOrigin struct {
	Delivery WebhookDeliveryID
	Customer CustomerID
	// Sequence and Revision are >= 1.
	Sequence, Revision int64
	At                 time.Time
}

// NewWebhookBody puts an event into the form it is sent in.
func NewWebhookBody(from WebhookOrigin, data WebhookData) WebhookBody {
	return WebhookBody{
		ID: from.Delivery, Type: data.EventType(), Timestamp: from.At.UTC(), CustomerID: from.Customer,
		Sequence: from.Sequence, Revision: from.Revision, Data: data,
	}
}

// Bytes is the body as it is signed and sent: one line of JSON whose fields
// stand in a fixed order.
func (b WebhookBody) Bytes() (json.RawMessage, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(b); err != nil {
		return nil, fmt.Errorf("models: body of %s: %w", b.Type, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// DriftDetectedData tells of a drift event.
type DriftDetectedData struct {
	DriftEventID       DriftEventID   `json:"drift_event_id" doc:"The drift event."`
	ReportRunID        ReportRunID    `json:"report_run_id" doc:"The run that found it."`
	DriftType          DriftType      `json:"drift_type" doc:"What changed."`
	TrendDirection     TrendDirection `json:"trend_direction" doc:"Whether the change hurts the clinic."`
	BaselineValue      float64        `json:"baseline_value" doc:"The value in the baseline window: a fraction, days or USD by type."`
	CurrentValue       float64        `json:"current_value" doc:"The value in the current window."`
	DeltaValue         float64        `json:"delta_value" doc:"Current minus baseline."`
	Severity           float64        `json:"severity" minimum:"0" maximum:"1" doc:"The size of the change."`
	Confidence         float64        `json:"confidence" minimum:"0" maximum:"1" doc:"The strength of the data."`
	BaselineSampleSize int64          `json:"baseline_sample_size" minimum:"0" doc:"Claims in the baseline window."`
	CurrentSampleSize  int64          `json:"current_sample_size" minimum:"0" doc:"Claims in the current window."`
	RevenueImpact      *string        `json:"estimated_revenue_impact" pattern:"^\\d+\\.\\d{2}$" doc:"USD over the current window; null where there is no estimate."`
}

// EventType implements [WebhookData].
func (DriftDetectedData) EventType() WebhookEventType { return EventDriftDetected }

// DriftDetectedOf is what partners hear of a drift event.
func DriftDetectedOf(e *DriftEvent) DriftDetectedData {
	data := DriftDetectedData{
		DriftEventID: e.ID, ReportRunID: e.ReportRunID, DriftType: e.DriftType, TrendDirection: e.TrendDirection,
		BaselineValue: e.BaselineValue, CurrentValue: e.CurrentValue, DeltaValue: e.DeltaValue,
		Severity: e.Severity, Confidence: e.Confidence,
		BaselineSampleSize: int64(e.BaselineSampleSize), CurrentSampleSize: int64(e.CurrentSampleSize),
	}
	if e.EstimatedRevenueImpact != nil {
		data.RevenueImpact = new(e.EstimatedRevenueImpact.StringFixed(2))
	}
	return data
}

// ReportCompletedData tells of a detection run that succeeded.
type ReportCompletedData struct {
	ReportRunID     ReportRunID `json:"report_run_id" doc:"The run."`
	RunType         RunType     `json:"run_type" doc:"Why it was made."`
	Method          Method      `json:"method" doc:"How it decided."`
	AsOf            Date        `json:"as_of" doc:"The exclusive end of its current window."`
	TestCount       int64       `json:"test_count" minimum:"0" doc:"Tests made."`
	DriftEventCount int64       `json:"drift_event_count" minimum:"0" doc:"Tests that became drift events."`
}

// EventType implements [WebhookData].
func (ReportCompletedData) EventType() WebhookEventType { return EventReportCompleted }

// ReportCompletedOf is what partners hear of a run that succeeded.
func ReportCompletedOf(r *ReportRun) ReportCompletedData {
	return ReportCompletedData{
		ReportRunID: r.ID, RunType: r.RunType, Method: r.Method, AsOf: r.AsOf,
		TestCount: int64(r.TestCount), DriftEventCount: int64(r.DriftEventCount),
	}
}

// ReportFailedData tells of a detection run that failed. Why is in the API.
type ReportFailedData struct {
	ReportRunID ReportRunID `json:"report_run_id" doc:"The run."`
	RunType     RunType     `json:"run_type" doc:"Why it was made."`
	Method      Method      `json:"method" doc:"How it was to decide."`
	AsOf        Date        `json:"as_of" doc:"The exclusive end of its current window."`
}

// EventType implements [WebhookData].
func (ReportFailedData) EventType() WebhookEventType { return EventReportFailed }

// ReportFailedOf is what partners hear of a run that failed.
func ReportFailedOf(r *ReportRun) ReportFailedData {
	return ReportFailedData{ReportRunID: r.ID, RunType: r.RunType, Method: r.Method, AsOf: r.AsOf}
}

// AlertTriggeredData tells of an alert that was made.
type AlertTriggeredData struct {
	AlertEventID AlertEventID  `json:"alert_event_id" doc:"The alert."`
	AlertRuleID  AlertRuleID   `json:"alert_rule_id" doc:"The rule that fired."`
	DriftEventID DriftEventID  `json:"drift_event_id" doc:"The drift event it is about."`
	ReportRunID  ReportRunID   `json:"report_run_id" doc:"The run that found the event."`
	RuleSeverity AlertSeverity `json:"rule_severity" doc:"How urgent the rule's author holds it to be."`
	DriftType    DriftType     `json:"drift_type" doc:"What changed."`
	DeltaValue   float64       `json:"delta_value" doc:"Current minus baseline: a fraction, days or USD by type."`
	Severity     float64       `json:"severity" minimum:"0" maximum:"1" doc:"The size of the change."`
}

// EventType implements [WebhookData].
func (AlertTriggeredData) EventType() WebhookEventType { return EventAlertTriggered }

// AlertTriggeredOf is what partners hear of a new alert.
func AlertTriggeredOf(a *AlertEvent) AlertTriggeredData {
	return AlertTriggeredData{
		AlertEventID: a.ID, AlertRuleID: a.AlertRuleID, DriftEventID: a.DriftEventID, ReportRunID: a.ReportRunID,
		RuleSeverity: a.Payload.RuleSeverity, DriftType: a.DriftType,
		DeltaValue: a.Payload.DeltaValue, Severity: a.Payload.Severity,
	}
}

// AlertResolvedData tells of an alert that was resolved.
type AlertResolvedData struct {
	AlertEventID AlertEventID    `json:"alert_event_id" doc:"The alert."`
	AlertRuleID  AlertRuleID     `json:"alert_rule_id" doc:"The rule that fired."`
	DriftEventID DriftEventID    `json:"drift_event_id" doc:"The drift event it is about."`
	Resolution   AlertResolution `json:"resolution" doc:"How it came to be resolved."`
}

// EventType implements [WebhookData].
func (AlertResolvedData) EventType() WebhookEventType { return EventAlertResolved }

// AlertResolvedOf is what partners hear of an alert that was resolved.
func AlertResolvedOf(a *AlertEvent) AlertResolvedData {
	return AlertResolvedData{
		AlertEventID: a.ID, AlertRuleID: a.AlertRuleID, DriftEventID: a.DriftEventID,
		Resolution: valueOr(a.Resolution, ResolvedByOperator),
	}
}

// UploadProcessedData tells of a claims file that was read, whatever came of it.
type UploadProcessedData struct {
	UploadID         UploadID     `json:"upload_id" doc:"The upload."`
	Status           UploadStatus `json:"status" doc:"What came of it."`
	AcceptedRowCount int64        `json:"accepted_row_count" minimum:"0" doc:"Rows kept."`
	RejectedRowCount int64        `json:"rejected_row_count" minimum:"0" doc:"Rows not kept."`
	WarningRowCount  int64        `json:"warning_row_count" minimum:"0" doc:"Rows kept with a warning."`
}

// EventType implements [WebhookData].
func (UploadProcessedData) EventType() WebhookEventType { return EventUploadProcessed }

// UploadProcessedOf is what partners hear of a file that was read.
func UploadProcessedOf(u *Upload) UploadProcessedData {
	return UploadProcessedData{
		UploadID: u.ID, Status: u.Status, AcceptedRowCount: u.AcceptedRowCount,
		RejectedRowCount: u.RejectedRowCount, WarningRowCount: u.WarningRowCount,
	}
}

// WebhookTestData is sent when somebody asks for it.
type WebhookTestData struct {
	WebhookEndpointID WebhookEndpointID `json:"webhook_endpoint_id" doc:"The endpoint that is tested."`
}

// EventType implements [WebhookData].
func (WebhookTestData) EventType() WebhookEventType { return EventWebhookTest }

// Happening is something that partners are to hear of.
type Happening struct {
	Data WebhookData
	// Subject is the identifier of the object it is about, as the APIs show it.
	Subject string
	// Key names what happened: of several with the same key of one customer the
	// first is told.
	Key string
	// Revision is the version of the object when it happened, >= 1.
	Revision int64
	// Endpoint is the one endpoint that hears of it; nil for all that want to.
	Endpoint *WebhookEndpointID
}
