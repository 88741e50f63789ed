package models

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// CircuitState is whether deliveries to an endpoint are tried.
type CircuitState string

// The states of an endpoint's circuit breaker.
const (
	CircuitClosed   CircuitState = "closed"    // deliveries are tried
	CircuitOpen     CircuitState = "open"      // deliveries wait: too many failed in a row
	CircuitHalfOpen CircuitState = "half_open" // one delivery is tried, the others wait for what becomes of it
)

// Values lists the states.
func (CircuitState) Values() []string {
	return []string{
		string(CircuitClosed),
		string(CircuitOpen),
		string(CircuitHalfOpen),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (s CircuitState) MarshalGQL(w io.Writer) { marshalEnum(w, s) }

// UnmarshalGQL reads the GraphQL enum value.
func (s *CircuitState) UnmarshalGQL(v any) error { return unmarshalEnum(s, v) }

// DisabledReason is why Upstream itself switched an endpoint off.
type DisabledReason string

// The reasons.
const (
	DisabledGone    DisabledReason = "gone"    // the endpoint answered 410
	DisabledFailing DisabledReason = "failing" // every attempt of several days failed
)

// Values lists the reasons.
func (DisabledReason) Values() []string {
	return []string{
		string(DisabledGone),
		string(DisabledFailing),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (r DisabledReason) MarshalGQL(w io.Writer) { marshalEnum(w, r) }

// UnmarshalGQL reads the GraphQL enum value.
func (r *DisabledReason) UnmarshalGQL(v any) error { return unmarshalEnum(r, v) }

// EndpointHealth is how deliveries to an endpoint have been going. Its rules are
// those of internal/webhook.
type EndpointHealth struct {
	Circuit CircuitState `bun:"circuit"`
	// ConsecutiveFailures counts failed attempts since the last success.
	ConsecutiveFailures int `bun:"consecutive_failures"`
	// FailingSince is when the first of them was made; nil when there are none.
	FailingSince *time.Time `bun:"failing_since"`
	// Openings counts how often the circuit opened since the last success.
	Openings int `bun:"circuit_openings"`
	// RetryAt is when an open circuit lets a delivery pass, or when that of a
	// half-open one is given up as lost; nil while it is closed.
	RetryAt *time.Time `bun:"circuit_retry_at"`
	// DisabledAt and DisabledReason are set when Upstream switched it off.
	DisabledAt     *time.Time      `bun:"disabled_at"`
	DisabledReason *DisabledReason `bun:"disabled_reason"`
}

// Healthy is the health of a new endpoint, and of one that was switched on again.
func Healthy() EndpointHealth { return EndpointHealth{Circuit: CircuitClosed} }

// WebhookEndpoint is a partner's URL that events are delivered to.
type WebhookEndpoint struct {
	bun.BaseModel `bun:"table:webhook_endpoints,alias:we"`

	CustomerID CustomerID        `bun:"customer_id,pk,type:uuid"`
	ID         WebhookEndpointID `bun:"id,pk,type:uuid"`
	Name       string            `bun:"name"`
	URL        string            `bun:"url"`
	// Active is false while the customer has it switched off.
	Active bool `bun:"active"`
	// EventTypes are those it receives; none means all of them.
	EventTypes []WebhookEventType `bun:"event_types,array"`
	// SecretSealed is what bodies are signed with. During a rotation the previous
	// secret signs beside it, until PreviousSecretExpiresAt.
	SecretSealed            []byte     `bun:"secret_sealed"`
	PreviousSecretSealed    []byte     `bun:"previous_secret_sealed"`
	PreviousSecretExpiresAt *time.Time `bun:"previous_secret_expires_at"`
	// LastSequence is the sequence of the last delivery made for it; 0 before any.
	LastSequence int64 `bun:"last_sequence"`

	EndpointHealth
	EndpointLane

	// DeliveredThrough is the highest sequence up to which every delivery was
	// taken by the endpoint: what a partner compares with what it has. It is
	// computed when the endpoint is read.
	DeliveredThrough int64 `bun:"delivered_through,scanonly"`
	// DeadToldAt is when people were last told that deliveries are given up.
	DeadToldAt *time.Time `bun:"dead_told_at"`

	CreatedBy *UserID   `bun:"created_by,type:uuid"`
	Version   int64     `bun:"version"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// GlobalID is the endpoint's TypeID.
func (e *WebhookEndpoint) GlobalID() string { return e.ID.String() }

// EndpointLane is who delivers to an endpoint: one process at a time.
type EndpointLane struct {
	// LaneWorker is the process, and LaneUntil until when it has said so; nil while
	// nobody delivers.
	LaneWorker *uuid.UUID `bun:"lane_worker,type:uuid"`
	LaneUntil  *time.Time `bun:"lane_until"`
	// LaneJobAt is when the next job comes to see whether there is something to
	// deliver; nil when none is known.
	LaneJobAt *time.Time `bun:"lane_job_at"`
}

// Delivers reports whether deliveries to the endpoint are tried at all.
func (e *WebhookEndpoint) Delivers() bool { return e.Active && e.DisabledAt == nil }

// Receives reports whether events of a type are delivered to the endpoint. A
// test event always is, since somebody asked for it.
func (e *WebhookEndpoint) Receives(t WebhookEventType) bool {
	if !e.Delivers() {
		return false
	}
	return len(e.EventTypes) == 0 || t == EventWebhookTest || slices.Contains(e.EventTypes, t)
}

// Bounds of endpoints.
const (
	MaxWebhookName = 100
	MaxWebhookURL  = 2048
	// MaxWebhookEndpoints is how many a customer may have.
	MaxWebhookEndpoints = 50
)

// NewWebhookEndpoint is the input that creates an endpoint, active unless said
// otherwise.
type NewWebhookEndpoint struct {
	Name string
	URL  string
	// EventTypes are those it is to receive; none means all of them.
	EventTypes []WebhookEventType
	Active     *bool
}

// Endpoint is the endpoint that the input describes, without a secret.
func (in NewWebhookEndpoint) Endpoint() WebhookEndpoint {
	return WebhookEndpoint{
		Name: in.Name, URL: in.URL, EventTypes: in.EventTypes, Active: valueOr(in.Active, true),
		EndpointHealth: Healthy(),
	}
}

// Validate lists what is wrong with the input.
func (in NewWebhookEndpoint) Validate(targets URLChecker) error {
	endpoint := in.Endpoint()
	return endpoint.Validate(targets)
}

// Validate lists what is wrong with the endpoint.
func (e *WebhookEndpoint) Validate(targets URLChecker) error {
	fields := checkTitle("name", e.Name, MaxWebhookName)
	fields = append(fields, checkTarget("url", e.URL, targets)...)
	for i, t := range e.EventTypes {
		if !ValidEnum(t) {
			fields = append(fields, notOneOf(fmt.Sprintf("event_types.%d", i), t))
		}
	}
	return Invalid(append(fields, repeated("event_types", e.EventTypes)...)...)
}

// WebhookEndpointPatch is what a client may change of an endpoint.
type WebhookEndpointPatch struct {
	Name Change[string] `json:"name" maxLength:"100" doc:"What people call it." example:"Data warehouse"`
	URL  Change[string] `json:"url" maxLength:"2048" doc:"Where events are posted to: https, at a public address." example:"https://hooks.example.com/upstream"`
	// EventTypes replaces the whole list.
	EventTypes Change[[]WebhookEventType] `json:"event_types" doc:"The event types it is to receive; none means all of them."`
	Active     Change[bool]               `json:"active" doc:"Whether it is switched on. True also switches on one that was disabled for failing."`
}

// Validate lists which fields are cleared that may not be.
func (in WebhookEndpointPatch) Validate() error {
	return Invalid(slices.Concat(
		checked("name", in.Name, anything), checked("url", in.URL, anything),
		checked("event_types", in.EventTypes, anything), checked("active", in.Active, anything),
	)...)
}

// Apply makes the changes. The result is to be validated as a whole.
func (in WebhookEndpointPatch) Apply(e *WebhookEndpoint) {
	in.Name.apply(&e.Name)
	in.URL.apply(&e.URL)
	in.EventTypes.apply(&e.EventTypes)
	in.Active.apply(&e.Active)
	if in.Active.Value != nil && *in.Active.Value && e.DisabledAt != nil {
		e.EndpointHealth = Healthy()
	}
}

// IssuedWebhookEndpoint is an endpoint that was just given a secret, with the
// secret, which cannot be had again.
type IssuedWebhookEndpoint struct {
	Endpoint *WebhookEndpoint
	Secret   Secret
}

// WebhookSecretRotation gives an endpoint another secret.
type WebhookSecretRotation struct {
	ID WebhookEndpointID
	// OverlapHours is how long the former secret goes on signing beside the new
	// one, 0 to 168; 24 unless given.
	OverlapHours *int
	// ExpectedVersion is the Version of the endpoint that the rotation was decided
	// on; nil when that does not matter.
	ExpectedVersion *int64
}

// Validate lists what is wrong with the input.
func (in WebhookSecretRotation) Validate() error {
	if h := in.OverlapHours; h != nil && (*h < 0 || *h > MaxOverlapHours) {
		return InvalidField("overlap_hours", "invalid", "must be from 0 to %d", MaxOverlapHours)
	}
	return nil
}

// Overlap is how long the former secret goes on signing.
func (in WebhookSecretRotation) Overlap() time.Duration {
	return time.Duration(valueOr(in.OverlapHours, DefaultOverlapHours)) * time.Hour
}

// WebhookEndpointFilter narrows a list of endpoints.
type WebhookEndpointFilter struct {
	Name      *string           `query:"name" column:"name" op:"icontains" doc:"Only endpoints whose name contains this text, ignoring case."`
	Active    *bool             `query:"active" column:"active" op:"eq" doc:"Only endpoints that the customer has, or has not, switched on."`
	Disabled  *bool             `query:"disabled" column:"disabled_at" op:"present" doc:"Only endpoints that were, or were not, switched off for failing."`
	EventType *WebhookEventType `query:"event_type" column:"event_types" op:"has" doc:"Only endpoints that name this event type; not those that receive all."`
	Circuit   *CircuitState     `query:"circuit" column:"circuit" op:"eq" doc:"Only endpoints whose circuit breaker is in this state."`
}

// WebhookEndpointOrderField is a column webhook endpoints can be ordered by.
type WebhookEndpointOrderField string

// The orderings of webhook endpoints.
const (
	WebhookEndpointOrderName      WebhookEndpointOrderField = "name"
	WebhookEndpointOrderCreatedAt WebhookEndpointOrderField = "created_at"
)

// Values lists the columns.
func (WebhookEndpointOrderField) Values() []string {
	return []string{
		string(WebhookEndpointOrderName),
		string(WebhookEndpointOrderCreatedAt),
	}
}

// MarshalGQL writes the GraphQL enum value.
func (f WebhookEndpointOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *WebhookEndpointOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// WebhookEndpointOrder is one term of an ordering of webhook endpoints.
type WebhookEndpointOrder = Order[WebhookEndpointOrderField]
