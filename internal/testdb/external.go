package testdb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"upstream/internal/postgres"
)

// rolePassword is the password of the roles on an external test server. It
// protects nothing: whoever reaches that server may run its tests.
const rolePassword = "upstream-test"

// rolesLock is the advisory lock under which test processes create the roles.
const rolesLock = 7_834_561_902

// prepareExternal makes sure that the roles exist on a server for tests. It
// never changes a role that was there before.
func prepareExternal(ctx context.Context, raw string) (access, error) {
	admin, err := url.Parse(raw)
	if err != nil || admin.User == nil || !strings.HasPrefix(admin.Scheme, "postgres") {
		return access{}, fmt.Errorf("%s should look like postgres://user:password@host:5432/postgres", URLVariable)
	}
	out := access{admin: admin, ownerPassword: rolePassword, appPassword: rolePassword}
	pool, err := postgres.OpenPool(ctx, raw, postgres.PoolOptions{MaxConns: 1})
	if err != nil {
		return access{}, fmt.Errorf("%s: %w", URLVariable, err)
	}
	defer pool.Close()
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", rolesLock); err != nil {
			return err
		}
		return errors.Join(createRole(ctx, tx, postgres.OwnerRole), createRole(ctx, tx, postgres.AppRole))
	})
	if err != nil {
		return access{}, fmt.Errorf("create the roles on the test server: %w", err)
	}
	for _, role := range []string{postgres.OwnerRole, postgres.AppRole} {
		if err := signIn(ctx, out.url(role, rolePassword, out.database()), role); err != nil {
			return access{}, err
		}
	}
	return out, nil
}

func createRole(ctx context.Context, tx pgx.Tx, role string) error {
	var exists bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = tx.Exec(ctx, "CREATE ROLE "+pgx.Identifier{role}.Sanitize()+
		" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '"+rolePassword+"'")
	return err
}

func signIn(ctx context.Context, url, role string) error {
	pool, err := postgres.OpenPool(ctx, url, postgres.PoolOptions{MaxConns: 1})
	if err != nil {
		return fmt.Errorf("%w; tests sign in as role %s, so on a server that is only for tests run: ALTER ROLE %s LOGIN PASSWORD '%s'",
			err, role, role, rolePassword)
	}
	pool.Close()
	return nil
}
