// Package guard stands in front of every handler: the headers that all answers
// share, and which pages of other origins a browser may let read them.
//
// It imports nothing of ours.
package guard
