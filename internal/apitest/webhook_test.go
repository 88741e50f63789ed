package apitest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

var webhookEndpoints = resource{
	typ: "WebhookEndpoint", path: "webhook-endpoints/", table: "webhook_endpoints", enums: map[string]bool{"event_types": true},
}

// alter changes rows of a clinic as no use case does.
func (s *Server) alter(clinic *factory.Tenant, statement string) {
	s.Helper()
	err := pgx.BeginFunc(s.Context(), s.DB.App, func(tx pgx.Tx) error {
		if _, err := tx.Exec(s.Context(), `SELECT set_config('app.customer_id', $1, true)`, clinic.Customer.ID.UUID().String()); err != nil {
			return err
		}
		_, err := tx.Exec(s.Context(), statement)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}

// webhooks gives Cedar endpoints, deliveries, attempts, replays and events that
// lists can tell apart, two and two of the same instant, and Harbor one of each.
func (s *Server) webhooks() {
	var ticks atomic.Int64
	before := s.StoreWith(s.DB.App, store.Options{Now: func() time.Time {
		return time.Date(2026, time.June, 7, 8, 30, 0, int(ticks.Load()/2)*1000, time.UTC)
	}, Logger: slog.New(slog.DiscardHandler)})
	kinds := models.WebhookEventType("").Values()
	var first models.WebhookEndpointID
	for i := range 9 {
		in := models.NewWebhookEndpoint{
			Name: []string{"Warehouse", "lake_50%", "Médica Élan"}[i%3], URL: fmt.Sprintf("https://partner-%d.example.org/hooks?x=%%41_%d", i%4, i),
			Active: new(i%4 != 3),
		}
		for j := range i % 3 {
			in.EventTypes = append(in.EventTypes, models.WebhookEventType(kinds[(i+j)%len(kinds)]))
		}
		issued := must(before.CreateWebhookEndpoint(s.Context(), s.Cedar.System(), in))(s)
		ticks.Add(1)
		if i == 0 {
			first = issued.Endpoint.ID
		}
	}
	s.alter(s.Cedar, `UPDATE webhook_endpoints SET circuit = 'open', circuit_retry_at = '2026-06-07T09:00:00Z', circuit_openings = 1,
		consecutive_failures = 5, failing_since = '2026-06-07T08:00:00.123456Z' WHERE url LIKE '%/hooks?x=\%41\_1'`)
	s.alter(s.Cedar, `UPDATE webhook_endpoints SET circuit = 'half_open', circuit_retry_at = '2026-06-07T09:00:00Z' WHERE url LIKE '%/hooks?x=\%41\_2'`)
	s.alter(s.Cedar, `UPDATE webhook_endpoints SET disabled_at = '2026-06-07T09:00:00Z', disabled_reason = 'gone' WHERE url LIKE '%/hooks?x=\%41\_4'`)
	s.alter(s.Cedar, `UPDATE webhook_endpoints SET disabled_at = '2026-06-07T09:00:00Z', disabled_reason = 'failing',
		previous_secret_sealed = secret_sealed, previous_secret_expires_at = '2026-06-08T09:00:00Z' WHERE url LIKE '%/hooks?x=\%41\_5'`)
	s.known("endpoint", first.String(), first.UUID())
	for range 3 {
		_ = must(before.TestWebhookEndpoint(s.Context(), s.Cedar.System(), first))(s)
		ticks.Add(1)
	}
	s.deliveries(first)
	s.replays(first)
	s.happenings(first)
	s.tested("harbor.", s.Harbor)
}

// deliveries inserts deliveries of every state and type to an endpoint that has
// had three.
func (s *Server) deliveries(endpoint models.WebhookEndpointID) {
	statuses, kinds := models.DeliveryStatus("").Values(), models.WebhookEventType("").Values()
	start := time.Date(2026, time.June, 8, 8, 30, 0, 0, time.UTC)
	for i := range 14 {
		row := s.Cedar.DeliveryRow(endpoint, int64(i+4), func(d *models.WebhookDelivery) {
			d.EventType, d.Status = models.WebhookEventType(kinds[i%len(kinds)]), models.DeliveryStatus(statuses[i%len(statuses)])
			d.EventKey = fmt.Sprintf("%s:row_%d%%", d.EventType, i)
			d.CreatedAt = start.Add(time.Duration(i/2) * time.Microsecond)
			d.NextAttemptAt = nil
			if !d.Status.Done() {
				d.NextAttemptAt = new(start.Add(time.Duration(i/4) * time.Hour))
			}
			if d.Status != models.DeliveryPending {
				d.Attempts, d.AttemptsTotal, d.LastAttemptAt = 1+i%6, 9, new(start.Add(time.Minute))
				d.ResponseCode, d.ResponseBody = new([]int{204, 503, 410}[i%3]), new("try again 50%")
				d.LastError = new("HTTP 503")
			}
		})
		s.Cedar.Insert(row)
		if i == 3 {
			s.known("delivery", row.ID.String(), row.ID.UUID())
			s.attempts(row)
		}
	}
	s.alter(s.Cedar, `UPDATE webhook_endpoints SET last_sequence = 17 WHERE id = '`+endpoint.UUID().String()+`'`)
}

// attempts inserts attempts at a delivery with every outcome.
func (s *Server) attempts(of *models.WebhookDelivery) {
	for i, outcome := range models.AttemptOutcome("").Values() {
		s.Cedar.Insert(s.Cedar.AttemptRow(of, i+1, func(a *models.DeliveryAttempt) {
			a.Outcome, a.StartedAt = models.AttemptOutcome(outcome), factory.Now().Add(time.Duration(i/2)*time.Microsecond)
			switch i % 3 {
			case 1:
				a.ResponseCode, a.Error = new(503), new("HTTP 503")
			case 2:
				a.ResponseCode, a.ResponseBody, a.Error = nil, nil, new("no answer within 10 s")
			}
		}))
	}
}

// replays inserts replays of an endpoint in every state.
func (s *Server) replays(endpoint models.WebhookEndpointID) {
	start := time.Date(2026, time.June, 9, 8, 30, 0, 0, time.UTC)
	states := []models.ReplayState{models.ReplayDone, models.ReplayStopped}
	for i := range 8 {
		s.Cedar.Insert(s.Cedar.ReplayRow(endpoint, func(r *models.WebhookReplay) {
			r.State, r.CreatedAt = states[i%2], start.Add(time.Duration(i/2)*time.Microsecond)
			switch i % 3 {
			case 1:
				r.Status = new(models.DeliveryDead)
			case 2:
				r.EventType = new(models.EventReportFailed)
			}
		}))
	}
	other := must(s.Store.CreateWebhookEndpoint(s.Context(), s.Cedar.System(), models.NewWebhookEndpoint{Name: "Other", URL: "https://other.example.org/"}))(s)
	for i, state := range []models.ReplayState{models.ReplayQueued, models.ReplayDone} {
		row := s.Cedar.ReplayRow(other.Endpoint.ID, func(r *models.WebhookReplay) {
			if r.State = state; i == 0 {
				r.FinishedAt = nil
			}
		})
		s.Cedar.Insert(row)
		s.known("replay", row.ID.String(), row.ID.UUID())
	}
	lake := uuid.MustParse(factory.Query[string](s.Cedar, `SELECT id::text FROM webhook_endpoints WHERE name = 'lake_50%' ORDER BY id LIMIT 1`))
	running := s.Cedar.ReplayRow(models.WebhookEndpointID{}.From(lake),
		func(r *models.WebhookReplay) { r.State, r.FinishedAt = models.ReplayRunning, nil })
	s.Cedar.Insert(running)
}

// happenings inserts events of every type, and counts on from them.
func (s *Server) happenings(endpoint models.WebhookEndpointID) {
	last := factory.Query[int64](s.Cedar, `SELECT last_sequence FROM webhook_streams`)
	start := time.Date(2026, time.June, 8, 8, 30, 0, 0, time.UTC)
	for i, kind := range models.WebhookEventType("").Values() {
		row := s.Cedar.HappeningRow(endpoint, last+int64(i)+1, func(e *models.WebhookEvent) {
			e.EventType, e.CreatedAt, e.EndpointID = models.WebhookEventType(kind), start.Add(time.Duration(i/2)*time.Microsecond), nil
			e.Data = json.RawMessage(`{"number":0.1,"word":"x"}`)
		})
		s.Cedar.Insert(row)
		s.known("happening", row.ID.String(), row.ID.UUID())
	}
	s.alter(s.Cedar, `UPDATE webhook_streams SET last_sequence = (SELECT max(sequence) FROM webhook_events)`)
}

// tested gives a clinic an endpoint that was tested, and names what came of it.
func (s *Server) tested(prefix string, clinic *factory.Tenant) models.WebhookEndpointID {
	v := clinic.System()
	issued := must(s.Store.CreateWebhookEndpoint(s.Context(), v, models.NewWebhookEndpoint{Name: prefix + "endpoint", URL: "https://partner.example.org/hook"}))(s)
	id := issued.Endpoint.ID
	delivery := must(s.Store.TestWebhookEndpoint(s.Context(), v, id))(s)
	events := must(s.Store.WebhookEvents(s.Context(), v, models.WebhookEventFilter{Type: new(models.EventWebhookTest)}, models.List[models.WebhookEventOrderField]{
		Page: models.Page{Limit: 1, Backward: true},
	}))(s)
	replay := clinic.ReplayRow(id)
	if prefix == "harbor." { // identifiers of rows differ between twins
		clinic.Insert(replay)
	}
	s.known(prefix+"endpoint", id.String(), id.UUID())
	s.known(prefix+"delivery", delivery.ID.String(), delivery.ID.UUID())
	s.known(prefix+"happening", events.Items[0].ID.String(), events.Items[0].ID.UUID())
	s.known(prefix+"replay", replay.ID.String(), replay.ID.UUID())
	return id
}

// dotted is a member of an enum whose values have dots.
func dotted(name, column, text string) probe {
	p := equals(name, column, text)
	p.value = members(text)
	return p
}

// webhookLists are all lists about webhooks.
func webhookLists() []list {
	endpoints := list{
		name: "webhook endpoints", path: "webhook-endpoints/", parent: "Query", field: "webhookEndpoints", from: "webhook_endpoints",
		key: "id", prefix: "hook", auditing: true, order: []string{"name", "id"}, tie: []string{"name", "id"}, search: []string{"name", "url"},
		words: []string{"ware", "LAKE_ partner-1", "50%", "élan", "%41_", "nothing like it"},
		filters: []probe{
			holds("name", "name", "LAKE_"), holds("name", "name", "%"), flag("active", true), flag("active", false),
			{name: "disabled", text: "true", value: true, where: "disabled_at IS NOT NULL"},
			{name: "disabled", text: "false", value: false, where: "disabled_at IS NULL"},
			{name: "event_type", text: "report.completed", value: "REPORT_COMPLETED", where: "'report.completed' = ANY (event_types)"},
			word("circuit", "circuit", "closed"), word("circuit", "circuit", "open"), word("circuit", "circuit", "half_open"),
		},
	}
	deliveries := list{
		name: "webhook deliveries", path: "webhook-deliveries/", parent: "Query", field: "webhookDeliveries", from: "webhook_deliveries",
		key: "id", prefix: "dlv", auditing: true, order: []string{"-created_at", "-id"}, tie: []string{"created_at", "id"},
		search: []string{"event_key", "event_type"}, words: []string{"drift", "REPORT row_1", "%", "_", "nothing like it"},
		filters: []probe{
			identifier("endpoint", "endpoint_id", "endpoint"),
			word("status", "status", "pending"), word("status", "status", "retrying"), word("status", "status", "success"), word("status", "status", "dead"),
			dotted("event_type", "event_type", "drift.detected"), dotted("event_type", "event_type", "webhook.test"),
			atLeast("created_after", "created_at", "2026-06-08T08:30:00.000002Z"), atMost("created_before", "created_at", "2026-06-08T10:30:00.000002+02:00"),
		},
	}
	deliveries.filters[0].trivial = true // Cedar delivers to one
	ofEndpoint := deliveries
	ofEndpoint.name, ofEndpoint.path = "deliveries of an endpoint", "webhook-endpoints/{endpoint}/deliveries/"
	ofEndpoint.parent, ofEndpoint.id, ofEndpoint.field = "WebhookEndpoint", "{endpoint}", "deliveries"
	ofEndpoint.where, ofEndpoint.filters = "endpoint_id = '{endpoint.uuid}'", deliveries.filters[1:]
	return []list{endpoints, deliveries, ofEndpoint, attemptList(), replayList(), happeningList()}
}

func attemptList() list {
	return list{
		name: "attempts", path: "webhook-deliveries/{delivery}/attempts/", parent: "WebhookDelivery", field: "attempts", id: "{delivery}",
		from: "webhook_attempts", where: "delivery_id = '{delivery.uuid}'", key: "number::text", auditing: true,
		order: []string{"number"}, tie: []string{"number"},
		filters: []probe{
			word("outcome", "outcome", "delivered"), word("outcome", "outcome", "timed_out"),
			number(equals("response_code", "response_code", "503")),
			atLeast("started_after", "started_at", "2026-06-15T12:00:00.000002Z"), atMost("started_before", "started_at", "2026-06-15T14:00:00.000002+02:00"),
		},
	}
}

func replayList() list {
	return list{
		name: "replays", path: "webhook-replays/", parent: "Query", field: "webhookReplays", from: "webhook_replays", key: "id", prefix: "job",
		auditing: true, order: []string{"-created_at", "-id"}, tie: []string{"created_at", "id"},
		filters: []probe{
			identifier("endpoint", "endpoint_id", "endpoint"),
			word("state", "state", "queued"), word("state", "state", "running"), word("state", "state", "done"), word("state", "state", "stopped"),
			atLeast("created_after", "created_at", "2026-06-09T08:30:00.000002Z"), atMost("created_before", "created_at", "2026-06-09T10:30:00.000002+02:00"),
		},
	}
}

func happeningList() list {
	return list{
		name: "events", path: "events/", parent: "Query", field: "webhookEvents", from: "webhook_events", where: "sequence IS NOT NULL",
		key: "id", prefix: "evt", auditing: true, order: []string{"sequence"}, tie: []string{"sequence"},
		filters: []probe{
			number(probe{name: "after", text: "3", where: "sequence > 3"}),
			dotted("type", "event_type", "drift.detected"), dotted("type", "event_type", "alert.resolved"),
			atLeast("created_after", "created_at", "2026-06-08T08:30:00.000002Z"), atMost("created_before", "created_at", "2026-06-08T10:30:00.000002+02:00"),
		},
	}
}

// webhookChange is a case that does something to an endpoint or a delivery.
func webhookChange(name, user, verb, object, suffix, id string, body map[string]any, changes ...string) write {
	field := map[string]string{
		"rotateWebhookSecret": "webhookEndpoint", "replayWebhooks": "webhookReplay",
		"testWebhookEndpoint": "webhookDelivery", "redeliverWebhook": "webhookDelivery",
	}[verb]
	typ, capital := strings.ToUpper(field[:1])+field[1:], strings.ToUpper(verb[:1])+verb[1:]
	input := map[string]any{"id": id}
	if verb == "replayWebhooks" {
		input = map[string]any{"endpointId": id}
	}
	for parameter, value := range body {
		if text, ok := value.(string); ok && (parameter == "status" || parameter == "event_type") {
			value = members(text)
		}
		input[camel(parameter)] = value
	}
	call := Call{Method: "POST", Path: object + id + "/" + suffix + "/"}
	if body != nil {
		call.Body = maps.Clone(body)
	}
	return write{changes: append([]string{"audit_events", "audit_heads"}, changes...), Case: Case{
		Name: name, As: Asker{User: user}, REST: call, GraphQL: Operation{
			Document: "mutation($input: " + capital + "Input!) { " + verb + "(input: $input) { userErrors { code message path reason existingId } " +
				field + " { " + selection(typ) + " } } }",
			Variables: map[string]any{"input": input}, At: verb + "." + field, Type: typ,
		},
	}}
}

func rotatingSecret(name, user, id string, body map[string]any) write {
	return webhookChange(name, user, "rotateWebhookSecret", "webhook-endpoints/", "rotate-secret", id, body, "webhook_endpoints")
}

func testingEndpoint(name, user, id string) write {
	return webhookChange(name, user, "testWebhookEndpoint", "webhook-endpoints/", "test", id, nil,
		"webhook_deliveries", "webhook_endpoints", "webhook_events", "webhook_streams")
}

func redelivering(name, user, id string) write {
	return webhookChange(name, user, "redeliverWebhook", "webhook-deliveries/", "redeliver", id, nil, "webhook_deliveries")
}

func replaying(name, user, id string, body map[string]any) write {
	return webhookChange(name, user, "replayWebhooks", "webhook-endpoints/", "replay", id, body, "webhook_replays")
}

// countingReplay asks how many deliveries a replay would send.
func countingReplay(name, user, id string, parameters map[string]string) Case {
	input, query := map[string]any{"endpointId": id}, url.Values{}
	for parameter, text := range parameters {
		query.Set(parameter, text)
		if parameter == "status" || parameter == "event_type" {
			text = members(text).(string)
		}
		input[camel(parameter)] = text
	}
	return Case{
		Name: name, As: Asker{User: user}, REST: Call{Path: "webhook-endpoints/" + id + "/replay/count/", Query: query},
		GraphQL: Operation{
			Document:  "query($input: WebhookReplayCountInput!) { webhookReplayCount(input: $input) { count } }",
			Variables: map[string]any{"input": input}, At: "webhookReplayCount", Type: "WebhookReplayCount",
		},
	}
}

// replayCounts are such questions.
func replayCounts() []Case {
	since := func(more ...string) map[string]string {
		parameters := map[string]string{"since": "2026-06-01T00:00:00Z"}
		for i := 0; i < len(more); i += 2 {
			parameters[more[i]] = more[i+1]
		}
		return parameters
	}
	refused := func(c Case, want models.Code, fields ...string) Case {
		c.Want, c.Fields = want, fields
		return c
	}
	inWordsOnly := func(c Case) Case {
		c.WordsOnly = true
		return c
	}
	const admin, own = "cedar.admin", "{endpoint}"
	return []Case{
		countingReplay("count all", admin, own, since()),
		countingReplay("count the dead", admin, own, since("status", "dead")),
		countingReplay("count of a type until then", admin, own, since("event_type", "drift.detected", "until", "2026-06-08T10:30:00.000003+02:00")),
		refused(countingReplay("count from the future", admin, own, map[string]string{"since": "2026-07-01T00:00:00Z"}), models.CodeValidation, "since invalid"),
		refused(countingReplay("count backwards", admin, own, since("until", "2026-05-01T00:00:00Z")), models.CodeValidation, "until invalid"),
		refused(countingReplay("count what waits", admin, own, since("status", "pending")), models.CodeValidation, "status invalid"),
		inWordsOnly(refused(countingReplay("count since nothing", admin, own, nil), models.CodeValidation, "since required")),
		inWordsOnly(refused(countingReplay("count by something else", admin, own, since("color", "red")), models.CodeValidation, "color unknown")),
		refused(countingReplay("count another customer's", admin, "{harbor.endpoint}", since()), models.CodeNotFound),
		refused(countingReplay("count nobody's", admin, "hook"+nowhere, since()), models.CodeNotFound),
		refused(countingReplay("an analyst counts", "cedar.analyst", own, since()), models.CodeForbidden),
	}
}

// testAnswers reads deliveries and attempts as who manages webhooks, and as a key
// that may only look: what endpoints answered is shown to the first alone.
func (s *Server) testAnswers(t *testing.T) {
	t.Parallel()
	for _, as := range []Asker{{User: "cedar.admin"}, {Key: "webhooks:write"}, {Key: "webhooks:read"}} {
		cases := []Case{{Name: "a delivery", REST: Call{Path: "webhook-deliveries/{delivery}/"}, GraphQL: node("WebhookDelivery", "{delivery}")}}
		for _, name := range []string{"webhook deliveries", "deliveries of an endpoint", "attempts"} {
			c := listNamed(name).ask(question{})
			c.Name = name
			cases = append(cases, c)
		}
		for _, c := range cases {
			if c.As = as; as.Key == "webhooks:write" {
				c.Want = models.CodeForbidden // what a key may change it may not read for that
			}
			told := 0
			for _, row := range s.run(t, c).Rows {
				if row["response_body"] != nil {
					told++
				}
			}
			if told > 0 != (as.User != "") {
				t.Errorf("%s as %s: %d answers are shown", c.Name, as, told)
			}
		}
	}
}

// testReplayCounts asks them of a populated server.
func (s *Server) testReplayCounts(t *testing.T) {
	t.Parallel()
	s.runAll(t, replayCounts())
}

// seedWebhooks gives each of twins endpoints to change.
func seedWebhooks(s *Server) {
	s.tested("first.", s.Cedar)
	s.tested("second.", s.Cedar)
	s.tested("off.", s.Cedar)
	s.alter(s.Cedar, `UPDATE webhook_endpoints SET disabled_at = '2026-06-07T09:00:00Z', disabled_reason = 'gone', consecutive_failures = 3,
		failing_since = '2026-06-07T08:00:00Z' WHERE name = 'off.endpoint'`)
	s.alter(s.Cedar, `UPDATE webhook_deliveries SET status = 'dead', next_attempt_at = NULL, attempts = 6, attempts_total = 6,
		response_code = 503, response_body = 'try again' WHERE endpoint_id = '`+s.names["first.endpoint.uuid"]+`'`)
	s.known("harbor.endpoint", s.tested("theirs.", s.Harbor).String(), models.WebhookEndpointID{}.UUID())
	s.keyFor(models.ScopeWebhooksWrite)
	s.keyFor(models.ScopeWebhooksRead)
}

// webhookChanges succeed one after another.
func webhookChanges() []write {
	e := webhookEndpoints
	const admin, first = "cedar.admin", "{first.endpoint}"
	types := []any{"drift.detected", "report.failed"}
	byRoot := e.changing("a superuser renames one", "root", first, 0, object("name", "By root"))
	byRoot.As.Customer = "{cedar}"
	byKey := e.changing("a key renames one", "", first, 0, object("name", "By key"))
	byKey.As = Asker{Key: "webhooks:write"}
	since := object("since", "2026-06-01T00:00:00Z", "until", "2026-07-01T02:00:00+02:00", "status", "dead", "event_type", "webhook.test", "expected_count", 1)
	return []write{
		e.creating("an endpoint for everything", admin, object("name", " Warehouse 50% ", "url", "https://partner.example.org/hook?a=%20b")),
		e.creating("an endpoint for some events, switched off", "cedar.owner", object("name", "Médica", "url", "https://partner.example.org/", "event_types", types, "active", false)),
		e.changing("one member", admin, first, 0, object("name", "Lake")),
		e.changing("every member, at a version", admin, first, 2, object("name", "Lake 2", "url", "https://other.example.org/hook", "event_types", types, "active", false)),
		idle(e.changing("what is so already", admin, first, 3, object("name", "Lake 2", "active", false))),
		idle(e.changing("nothing", admin, first, 0, object())),
		e.changing("back to everything", admin, first, 3, object("event_types", []any{}, "active", true)),
		byRoot, byKey,
		e.changing("one that was disabled", admin, "{off.endpoint}", 0, object("active", true)),
		rotatingSecret("a secret", admin, first, nil),
		rotatingSecret("a secret at once, at a version", admin, first, object("overlap_hours", 0)).at(7),
		rotatingSecret("a secret over a week", "cedar.owner", first, object("overlap_hours", 168)),
		testingEndpoint("test an endpoint", admin, first),
		testingEndpoint("test it again", "cedar.owner", first),
		redelivering("send a dead one again", admin, "{first.delivery}").at(1),
		redelivering("send one again that waits", admin, "{second.delivery}"),
		replaying("replay what is dead", admin, "{second.endpoint}", since),
		e.deleting("delete one at a version", admin, "{second.endpoint}", 1).alsoDeleting("webhook_deliveries", "webhook_replays"),
		e.deleting("delete another", "cedar.owner", "{off.endpoint}", 0).alsoDeleting("webhook_deliveries"),
	}
}

// alsoDeleting names the tables of what goes with what is deleted.
func (c write) alsoDeleting(tables ...string) write {
	c.changes = slices.Sorted(slices.Values(append(slices.Clone(c.changes), tables...)))
	return c
}

// webhookRefusals leave everything as it is.
func webhookRefusals() []write {
	return slices.Concat(endpointRefusals(), deliveryRefusals())
}

func endpointRefusals() []write {
	e := webhookEndpoints
	const admin, own, theirs = "cedar.admin", "{first.endpoint}", "{harbor.endpoint}"
	good := func(more ...any) map[string]any {
		body := object("name", "Partner", "url", "https://partner.example.org/")
		maps.Copy(body, object(more...))
		return body
	}
	reader := e.creating("a key that may only read", "", good())
	reader.As = Asker{Key: "webhooks:read"}
	return []write{
		refusing(e.creating("nobody", "", good()), models.CodeUnauthenticated),
		refusing(e.creating("an analyst", "cedar.analyst", good()), models.CodeForbidden),
		refusing(reader, models.CodeForbidden),
		refusing(e.creating("no name", admin, good("name", " ")), models.CodeValidation, "name invalid"),
		refusing(e.creating("a long name and a long URL", admin, good("name", strings.Repeat("é", 101), "url", "https://x.example/"+strings.Repeat("x", 2048))),
			models.CodeValidation, "name invalid", "url invalid"),
		refusing(e.creating("a type twice", admin, good("event_types", []any{"drift.detected", "drift.detected"})), models.CodeValidation, "event_types.1 repeated"),
		inWords(refusing(e.creating("a type that is none", admin, good("event_types", []any{"drift.imagined"})), models.CodeValidation, "event_types[0] invalid")),
		inWords(refusing(e.creating("no URL", admin, object("name", "x")), models.CodeValidation, "url required")),
		inWords(refusing(e.creating("a secret of one's own", admin, good("secret", "whsec_x")), models.CodeValidation, "secret unknown")),
		refusing(e.changing("null", admin, own, 0, object("name", nil, "url", nil, "event_types", nil, "active", nil)), models.CodeValidation,
			"active required", "event_types required", "name required", "url required"),
		refusing(e.changing("to a private address", admin, own, 0, object("url", "https://10.0.0.1/")), models.CodeValidation, "url invalid"),
		inWords(refusing(e.changing("an unknown member", admin, own, 0, object("nam", "x")), models.CodeValidation, "nam unknown")),
		inWords(refusing(e.changing("a figure", admin, own, 0, object("last_sequence", 7)), models.CodeValidation, "last_sequence read_only")),
		refusing(e.changing("a version that was", admin, own, 7, object("name", "x")), models.CodeStale),
		refusing(e.changing("an analyst changes", "cedar.analyst", own, 0, object("name", "x")), models.CodeForbidden),
		refusing(e.changing("another customer's", admin, theirs, 0, object("name", "x")), models.CodeNotFound),
		refusing(e.changing("nobody's", admin, "hook"+nowhere, 0, object("name", "x")), models.CodeNotFound),
		refusing(e.changing("of another kind", admin, "{first.delivery}", 0, object("name", "x")), models.CodeValidation, "id invalid"),
		refusing(e.deleting("a version that was not", admin, own, 9), models.CodeStale),
		refusing(e.deleting("an analyst deletes", "cedar.analyst", own, 0), models.CodeForbidden),
		refusing(e.deleting("another customer's endpoint", admin, theirs, 0), models.CodeNotFound),
		refusing(rotatingSecret("for too long", admin, own, object("overlap_hours", 169)), models.CodeValidation, "overlap_hours invalid"),
		refusing(rotatingSecret("into the past", admin, own, object("overlap_hours", -1)), models.CodeValidation, "overlap_hours invalid"),
		refusing(rotatingSecret("a version that was", admin, own, nil).at(3), models.CodeStale),
		refusing(rotatingSecret("another customer's secret", admin, theirs, nil), models.CodeNotFound),
		refusing(rotatingSecret("an analyst rotates", "cedar.analyst", own, nil), models.CodeForbidden),
	}
}

func deliveryRefusals() []write {
	const admin, own, theirs, off = "cedar.admin", "{first.endpoint}", "{harbor.endpoint}", "{off.endpoint}"
	since := func(more ...any) map[string]any {
		body := object("since", "2026-06-01T00:00:00Z")
		maps.Copy(body, object(more...))
		return body
	}
	return []write{
		refusing(testingEndpoint("test one that is off", admin, off), models.CodeConflict),
		refusing(testingEndpoint("test another customer's", admin, theirs), models.CodeNotFound),
		refusing(testingEndpoint("an analyst tests", "cedar.analyst", own), models.CodeForbidden),
		refusing(redelivering("send to one that is off", admin, "{off.delivery}"), models.CodeConflict),
		refusing(redelivering("a version that was", admin, "{first.delivery}").at(9), models.CodeStale),
		refusing(redelivering("another customer's", admin, "{theirs.delivery}"), models.CodeNotFound),
		refusing(redelivering("an analyst sends", "cedar.analyst", "{first.delivery}"), models.CodeForbidden),
		refusing(replaying("replay one that is off", admin, off, since()), models.CodeConflict),
		refusing(replaying("replay more than was counted", admin, own, since("expected_count", 0)), models.CodeStale),
		refusing(replaying("replay the future", admin, own, object("since", "2026-07-01T00:00:00Z")), models.CodeValidation, "since invalid"),
		refusing(replaying("replay backwards", admin, own, since("until", "2026-05-01T00:00:00Z")), models.CodeValidation, "until invalid"),
		refusing(replaying("replay what waits", admin, own, since("status", "retrying")), models.CodeValidation, "status invalid"),
		refusing(replaying("replay less than nothing", admin, own, since("expected_count", -1)), models.CodeValidation, "expected_count invalid"),
		inWords(refusing(replaying("replay without a beginning", admin, own, object("status", "dead")), models.CodeValidation, "since required")),
		inWords(refusing(replaying("replay by something else", admin, own, since("color", "red")), models.CodeValidation, "color unknown")),
		refusing(replaying("replay another customer's", admin, theirs, since()), models.CodeNotFound),
		refusing(replaying("an analyst replays", "cedar.analyst", own, since()), models.CodeForbidden),
	}
}

func TestWebhookChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedWebhooks)
	for _, c := range webhookChanges() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}

func TestRefusedWebhookChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedWebhooks)
	for _, c := range webhookRefusals() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}
