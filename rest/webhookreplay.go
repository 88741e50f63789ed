package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

const webhookReplays = "webhook-replays"

// webhookReplay is the representation of models.WebhookReplay.
type webhookReplay struct {
	ID         models.WebhookReplayID   `json:"id"`
	Customer   models.CustomerID        `json:"customer"`
	Endpoint   models.WebhookEndpointID `json:"endpoint" doc:"Whose deliveries."`
	Since      time.Time                `json:"since" doc:"Deliveries made at this instant or later."`
	Until      time.Time                `json:"until" doc:"Deliveries made at this instant or earlier."`
	Status     *models.DeliveryStatus   `json:"status" doc:"Deliveries that were in this state; null for all that were done."`
	EventType  *models.WebhookEventType `json:"event_type" doc:"Events of this type; null for all types."`
	State      models.ReplayState       `json:"state" doc:"Where the replay stands."`
	Total      int64                    `json:"total" minimum:"0" doc:"Deliveries that matched when it was asked for." example:"1042"`
	Queued     int64                    `json:"queued" minimum:"0" doc:"Deliveries that were queued again so far." example:"1042"`
	CreatedBy  *models.UserID           `json:"created_by" doc:"Who asked for it; null for commands and keys."`
	FinishedAt *time.Time               `json:"finished_at" doc:"When it was done or stopped; null before."`
	CreatedAt  time.Time                `json:"created_at"`
	UpdatedAt  time.Time                `json:"updated_at"`
	Links      webhookReplayLinks       `json:"_links"`
}

type webhookReplayLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
	Endpoint   link `json:"endpoint"`
}

func showWebhookReplay(l links, r *models.WebhookReplay) webhookReplay {
	return webhookReplay{
		ID: r.ID, Customer: r.CustomerID, Endpoint: r.EndpointID, Since: r.Since.UTC(), Until: r.Until.UTC(), Status: r.Status,
		EventType: r.EventType, State: r.State, Total: r.Total, Queued: r.Queued, CreatedBy: r.CreatedBy, FinishedAt: utc(r.FinishedAt),
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		Links: webhookReplayLinks{
			Self: l.to(webhookReplays, r.ID.String()), Collection: l.to(webhookReplays), Endpoint: l.to(webhookEndpoints, r.EndpointID.String()),
		},
	}
}

// doneStatus is the state of a delivery that can be replayed; others are on
// their way.
type doneStatus models.DeliveryStatus

// Values implements models.Enum.
func (doneStatus) Values() []string {
	return []string{string(models.DeliverySuccess), string(models.DeliveryDead)}
}

// newWebhookReplay is the body that asks for a replay.
type newWebhookReplay struct {
	Since         time.Time                `json:"since" doc:"Deliveries made at this instant or later." example:"2026-05-01T09:30:00Z"`
	Until         *time.Time               `json:"until,omitempty" doc:"Deliveries made at this instant or earlier; until now unless given." example:"2026-05-02T09:30:00Z"`
	Status        *doneStatus              `json:"status,omitempty" doc:"success or dead; both unless given. Other deliveries are on their way." example:"dead"`
	EventType     *models.WebhookEventType `json:"event_type,omitempty" doc:"Only events of this type; all types unless given." example:"drift.detected"`
	ExpectedCount *int64                   `json:"expected_count,omitempty" minimum:"0" doc:"How many deliveries the count said: when more match by now, nothing is sent and the answer is 412." example:"1042"`
}

// of is the store's form of the body.
func (b newWebhookReplay) of(endpoint models.WebhookEndpointID) models.NewWebhookReplay {
	return models.NewWebhookReplay{
		EndpointID: endpoint, Since: b.Since.UTC(), Until: utc(b.Until), Status: (*models.DeliveryStatus)(b.Status), EventType: b.EventType, ExpectedCount: b.ExpectedCount,
	}
}

type replayInput struct {
	ID   models.WebhookEndpointID `path:"id" doc:"The identifier of the row."`
	Body newWebhookReplay
}

// replayCount is how many deliveries a replay would send.
type replayCount struct {
	Count int64 `json:"count" minimum:"0" doc:"Deliveries that match now." example:"1042"`
}

// replayQuery is newWebhookReplay as query parameters.
type replayQuery struct {
	Since     *time.Time               `query:"since" doc:"Deliveries made at this instant or later."`
	Until     *time.Time               `query:"until" doc:"Deliveries made at this instant or earlier; until now unless given."`
	Status    *doneStatus              `query:"status" doc:"success or dead; both unless given. Other deliveries are on their way."`
	EventType *models.WebhookEventType `query:"event_type" doc:"Only events of this type; all types unless given."`
}

func (a *api) registerWebhookReplays() {
	registerList(a, webhookOperation(http.MethodGet, "listWebhookReplays", "List replays",
		"Replays of all endpoints, the last one first unless ordered otherwise.", webhookReplays).withoutSearch(),
		func(ctx context.Context, v models.Viewer, _ *noInput, f models.WebhookReplayFilter, l models.List[models.WebhookReplayOrderField]) (*models.Rows[*models.WebhookReplay], error) {
			return a.store.WebhookReplays(ctx, v, f, l)
		}, showWebhookReplay)
	registerDetail(a, webhookOperation(http.MethodGet, "getWebhookReplay", "Show a replay",
		"One replay: what it sends again and how far it is.", webhookReplays, "{id}"),
		a.store.WebhookReplay, showWebhookReplay, func(r *models.WebhookReplay) int64 { return r.Version })
	replay := webhookOperation(http.MethodPost, "replayWebhooks", "Deliver webhooks again",
		"Sends the deliveries of an endpoint again that match, in the background, each with the same `webhook-id` and body. Ask for "+
			"the count first, and name it as `expected_count`. An endpoint that is switched off is a conflict (409).",
		webhookEndpoints, "{id}", "replay").conflicting()
	replay.status, replay.hasBody = http.StatusAccepted, true
	replay.codes = append(replay.codes, models.CodeNotFound, models.CodeStale)
	replay.rules = rulesOf(func(b newWebhookReplay, now time.Time) error { return b.of(models.WebhookEndpointID{}).Validate(now) })
	register(a, replay, func(ctx context.Context, in *replayInput) (*createdOutput[webhookReplay], error) {
		r, err := a.store.ReplayWebhooks(ctx, auth.ViewerFrom(ctx), in.Body.of(in.ID))
		if err != nil {
			return nil, err
		}
		body := showWebhookReplay(linksFor(ctx), r)
		return &createdOutput[webhookReplay]{Location: body.Links.Self.Href, ETag: etag(r.Version), Body: body}, nil
	})
	a.registerReplayCount()
}

func (a *api) registerReplayCount() {
	reader := newFilterReader[replayQuery](nil)
	count := webhookOperation(http.MethodGet, "countWebhookReplay", "Count what a replay would send",
		"How many deliveries of an endpoint a replay with the same words would send again.", webhookEndpoints, "{id}", "replay", "count")
	count.permission = models.PermissionManageWebhooks
	count.list, count.params, count.codes = true, reader.params(a.schemas()), []models.Code{models.CodeNotFound}
	count.params[0].Required = true
	register(a, count, func(ctx context.Context, in *byID[models.WebhookEndpointID]) (*struct{ Body replayCount }, error) {
		body, err := readReplay(ctx, reader)
		if err != nil {
			return nil, err
		}
		n, err := a.store.CountReplay(ctx, auth.ViewerFrom(ctx), body.of(in.ID))
		if err != nil {
			return nil, err
		}
		return &struct{ Body replayCount }{replayCount{Count: n}}, nil
	})
}

// readReplay reads what else is the body of the request for a replay.
func readReplay(ctx context.Context, reader filterReader[replayQuery]) (newWebhookReplay, error) {
	q, err := callFrom(ctx).parsedQuery()
	if err != nil {
		return newWebhookReplay{}, err
	}
	var fields []models.FieldError
	bad := func(path, code, message string) {
		fields = append(fields, models.FieldError{Path: path, Code: code, Message: message})
	}
	refuseUnknown(q, reader.names(), "operation", bad)
	asked := reader.read(q, bad)
	if !q.Has("since") {
		bad("since", "required", "must have a value")
	}
	body := newWebhookReplay{Until: asked.Until, Status: asked.Status, EventType: asked.EventType}
	if asked.Since != nil {
		body.Since = *asked.Since
	}
	return body, models.Invalid(fields...)
}
