// Package meter measures what work costs in processor time: in a program, in
// PostgreSQL's backends, and of bare statements under PostgreSQL's own pgbench.
// Processor time weighs what else the machine does less than elapsed time; on
// systems that do not tell it of other processes, elapsed time stands for it.
//
// It serves the measurements in bench, and imports nothing of ours.
package meter
