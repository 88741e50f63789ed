package models

import "io"

// Direction is the direction of an ordering.
type Direction string

// The directions.
const (
	Ascending  Direction = "asc"
	Descending Direction = "desc"
)

// Values lists the directions.
func (Direction) Values() []string { return []string{string(Ascending), string(Descending)} }

// MarshalGQL writes the GraphQL enum value.
func (d Direction) MarshalGQL(w io.Writer) { marshalEnum(w, d) }

// UnmarshalGQL reads the GraphQL enum value.
func (d *Direction) UnmarshalGQL(v any) error { return unmarshalEnum(d, v) }

// OrderField is a column one noun's lists may be ordered by.
type OrderField interface {
	comparable
	Enum
}

// Order is one term of an ordering. Every list appends the identifier as the
// last term, so that the order is total.
type Order[F OrderField] struct {
	Field     F
	Direction Direction
}

// The orderings of each list.
type (
	UploadOrder     = Order[UploadOrderField]
	RejectionOrder  = Order[RejectionOrderField]
	ClaimOrder      = Order[ClaimOrderField]
	ReportRunOrder  = Order[ReportRunOrderField]
	DriftEventOrder = Order[DriftEventOrderField]
	DriftTestOrder  = Order[DriftTestOrderField]

	PayerSummaryOrder = Order[PayerSummaryOrderField]
	ClaimStatsOrder   = Order[ClaimStatsOrderField]
)

// List is what a client may say about any list besides its filter: words to
// search for, how to order, and which page.
type List[F OrderField] struct {
	// Search holds words separated by white space or commas; a row matches
	// when every word is contained in one of its searchable columns.
	Search  string
	OrderBy []Order[F]
	Page    Page
}

// Page bounds of the two APIs.
const (
	DefaultConnectionSize = 20
	MaxConnectionSize     = 100
	DefaultPageSize       = 50
	MaxPageSize           = 1000
	// MaxSearchLength bounds a search, in characters: each word of it is one
	// more condition for every searchable column.
	MaxSearchLength = 200
	// MaxOrderTerms is how many columns a list can be ordered by at once.
	MaxOrderTerms = 5
)

// Page selects rows of a list, either by keyset (Limit rows after or before a
// cursor) or by number (Number > 0: the page of Limit rows with that number).
type Page struct {
	// Limit is how many rows at most, >= 0; the edges apply their own bounds.
	Limit int
	// After and Before are opaque cursors that earlier answers gave out.
	After  string
	Before string
	// Backward takes the last Limit rows instead of the first.
	Backward bool
	// Number counts pages from 1; 0 selects by keyset.
	Number int
	// Last selects the last page of those that are counted from 1, whatever its
	// number.
	Last bool
	// WantTotal and WantNeighbours ask for what costs a statement of its own.
	WantTotal      bool
	WantNeighbours bool
	// SkipRows asks for the total alone.
	SkipRows bool
	// Columns are the only columns that the rows need, for lists whose rows are
	// wide; nil means all. The other fields of the rows may then be zero.
	Columns []string
	// EndCursors says that of the cursors only the first and the last are needed.
	EndCursors bool
}

// Rows is one page of a list.
type Rows[T any] struct {
	Items []T
	// Cursors holds the position of each item, in the same order; those between
	// the first and the last are empty when Page.EndCursors was set.
	Cursors []string
	// HasNext and HasPrevious tell whether rows follow or precede the page.
	// The one against the direction of paging is only known when
	// Page.WantNeighbours was set.
	HasNext     bool
	HasPrevious bool
	// Total counts all rows of the list; nil unless Page.WantTotal was set.
	Total *int64
	// Number is which page this is, from 1; 0 when it was selected by keyset.
	Number int
}
