package cli

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"upstream/internal/testdb"
)

// databaseCommands is one command line of each kind that needs a database.
func databaseCommands() map[string][]string {
	return map[string][]string{
		"serve":           {"serve", secretFlag, "--addr=127.0.0.1:0", "--admin-addr="},
		"serve --migrate": {"serve", "--migrate", secretFlag, "--addr=127.0.0.1:0", "--admin-addr="},
		"demo":            {"demo", secretFlag, "--addr=127.0.0.1:0", "--admin-addr="},
		"detect":          {"detect", "--customer=x"},
		"ingest":          {"ingest", "-", "--customer=x"},
		"customer create": {"customer", "create", "lakeside", "--name=Lakeside"},
		"user create":     {"user", "create", "a@lakeside.test", "--customer=lakeside"},
		"migrate up":      {"migrate", "up"},
		"migrate down":    {"migrate", "down"},
		"migrate status":  {"migrate", "status"},
	}
}

// forAll runs every command that needs a database with the flags and demands
// exit code 5 with the texts, as JSON.
func forAll(t *testing.T, flags []string, texts ...string) {
	t.Helper()
	for name, args := range databaseCommands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, "a good long password", append(append(args, "--json"), flags...)...).want(t, exitDatabase, texts...)
			if f := failure(t, r); f.Code != "DATABASE" {
				t.Errorf("code %s", f.Code)
			}
			if r.out != "" {
				t.Errorf("printed %q", r.out)
			}
		})
	}
}

func TestDatabase_Unreachable(t *testing.T) {
	t.Parallel()
	t.Run("port", func(t *testing.T) {
		t.Parallel()
		forAll(t, []string{"--database-url=postgres://x:topsecret@127.0.0.1:1/z"}, "127.0.0.1:1 cannot be reached: connection refused")
	})
	t.Run("socket", func(t *testing.T) {
		t.Parallel()
		forAll(t, []string{"--database-url=postgres:///z?host=/nowhere"}, "cannot be reached: no such socket")
	})
	t.Run("URL", func(t *testing.T) {
		t.Parallel()
		forAll(t, []string{"--database-url=postgres://x:topsecret@host:port/z"}, "the database URL cannot be read")
	})
}

func TestDatabase_NeverShowsThePassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://x:topsecret@127.0.0.1:1/z", "postgres://x:topsecret@host:port/z"} {
		r := run(t, "", "detect", "--customer=x", "--log-level=debug", "--database-url="+url)
		if strings.Contains(r.out+r.err, "topsecret") {
			t.Errorf("%s", r.err)
		}
	}
}

// oldServer speaks just enough of the protocol to be an old PostgreSQL that
// knows none of our roles, and remembers what it was told to do.
func oldServer(t *testing.T) (url string, told func() []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var statements []string
	hear := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		statements = append(statements, text)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { speak(conn, hear) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	return "postgres://somebody:x@" + listener.Addr().String() + "/z?sslmode=disable", func() []string {
		mu.Lock()
		defer mu.Unlock()
		return statements
	}
}

func speak(conn net.Conn, hear func(string)) {
	defer func() { _ = conn.Close() }()
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.AuthenticationOk{})
	backend.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: "14.9"})
	backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for backend.Flush() == nil {
		message, err := backend.Receive()
		if err != nil {
			return
		}
		query, ok := message.(*pgproto3.Query)
		if !ok {
			return
		}
		hear(query.String)
		backend.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "22023", Message: "role does not exist"})
		backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
}

func TestDatabase_TooOld(t *testing.T) {
	t.Parallel()
	url, told := oldServer(t)
	t.Run("commands", func(t *testing.T) {
		forAll(t, []string{"--database-url=" + url}, "PostgreSQL 15 or later is needed; this server is 14.9")
	})
	for _, statement := range told() {
		if !strings.HasPrefix(statement, "SET ROLE") {
			t.Errorf("the old server was told to %s", statement)
		}
	}
}

func TestDatabase_MigrationsBehind(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	run(t, "", append(flagsOf(db), "migrate", "down")...).want(t, exitOK)
	for _, command := range []string{"serve", "detect", "ingest", "customer create", "user create"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			run(t, "a good long password", append(flagsOf(db), databaseCommands()[command]...)...).
				want(t, exitDatabase, "the database schema is behind this program: run `upstream migrate up`, or serve with --migrate", "pending: 0")
		})
	}
}

func TestDatabase_NothingIsMigratedYet(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	run(t, "", append(flagsOf(db), "migrate", "down", "--all")...).want(t, exitOK)
	run(t, "", append(flagsOf(db), "detect", "--customer=x")...).want(t, exitDatabase, "run `upstream migrate up`")
	execute(t, db, "DROP TABLE bun_migrations")
	run(t, "", append(flagsOf(db), "detect", "--customer=x")...).want(t, exitDatabase, "run `upstream migrate up`")
	// The owner's login was never made a member of the role that serves.
	run(t, "", "detect", "--customer=x", "--database-url="+db.OwnerURL).want(t, exitDatabase, "run `upstream migrate up`")
}

func TestDatabase_Roles(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	// With an up to date schema the missing grant is what is wrong.
	r := run(t, "", "detect", "--customer=x", "--database-url="+db.OwnerURL).
		want(t, exitDatabase, `user "upstream_owner" cannot become role "upstream_app"`)
	if strings.Contains(r.err, "behind") {
		t.Errorf("blames the schema: %s", r.err)
	}
	execute(t, db, "GRANT CREATE ON SCHEMA public TO upstream_app")
	conn, err := pgx.Connect(t.Context(), db.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), "CREATE TABLE mine (id int)")
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	run(t, "", append(flagsOf(db), "detect", "--customer=x")...).want(t, exitDatabase, "owns table mine")
}

// A database whose tables lost their guard is not served, whichever way.
func TestDatabase_WithoutRowLevelSecurity(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"switched off":    "ALTER TABLE claims DISABLE ROW LEVEL SECURITY",
		"not forced":      "ALTER TABLE claims NO FORCE ROW LEVEL SECURITY",
		"no policy":       "DROP POLICY claims_tenant ON claims",
		"an open policy":  "CREATE POLICY more ON claims USING (true)",
		"nothing is left": "ALTER TABLE claims DISABLE ROW LEVEL SECURITY; DROP POLICY claims_tenant ON claims",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testdb.New(t)
			execute(t, db, statement)
			for _, command := range []string{"serve", "detect"} {
				run(t, "", append(flagsOf(db), databaseCommands()[command]...)...).
					want(t, exitDatabase, "row-level security is not in force on table claims")
			}
		})
	}
}

func TestDatabase_NeedsNoHome(t *testing.T) { //nolint:paralleltest // it changes the environment
	db := testdb.New(t)
	for _, name := range []string{"HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, "")
	}
	run(t, "", append(flagsOf(db), "customer", "create", "lakeside", "--name=Lakeside")...).want(t, exitOK)
}
