package graph

import (
	"cmp"
	"time"

	"upstream/models"
)

// Limits bound what one request may ask for. They are checked in the order of
// their cost to us: bytes before parsing, the document's shape before it is
// validated, its price before it runs. Zero fields take the defaults.
type Limits struct {
	// Body is the size of a request in bytes: a POST's body or a GET's query
	// string. Arrival is how long a POST's body may take to come.
	Body    int64
	Arrival time.Duration
	// Values is how many JSON values a request may hold, those within others
	// included: decoded, each takes many times the byte or two it may have been.
	Values int
	// Tokens is how many lexical tokens a document may have.
	Tokens int
	// Depth is how deep fields may nest. Introspection is not counted: its own
	// types nest deeper by design, and a validation rule bounds it.
	Depth int
	// Fields, Aliases, Directives and Fragments count their occurrences in a
	// document. Validation compares fields pairwise, so it is the number of
	// fields that bounds its time: a tenth of a second for a thousand.
	Fields     int
	Aliases    int
	Directives int
	Fragments  int
	// RootFields is how many root fields an operation may have; each one that
	// reads takes a database connection of its own.
	RootFields int
	// Budget is the highest cost of an operation; cost.go says how it is counted.
	Budget int
	// Errors is how many errors an answer lists; the rest is left out.
	Errors int
	// Query and Mutation are how long operations may run.
	Query    time.Duration
	Mutation time.Duration
}

// DefaultLimits are those of an audience. Whoever has signed in may send
// everything that the documentation, the playground and the common clients do,
// with room: the full introspection query has about 150 tokens and a cost below
// 10,000, a page of 100 claims with every field about 3,200. A superuser's
// support work may read twice as much at once. Who has not signed in can read
// nothing but `__typename`, so that it is enough to hear a whole mutation, and to
// tell them so.
func DefaultLimits(a Audience) Limits {
	l := Limits{
		Body: 1 << 20, Arrival: 30 * time.Second, Values: 10_000, Tokens: 10_000, Depth: 15, Fields: 1000, Aliases: 50, Directives: 50,
		Fragments: 100, RootFields: 20, Budget: 50_000, Errors: 10, Query: 15 * time.Second, Mutation: 2 * time.Minute,
	}
	switch a {
	case AudienceAnonymous:
		return Limits{
			Body: 32 << 10, Arrival: 10 * time.Second, Values: 200, Tokens: 1000, Depth: 10, Fields: 100, Aliases: 10, Directives: 10,
			Fragments: 10, RootFields: 5, Budget: 10_000, Errors: 3, Query: 5 * time.Second, Mutation: 5 * time.Second,
		}
	case AudienceSuperuser:
		l.Budget, l.Query = 100_000, 30*time.Second
	case AudienceKey, AudienceViewer, AudienceAnalyst, AudienceAdmin, AudienceOwner:
	}
	return l
}

// or are these limits, those that are not set taken from others.
func (l Limits) or(d Limits) Limits {
	return Limits{
		Body: cmp.Or(l.Body, d.Body), Arrival: cmp.Or(l.Arrival, d.Arrival), Values: cmp.Or(l.Values, d.Values),
		Tokens: cmp.Or(l.Tokens, d.Tokens), Depth: cmp.Or(l.Depth, d.Depth), Fields: cmp.Or(l.Fields, d.Fields),
		Aliases: cmp.Or(l.Aliases, d.Aliases), Directives: cmp.Or(l.Directives, d.Directives), Fragments: cmp.Or(l.Fragments, d.Fragments),
		RootFields: cmp.Or(l.RootFields, d.RootFields), Budget: cmp.Or(l.Budget, d.Budget), Errors: cmp.Or(l.Errors, d.Errors),
		Query: cmp.Or(l.Query, d.Query), Mutation: cmp.Or(l.Mutation, d.Mutation),
	}
}

// refused is TOO_COMPLEX in a sentence that has no full stop. Who has not signed
// in is told that this may be why.
func (r *request) refused(format string, args ...any) *models.Error {
	if r.audience == AudienceAnonymous {
		format += " before signing in"
	}
	return models.NewError(models.CodeTooComplex, format+".", args...)
}
