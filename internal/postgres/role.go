package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrUnsafeRole is the kind of error [CheckRuntimeRole] refuses a role with.
var ErrUnsafeRole = errors.New("the database role must not serve")

// RuntimeRole is what the role behind a pool may do beyond its grants.
type RuntimeRole struct {
	// Name is the current user of the pool's sessions.
	Name string
	// Superuser and BypassRLS switch row-level security off for the role.
	Superuser, BypassRLS bool
	// OwnedTables are the tables of schema public the role owns: an owner can
	// drop the policies of its tables.
	OwnedTables []string
	// CanBecome lists other roles with one of these powers that the session's
	// user is a member of. It is worth a warning, not a refusal: taking such a
	// role on needs a SET ROLE that this program never sends.
	CanBecome []string
}

const runtimeRoleSQL = `
WITH power AS (
	SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls,
	       ARRAY(SELECT c.relname::text
	               FROM pg_class c
	              WHERE c.relowner = r.oid
	                AND c.relnamespace = to_regnamespace('public')
	                AND c.relkind IN ('r', 'p')
	              ORDER BY 1) AS tables
	  FROM pg_roles r
)
SELECT me.rolname::text, me.rolsuper, me.rolbypassrls, me.tables,
       ARRAY(SELECT p.rolname::text
               FROM power p
              WHERE p.oid <> me.oid
                AND (p.rolsuper OR p.rolbypassrls OR cardinality(p.tables) > 0)
                AND pg_has_role(session_user, p.oid, 'MEMBER')
              ORDER BY 1)
  FROM power me
 WHERE me.rolname = current_user`

// InspectRuntimeRole reads the powers of the pool's role.
func InspectRuntimeRole(ctx context.Context, pool *pgxpool.Pool) (RuntimeRole, error) {
	rows, err := pool.Query(ctx, runtimeRoleSQL)
	if err != nil {
		return RuntimeRole{}, fmt.Errorf("read the database role: %w", err)
	}
	role, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[RuntimeRole])
	if err != nil {
		return RuntimeRole{}, fmt.Errorf("read the database role: %w", err)
	}
	return role, nil
}

// CheckRuntimeRole refuses to serve with a role that row-level security does
// not bind: a superuser, a role with BYPASSRLS, or the owner of a table in
// schema public. The error matches [ErrUnsafeRole] and names every reason.
// Membership in such a role is no refusal; see [RuntimeRole.CanBecome].
func CheckRuntimeRole(ctx context.Context, pool *pgxpool.Pool) error {
	role, err := InspectRuntimeRole(ctx, pool)
	if err != nil {
		return err
	}
	reasons := role.faults()
	if len(reasons) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %q %s; connect as a role without these powers, such as upstream_app",
		ErrUnsafeRole, role.Name, strings.Join(reasons, ", "))
}

func (r RuntimeRole) faults() []string {
	var out []string
	if r.Superuser {
		out = append(out, "is a superuser")
	}
	if r.BypassRLS {
		out = append(out, "has BYPASSRLS")
	}
	if n := len(r.OwnedTables); n > 0 {
		out = append(out, fmt.Sprintf("owns %s of schema public", tableList(r.OwnedTables)))
	}
	return out
}

// tableList names the first few tables and counts the rest.
func tableList(names []string) string {
	const shown = 3
	if len(names) == 1 {
		return "table " + names[0]
	}
	if len(names) <= shown {
		return "tables " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("tables %s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}
