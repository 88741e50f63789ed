package claimfile

import (
	"fmt"

	"upstream/models"
)

// What a rejection or warning says about its column. None holds a value of the
// file: the value may identify a patient. All are sentence fragments that
// complete "<column> ...", or "row ..." when the whole record is at fault.
const (
	msgQuotes      = "is not a valid CSV record: a quote is misplaced or never closed"
	msgTooLong     = "is longer than 1 MiB, or a quote in it is never closed"
	msgNUL         = "holds NUL bytes"
	msgUTF8        = "is not valid UTF-8 text"
	msgFieldCount  = "has %d cells where the header has %d"
	msgRequired    = "is required"
	msgPHI         = "appears to identify a patient"
	msgDate        = "must be a date written YYYY-MM-DD, MM/DD/YYYY or YYYY/MM/DD"
	msgTooEarly    = "must not be before 1990-01-01"
	msgFuture      = "must not be in the future"
	msgDecided     = "must not be before submitted_date"
	msgPayment     = "must not be before submitted_date"
	msgControl     = "must not contain control characters"
	msgTooManyChar = "must have at most %d characters"
	msgAmount      = "must be an amount in dollars such as 1234.56"
	msgNegative    = "must not be negative"
	msgAmountMax   = "must be at most 9,999,999,999.99"
	msgDecimals    = "must have at most two decimals"
	msgBool        = "must be true, false, yes, no, y, n, t, f, 1 or 0"
	msgProcedures  = "must be a whole number from 1 to 10000"
	msgLineNumber  = "must be a whole number from 1 to 2147483647"
	msgListLength  = "must list at most 100 codes"
	msgListCode    = "must list codes of at most 20 characters"

	warnOutcome = "is not a known outcome and was stored as OTHER"
	warnText    = "appears to identify a patient and was stored as null"
)

// problem is why a row is rejected.
type problem struct {
	column  string
	code    models.RejectionCode
	message string
}

func invalidValue(column, message string) *problem {
	return &problem{column: column, code: models.RejectionInvalidValue, message: message}
}

// recordError is a problem of a record as CSV, before its cells have names.
type recordError struct{ message string }

// Error implements error.
func (e *recordError) Error() string { return "claimfile: the record " + e.message }

func wrongFieldCount(got, want int) *recordError {
	return &recordError{fmt.Sprintf(msgFieldCount, got, want)}
}
