// Package program builds the program and runs it as its users do: what the
// measurements in bench that look at it from outside have in common. It imports
// nothing of ours.
package program
