// Package document writes figures into the documents that show them: a block
// between two lines, which the measurement that wrote it replaces. It imports
// nothing of ours.
package document
