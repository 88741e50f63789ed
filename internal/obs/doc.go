// Package obs makes the program observable: its logger, the access log of its
// HTTP servers, metrics, traces and the log of slow statements. Nothing it
// writes holds a query string, a header, a body, a value of a statement or a
// password: claims are health data, and searches quote them. Should a message,
// an error or a value bring such a thing along, Redact takes it out. No metric
// tells of whose data it is.
//
// It imports nothing of ours.
package obs
