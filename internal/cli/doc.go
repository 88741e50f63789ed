// Package cli is the command line: one file per command. It opens the database
// the settings name, calls one store method for each thing it does, and prints
// the answer for people or, with --json, for machines.
//
// It may import models, store, migrations and internal packages. What the edges offer
// (the HTTP handler and the two API descriptions) is handed in by main.
package cli
