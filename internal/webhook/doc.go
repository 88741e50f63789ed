// Package webhook signs bodies and sends them to partners' URLs, and decides
// when to try again and whether to try at all. It knows no database and may
// import models only; the caller reads and stores.
//
// # One attempt
//
// [Sender.Send] makes one attempt and says what came of it in words that are
// safe to show: no address a name resolved to, nothing of the error's own text.
// [Guard] stands in its way twice: it checks the URL, at every attempt as when it
// was written ([Guard.CheckURL]), and every address that is about to be connected
// to, after DNS ([Guard.Control]); so neither a name that changes its mind nor a
// redirect (none is followed) leads inside. [Headers] signs by the Standard
// Webhooks specification.
//
// # Many attempts
//
// [Schedule] says when a delivery is tried again, [Breaker] whether its endpoint
// is tried now. Both are functions of what they are given: state is
// [models.EndpointHealth], which the caller keeps, and the time is an argument.
//
//	           5 failures in a row
//	┌────────┐ ─────────────────────► ┌──────┐ ◄──── a failure: twice the pause
//	│ closed │                        │ open │ ─────────────────┐
//	└────────┘ ◄──────────────┐       └──────┘                  │
//	     ▲                    │  a success  ┌───────────┐        │ after the pause
//	     └── a success        └──────────── │ half-open │ ◄──────┘ one delivery
//	                                        └───────────┘
//
// Of several processes each sees the same state, so that one delivery at a time
// tries a half-open endpoint; a process that dies with it gives way after
// [Breaker.Probe]. A delivery that waits uses up none of its attempts.
package webhook
