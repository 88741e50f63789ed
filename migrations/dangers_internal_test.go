package migrations

import (
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
	// upOnly says that it takes away what the version before may use, which by the
	// time a migration is undone is the version that never knew it.
	upOnly bool
}

const outside = "a statement outside of a transaction that cannot be repeated: what is broken off is begun again"

func dangers() []danger {
	const table = `(?:IF EXISTS )?(?:ONLY )?"?(?:public\.)?(\w+)"?`
	// Statements come in single actions: see actions.
	alter := func(what string) *regexp.Regexp { return regexp.MustCompile(`(?is)^ALTER TABLE ` + table + ` ` + what) }
	form := func(what string) *regexp.Regexp { return regexp.MustCompile(`(?is)` + what) }
	const addColumn = `ADD (?:COLUMN )?(?:IF NOT EXISTS )?"?\w+"? .*`
	return []danger{
		{name: "an index that is not built concurrently", pattern: form(`^CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(?:\w+ )?ON (?:ONLY )?(\w+)`), table: 1},
		{name: "an index that is not dropped concurrently", pattern: form(`^DROP INDEX `), unless: form(`^DROP INDEX CONCURRENTLY `)},
		{name: "REINDEX, CLUSTER or VACUUM FULL", pattern: form(`^(?:REINDEX|CLUSTER|VACUUM\s*\(?\s*FULL)`), unless: form(`^REINDEX .*CONCURRENTLY`)},
		{name: "a view that is made anew while nobody can read it", pattern: form(`^REFRESH MATERIALIZED VIEW `), unless: form(`^REFRESH MATERIALIZED VIEW CONCURRENTLY `), alsoSmall: true},
		{name: "a lock on a whole table", pattern: form(`^LOCK (?:TABLE )?(?:ONLY )?(\w+)`), table: 1},
		{name: "a column whose type is changed, which rewrites the table", pattern: alter(`ALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE `), table: 1},
		{name: "a column that is filled by a volatile default, which rewrites the table", pattern: alter(addColumn + `DEFAULT .*\b(?:gen_random_uuid|uuidv[47]|random|clock_timestamp|timeofday|nextval|txid_current|uuid_generate_v\w+)\s*\(`), table: 1},
		{name: "a generated, identity or serial column, which rewrites the table", pattern: alter(addColumn + `(?:GENERATED |\b(?:big|small)?serial\b)`), table: 1},
		{name: "a column NOT NULL without a default, which the version before cannot fill", pattern: alter(addColumn + `NOT NULL`), table: 1, unless: form(`\b(?:DEFAULT|GENERATED|(?:big|small)?serial)\b`), alsoSmall: true},
		{name: "a constraint within a new column, which reads the table through: add it NOT VALID by itself", pattern: alter(`ADD (?:COLUMN )?(?:IF NOT EXISTS )?"?\w+"? .*\b(?:REFERENCES|UNIQUE|PRIMARY KEY|CHECK)\b`), table: 1, unless: form(` ADD (?:CONSTRAINT|CHECK|FOREIGN KEY|UNIQUE|PRIMARY KEY|EXCLUDE)\b`)},
		{name: "NOT NULL that reads the table through: add a CHECK NOT VALID, validate it, then SET NOT NULL", pattern: alter(`ALTER (?:COLUMN )?\w+ SET NOT NULL`), table: 1},
		{name: "a constraint that is not NOT VALID", pattern: alter(`ADD (?:CONSTRAINT \w+ )?(?:CHECK|FOREIGN KEY)`), table: 1, unless: form(`NOT VALID$`)},
		{name: "a unique constraint without an index that was built before", pattern: alter(`ADD (?:CONSTRAINT \w+ )?(?:UNIQUE|PRIMARY KEY|EXCLUDE)`), table: 1, unless: form(`USING INDEX`)},
		{name: "a table or column that the version before reads", pattern: form(`^(?:DROP TABLE|ALTER TABLE ` + table + ` DROP (?:COLUMN )?(?:IF EXISTS )?\w+|ALTER TABLE ` + table + ` SET SCHEMA)`), unless: form(` DROP (?:CONSTRAINT|EXPRESSION|IDENTITY)\b`), alsoSmall: true, upOnly: true},
		{name: "another name, by which one of the two versions does not know it", pattern: form(`^ALTER .*\bRENAME\b`), alsoSmall: true},
		{name: "a default that the version before relies on", pattern: alter(`ALTER (?:COLUMN )?\w+ DROP DEFAULT`), table: 1, alsoSmall: true, upOnly: true},
		{name: "a column that may become null, which the version before cannot read", pattern: alter(`ALTER (?:COLUMN )?\w+ DROP NOT NULL`), table: 1, alsoSmall: true, upOnly: true},
		{name: "a function, trigger, view, type or right that the version before uses", pattern: form(`^(?:DROP (?:FUNCTION|PROCEDURE|TRIGGER|POLICY|VIEW|MATERIALIZED VIEW|TYPE|DOMAIN|SEQUENCE|SCHEMA|ROLE|EXTENSION)|REVOKE|DROP OWNED|ALTER DEFAULT PRIVILEGES .*REVOKE)\b`), alsoSmall: true, upOnly: true},
		{name: "row-level security or triggers that are switched for the version before, too", pattern: alter(`(?:ENABLE|DISABLE|FORCE|NO FORCE) (?:REPLICA |ALWAYS )?(?:ROW LEVEL SECURITY|TRIGGER|RULE)`), table: 1, alsoSmall: true},
		{name: "a trigger on a table in use: the version before fires it, too", pattern: form(`^CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER \w+ .*? ON (\w+)`), table: 1, alsoSmall: true},
		{name: "a value of a type: it cannot be undone, nor used in the same transaction; a text with a CHECK can", pattern: form(`^ALTER TYPE \w+ ADD VALUE`), alsoSmall: true},
		{name: "a table that is moved or rewritten", pattern: alter(`(?:SET TABLESPACE|SET UNLOGGED|SET LOGGED|SET ACCESS METHOD|SET WITHOUT OIDS|INHERIT|NO INHERIT|ATTACH PARTITION)`), table: 1},
		{name: "a partition that is not detached concurrently", pattern: alter(`DETACH PARTITION`), unless: form(`CONCURRENTLY$`), table: 1, alsoSmall: true},
		{name: "rows that are changed without a bound: do so in batches, by a command or a job", pattern: form(`^(?:WITH .*)?(?:UPDATE (?:ONLY )?(\w+)|DELETE FROM (?:ONLY )?(\w+)|MERGE INTO (?:ONLY )?(\w+))`), table: 1},
		{name: "rows that are copied without a bound: do so in batches, by a command or a job", pattern: form(`^(?:WITH .*)?INSERT INTO (\w+)\b.*\bSELECT\b`), table: 1},
		{name: "rows that are changed out of sight: do so in batches, by a command or a job", pattern: form(`^DO .*\b(?:UPDATE\s+(?:ONLY\s+)?\w+\s+SET|DELETE\s+FROM|MERGE\s+INTO|INSERT\s+INTO\s+\w+.*\bSELECT)\b`), alsoSmall: true},
		{name: "TRUNCATE", pattern: form(`^TRUNCATE `), alsoSmall: true},
		{name: "settings and transactions are the migrator's", pattern: form(`^(?:SET (?:LOCAL |SESSION )?(?:lock_timeout|statement_timeout|ROLE|SESSION AUTHORIZATION)|RESET|DISCARD|BEGIN|START TRANSACTION|COMMIT|ROLLBACK|END|SAVEPOINT)\b`), alsoSmall: true},
	}
}

// waiver is the comment before a statement that is dangerous by its form only; it
// has to say why it is not.
var waiver = regexp.MustCompile(`(?m)^-- not dangerous: (.{20,})$`)

var (
	createsTable = regexp.MustCompile(`(?is)^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\w+)`)
	concurrently = regexp.MustCompile(`(?is)^(?:(?:CREATE (?:UNIQUE )?|DROP )INDEX CONCURRENTLY|REINDEX .*CONCURRENTLY|REFRESH .*CONCURRENTLY|ALTER TABLE .* DETACH PARTITION .*CONCURRENTLY)`)
	altersTable  = regexp.MustCompile(`(?is)^ALTER TABLE (?:IF EXISTS )?(?:ONLY )?\S+ `)
	// repeatable are the statements that may run a second time: the migrator takes a
	// valid index as it is, and builds one anew that was broken off.
	repeatable = regexp.MustCompile(`(?is)^(?:CREATE (?:UNIQUE )?INDEX CONCURRENTLY|DROP INDEX CONCURRENTLY IF EXISTS|REINDEX|REFRESH|ANALYZE|VACUUM|ALTER TABLE \S+ VALIDATE CONSTRAINT \w+$|(?:CREATE|DROP) .*IF (?:NOT )?EXISTS)`)

	addsUnvalidated = regexp.MustCompile(`(?is) ADD CONSTRAINT (\w+) .*NOT VALID$`)
	validates       = regexp.MustCompile(`(?is) VALIDATE CONSTRAINT (\w+)`)
	locks           = regexp.MustCompile(`(?is)^(?:ALTER TABLE (?:IF EXISTS )?(?:ONLY )?|(?:CREATE|DROP) TRIGGER .* ON |LOCK (?:TABLE )?)(\w+)`)
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

// actions are the statements of an ALTER TABLE that does several things at once,
// one for each; any other statement is one.
func actions(text string) (all []string) {
	m := altersTable.FindStringSubmatch(text)
	if m == nil {
		return []string{text}
	}
	depth, from, quoted := 0, len(m[0]), false
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			all = append(all, m[0]+strings.TrimSpace(text[from:i]))
			from = i + 1
		}
	}
	return append(all, m[0]+strings.TrimSpace(text[from:]))
}

// direction is what a script is for.
type direction struct {
	// transactional says that its file is applied in one transaction, down that it
	// undoes; fresh are the tables that are as good as not there.
	transactional, down bool
	fresh               []string
}

// dangersOf lists what is dangerous in a script.
func dangersOf(text string, d direction) (found []string) {
	statements := splitSQL(text)
	fresh := append(slices.Clone(d.fresh), madeBy(statements)...)
	for _, s := range statements {
		if waiver.MatchString(s.comments) {
			continue
		}
		if concurrently.MatchString(s.text) && d.transactional {
			found = append(found, "CONCURRENTLY within a transaction: name the file NNNN_….up.sql, without tx")
		}
		if !d.transactional && !repeatable.MatchString(s.text) {
			found = append(found, outside)
		}
		for _, action := range actions(s.text) {
			found = append(found, d.dangersOfAction(action, fresh)...)
		}
	}
	if !d.transactional {
		if len(statements) > 1 && strings.Count(text, split) < len(statements)-1 {
			found = append(found, "several statements outside of a transaction without "+split+" between them")
		}
		return found
	}
	return append(found, dangersTogether(statements, fresh)...)
}

func (d direction) dangersOfAction(action string, fresh []string) (found []string) {
	for _, danger := range dangers() {
		m := danger.pattern.FindStringSubmatch(action)
		if m == nil || d.down && danger.upOnly || danger.unless != nil && danger.unless.MatchString(action) {
			continue
		}
		if danger.table > 0 && (slices.Contains(fresh, table(m)) || !danger.alsoSmall && slices.Contains(small(), table(m))) {
			continue
		}
		found = append(found, danger.name)
	}
	return found
}

// dangersTogether are of statements that are harmless alone.
func dangersTogether(statements []sqlStatement, fresh []string) (found []string) {
	added := map[string]bool{}
	var locked []string
	for _, s := range statements {
		if waiver.MatchString(s.comments) {
			continue
		}
		for _, action := range actions(s.text) {
			if m := addsUnvalidated.FindStringSubmatch(action); m != nil {
				added[m[1]] = true
			}
			if m := validates.FindStringSubmatch(action); m != nil && added[m[1]] {
				found = append(found, "a constraint that is validated in the transaction which adds it, and so under its lock")
			}
			if m := locks.FindStringSubmatch(action); m != nil && !slices.Contains(fresh, m[1]) && !slices.Contains(locked, m[1]) {
				locked = append(locked, m[1])
			}
		}
	}
	if len(locked) > 1 {
		found = append(found, "several tables in use that are locked in one transaction: others take them in another order")
	}
	return found
}

// madeBy are the tables that a script makes.
func madeBy(statements []sqlStatement) (fresh []string) {
	for _, s := range statements {
		if m := createsTable.FindStringSubmatch(s.text); m != nil {
			fresh = append(fresh, m[1])
		}
	}
	return fresh
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
	known, err := discover(files)
	if err != nil || len(known) < 19 {
		t.Fatalf("%d migrations: %v", len(known), err)
	}
	for _, m := range known {
		if m.Name <= beforeRelease {
			continue
		}
		up, err := scriptOf(files, m, "up")
		if err != nil {
			t.Fatal(err)
		}
		down, err := scriptOf(files, m, "down")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dangersOf(up.text, direction{transactional: up.transactional}) {
			t.Errorf("%s up: %s (see docs/migrations.md)", m, d)
		}
		for _, d := range dangersOf(down.text, direction{transactional: down.transactional, down: true, fresh: madeBy(splitSQL(up.text))}) {
			t.Errorf("%s down: %s (see docs/migrations.md)", m, d)
		}
	}
}

// examples are statements and the one thing that is dangerous about each.
func examples() map[string]string {
	return map[string]string{
		"CREATE INDEX a_b_idx ON claims (b)":                                                                    "an index that is not built concurrently",
		"CREATE UNIQUE INDEX IF NOT EXISTS a_b_idx\n ON claims (b)":                                             "an index that is not built concurrently",
		"CREATE INDEX ON claims (b)":                                                                            "an index that is not built concurrently",
		"DROP INDEX a_b_idx":                                                                                    "an index that is not dropped concurrently",
		"DROP INDEX IF EXISTS a_b_idx":                                                                          "an index that is not dropped concurrently",
		"REINDEX TABLE claims":                                                                                  "REINDEX, CLUSTER or VACUUM FULL",
		"VACUUM FULL claims":                                                                                    "REINDEX, CLUSTER or VACUUM FULL",
		"CLUSTER claims USING x":                                                                                "REINDEX, CLUSTER or VACUUM FULL",
		"REFRESH MATERIALIZED VIEW totals":                                                                      "a view that is made anew while nobody can read it",
		"LOCK TABLE claims IN SHARE MODE":                                                                       "a lock on a whole table",
		"ALTER TABLE claims ALTER COLUMN payer TYPE text":                                                       "a column whose type is changed, which rewrites the table",
		"ALTER TABLE claims ALTER payer SET DATA TYPE text":                                                     "a column whose type is changed, which rewrites the table",
		"ALTER TABLE claims ADD COLUMN y int, ALTER COLUMN payer TYPE text":                                     "a column whose type is changed, which rewrites the table",
		"ALTER TABLE claims ADD COLUMN x uuid DEFAULT gen_random_uuid()":                                        "a column that is filled by a volatile default, which rewrites the table",
		"ALTER TABLE claims ADD x timestamptz NOT NULL DEFAULT (clock_timestamp())":                             "a column that is filled by a volatile default, which rewrites the table",
		"ALTER TABLE claims ADD COLUMN x int GENERATED ALWAYS AS (1) STORED":                                    "a generated, identity or serial column, which rewrites the table",
		"ALTER TABLE claims ADD COLUMN x bigserial":                                                             "a generated, identity or serial column, which rewrites the table",
		"ALTER TABLE customers ADD COLUMN x int NOT NULL":                                                       "a column NOT NULL without a default, which the version before cannot fill",
		"ALTER TABLE claims ADD COLUMN y int NOT NULL DEFAULT 0, ADD COLUMN x numeric(12,2) NOT NULL":           "a column NOT NULL without a default, which the version before cannot fill",
		"ALTER TABLE claims ADD COLUMN x uuid REFERENCES users (id)":                                            "a constraint within a new column, which reads the table through: add it NOT VALID by itself",
		"ALTER TABLE claims ADD COLUMN x int UNIQUE":                                                            "a constraint within a new column, which reads the table through: add it NOT VALID by itself",
		"ALTER TABLE claims ADD COLUMN x int CHECK (x > 0)":                                                     "a constraint within a new column, which reads the table through: add it NOT VALID by itself",
		"ALTER TABLE claims ALTER COLUMN payer SET NOT NULL":                                                    "NOT NULL that reads the table through: add a CHECK NOT VALID, validate it, then SET NOT NULL",
		"ALTER TABLE claims ADD CONSTRAINT c CHECK (a > 0)":                                                     "a constraint that is not NOT VALID",
		"ALTER TABLE claims ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (a)":                                  "a constraint that is not NOT VALID",
		"ALTER TABLE claims ADD CONSTRAINT c CHECK (a > 0), ADD CONSTRAINT d CHECK (a > 1) NOT VALID":           "a constraint that is not NOT VALID",
		"ALTER TABLE claims ADD CONSTRAINT c UNIQUE (a)":                                                        "a unique constraint without an index that was built before",
		"ALTER TABLE claims ADD PRIMARY KEY (a)":                                                                "a unique constraint without an index that was built before",
		"ALTER TABLE customers DROP COLUMN name":                                                                "a table or column that the version before reads",
		"ALTER TABLE customers DROP name":                                                                       "a table or column that the version before reads",
		"DROP TABLE sessions":                                                                                   "a table or column that the version before reads",
		"ALTER TABLE customers SET SCHEMA old":                                                                  "a table or column that the version before reads",
		"ALTER TABLE customers RENAME COLUMN name TO title":                                                     "another name, by which one of the two versions does not know it",
		"ALTER TABLE customers RENAME TO clients":                                                               "another name, by which one of the two versions does not know it",
		"ALTER INDEX a_b_idx RENAME TO a_c_idx":                                                                 "another name, by which one of the two versions does not know it",
		"ALTER TABLE customers ALTER COLUMN name DROP DEFAULT":                                                  "a default that the version before relies on",
		"ALTER TABLE customers ALTER COLUMN name DROP NOT NULL":                                                 "a column that may become null, which the version before cannot read",
		"DROP FUNCTION audit_head(uuid)":                                                                        "a function, trigger, view, type or right that the version before uses",
		"DROP POLICY claims_tenant ON claims":                                                                   "a function, trigger, view, type or right that the version before uses",
		"REVOKE INSERT ON claims FROM upstream_app":                                                             "a function, trigger, view, type or right that the version before uses",
		"ALTER TABLE claims NO FORCE ROW LEVEL SECURITY":                                                        "row-level security or triggers that are switched for the version before, too",
		"ALTER TABLE claims DISABLE TRIGGER ALL":                                                                "row-level security or triggers that are switched for the version before, too",
		"CREATE TRIGGER t AFTER INSERT ON claims FOR EACH ROW EXECUTE FUNCTION f()":                             "a trigger on a table in use: the version before fires it, too",
		"CREATE OR REPLACE TRIGGER t BEFORE UPDATE OF name ON customers EXECUTE FUNCTION f()":                   "a trigger on a table in use: the version before fires it, too",
		"ALTER TYPE mood ADD VALUE 'sad'":                                                                       "a value of a type: it cannot be undone, nor used in the same transaction; a text with a CHECK can",
		"ALTER TABLE claims SET UNLOGGED":                                                                       "a table that is moved or rewritten",
		"ALTER TABLE claims ATTACH PARTITION c1 FOR VALUES IN (1)":                                              "a table that is moved or rewritten",
		"ALTER TABLE claims DETACH PARTITION c1":                                                                "a partition that is not detached concurrently",
		"UPDATE claims SET payer = upper(payer)":                                                                "rows that are changed without a bound: do so in batches, by a command or a job",
		"DELETE FROM claims":                                                                                    "rows that are changed without a bound: do so in batches, by a command or a job",
		"WITH x AS (SELECT 1) UPDATE claims SET payer = 'x'":                                                    "rows that are changed without a bound: do so in batches, by a command or a job",
		"MERGE INTO claims USING x ON true WHEN MATCHED THEN DELETE":                                            "rows that are changed without a bound: do so in batches, by a command or a job",
		"INSERT INTO totals (a) SELECT a FROM claims":                                                           "rows that are copied without a bound: do so in batches, by a command or a job",
		"DO $$ BEGIN UPDATE claims SET payer = 'x'; END $$":                                                     "rows that are changed out of sight: do so in batches, by a command or a job",
		"TRUNCATE customers":                                                                                    "TRUNCATE",
		"SET lock_timeout = '1h'":                                                                               "settings and transactions are the migrator's",
		"COMMIT":                                                                                                "settings and transactions are the migrator's",
		"CREATE INDEX CONCURRENTLY a_b_idx ON claims (b)":                                                       "CONCURRENTLY within a transaction: name the file NNNN_….up.sql, without tx",
		"-- a comment; with a semicolon\nCREATE INDEX a_b_idx ON claims (b) WHERE c = 'x; y'":                   "an index that is not built concurrently",
		"ALTER TABLE claims ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE claims VALIDATE CONSTRAINT c": "a constraint that is validated in the transaction which adds it, and so under its lock",
		"ALTER TABLE claims ADD COLUMN x int; ALTER TABLE uploads ADD COLUMN x int":                             "several tables in use that are locked in one transaction: others take them in another order",
	}
}

// Of each danger one that is found, and its safe form, which is not.
func TestDangers(t *testing.T) {
	t.Parallel()
	up := direction{transactional: true}
	seen := map[string]bool{}
	for text, want := range examples() {
		seen[want] = true
		if diff := cmp.Diff([]string{want}, dangersOf(text, up)); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
	for _, d := range dangers() {
		if !seen[d.name] {
			t.Errorf("no example of %s", d.name)
		}
	}
	for _, text := range []string{
		"CREATE TABLE totals (a int CHECK (a > 0)); CREATE INDEX totals_a_idx ON totals (a); INSERT INTO totals VALUES (1)",
		"CREATE TABLE totals (a int); CREATE TRIGGER t AFTER INSERT ON totals EXECUTE FUNCTION f(); ALTER TABLE totals FORCE ROW LEVEL SECURITY",
		"ALTER TABLE claims ADD COLUMN x int; ALTER TABLE claims ADD COLUMN y int NOT NULL DEFAULT 0",
		"ALTER TABLE claims ADD COLUMN x timestamptz NOT NULL DEFAULT now(), ADD COLUMN y numeric(12,2)",
		"ALTER TABLE claims ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
		"ALTER TABLE claims VALIDATE CONSTRAINT c",
		"ALTER TABLE claims DROP CONSTRAINT c",
		"ALTER TABLE claims ADD CONSTRAINT c UNIQUE USING INDEX c_idx",
		"CREATE INDEX customers_a_idx ON customers (a); UPDATE customers SET a = 1",
		"ALTER TABLE customers ADD CONSTRAINT c CHECK (a > 0)",
		"CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ UPDATE claims SET a = 1; DELETE FROM claims $$",
		"CREATE POLICY p ON claims USING (true); GRANT SELECT ON claims TO upstream_app",
		"-- not dangerous: the table is empty until the version after this one\nCREATE INDEX a_b_idx ON claims (b)",
	} {
		if found := dangersOf(text, up); len(found) > 0 {
			t.Errorf("%s\n%v", text, found)
		}
	}
}

// What takes away what is only the new version's is how a migration is undone;
// what locks others out is as bad there.
func TestDangers_Down(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"DROP TABLE totals": nil,
		"ALTER TABLE claims DROP CONSTRAINT c, DROP COLUMN x":         nil,
		"DROP TRIGGER t ON claims; DROP FUNCTION f()":                 nil,
		"ALTER TABLE totals ALTER COLUMN a TYPE int":                  nil,
		"DROP INDEX a_b_idx":                                          {"an index that is not dropped concurrently"},
		"CREATE INDEX a_b_idx ON claims (b)":                          {"an index that is not built concurrently"},
		"ALTER TABLE claims ALTER COLUMN payer TYPE text":             {"a column whose type is changed, which rewrites the table"},
		"ALTER TABLE claims RENAME COLUMN x TO y":                     {"another name, by which one of the two versions does not know it"},
		"ALTER TABLE claims ADD CONSTRAINT c CHECK (a > 0)":           {"a constraint that is not NOT VALID"},
		"ALTER TABLE claims ALTER COLUMN x SET NOT NULL":              {"NOT NULL that reads the table through: add a CHECK NOT VALID, validate it, then SET NOT NULL"},
		"DELETE FROM claims WHERE x":                                  {"rows that are changed without a bound: do so in batches, by a command or a job"},
		"ALTER TABLE claims DROP COLUMN x; DROP TRIGGER t ON uploads": {"several tables in use that are locked in one transaction: others take them in another order"},
	} {
		if diff := cmp.Diff(want, dangersOf(text, direction{transactional: true, down: true, fresh: []string{"totals"}})); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

// Outside of a transaction a script may be broken off anywhere, and begins anew.
func TestDangers_OutsideOfATransaction(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"CREATE INDEX CONCURRENTLY a ON claims (b);\n--bun:split\nDROP INDEX CONCURRENTLY IF EXISTS c": nil,
		"CREATE INDEX CONCURRENTLY a ON claims (b);\nDROP INDEX CONCURRENTLY IF EXISTS c":              {"several statements outside of a transaction without --bun:split between them"},
		"ALTER TABLE claims VALIDATE CONSTRAINT c;\n--bun:split\nANALYZE claims":                       nil,
		"DROP INDEX CONCURRENTLY c":                                   {outside},
		"ALTER TABLE claims ADD CONSTRAINT c UNIQUE USING INDEX c":    {outside},
		"CREATE TABLE totals (a int)":                                 {outside},
		"CREATE TABLE IF NOT EXISTS totals (a int)":                   nil,
		"CREATE INDEX a ON claims (b)":                                {outside, "an index that is not built concurrently"},
		"ALTER TABLE claims ADD CONSTRAINT c CHECK (a > 0) NOT VALID": {outside},
	} {
		if diff := cmp.Diff(want, dangersOf(text, direction{})); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}
