package meter

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Used is the processor time that work took.
type Used struct {
	// Program is what the program took, Database what PostgreSQL's backends did.
	// Where only elapsed time is to be had, it is all in Program.
	Program, Database time.Duration
}

// All is the sum.
func (u Used) All() time.Duration { return u.Program + u.Database }

// Per is the share of one of n.
func (u Used) Per(n int) Used {
	return Used{Program: u.Program / time.Duration(n), Database: u.Database / time.Duration(n)}
}

// Meter measures one program and one database together.
type Meter struct {
	owner *pgxpool.Pool
	pid   int
}

// New measures this process and the backends of the database that owner, a
// login that may see them, is connected to. The database is on this machine.
func New(owner *pgxpool.Pool) Meter { return NewOf(owner, os.Getpid()) }

// NewOf measures another process in place of this one.
func NewOf(owner *pgxpool.Pool, pid int) Meter { return Meter{owner: owner, pid: pid} }

// errNoBackends is told by a database whose backends cannot be seen.
var errNoBackends = errors.New("no backend of the database is to be seen")

// backends are the processes that serve the database.
func (m Meter) backends(ctx context.Context) ([]int, error) {
	// What kind of backend another role's is, the owner is not told.
	rows, err := m.owner.Query(ctx, `SELECT pid FROM pg_stat_activity WHERE datname = current_database()`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var pids []int
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(pids) == 0 {
		return nil, errNoBackends
	}
	return pids, nil
}

// Median is the middle of all, the upper one of two; the zero value of none.
func Median[T cmp.Ordered](all []T) T {
	if len(all) == 0 {
		var none T
		return none
	}
	return slices.Sorted(slices.Values(all))[len(all)/2]
}
