// Command drift measures how well drift is found: claims with planted truth go
// through the engine (models/drift) thousands of times, without a database, and
// the shares of right and wrong findings are written down:
//
//	go run ./bench/drift -out .
//
// writes docs/evaluation.md, its plots in docs/images and the table in
// README.md. Seeds are fixed: the same engine gives the same document, however
// many processors there are. The tests of this package make a small part of it
// on every run of the test suite.
//
// It may import everything, and reads and writes no claims of anybody.
package main
