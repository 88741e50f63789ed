package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"upstream/models"
)

// term is one column of a total order.
type term struct {
	column string
	desc   bool
}

// column describes a column a list can be ordered by.
type column[T any] struct {
	// cast is the SQL type a cursor's text is read as.
	cast string
	// nullable columns sort as PostgreSQL does by default: NULL is the largest.
	nullable bool
	// value is the column of a row, nil for NULL.
	value func(*T) any
}

// listSpec is what the store knows about the lists of one noun.
type listSpec[T any] struct {
	noun   string
	alias  string
	search []string
	// shown, when set, leaves out columns that no list shows.
	shown scopeFunc
	// parts says that a page may be asked for some of the columns alone, because
	// the rows are wide enough for that to pay.
	parts bool
	// order is the default order. Its columns also end every other order, so
	// that each is total; they then run in the direction of the term before
	// them, so that one index serves both directions.
	order   []term
	columns map[string]column[T]
	// key is the primary key of lists whose pages have numbers that can be
	// large: those are found in the index of the order by their keys alone, and
	// only then are rows read. Empty where a row is made of several tables.
	key []string
	// covered are the columns of filters that few rows may pass and that the
	// index of the order holds: a page filtered by one is found there as keys,
	// whatever its number.
	covered []string
	// narrow, when set, rewrites a filter into an equal one that an index
	// serves: the filter that is left and the condition that replaces the rest.
	narrow func(context.Context, *tenantTx, any) (any, scopeFunc, error)
	// narrowSearch, when set, does so for the words of a search.
	narrowSearch func(ctx context.Context, tx *tenantTx, words []string) (scopeFunc, error)
	// tally, when set, finds where it is kept how many rows pass a filter, if it
	// is. The scopes of the list must hold for what it finds, too.
	tally func(filter any) *tally
}

// orderTerms is the total order a client's ordering stands for.
func orderTerms[T any, F models.OrderField](spec listSpec[T], by []models.Order[F]) []term {
	if len(by) == 0 {
		return spec.order
	}
	var terms []term
	seen := map[string]bool{}
	for _, o := range by {
		if name := string(o.Field); !seen[name] {
			seen[name] = true
			terms = append(terms, term{column: name, desc: o.Direction == models.Descending})
		}
	}
	direction := terms[len(terms)-1].desc
	for _, t := range spec.order {
		if !seen[t.column] {
			terms = append(terms, term{column: t.column, desc: direction})
		}
	}
	return terms
}

func reversed(terms []term) []term {
	out := make([]term, len(terms))
	for i, t := range terms {
		out[i] = term{column: t.column, desc: !t.desc}
	}
	return out
}

// position is a place in an order: the values of its columns, nil for NULL.
type position []*string

// cursorCodec writes and reads the cursors of one list: this customer's, in
// this order, with this filter. A cursor of any other list is refused.
type cursorCodec struct{ scope []byte }

func newCursorCodec(customer models.CustomerID, noun string, terms []term, filter any, search string) (cursorCodec, error) {
	body, err := json.Marshal(filter)
	if err != nil {
		return cursorCodec{}, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%v\n%s\n%s", customer, noun, terms, body, search))
	return cursorCodec{scope: sum[:]}, nil
}

// encode writes the position followed by a checksum over it and its list.
func (c cursorCodec) encode(p position) (string, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(c.checksum(body), body...)), nil
}

const checksumSize = 9

func (c cursorCodec) checksum(body []byte) []byte {
	sum := sha256.Sum256(append(append([]byte{}, c.scope...), body...))
	return sum[:checksumSize]
}

// decode reads a cursor this list gave out; path names the argument in the
// VALIDATION error for any other text.
func (c cursorCodec) decode(path, text string, terms int) (position, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) <= checksumSize {
		return nil, models.InvalidField(path, "invalid_cursor", "is not a cursor; use one that an earlier page gave out")
	}
	var p position
	if string(c.checksum(raw[checksumSize:])) != string(raw[:checksumSize]) ||
		json.Unmarshal(raw[checksumSize:], &p) != nil || len(p) != terms {
		return nil, models.InvalidField(path, "foreign_cursor", "belongs to another list, order or filter; start again without it")
	}
	return p, nil
}

// positionOf is where a row stands in the order.
func positionOf[T any](spec listSpec[T], terms []term, row *T) position {
	p := make(position, len(terms))
	for i, t := range terms {
		if v := spec.columns[t.column].value(row); v != nil {
			text := cursorText(v)
			p[i] = &text
		}
	}
	return p
}

// identifier is any models.ID.
type identifier interface{ UUID() uuid.UUID }

// cursorText writes a value so that PostgreSQL reads exactly it back.
func cursorText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case identifier:
		return v.UUID().String()
	default:
		return fmt.Sprint(v)
	}
}

// condition is a piece of SQL with bun's placeholders and their arguments.
type condition struct {
	sql  string
	args []any
}

func (c condition) apply(q *bun.SelectQuery) *bun.SelectQuery { return q.Where(c.sql, c.args...) }

// beyond is the condition for rows that come after p in the order of terms.
// It is written so that an index in this order finds them: as a row comparison
// when all columns run the same way, else with a bound on the leading column.
func beyond[T any](spec listSpec[T], terms []term, p position) condition {
	if uniform(spec, terms) {
		return rowComparison(spec, terms, p, map[bool]string{false: ">", true: "<"}[terms[0].desc])
	}
	first, rest := passes(spec, terms[0], p[0]), condition{}
	if len(terms) == 1 {
		return first
	}
	rest = beyond(spec, terms[1:], p[1:])
	same := equals(spec, terms[0], p[0])
	either := condition{
		sql:  "(" + first.sql + " OR (" + same.sql + " AND " + rest.sql + "))",
		args: concat(first.args, same.args, rest.args),
	}
	if spec.columns[terms[0].column].nullable || p[0] == nil {
		return either
	}
	bound := operand(spec, terms[0], map[bool]string{false: ">=", true: "<="}[terms[0].desc], p[0])
	return condition{sql: "(" + bound.sql + " AND " + either.sql + ")", args: concat(bound.args, either.args)}
}

// upTo is the condition for the row at p and all before it.
func upTo[T any](spec listSpec[T], terms []term, p position) condition {
	if uniform(spec, terms) {
		return rowComparison(spec, terms, p, map[bool]string{false: "<=", true: ">="}[terms[0].desc])
	}
	before := beyond(spec, reversed(terms), p)
	at := make([]string, len(terms))
	args := before.args
	for i, t := range terms {
		same := equals(spec, t, p[i])
		at[i] = same.sql
		args = append(args, same.args...)
	}
	return condition{sql: "(" + before.sql + " OR (" + strings.Join(at, " AND ") + "))", args: args}
}

func uniform[T any](spec listSpec[T], terms []term) bool {
	for _, t := range terms {
		if t.desc != terms[0].desc || spec.columns[t.column].nullable {
			return false
		}
	}
	return true
}

func rowComparison[T any](spec listSpec[T], terms []term, p position, op string) condition {
	names, values := make([]string, len(terms)), make([]string, len(terms))
	var args []any
	for i, t := range terms {
		names[i] = "?"
		args = append(args, bun.Ident(spec.alias+"."+t.column))
		values[i] = "?::" + spec.columns[t.column].cast
	}
	for i := range terms {
		args = append(args, deref(p[i]))
	}
	return condition{
		sql:  "(" + strings.Join(names, ", ") + ") " + op + " (" + strings.Join(values, ", ") + ")",
		args: args,
	}
}

// passes is the condition for a column that comes strictly after v.
func passes[T any](spec listSpec[T], t term, v *string) condition {
	name := bun.Ident(spec.alias + "." + t.column)
	switch {
	case v == nil && t.desc:
		return condition{sql: "? IS NOT NULL", args: []any{name}}
	case v == nil:
		return condition{sql: "FALSE"}
	case t.desc:
		return operand(spec, t, "<", v)
	case spec.columns[t.column].nullable:
		c := operand(spec, t, ">", v)
		return condition{sql: "(" + c.sql + " OR ? IS NULL)", args: concat(c.args, []any{name})}
	default:
		return operand(spec, t, ">", v)
	}
}

func equals[T any](spec listSpec[T], t term, v *string) condition {
	if v == nil {
		return condition{sql: "? IS NULL", args: []any{bun.Ident(spec.alias + "." + t.column)}}
	}
	return operand(spec, t, "=", v)
}

func operand[T any](spec listSpec[T], t term, op string, v *string) condition {
	return condition{
		sql:  "? " + op + " ?::" + spec.columns[t.column].cast,
		args: []any{bun.Ident(spec.alias + "." + t.column), deref(v)},
	}
}

func deref(v *string) any {
	if v == nil {
		return nil
	}
	return *v
}

func concat(parts ...[]any) []any {
	var all []any
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
