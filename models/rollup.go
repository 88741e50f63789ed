package models

// RollupDifference is a place where a roll-up of claims does not say what the
// claims say.
type RollupDifference struct {
	// Table is the roll-up and Key its row.
	Table string
	Key   string
	// Stored and Counted are that row and what the claims add up to; nil where
	// there is none.
	Stored  *string
	Counted *string
}
