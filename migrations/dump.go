package migrations

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Dump describes the schema public as SQL text in a fixed order: the same
// schema gives the same text on every supported PostgreSQL, which the text of
// pg_dump does not. The migration bookkeeping tables are left out. Of the job
// queue's tables, which River makes, it shows the columns and the grants.
func Dump(ctx context.Context, db *sql.DB) (string, error) {
	var out strings.Builder
	out.WriteString("-- The schema that the migrations produce. Written by `make schema`; do not edit.\n")
	for _, section := range dumpSections {
		rows, err := queryStrings(ctx, db, section.query)
		if err != nil {
			return "", fmt.Errorf("dumping %s: %w", section.title, err)
		}
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&out, "\n-- %s\n\n", section.title)
		for _, row := range rows {
			out.WriteString(strings.TrimRight(row, "\n"))
			out.WriteString("\n")
		}
	}
	return out.String(), nil
}

func queryStrings(ctx context.Context, db *sql.DB, query string) ([]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// ours limits a catalogue query to the tables this program owns.
const ours = `n.nspname = 'public' AND c.relname NOT LIKE 'bun\_%'`

var dumpSections = []struct{ title, query string }{
	{"Tables", `
		SELECT format(E'CREATE TABLE %I (\n%s\n);\n', c.relname, string_agg(
			format('    %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
				CASE WHEN a.attgenerated = 's' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
				     WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END,
				CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END),
			E',\n' ORDER BY a.attnum))
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.relkind IN ('r', 'p') AND ` + ours + `
		GROUP BY c.relname ORDER BY c.relname`},
	{"Constraints", `
		SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s;', c.relname, k.conname, pg_get_constraintdef(k.oid))
		FROM pg_constraint k
		JOIN pg_class c ON c.oid = k.conrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE k.contype IN ('p', 'u', 'c', 'f', 'x') AND ` + ours + `
		ORDER BY c.relname, k.contype, k.conname`},
	{"Indexes", `
		SELECT pg_get_indexdef(i.indexrelid) || ';'
		FROM pg_index i
		JOIN pg_class c ON c.oid = i.indrelid
		JOIN pg_class x ON x.oid = i.indexrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) AND ` + ours + `
		ORDER BY c.relname, x.relname`},
	{"Functions", `
		SELECT pg_get_functiondef(p.oid) || E';\n'
		FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE n.nspname = 'public' ORDER BY p.proname`},
	{"Triggers", `
		SELECT pg_get_triggerdef(t.oid) || CASE WHEN t.tgenabled IN ('D', 'R') THEN '; -- disabled' ELSE ';' END
		FROM pg_trigger t
		JOIN pg_class c ON c.oid = t.tgrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT t.tgisinternal AND ` + ours + ` ORDER BY c.relname, t.tgname`},
	{"Row-level security", `
		SELECT format('ALTER TABLE %I %s%s;', c.relname,
			CASE WHEN c.relrowsecurity THEN 'ENABLE ROW LEVEL SECURITY' ELSE 'DISABLE ROW LEVEL SECURITY' END,
			CASE WHEN c.relforcerowsecurity THEN ', FORCE ROW LEVEL SECURITY' ELSE '' END)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND ` + ours + ` ORDER BY c.relname`},
	{"Policies", `
		SELECT format(E'CREATE POLICY %I ON %I AS %s FOR %s TO %s\n    USING (%s)\n    WITH CHECK (%s);\n',
			policyname, tablename, permissive, cmd, array_to_string(roles, ', '), qual, with_check)
		FROM pg_policies WHERE schemaname = 'public' ORDER BY tablename, policyname`},
	{"Grants", `
		SELECT format('GRANT %s ON %I TO %I;', string_agg(privilege_type, ', ' ORDER BY privilege_type), table_name, grantee)
		FROM information_schema.role_table_grants
		WHERE table_schema = 'public' AND grantee LIKE 'upstream\_%' AND grantee <> 'upstream_owner' AND table_name NOT LIKE 'bun\_%'
		GROUP BY table_name, grantee ORDER BY table_name, grantee`},
	{"The job queue", `
		SELECT line FROM (
			SELECT 1 AS part, nspname::text AS name, format('CREATE SCHEMA %I;', nspname) AS line FROM pg_namespace WHERE nspname = 'river'
			UNION ALL
			SELECT 2, c.relname, format('-- made by River: %I.%I (%s)', n.nspname, c.relname,
				string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum))
			FROM pg_class c
			JOIN pg_namespace n ON n.oid = c.relnamespace
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			WHERE c.relkind = 'r' AND n.nspname = 'river' GROUP BY n.nspname, c.relname
			UNION ALL
			SELECT 3, n.nspname, format('GRANT %s ON SCHEMA %I TO upstream_app;', string_agg(p.privilege_type, ', ' ORDER BY p.privilege_type), n.nspname)
			FROM pg_namespace n, aclexplode(n.nspacl) p
			WHERE n.nspname = 'river' AND p.grantee = to_regrole('upstream_app') GROUP BY n.nspname
			UNION ALL
			SELECT 4, c.relname, format('GRANT %s ON %I.%I TO upstream_app;', string_agg(p.privilege_type, ', ' ORDER BY p.privilege_type), n.nspname, c.relname)
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) p
			WHERE n.nspname = 'river' AND p.grantee = to_regrole('upstream_app') GROUP BY n.nspname, c.relname
		) lines ORDER BY part, name`},
}
