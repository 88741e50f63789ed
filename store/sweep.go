package store

import (
	"context"
	"errors"
)

// watchBatch is how many rows of all customers are looked at in one go.
const watchBatch = 500

// sweep does something to each of the rows that next finds after the given one
// in the order of their keys, none at the end, and answers how many things it
// did. A failure with one row keeps none of the others from it.
func sweep[K any](ctx context.Context, next func(context.Context, K) ([]K, error), each func(context.Context, K) (int, error)) (int, error) {
	var after K
	var all error
	for done := 0; ; {
		rows, err := next(ctx, after)
		if err != nil || len(rows) == 0 {
			return done, errors.Join(all, err)
		}
		for _, row := range rows {
			n, err := each(ctx, row)
			all, done = errors.Join(all, err), done+n
		}
		after = rows[len(rows)-1]
	}
}

// counting counts the rows to which something was done.
func counting[K any](each func(context.Context, K) (bool, error)) func(context.Context, K) (int, error) {
	return func(ctx context.Context, row K) (int, error) {
		done, err := each(ctx, row)
		if done {
			return 1, err
		}
		return 0, err
	}
}
