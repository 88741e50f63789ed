package store

import (
	"github.com/uptrace/bun"
)

// A page by number skips what precedes it. In an order by day, of which it is
// known how many rows each has, whole days are skipped by their counts: the page
// begins on the last day that no more than the rows to skip precede, and only
// what is left of them is skipped one by one.

// jumps says whether the page can be found by the counts of days.
func (p *listPlan[T]) jumps() bool {
	return p.tally != nil && p.page.Number > 1 && p.terms[0].column == p.tally.day && uniform(p.spec, p.terms)
}

// pageDay is of the days, by their counts, the one that the page begins on: none
// when the list has no rows, the last when the page is past its end.
const pageDay = `FROM days WHERE n > 0 AND preceding <= ? ORDER BY preceding DESC LIMIT 1`

// jump lets keys, those of the page, begin with the day of the page. It answers
// with them and q, the statement that they are to be a part of: the counts have
// to be of the same snapshot as the rows.
func (p *listPlan[T]) jump(q, keys *bun.SelectQuery) (*bun.SelectQuery, condition) {
	direction, from := "ASC", ">="
	if p.terms[0].desc {
		direction, from = "DESC", "<="
	}
	day, weight := bun.Ident(p.spec.alias+"."+p.tally.day), bun.Safe(p.tally.weight)
	days := p.kept().ColumnExpr("? AS day, ? AS n, sum(?) OVER (ORDER BY ? "+direction+") - ? AS preceding", day, weight, weight, day, weight)
	keys = keys.Where("? "+from+" (SELECT day "+pageDay+")", day, p.skipped())
	return q.With("days", days), condition{
		sql:  "? OFFSET (SELECT ? - preceding " + pageDay + ")", // behind the limit of keys
		args: []any{keys, p.skipped(), p.skipped()},
	}
}

// skipped is how many rows precede the page.
func (p *listPlan[T]) skipped() int64 { return int64(p.page.Number-1) * int64(p.page.Limit) }
