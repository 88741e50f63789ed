package apitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
)

// attempt is a write that can be sent under a key, as it is or changed a little.
type attempt struct {
	name string
	send func(key string, changed bool) reply
}

// told is the part of an answer that a replay repeats byte for byte. What
// GraphQL says beside its data is about the request and not about the effect.
func told(t tester, r reply) string {
	t.Helper()
	body := string(r.body)
	var g struct{ Data json.RawMessage }
	if json.Unmarshal(r.body, &g) == nil && g.Data != nil {
		body = string(g.Data)
	}
	return fmt.Sprintf("%d\nLocation: %s\nETag: %s\n%s", r.status, r.header.Get("Location"), r.header.Get("ETag"), body)
}

// refusedKey says by which code an answer refuses its idempotency key; empty
// when it does not.
func refusedKey(t tester, r reply) string {
	t.Helper()
	var problem struct {
		Errors []struct{ Path, Code string }
		Data   map[string]struct {
			UserErrors []struct {
				Path   []string
				Reason string
			}
		}
	}
	_ = json.Unmarshal(r.body, &problem) // whatever has no such members refuses nothing
	for _, e := range problem.Errors {
		if e.Path == models.IdempotencyHeader {
			return e.Code
		}
	}
	for _, payload := range problem.Data {
		for _, e := range payload.UserErrors {
			if slices.Equal(e.Path, []string{models.IdempotencyHeader}) {
				return e.Reason
			}
		}
	}
	return ""
}

// honours sends attempts until one has an effect, and demands that it has no
// second one under its key: the same again is answered as it was, and anything
// else is refused.
func (s *Server) honours(t *testing.T, operation string, succeeded func(reply) bool, attempts []attempt) {
	t.Helper()
	var last reply
	for i, a := range attempts {
		key := keyNamed(fmt.Sprint(operation, " ", i))
		if last = a.send(key, false); !succeeded(last) {
			continue
		}
		if last.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: the first answer says that it is a repeated one", a.name)
		}
		held := s.withoutEntering(t)
		again := a.send(key, false)
		same(t, a.name+": the first answer and the second", told(t, last), told(t, again))
		if again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s does not honour Idempotency-Key: use store.write in it, or say in the use case what is kept", a.name)
		}
		if other := a.send(key, true); refusedKey(t, other) != "reused" {
			t.Errorf("%s: another request under the same key is answered with %d %s", a.name, other.status, other.body)
		}
		same(t, a.name+": what Cedar holds before and after it was sent again", held, s.withoutEntering(t))
		return
	}
	t.Errorf("%s: none of %d requests had an effect, so that nothing shows that it honours its key; the last answer was %d %s",
		operation, len(attempts), last.status, last.body)
}

// keyNamed is a key of visible characters, made of a text.
func keyNamed(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '-'
		}
		return r
	}, text)
}

// withoutEntering is what Cedar holds, but for the lines about superusers.
func (s *Server) withoutEntering(t tester) map[string][]string {
	held := holdings(t, s.Cedar)
	delete(held, "audit_events")
	delete(held, "audit_heads")
	return held
}

// writers are who may do what there is to do.
func writers() []Asker {
	return []Asker{{User: "cedar.owner"}, {User: "root", Customer: "{cedar}"}}
}

// candidates is how many rows are tried for one that an operation takes.
const candidates = 20

// keyedTown is a server whose Cedar has something of everything, and what its
// owner can read of it.
func keyedTown(t *testing.T) (*town, *estate) {
	t.Helper()
	s := NewServer(t)
	s.populate()
	s.plant(s.Cedar)
	return &town{Server: s}, s.survey(s, "cedar")
}

// TestEveryRESTWriteHonoursItsKey fails for an operation that changes something
// of a customer and does it twice for one key, or that cannot be shown not to.
func TestEveryRESTWriteHonoursItsKey(t *testing.T) {
	t.Parallel()
	s, own := keyedTown(t)
	tried := 0
	for _, op := range restOperations(t) {
		if op.method == http.MethodGet || op.permission == "" || op.path == "alert-rules/preview/" { // which reads
			continue
		}
		tried++
		var attempts []attempt
		for _, as := range writers() {
			for _, call := range op.calls(own.ids, candidates) {
				body := op.body
				if unseen, ok := unseenBodies()[op.path]; ok && op.method == http.MethodPost {
					body = unseen
				}
				call.Body = replaced(body, func(_ int, id string) string { return own.first([]string{models.IDPrefix(id)})[0] })
				attempts = append(attempts, attempt{fmt.Sprint(op, " by ", as), func(key string, changed bool) reply {
					c := call
					c.Header = map[string]string{"Idempotency-Key": key}
					if op.method != http.MethodPost {
						c.Header["If-Match"] = "*"
					}
					if changed {
						c.Header["If-Match"] = `"1-999"`
					}
					return s.rest(t, as, c)
				}})
			}
		}
		if op.path == "uploads/" {
			attempts = s.uploadAttempts(t)
		}
		s.honours(t, op.String(), func(r reply) bool { return r.status < http.StatusMultipleChoices }, attempts)
	}
	if tried < 10 {
		t.Errorf("only %d operations were tried", tried)
	}
}

// unseenBodies make rows that nobody has made, where the example is of one that
// somebody may have.
func unseenBodies() map[string]map[string]any {
	return map[string]map[string]any{
		"payer-mappings/": {"raw_name": "UNSEEN INC", "normalized_name": "Unseen"},
		"cpt-mappings/":   {"cpt_code": "UNSEEN", "cpt_group": "OTHER"},
	}
}

func (s *Server) uploadAttempts(t *testing.T) []attempt {
	t.Helper()
	file := string(s.CSV(shift(factory.Today().AddDays(-300))...))
	return []attempt{{"upload", func(key string, changed bool) reply {
		text := file
		if changed {
			text += "\n"
		}
		return s.postWith(t, Asker{User: "cedar.owner"}, "again.csv", text, map[string]string{"Idempotency-Key": key})
	}}}
}

// TestEveryMutationHonoursItsKey is the same for GraphQL.
func TestEveryMutationHonoursItsKey(t *testing.T) {
	t.Parallel()
	s, own := keyedTown(t)
	kinds := s.nodeKinds(t, own)
	var mutations []field
	for _, f := range fields() {
		if f.parent == schema().Mutation {
			mutations = append(mutations, f)
		}
	}
	if len(mutations) < 8 {
		t.Fatalf("only %d mutations", len(mutations))
	}
	for _, f := range mutations {
		c := composer{field: f, kinds: kinds, own: own}
		ops := []Operation{}
		for _, at := range places(f, "ID") {
			for _, kind := range slices.Sorted(maps.Keys(own.ids)) {
				for _, id := range own.ids[kind][:min(len(own.ids[kind]), candidates)] {
					ops = append(ops, c.operation(at, id, nil))
				}
			}
		}
		if len(ops) == 0 {
			ops = append(ops, c.operation(place{}, nil, nil))
		}
		var attempts []attempt
		for _, as := range writers() {
			for _, op := range ops {
				attempts = append(attempts, attempt{fmt.Sprint(f, " by ", as), func(key string, changed bool) reply {
					sent := op
					if changed {
						sent.Document += " # changed"
					}
					return s.send(t, as, sent, map[string]string{"Idempotency-Key": key})
				}})
			}
		}
		s.honours(t, f.String(), func(r reply) bool { return graphqlCode(t, r) == "" }, attempts)
	}
}
