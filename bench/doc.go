// Package bench measures what the program claims about its speed. Every figure
// is a ratio against a reference measured in the same run, so that it means
// the same on a fast and on a slow machine:
//
//	go test ./bench -run '^$' -bench . -benchtime 3x
//
// It may import what it measures.
package bench
