// Package throttle limits how much one caller may ask for in a span of time.
//
// Every request draws on the budget of a class ("read_only", "sign_in", ...)
// that belongs to its caller: an API key, a user, or the network a request
// comes from. Budgets are counted in a sliding window, by all replicas together
// when they share a Redis, and by each for itself otherwise or while Redis is
// lost. docs/throttling.md has the classes, their rates and the headers.
//
// It may import models. It knows no protocol beyond the names and values of
// HTTP headers: which class an operation draws on is decided by its edge.
package throttle
