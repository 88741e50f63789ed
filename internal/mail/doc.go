// Package mail writes the messages that Upstream sends and hands them to an SMTP
// server or, where none is configured, to files. It knows no database and
// imports nothing of ours.
package mail
