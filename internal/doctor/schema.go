package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"upstream/internal/postgres"
	"upstream/migrations"
)

func lookAtRole(ctx context.Context, p *patient) ([]Finding, error) {
	role, err := postgres.CheckRuntimeRole(ctx, p.pool)
	switch {
	case errors.Is(err, postgres.ErrUnsafeRole):
		return []Finding{failed("role", err.Error(), "Until then no process serves.")}, nil
	case err != nil:
		return nil, err
	case len(role.LoginPowers) > 0:
		return []Finding{warning("role",
			fmt.Sprintf("%s serves, but its login has the powers of %s", role.Name, list(role.LoginPowers)),
			"Give DATABASE_URL a login without them, and the other to UPSTREAM_MIGRATION_URL.")}, nil
	}
	return []Finding{fine("role", "%s has no power beyond its grants", role.Name)}, nil
}

// tenantTables are the tables whose rows belong to a customer.
const tenantTables = `
SELECT format('%I', c.relname)
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id' AND NOT a.attisdropped
 WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p')
   AND has_table_privilege(c.oid, 'SELECT')
 ORDER BY 1`

// lookAtTenancy reads every tenant table without naming a customer: nothing may
// be seen, whatever the policies look like.
func lookAtTenancy(ctx context.Context, p *patient) ([]Finding, error) {
	rows, err := p.pool.Query(ctx, tenantTables)
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) == 0 {
		return nil, err
	}
	var open []string
	for _, table := range tables {
		seen, err := one[bool](ctx, p, `SELECT EXISTS (SELECT FROM `+table+`)`)
		if err != nil {
			return nil, err
		}
		if seen {
			open = append(open, table)
		}
	}
	if len(open) > 0 {
		return []Finding{failed("tenancy", "rows can be seen without naming a customer in "+list(open),
			"Stop serving, and restore the policies of the migrations.")}, nil
	}
	return []Finding{fine("tenancy", "%d tables show nothing to who names no customer", len(tables))}, nil
}

func lookAtMigrations(ctx context.Context, p *patient) ([]Finding, error) {
	pending, err := migrations.Pending(ctx, p.db)
	if err != nil {
		return nil, err
	}
	if len(pending) > 0 {
		return []Finding{failed("migrations", "pending: "+list(pending), "Run `upstream migrate up`.")}, nil
	}
	unknown, err := migrations.Unknown(ctx, p.db)
	if err != nil {
		return nil, err
	}
	if len(unknown) > 0 {
		return []Finding{warning("migrations", "applied, but not known to this program: "+list(unknown),
			"A newer version has migrated this database: use that version's doctor.")}, nil
	}
	return []Finding{fine("migrations", "all are applied")}, nil
}

// shown bounds how many differences are named.
const shown = 5

// lookAtSchema compares every table, constraint, index, function, trigger,
// policy and grant with what the migrations make.
func lookAtSchema(ctx context.Context, p *patient) ([]Finding, error) {
	differences, err := migrations.Compare(ctx, p.db)
	if errors.Is(err, migrations.ErrNotComparable) {
		return []Finding{{Check: "schema", Status: Skipped, Detail: err.Error()}}, nil
	}
	if err != nil {
		return nil, err
	}
	var wrong, besides []string
	for _, d := range differences {
		statement := strings.TrimRight(d.Statement, " (;")
		if d.Kind == migrations.Besides {
			besides = append(besides, statement)
		} else {
			wrong = append(wrong, string(d.Kind)+": "+statement)
		}
	}
	var found []Finding
	if len(wrong) > 0 {
		found = append(found, failed("schema", some(wrong), "Restore what the migrations made, as migrations/schema.sql shows it."))
	}
	if len(besides) > 0 {
		found = append(found, warning("schema", "not made by the migrations: "+some(besides),
			"Keep what is yours in another schema: a migration may meet it."))
	}
	if found == nil {
		found = []Finding{fine("schema", "is what the migrations make")}
	}
	return found, nil
}

const brokenIndexes = `
SELECT format('%I', x.relname)
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
 WHERE x.relnamespace IN (to_regnamespace('public'), to_regnamespace('river')) AND NOT (i.indisvalid AND i.indisready)
 ORDER BY 1`

func lookAtIndexes(ctx context.Context, p *patient) ([]Finding, error) {
	broken, err := column(ctx, p, brokenIndexes)
	if err != nil {
		return nil, err
	}
	if len(broken) > 0 {
		return []Finding{failed("indexes", "not usable: "+list(broken), "Run REINDEX INDEX CONCURRENTLY on each, as the tables' owner.")}, nil
	}
	return []Finding{fine("indexes", "all are usable")}, nil
}

// column is the text column of a query.
func column(ctx context.Context, p *patient, query string, args ...any) ([]string, error) {
	rows, err := p.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func list(names []string) string { return strings.Join(names, ", ") }

// some are the first of many.
func some(lines []string) string {
	if len(lines) <= shown {
		return strings.Join(lines, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(lines[:shown], "; "), len(lines)-shown)
}
