// Package obs makes the program observable: its logger, and the access log of
// its HTTP servers. Nothing it writes holds a query string, a header, a body or
// a password: claims are health data, and searches quote them. Should a message,
// an error or a value bring such a thing along, Redact takes it out.
//
// It imports nothing of ours.
package obs
