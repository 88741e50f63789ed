package apitest

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"upstream/internal/factory"
)

// deed is a write that names nothing that is there already.
type deed struct {
	name string
	do   func(s *Server, as Asker) reply
}

// reusedKey is an idempotency key that both customers send, for one deed.
func reusedKey(deed string) map[string]string {
	return map[string]string{"X-Request-Id": requestName, "Idempotency-Key": keyNamed("0f8a3f0e " + deed)}
}

// deeds are all writes of both APIs that name nothing, and files: the same
// bytes, and the same claim numbers in other bytes.
func deeds(t *testing.T, s *Server) []deed {
	t.Helper()
	var all []deed
	for _, op := range restOperations(t) {
		if op.method != http.MethodPost || op.permission == "" || len(op.pathKinds)+len(op.bodyKinds()) > 0 || op.body == nil {
			continue
		}
		call := op.call(nil)
		call.Header = reusedKey(op.String())
		all = append(all, deed{op.String(), func(s *Server, as Asker) reply { return s.rest(s, as, call) }})
	}
	for _, f := range fields() {
		if f.parent != schema().Mutation || len(places(f, "ID")) > 0 {
			continue
		}
		op := composer{field: f}.operation(place{}, nil, nil)
		all = append(all, deed{f.String(), func(s *Server, as Asker) reply {
			return (&town{Server: s}).send(s, as, op, reusedKey(f.String()))
		}})
	}
	file := string(s.CSV(shift(factory.Today().AddDays(-200))...))
	for name, text := range map[string]string{"a file": file, "its claim numbers": strings.ReplaceAll(file, "Shifty", "Shifty ")} {
		all = append(all, deed{name, func(s *Server, as Asker) reply { return s.postWith(s, as, "claims.csv", text, reusedKey(name)) }})
	}
	slices.SortStableFunc(all, func(a, b deed) int { return strings.Compare(a.name, b.name) })
	return all
}

// drawn are what two answers to the same deed differ in: identifiers, which
// are counted, names of requests and secrets.
var drawn = regexp.MustCompile(`_[0-7][0-9a-hjkmnp-tv-z]{25}\b|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|up_live_[0-9A-Za-z_-]+|whsec_[0-9A-Za-z+/=]+`)

// TestIsolation_NothingOfAnotherCustomerIsInTheWay lets Harbor do something on
// one of two servers, and then Cedar the same on both, twice. What Cedar is
// told, and how many statements it took, must not depend on what Harbor did: no
// unique index, idempotency key or counter is shared between customers.
func TestIsolation_NothingOfAnotherCustomerIsInTheWay(t *testing.T) {
	t.Parallel()
	crowded, alone := NewServer(t), NewServer(t)
	for _, s := range []*Server{crowded, alone} {
		for _, slug := range []string{"cedar", "harbor"} {
			s.token(t, slug+".owner")
		}
		ingestShift(s)
	}
	all := deeds(t, crowded)
	if len(all) < 4 {
		t.Fatalf("only %d deeds were found", len(all))
	}
	succeeded, repeated := 0, 0
	for _, d := range all {
		if r := d.do(crowded, Asker{User: "harbor.owner"}); r.status < http.StatusBadRequest {
			succeeded++
		}
		for _, time := range []string{"the first time", "again"} {
			beside, without := d.do(crowded, Asker{User: "cedar.owner"}), d.do(alone, Asker{User: "cedar.owner"})
			if replayed := beside.header.Get("Idempotency-Replayed") != ""; replayed && time != "again" {
				t.Errorf("%s %s: the answer is that to somebody else", d.name, time)
			} else if replayed {
				repeated++
			}
			// A colleague with the same key is told what somebody without one is.
			if time == "again" {
				colleague := d.do(crowded, Asker{User: "cedar.admin"})
				if colleague.header.Get("Idempotency-Replayed") != "" {
					t.Errorf("%s: a colleague is answered as the first was: %s", d.name, colleague.body)
				}
				_ = d.do(alone, Asker{User: "cedar.admin"})
			}
			same(t, fmt.Sprintf("%s %s, with and without another customer who did it before", d.name, time),
				drawn.ReplaceAllString(comparableText(beside, crowded.http.URL), ""), drawn.ReplaceAllString(comparableText(without, alone.http.URL), ""))
		}
	}
	if succeeded < 3 || repeated < 3 {
		t.Errorf("only %d deeds succeeded, and %d were answered as before", succeeded, repeated)
	}
	same(t, "what Cedar holds, with and without another customer who did the same",
		slices.Sorted(maps.Keys(holdings(t, crowded.Cedar))), slices.Sorted(maps.Keys(holdings(t, alone.Cedar))))
	for table, rows := range holdings(t, crowded.Cedar) {
		if other := holdings(t, alone.Cedar)[table]; len(rows) != len(other) {
			t.Errorf("Cedar holds %d rows of %s beside Harbor and %d without", len(rows), table, len(other))
		}
	}
}
