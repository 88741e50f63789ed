package graph

import (
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

// DefaultLimits admit everything the documentation, the playground and the
// common clients send, with room: the full introspection query has about 150
// tokens and a cost below 10,000, a page of 100 claims with every field about 3,200.
func DefaultLimits() Limits {
	return Limits{
		Body: 1 << 20, Arrival: 30 * time.Second, Tokens: 10_000, Depth: 15, Fields: 1000, Aliases: 50, Directives: 50, Fragments: 100, RootFields: 20,
		Budget: 50_000, Errors: 10, Query: 15 * time.Second, Mutation: 2 * time.Minute,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	l.Body = or(l.Body, d.Body)
	l.Arrival = or(l.Arrival, d.Arrival)
	l.Tokens = or(l.Tokens, d.Tokens)
	l.Depth = or(l.Depth, d.Depth)
	l.Fields = or(l.Fields, d.Fields)
	l.Aliases = or(l.Aliases, d.Aliases)
	l.Directives = or(l.Directives, d.Directives)
	l.Fragments = or(l.Fragments, d.Fragments)
	l.RootFields = or(l.RootFields, d.RootFields)
	l.Budget = or(l.Budget, d.Budget)
	l.Errors = or(l.Errors, d.Errors)
	l.Query = or(l.Query, d.Query)
	l.Mutation = or(l.Mutation, d.Mutation)
	return l
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// tooComplex says which limit an operation exceeds, and by how much.
func tooComplex(what string, has, limit int) *models.Error {
	return models.NewError(models.CodeTooComplex, "The operation has %d %s; at most %d are allowed.", has, what, limit)
}
