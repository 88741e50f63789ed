// Package claimfile turns a claims file into a stream of validated rows.
//
// It is pure: it reads from an io.Reader, keeps nothing, logs nothing and knows
// no database, tenant or upload. It may import upstream/models, the standard
// library and small value libraries (decimals, CSV row mapping); never the
// store or an edge.
//
// # The file
//
// UTF-8 text, with or without a byte-order mark. Lines end in LF, CRLF or, when
// the header line does, in a lone CR. Cells are separated by a comma, or by
// whichever of semicolon, tab and vertical bar makes the header name more of the
// required columns. Header names are trimmed and lower-cased; columns that are
// not known are ignored. Required are payer, cpt, submitted_date, decided_date
// and outcome; the other columns are listed in the record type.
//
// # Rows
//
// Every record after the header has a number: the header is 1, the first data
// record 2, whatever the number of text lines a quoted cell spans. Lines that
// hold nothing but spaces are no records and have no number. A row is accepted
// whole or rejected whole, with the first rule it breaks. Rules are checked in
// this order: the record itself (quoting, encoding, number of cells), required
// cells, patient data, outcome, format of the two dates, then every other rule.
//
// A record whose quotes do not match is rejected and costs the text line it
// starts on; reading goes on with the next line, so one stray quote can neither
// swallow the rest of the file nor fill the memory. That, and the limit of 1 MiB
// on a record, is why the records are cut here and not by encoding/csv.
//
// # Patient data
//
// A rejection or warning names the column and the rule, never the value: all
// messages are constants. A payer or claim number that reads like a person's
// name, or holds a social-security number, phone number, e-mail address or
// medical record number, rejects the row. In claim numbers and
// payers, digits without separators are not taken for any of these, since plain
// claim numbers have nine or ten digits too. A denial reason text that holds one
// of the patterns is stored as null, with a warning.
package claimfile
