package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A joined server that answers but takes nobody, because it recovers or is
// full, may take this long to do so again.
const (
	watchPatience = 30 * time.Second
	watchInterval = 200 * time.Millisecond
)

// awaitEnd waits for the end of an embedded server and answers with the reason,
// or nil once ctx has ended.
func (d *database) awaitEnd(ctx context.Context) error {
	if d.instance.Joined() {
		return awaitOwner(ctx, d.appURL)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-d.instance.Done():
		return fmt.Errorf("%w: %w", errDatabaseEnded, d.instance.Err())
	}
}

// awaitOwner waits until a server that another process runs is gone. It keeps a
// connection open for that, which ends with the server.
func awaitOwner(ctx context.Context, url string) error {
	for conn := reach(ctx, url); conn != nil; conn = reach(ctx, url) {
		// Nothing is listened to: only the end of the connection ends the wait.
		_, _ = conn.WaitForNotification(ctx)
		_ = conn.Close(context.WithoutCancel(ctx)) // nothing was sent
	}
	select {
	case <-ctx.Done():
		return nil
	default:
		return fmt.Errorf("%w: the process that ran it has stopped, and this one had joined it; start again", errDatabaseEnded)
	}
}

// reach connects, or answers nil when the server is gone or ctx has ended. A
// server that has just lost the connection may be recovering from a crash of
// another one, which is not its end.
func reach(ctx context.Context, url string) *pgx.Conn {
	ctx, cancel := context.WithTimeout(ctx, watchPatience)
	defer cancel()
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		conn, err := pgx.Connect(ctx, url)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) {
			return conn
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
