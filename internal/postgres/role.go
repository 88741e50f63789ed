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
	// MemberOf lists other roles with one of these powers that the role is a
	// member of, by however many steps: it has their rights at once when it
	// inherits, and else after a SET ROLE.
	MemberOf []string
	// LoginPowers says the same about the login, where the role was taken on
	// with SET ROLE: its own name when it has a power itself, and the roles it
	// is a member of. A RESET ROLE, which this program never sends, would give
	// them back; that is worth a warning and no refusal, because one URL for
	// migrations and for serving is a supported set-up.
	LoginPowers []string
	// Unguarded are the tables of schema public that know customers and whose
	// row-level security is off, not forced on their owner, without a policy, or
	// with one that does not ask for whom the transaction runs.
	Unguarded []string
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
                AND NOT me.rolsuper
                AND pg_has_role(me.oid, p.oid, 'MEMBER')
              ORDER BY 1),
       ARRAY(SELECT p.rolname::text
               FROM power p
              WHERE session_user <> current_user
                AND p.oid <> me.oid
                AND (p.rolsuper OR p.rolbypassrls OR cardinality(p.tables) > 0)
                AND pg_has_role(session_user, p.oid, 'MEMBER')
              ORDER BY 1),
       ARRAY(SELECT c.relname::text
               FROM pg_class c
              WHERE c.relnamespace = to_regnamespace('public')
                AND c.relkind IN ('r', 'p')
                AND (c.relrowsecurity OR c.relforcerowsecurity
                     OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
                     OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'customer_id' AND NOT a.attisdropped))
                AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                     AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
                     AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
                         AND (coalesce(pg_get_expr(p.polqual, p.polrelid), 'current_setting(''app.') NOT LIKE '%current_setting(''app.%'
                           OR coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'current_setting(''app.') NOT LIKE '%current_setting(''app.%')))
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
// not bind: a superuser, a role with BYPASSRLS, the owner of a table in schema
// public, or a member of such a role; and in a database in which row-level
// security of a table that knows customers is not in force. The error matches
// [ErrUnsafeRole] and names every reason. What the login could become is no
// refusal; see [RuntimeRole.LoginPowers].
func CheckRuntimeRole(ctx context.Context, pool *pgxpool.Pool) (RuntimeRole, error) {
	role, err := InspectRuntimeRole(ctx, pool)
	if err != nil {
		return role, err
	}
	return role, role.Err()
}

// Err is nil for a role that may serve, or what [CheckRuntimeRole] says.
func (r RuntimeRole) Err() error {
	if reasons := r.faults(); len(reasons) > 0 {
		return fmt.Errorf("%w: %q %s; connect as a role without these powers, such as upstream_app",
			ErrUnsafeRole, r.Name, strings.Join(reasons, ", "))
	}
	if len(r.Unguarded) > 0 {
		return fmt.Errorf("%w: row-level security is not in force on %s of schema public; "+
			"enable and force it, and restore the policies of the migrations", ErrUnsafeRole, tableList(r.Unguarded))
	}
	return nil
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
	if len(r.MemberOf) > 0 {
		out = append(out, "is a member of "+strings.Join(r.MemberOf, ", "))
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
