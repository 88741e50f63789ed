// Package jobs works on the queue: what use cases left to be done after their
// commit, and what recurs. A worker decodes, calls the store, and does the one
// thing that is no business of a transaction, such as sending a mail.
//
// A job may run more than once: when a process dies, and when a mail was sent
// but its job could not be marked as done. Workers that must not repeat
// themselves ask the store first.
//
// It may import models, store, internal/webhook and internal/mail.
package jobs
