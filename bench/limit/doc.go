// Command limit measures what a request costs against the least it could: the
// processor time of one request in the program, in PostgreSQL, and of the same
// statements under pgbench with prepared statements, as a table in Markdown.
//
//	go run ./bench/limit -claims 1000000 -out docs/performance.md
//
// The program measured is the built one, in a process of its own, with every
// layer a request goes through; it works on no jobs meanwhile, and its rates are
// so high that nothing is refused. The client repeats one request on one
// connection. The statements are those seen on the wire.
//
// With -before another build of the program is measured in turns with it, so
// that what else the machine does falls on both alike; with -profiles the
// program's CPU profiles are kept, which is also what `make profile` does.
//
// It may import everything.
package main
