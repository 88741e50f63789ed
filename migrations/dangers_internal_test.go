package migrations

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Migrations run while the version before them serves. What would lock readers
// or writers out for as long as a table is large, or break that version, is
// refused here; docs/migrations.md says what to do instead.

// beforeRelease is the last migration that was made before anybody ran the
// program in earnest. Those up to it say themselves what they block.
const beforeRelease = "0019"

// small are tables of which there are thousands of rows at most, however large
// the installation: they are read through in no time.
func small() []string {
	return []string{"customers", "users", "memberships", "invitations", "api_keys", "payer_mappings", "cpt_group_mappings"}
}

// danger is a form of statement that must not run on a table that is in use.
type danger struct {
	name    string
	pattern *regexp.Regexp
	// table is the group of the pattern that names the table; 0 when the statement
	// is refused whatever the table.
	table int
	// unless excuses what matches all the same; may be nil.
	unless *regexp.Regexp
	// alsoSmall says that it is refused on small tables, too.
	alsoSmall bool
}

func dangers() []danger {
	const table = `(?:ONLY )?(?:IF EXISTS )?(\w+)`
	alter := func(what string) *regexp.Regexp {
		return regexp.MustCompile(`(?is)^ALTER TABLE ` + table + ` .*?` + what)
	}
	return []danger{
		{name: "an index that is not built concurrently", pattern: regexp.MustCompile(`(?is)^CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?\w+ ON (?:ONLY )?(\w+)`), table: 1},
		{name: "an index that is not dropped concurrently", pattern: regexp.MustCompile(`(?is)^DROP INDEX `), unless: regexp.MustCompile(`(?is)^DROP INDEX CONCURRENTLY `)},
		{name: "REINDEX, CLUSTER or VACUUM FULL", pattern: regexp.MustCompile(`(?is)^(?:REINDEX|CLUSTER|VACUUM\s*\(?\s*FULL)`), unless: regexp.MustCompile(`(?is)CONCURRENTLY`)},
		{name: "a lock on a whole table", pattern: regexp.MustCompile(`(?is)^LOCK (?:TABLE )?(\w+)`), table: 1},
		{name: "a column whose type is changed, which rewrites the table", pattern: alter(`ALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE `), table: 1},
		{name: "a column that is filled by a volatile default, which rewrites the table", pattern: alter(`ADD (?:COLUMN )?[^,]*DEFAULT \(*(?:gen_random_uuid|random|clock_timestamp|nextval|uuid_generate)`), table: 1},
		{name: "a generated or identity column, which rewrites the table", pattern: alter(`ADD (?:COLUMN )?[^,]*GENERATED `), table: 1},
		{name: "a column NOT NULL without a default, which the version before cannot fill", pattern: alter(`ADD COLUMN [^,]*NOT NULL`), table: 1, unless: regexp.MustCompile(`(?is)ADD COLUMN [^,]*DEFAULT `), alsoSmall: true},
		{name: "NOT NULL that reads the table through: add a CHECK NOT VALID, validate it, then SET NOT NULL", pattern: alter(`SET NOT NULL`), table: 1},
		{name: "a constraint that is not NOT VALID", pattern: alter(`ADD (?:CONSTRAINT \w+ )?(?:CHECK|FOREIGN KEY)`), table: 1, unless: regexp.MustCompile(`(?is)NOT VALID`)},
		{name: "a unique constraint without an index that was built before", pattern: alter(`ADD (?:CONSTRAINT \w+ )?(?:UNIQUE|PRIMARY KEY|EXCLUDE)`), table: 1, unless: regexp.MustCompile(`(?is)USING INDEX`)},
		{name: "a table or column that the version before reads", pattern: regexp.MustCompile(`(?is)^(?:DROP TABLE|ALTER TABLE ` + table + ` .*?DROP COLUMN|ALTER TABLE ` + table + ` .*?RENAME|ALTER TABLE ` + table + ` .*?SET SCHEMA)`), alsoSmall: true},
		{name: "a table that is moved or rewritten", pattern: alter(`(?:SET TABLESPACE|SET UNLOGGED|SET LOGGED|SET ACCESS METHOD)`), table: 1},
		{name: "rows that are changed without a bound: do so in batches, by a command or a job", pattern: regexp.MustCompile(`(?is)^(?:WITH .*)?(?:UPDATE (?:ONLY )?(\w+)|DELETE FROM (?:ONLY )?(\w+))`), table: 1},
		{name: "rows that are copied without a bound: do so in batches, by a command or a job", pattern: regexp.MustCompile(`(?is)^INSERT INTO (\w+)\b.*\bSELECT\b`), table: 1},
		{name: "TRUNCATE", pattern: regexp.MustCompile(`(?is)^TRUNCATE `), alsoSmall: true},
	}
}

// waiver is the comment before a statement that is dangerous by its form only; it
// has to say why it is not.
var waiver = regexp.MustCompile(`(?m)^-- not dangerous: (.{20,})$`)

var (
	createsTable = regexp.MustCompile(`(?is)^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\w+)`)
	concurrently = regexp.MustCompile(`(?is)^(?:CREATE (?:UNIQUE )?|DROP |RE)INDEX CONCURRENTLY`)
)

// statement is one of a migration, with the comments before it.
type sqlStatement struct{ comments, text string }

// splitSQL is a small reader of SQL: it knows quotes, dollar quotes and comments.
func splitSQL(text string) (all []sqlStatement) {
	var now sqlStatement
	for i := 0; i < len(text); {
		n := 1
		switch rest := text[i:]; {
		case strings.HasPrefix(rest, "--"):
			n = len(rest)
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				n = end + 1
			}
			now.comments += rest[:n]
			i += n
			continue
		case rest[0] == '\'':
			n = 1 + strings.IndexByte(rest[1:], '\'') + 1
		case rest[0] == '$':
			if tag := regexp.MustCompile(`^\$\w*\$`).FindString(rest); tag != "" {
				n = len(tag) + strings.Index(rest[len(tag):], tag) + len(tag)
			}
		case rest[0] == ';':
			all = append(all, now.trimmed())
			now = sqlStatement{}
			i++
			continue
		}
		now.text += text[i : i+n]
		i += n
	}
	if now = now.trimmed(); now.text != "" {
		all = append(all, now)
	}
	return all
}

func (s sqlStatement) trimmed() sqlStatement {
	s.text = strings.Join(strings.Fields(s.text), " ")
	return s
}

// dangersOf lists what is dangerous in a migration; transactional says that its
// file is applied in one transaction.
func dangersOf(text string, transactional bool) (found []string) {
	statements := splitSQL(text)
	var fresh []string
	for _, s := range statements {
		if m := createsTable.FindStringSubmatch(s.text); m != nil {
			fresh = append(fresh, m[1])
		}
	}
	for _, s := range statements {
		if waiver.MatchString(s.comments) {
			continue
		}
		if concurrently.MatchString(s.text) && transactional {
			found = append(found, "CONCURRENTLY within a transaction: name the file NNNN_….up.sql, without tx")
		}
		for _, d := range dangers() {
			m := d.pattern.FindStringSubmatch(s.text)
			if m == nil || d.unless != nil && d.unless.MatchString(s.text) {
				continue
			}
			if d.table > 0 && (slices.Contains(fresh, table(m)) || !d.alsoSmall && slices.Contains(small(), table(m))) {
				continue
			}
			found = append(found, d.name)
		}
	}
	if !transactional && len(statements) > 1 && !strings.Contains(text, "--bun:split") {
		found = append(found, "several statements outside of a transaction without --bun:split between them")
	}
	return found
}

// table is the first group that matched.
func table(m []string) string {
	for _, name := range m[1:] {
		if name != "" {
			return name
		}
	}
	return ""
}

func TestMigrations_AreNotDangerous(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(files, "*.up.sql")
	if err != nil || len(names) < 19 {
		t.Fatalf("%d migrations: %v", len(names), err)
	}
	for _, name := range names {
		if path.Base(name)[:4] <= beforeRelease {
			continue
		}
		text, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dangersOf(string(text), strings.HasSuffix(name, ".tx.up.sql")) {
			t.Errorf("%s: %s (see docs/migrations.md)", name, d)
		}
	}
}

// Of each danger one that is found, and its safe form, which is not.
func TestDangers(t *testing.T) {
	t.Parallel()
	dangerous := map[string]string{
		"CREATE INDEX a_b_idx ON claims (b)":                                                  "an index that is not built concurrently",
		"CREATE UNIQUE INDEX IF NOT EXISTS a_b_idx\n ON claims (b)":                           "an index that is not built concurrently",
		"DROP INDEX a_b_idx":                                                                  "an index that is not dropped concurrently",
		"REINDEX TABLE claims":                                                                "REINDEX, CLUSTER or VACUUM FULL",
		"VACUUM FULL claims":                                                                  "REINDEX, CLUSTER or VACUUM FULL",
		"CLUSTER claims USING x":                                                              "REINDEX, CLUSTER or VACUUM FULL",
		"LOCK TABLE claims IN SHARE MODE":                                                     "a lock on a whole table",
		"ALTER TABLE claims ALTER COLUMN payer TYPE text":                                     "a column whose type is changed, which rewrites the table",
		"ALTER TABLE claims ADD COLUMN x uuid DEFAULT gen_random_uuid()":                      "a column that is filled by a volatile default, which rewrites the table",
		"ALTER TABLE claims ADD COLUMN x int GENERATED ALWAYS AS (1) STORED":                  "a generated or identity column, which rewrites the table",
		"ALTER TABLE customers ADD COLUMN x int NOT NULL":                                     "a column NOT NULL without a default, which the version before cannot fill",
		"ALTER TABLE claims ALTER COLUMN payer SET NOT NULL":                                  "NOT NULL that reads the table through: add a CHECK NOT VALID, validate it, then SET NOT NULL",
		"ALTER TABLE claims ADD CONSTRAINT c CHECK (a > 0)":                                   "a constraint that is not NOT VALID",
		"ALTER TABLE claims ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (a)":                "a constraint that is not NOT VALID",
		"ALTER TABLE claims ADD CONSTRAINT c UNIQUE (a)":                                      "a unique constraint without an index that was built before",
		"ALTER TABLE customers DROP COLUMN name":                                              "a table or column that the version before reads",
		"DROP TABLE sessions":                                                                 "a table or column that the version before reads",
		"ALTER TABLE customers RENAME COLUMN name TO title":                                   "a table or column that the version before reads",
		"ALTER TABLE claims SET UNLOGGED":                                                     "a table that is moved or rewritten",
		"UPDATE claims SET payer = upper(payer)":                                              "rows that are changed without a bound: do so in batches, by a command or a job",
		"DELETE FROM claims":                                                                  "rows that are changed without a bound: do so in batches, by a command or a job",
		"INSERT INTO totals (a) SELECT a FROM claims":                                         "rows that are copied without a bound: do so in batches, by a command or a job",
		"TRUNCATE customers":                                                                  "TRUNCATE",
		"CREATE INDEX CONCURRENTLY a_b_idx ON claims (b)":                                     "CONCURRENTLY within a transaction: name the file NNNN_….up.sql, without tx",
		"-- a comment; with a semicolon\nCREATE INDEX a_b_idx ON claims (b) WHERE c = 'x; y'": "an index that is not built concurrently",
	}
	for text, want := range dangerous {
		if diff := cmp.Diff([]string{want}, dangersOf(text, true)); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
	seen := map[string]bool{}
	for _, name := range dangerous {
		seen[name] = true
	}
	for _, d := range dangers() {
		if !seen[d.name] {
			t.Errorf("no example of %s", d.name)
		}
	}
	for _, text := range []string{
		"CREATE TABLE totals (a int); CREATE INDEX totals_a_idx ON totals (a); INSERT INTO totals VALUES (1)",
		"ALTER TABLE claims ADD COLUMN x int; ALTER TABLE claims ADD COLUMN y int NOT NULL DEFAULT 0",
		"ALTER TABLE claims ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE claims VALIDATE CONSTRAINT c",
		"ALTER TABLE claims ADD CONSTRAINT c UNIQUE USING INDEX c_idx",
		"CREATE INDEX customers_a_idx ON customers (a); UPDATE customers SET a = 1",
		"CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ UPDATE claims SET a = 1; DELETE FROM claims $$",
		"-- not dangerous: the table is empty until the version after this one\nCREATE INDEX a_b_idx ON claims (b)",
	} {
		if found := dangersOf(text, true); len(found) > 0 {
			t.Errorf("%s\n%v", text, found)
		}
	}
	concurrent := "CREATE INDEX CONCURRENTLY a ON claims (b);\n--bun:split\nDROP INDEX CONCURRENTLY c"
	if found := dangersOf(concurrent, false); len(found) > 0 {
		t.Errorf("%v", found)
	}
	if found := dangersOf(strings.ReplaceAll(concurrent, "--bun:split", ""), false); len(found) != 1 {
		t.Errorf("several statements at once: %v", found)
	}
}
