//go:build !linux

package meter

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Pgbench runs statements by PostgreSQL's own benchmark.
type Pgbench struct{}

// NewPgbench answers [ErrNoPgbench].
func NewPgbench(context.Context, *pgxpool.Pool, string, string) (*Pgbench, error) {
	return nil, ErrNoPgbench
}

// Run answers [ErrNoPgbench].
func (*Pgbench) Run(context.Context, []string, time.Duration) (Ran, error) {
	return Ran{}, ErrNoPgbench
}
