package apitest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
)

// The isolation walk puts every question that either API can be asked with an
// identifier, a cursor, an entity tag or a search text of another customer,
// and once more with one that nobody has: the two answers have to be the same,
// byte for byte, and neither may hold anything of the other customer's.
//
// What can be asked comes from the OpenAPI document and the GraphQL schema,
// what there is to ask for from the answers that each customer's owner gets. So
// a new operation is walked without a line here, or the walk says what it lacks.

// typeID is an identifier of either API.
var typeID = regexp.MustCompile(`\b[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}\b`)

// estate is what one customer's owner can read: whatever the other customer
// must never see.
type estate struct {
	slug string
	// ids are identifiers by prefix, the oldest answer first.
	ids map[string][]string
	// texts are all other texts in answers.
	texts map[string]bool
	// tags are entity tags by the address they came from.
	tags map[string]string
	// cursors are by list and order, in the words of either API.
	cursors map[string]string
}

// parties are a customer and the other one, and who acts for the first.
type parties struct {
	own, foreign *estate
	askers       []Asker
}

// planted are texts that each clinic's rows carry, each of them in a field of
// its own.
func planted(slug string) []string {
	var texts []string
	for _, what := range []string{"payer", "file", "reason", "message", "number", "text", "signal", "raw", "event", "invited", "code", "group", "rule", "channel", "notes", "endpoint", "answer"} {
		texts = append(texts, "marker-"+what+"-"+slug)
	}
	return texts
}

// plant gives the clinic two of whatever lists show, with its markers in them.
func (s *Server) plant(clinic *factory.Tenant) {
	slug := clinic.Customer.Slug
	mark := func(what string) string { return "marker-" + what + "-" + slug }
	for i := range 2 {
		reason := mark("reason")
		upload := clinic.UploadRow(func(u *models.Upload) {
			u.Filename, u.Status, u.ErrorMessage = mark("file"), models.UploadFailed, &reason
		})
		rejection := clinic.RejectionRow(upload.ID, int64(i+1))
		rejection.Message = mark("message")
		second := clinic.RejectionRow(upload.ID, int64(i+8))
		number, text := fmt.Sprint(mark("number"), i), mark("text")
		claim := clinic.ClaimRow(upload.ID, func(c *models.Claim) {
			c.Payer, c.ClaimNumber, c.DenialReasonText = mark("payer"), &number, &text
		})
		run := clinic.RunRow(func(r *models.ReportRun) { // the last one shows in the list of active events
			finished := factory.Now().Add(time.Hour)
			r.FinishedAt = &finished
		})
		event := clinic.EventRow(run.ID, mark("event"), func(e *models.DriftEvent) { e.SignalKey = mark("signal") })
		test := clinic.TestRow(run.ID, mark("payer"), func(d *models.DriftTest) {
			d.DriftEventID, d.Practical, d.Significant = &event.ID, true, true
		})
		clinic.Insert(upload, rejection, second, claim, run, event, clinic.EventRow(run.ID, "Payer "+slug), test, clinic.TestRow(run.ID, "Payer "+slug))
	}
	endpoint := must(s.Store.CreateWebhookEndpoint(s.Context(), clinic.System(), models.NewWebhookEndpoint{
		Name: mark("endpoint"), URL: "https://partner.example.org/" + slug,
	}))(s).Endpoint
	for range 2 {
		delivery := must(s.Store.TestWebhookEndpoint(s.Context(), clinic.System(), endpoint.ID))(s)
		answered := func(a *models.DeliveryAttempt) { a.ResponseBody = new(mark("answer")) }
		clinic.Insert(clinic.AttemptRow(delivery, 1, answered), clinic.AttemptRow(delivery, 2, answered), clinic.ReplayRow(endpoint.ID))
	}
	s.plantAlerts(clinic, mark)
	_ = must(s.Store.InviteMember(s.Context(), clinic.System(), models.NewInvitation{Email: mark("invited") + "@clinic.test", Role: models.RoleViewer}))(s)
	_ = must(s.Store.CreatePayerMapping(s.Context(), clinic.System(), models.NewPayerMapping{RawName: mark("raw"), NormalizedName: "X"}))(s)
	_ = must(s.Store.CreateCPTGroupMapping(s.Context(), clinic.System(), models.NewCPTGroupMapping{CPTCode: mark("code"), CPTGroup: mark("group")}))(s)
}

// note adds what an answer holds.
func (e *estate) note(r reply) {
	for _, id := range typeID.FindAllString(string(r.body), -1) {
		if prefix := models.IDPrefix(id); !slices.Contains(e.ids[prefix], id) {
			e.ids[prefix] = append(e.ids[prefix], id)
		}
	}
	var body any
	if json.Unmarshal(r.body, &body) == nil {
		for text := range texts(body) {
			e.texts[text] = true
		}
	}
}

// commonText is a date or an instant, or a word of the contract: two customers
// may well share those.
var commonText = regexp.MustCompile(`^\d{4}-\d\d-\d\d|^[A-Za-z_]+$`)

// texts are the texts in a JSON value that could tell whose it is.
func texts(v any) map[string]bool {
	found := map[string]bool{}
	var look func(any)
	look = func(v any) {
		switch v := v.(type) {
		case string:
			if len(v) >= 6 && !commonText.MatchString(v) {
				found[v] = true
			}
		case map[string]any:
			for _, item := range v {
				look(item)
			}
		case []any:
			for _, item := range v {
				look(item)
			}
		}
	}
	look(v)
	return found
}

// secretKey is an API key as the answer that makes it shows it.
var secretKey = regexp.MustCompile(`up_live_[0-9A-Za-z_-]+`)

// settle makes twice what the APIs can make without naming anything, as the
// owner, and answers with the API keys that came of it.
func (s *Server) settle(t tester, slug string) []Asker {
	var keys []Asker
	for _, op := range restOperations(t) {
		if op.method != http.MethodPost || len(op.pathKinds) > 0 || op.permission == "" || op.body == nil {
			continue
		}
		for _, suffix := range []string{"", " the second"} {
			call := op.call(nil)
			if body, _ := call.Body.(map[string]any); body["name"] != nil {
				other := maps.Clone(body)
				other["name"] = fmt.Sprint(body["name"], suffix)
				call.Body = other
			}
			if key := secretKey.Find(s.rest(t, Asker{User: slug + ".owner"}, call).body); key != nil {
				keys = append(keys, Asker{Token: string(key)})
			}
		}
	}
	return keys
}

// survey reads everything that a customer's owner can read.
func (s *Server) survey(t tester, slug string) *estate {
	e := &estate{slug: slug, ids: map[string][]string{}, texts: map[string]bool{}, tags: map[string]string{}, cursors: map[string]string{}}
	owner := Asker{User: slug + ".owner"}
	for round := range 2 {
		for _, op := range restOperations(t) {
			if op.method != http.MethodGet || op.permission == "" || (round == 0) != (len(op.pathKinds) == 0) {
				continue
			}
			for _, call := range op.calls(e.ids, 20) {
				if op.list {
					call = call.with("page_size", "500")
				}
				if r := s.rest(t, owner, call); r.status == http.StatusOK {
					e.note(r)
					e.tags[op.path] = r.header.Get("ETag")
					s.surveyOrders(t, e, op, call)
				}
			}
		}
	}
	s.surveyConnections(t, e)
	return e
}

// surveyOrders takes a cursor of every order of a list.
func (s *Server) surveyOrders(t tester, e *estate, op restOperation, call Call) {
	if !op.list {
		return
	}
	for _, order := range append(op.orders, "") {
		page := call.with("page_size", "1").with("cursor", "")
		if order != "" {
			page = page.with("ordering", order)
		}
		var links struct{ Next *string }
		s.rest(t, Asker{User: e.slug + ".owner"}, page).decode(t, &links)
		if links.Next != nil {
			at := must(http.NewRequest(http.MethodGet, *links.Next, nil))(t)
			e.cursors[op.path+" "+order] = at.URL.Query().Get("cursor")
		}
	}
}

// without leaves out what the other customer has too.
func (e *estate) without(other *estate) {
	maps.DeleteFunc(e.texts, func(text string, _ bool) bool { return other.texts[text] })
	for prefix, ids := range e.ids {
		e.ids[prefix] = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(other.ids[prefix], id) })
	}
}

// town is a Server in which both clinics have whatever there can be.
type town struct {
	*Server
	cedar, harbor parties
}

func newTown(t testing.TB) *town {
	t.Helper()
	s := NewServer(t)
	s.populate()
	s.plant(s.Cedar)
	s.plant(s.Harbor)
	keys := map[string][]Asker{}
	for _, slug := range []string{"cedar", "harbor"} {
		keys[slug] = s.settle(s, slug)
	}
	cedar, harbor := s.survey(s, "cedar"), s.survey(s, "harbor")
	all := &estate{texts: maps.Clone(harbor.texts), ids: maps.Clone(harbor.ids)}
	harbor.without(cedar)
	cedar.without(all)
	for _, e := range []*estate{cedar, harbor} {
		for _, text := range planted(e.slug) {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(e.texts)), func(found string) bool { return strings.Contains(found, text) }) {
				if what := strings.TrimSuffix(text, e.slug); what != "marker-raw-" || restShows("payer-mappings") {
					t.Errorf("the owner of %s never reads %s: the survey is not whole", e.slug, text)
				}
			}
		}
	}
	askers := func(slug string) []Asker {
		all := []Asker{{User: "root", Customer: "{" + slug + "}"}, {}}
		for _, role := range models.Role("").Values() {
			all = append(all, Asker{User: slug + "." + role})
		}
		return append(all, keys[slug]...)
	}
	return &town{
		Server: s,
		cedar:  parties{own: cedar, foreign: harbor, askers: askers("cedar")},
		harbor: parties{own: harbor, foreign: cedar, askers: askers("harbor")},
	}
}

// nonexistent is an identifier of the same kind that no row has, and another
// text of the same length that occurs nowhere.
func nonexistent(text string) string {
	if typeID.MatchString(text) {
		return models.IDPrefix(text) + nowhere
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return 'z' - (r - 'a')
		}
		return r
	}, text)
}

// forged is a cursor that nobody was given: the same place, another checksum.
func forged(t tester, cursor string) string {
	t.Helper()
	way := ""
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || (len(raw) > 9 && raw[9] != '[') { // REST puts one letter before it
		way = cursor[:1]
		raw = must(base64.RawURLEncoding.DecodeString(cursor[1:]))(t)
	}
	raw[0] ^= 1
	return way + base64.RawURLEncoding.EncodeToString(raw)
}

// volatileParts are what differs between two answers to one question: how long
// it took, and what is left of a budget.
var volatileParts = regexp.MustCompile(`dur=[0-9.]+|"dbMs": ?[0-9.e-]+`)

// comparableText is an answer as text, the value that was sent replaced by a word.
func comparableText(r reply, sent string) string {
	header := r.header.Clone()
	// The length of a body goes with the digits of the durations in it, which
	// are cut out below.
	for _, name := range []string{"Date", "X-Request-Id", "Ratelimit", "Content-Length"} {
		header.Del(name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", r.status)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintf(&b, "%s: %q\n", name, header[name])
	}
	b.Write(r.body)
	text := volatileParts.ReplaceAllString(b.String(), "")
	if sent != "" {
		text = strings.ReplaceAll(text, sent, "<sent>")
	}
	return text
}

// requestName is the request id of every question: it is echoed.
const requestName = "isolation"

// probeOf is one question with a value to be put into it.
type probeOf struct {
	name string
	ask  func(as Asker, value string) reply
}

// indistinguishable demands that the answers to a foreign value and to one that
// does not exist are the same, and hold nothing of the other customer's.
func (p parties) indistinguishable(t *testing.T, q probeOf, foreign, nobodys string) {
	t.Helper()
	for _, as := range p.askers {
		if as.User == "root" && models.IDPrefix(foreign) == "cust" {
			continue // who chooses among customers knows of all of them
		}
		theirs, none := q.ask(as, foreign), q.ask(as, nobodys)
		if theirs.status >= http.StatusInternalServerError {
			t.Errorf("%s by %s with %s: %d %s", q.name, as, foreign, theirs.status, theirs.body)
		}
		same(t, fmt.Sprintf("%s by %s: another customer's %s and %s, which nobody has", q.name, as, foreign, nobodys),
			comparableText(theirs, foreign), comparableText(none, nobodys))
		p.foreign.wantNothing(t, fmt.Sprintf("%s by %s with %s", q.name, as, foreign), theirs, foreign)
	}
}

// wantNothing demands that nothing of this customer is in an answer, beyond
// what the other one sent.
func (e *estate) wantNothing(t *testing.T, what string, r reply, sent string) {
	t.Helper()
	var headers strings.Builder
	_ = r.header.Write(&headers)
	all := strings.ReplaceAll(headers.String()+string(r.body), sent, "")
	for _, id := range typeID.FindAllString(all, -1) {
		if slices.Contains(e.ids[models.IDPrefix(id)], id) {
			t.Errorf("%s: the answer holds %s of %s: %s", what, id, e.slug, r.body)
		}
	}
	for _, text := range planted(e.slug) {
		if strings.Contains(all, text) {
			t.Errorf("%s: the answer holds %s: %s", what, text, r.body)
		}
	}
	var body any
	if json.Unmarshal(r.body, &body) == nil {
		for text := range texts(body) {
			if e.texts[text] && !strings.Contains(text, sent) {
				t.Errorf("%s: the answer holds %q of %s: %s", what, text, e.slug, r.body)
			}
		}
	}
}

// touched are columns that say when something was last used: one's own
// questions move them.
var touched = regexp.MustCompile(`"last_[a-z_]+": ("[^"]*"|null),? ?`)

// holdings is state without them.
func holdings(t tester, clinic *factory.Tenant) map[string][]string {
	t.Helper()
	held := state(t, clinic)
	for _, rows := range held {
		for i, row := range rows {
			rows[i] = touched.ReplaceAllString(row, "")
		}
		slices.Sort(rows)
	}
	return held
}

// TestIsolation walks both APIs as everybody of both clinics, and then looks
// whether a row of either has changed.
func TestIsolation(t *testing.T) {
	t.Parallel()
	trial := newTown(t)
	// GraphQL first: what leads to an object's fields is the first of its kind, and
	// deletions that are accepted in REST take just that.
	positions := append(trial.graphqlPositions(t), trial.restPositions(t)...)
	if len(positions) < 30 {
		t.Fatalf("only %d places for an identifier were found", len(positions))
	}
	for _, slug := range []string{"cedar", "harbor"} {
		if slug == "harbor" && testing.Short() {
			continue // the same from the other side
		}
		t.Run(slug, func(t *testing.T) {
			t.Parallel()
			s := newTown(t)
			p, mine, other := s.cedar, s.Cedar, s.Harbor
			if slug == "harbor" {
				p, mine, other = s.harbor, s.Harbor, s.Cedar
			}
			for _, as := range p.askers {
				if as.User != "" {
					s.token(t, as.User) // signing in writes rows too
				}
			}
			own, foreign := holdings(t, mine), holdings(t, other)
			for _, at := range positions {
				at.walk(t, s, p)
			}
			s.walkCursors(t, p)
			same(t, "the other clinic's rows before and after", foreign, holdings(t, other))
			after := holdings(t, mine)
			for _, lines := range []string{"audit_events", "audit_heads"} { // a superuser's entering is noted
				delete(own, lines)
				delete(after, lines)
			}
			same(t, "the clinic's own rows before and after", own, after)
		})
	}
}

// position is a place for an identifier or a text, in either API.
type position struct {
	name string
	// kinds are the prefixes of identifiers that are accepted there; none for a
	// text.
	kinds []string
	// ask asks with the value there, and what else has to be named of the
	// asker's own.
	ask func(s *town, own *estate, header map[string]string) func(as Asker, value string) reply
	// conditional says that entity tags can be sent along.
	conditional bool
}

// walk compares, at one place, every kind of what the other customer has.
func (at position) walk(t *testing.T, s *town, p parties) {
	t.Helper()
	headers := []map[string]string{{}}
	if at.conditional {
		tag := `"1-1"`
		headers = append(headers, map[string]string{"If-None-Match": tag}, map[string]string{"If-None-Match": "*"},
			map[string]string{"If-Match": tag}, map[string]string{"Idempotency-Key": "a-key-of-" + p.foreign.slug})
	}
	for _, header := range headers {
		header["X-Request-Id"] = requestName
		q := probeOf{name: fmt.Sprint(at.name, " ", header), ask: at.ask(s, p.own, header)}
		for _, kind := range at.kinds {
			if len(p.foreign.ids[kind]) == 0 {
				t.Errorf("%s: %s has no %s_ of its own to try", at.name, p.foreign.slug, kind)
				continue
			}
			id := p.foreign.ids[kind][0]
			p.indistinguishable(t, q, id, nonexistent(id))
		}
		if len(at.kinds) == 0 {
			for _, text := range planted(p.foreign.slug)[:2] {
				p.indistinguishable(t, q, text, nonexistent(text))
			}
		}
	}
}
