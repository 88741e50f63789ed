package migrations

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// becomeOwner makes sure that both roles exist and switches to the owner.
func becomeOwner(ctx context.Context, db *pgx.Conn) error {
	for _, role := range []string{OwnerRole, AppRole} {
		var exists bool
		if err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, role).Scan(&exists); err != nil {
			return fmt.Errorf("looking for the role %s: %w", role, err)
		}
		if exists {
			continue
		}
		_, err := db.Exec(ctx, `CREATE ROLE `+role+` NOLOGIN NOSUPERUSER NOBYPASSRLS`)
		if err != nil && !isDuplicate(err) {
			return fmt.Errorf("the role %s does not exist and this login may not create it: create it first: %w", role, err)
		}
	}
	var user, database string
	if err := db.QueryRow(ctx, `SELECT current_user, current_database()`).Scan(&user, &database); err != nil {
		return err
	}
	if user == OwnerRole {
		return nil
	}
	setup := []string{
		`GRANT ` + OwnerRole + ` TO ` + quote(user),
		`GRANT ` + AppRole + ` TO ` + quote(user),
		`GRANT USAGE, CREATE ON SCHEMA public TO ` + OwnerRole,
		`GRANT USAGE ON SCHEMA public TO ` + AppRole,
		`GRANT CREATE ON DATABASE ` + quote(database) + ` TO ` + OwnerRole, // for the schema of the job queue
		`GRANT CONNECT, TEMPORARY ON DATABASE ` + quote(database) + ` TO ` + AppRole,
	}
	for _, statement := range setup {
		// A login that may not grant may still have been given all it needs;
		// SET ROLE below tells.
		_, _ = db.Exec(ctx, statement)
	}
	if _, err := db.Exec(ctx, `SET ROLE `+OwnerRole); err != nil {
		return fmt.Errorf("%s cannot act as %s: grant it that role: %w", user, OwnerRole, err)
	}
	return nil
}

// isDuplicate reports whether another session created the same role first:
// roles belong to the server, and the migration lock to one of its databases.
func isDuplicate(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "42710" || pgErr.Code == "23505")
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
