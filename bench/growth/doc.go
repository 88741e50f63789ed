// Command growth measures how what the program does grows with the claims of a
// customer:
//
//	go run ./bench/growth -claims 100000,1000000,10000000 -out docs/growth.md
//
// For each size a fresh customer is seeded into an embedded database of its own,
// the program is built and serves it as users run it, and requests are made one
// after the other. The table and docs/images/growth.svg beside it are written
// anew. It is run in the folder of the repository, on a machine with nothing
// else to do.
//
// It may import everything.
package main
