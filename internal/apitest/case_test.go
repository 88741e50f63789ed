package apitest

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

// Case is one question that is put to both APIs.
type Case struct {
	Name    string
	As      Asker
	REST    Call
	GraphQL Operation
	// Want and Fields are the error that both must answer with, in the words of
	// REST; without Want both must succeed.
	Want   models.Code
	Fields []string
	// WordsOnly says that GraphQL refuses the question while it validates the
	// operation: it names the field in its sentence and not as data, as its
	// specification has it for every server.
	WordsOnly bool
	// Differs is why GraphQL answers otherwise than REST, for the few questions
	// of which that is known. A case that says so and then finds the two in
	// agreement fails: the reason is gone and has to go here too.
	Differs string
}

// ask puts the question to each API and answers with what they said.
func (s *Server) ask(t tester, c Case) (rest, graphql Answer) {
	t.Helper()
	rest = restAnswer(t, c.GraphQL.Type, s.rest(t, c.As, c.REST))
	graphql = graphqlAnswer(t, c.GraphQL, s.graphql(t, c.As, c.GraphQL))
	return rest, graphql
}

// check demands that both answers are the expected one.
func (c Case) check(t tester, rest, graphql Answer) {
	t.Helper()
	if rest.Code != c.Want {
		t.Errorf("%s: REST answers with the code %q about %q, want %q", c.Name, rest.Code, rest.Fields, c.Want)
	}
	if c.Fields != nil {
		same(t, c.Name+": fields at fault, wanted and in REST", c.Fields, rest.Fields)
	}
	if c.WordsOnly && graphql.Fields == nil {
		graphql.Fields = rest.Fields
	}
	switch {
	case c.Differs != "" && cmp.Equal(rest, graphql):
		t.Errorf("%s: REST and GraphQL agree, although %s", c.Name, c.Differs)
	case c.Differs != "":
	case rest.Code != graphql.Code:
		t.Errorf("%s: REST answers with the code %q and %d rows, GraphQL with %q and %d",
			c.Name, rest.Code, len(rest.Rows), graphql.Code, len(graphql.Rows))
	default:
		same(t, c.Name+": REST and GraphQL", rest, graphql)
	}
}

// run is ask and check.
func (s *Server) run(t tester, c Case) Answer {
	t.Helper()
	rest, graphql := s.ask(t, c)
	c.check(t, rest, graphql)
	return rest
}

// runAll runs cases side by side.
func (s *Server) runAll(t *testing.T, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s.run(t, c)
		})
	}
}

// same compares two values of one kind.
func same[T any](t tester, what string, first, second T) {
	t.Helper()
	if reflect.DeepEqual(first, second) {
		return // which is far cheaper to find out than where they differ
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("%s (-first +second):\n%s", what, diff)
	}
}
