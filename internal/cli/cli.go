package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"upstream/internal/config"
	"upstream/internal/demo"
	"upstream/internal/obs"
	"upstream/internal/throttle"
	"upstream/store"
)

// Edges is what main hands in from the packages no other may import.
type Edges struct {
	// Handler builds the handler of the public listener.
	Handler func(Deps) (http.Handler, error)
	// OpenAPI is the description of the REST API in the given version, "3.1" or "3.0".
	OpenAPI func(version string) ([]byte, error)
	// SDL is the GraphQL schema.
	SDL func() string
}

// Deps is what the public handler is built from.
type Deps struct {
	Store  *store.Store
	Config config.Serve
	Secret []byte
	Logger *slog.Logger
	// Workers is the condition that this process works on jobs; nil when it is
	// not to.
	Workers func(context.Context) error
	// Serving is the condition that this process is not about to end; may be nil.
	Serving func(context.Context) error
	// Throttle limits requests; nil when that is switched off.
	Throttle *throttle.Throttle
	// Telemetry hears of every request; may be nil.
	Telemetry *obs.Telemetry
}

// Streams are where the program reads and writes.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// app is what every command gets to run with.
type app struct {
	config.Common
	Streams
	edges Edges
	log   *slog.Logger
}

type commands struct {
	config.Common

	Serve    serveCommand    `cmd:"" default:"withargs" help:"Serve both APIs (the default command)."`
	Demo     demoCommand     `cmd:"" help:"Serve two demo clinics with claims and findings."`
	Work     workCommand     `cmd:"" help:"Work on background jobs and serve nothing."`
	Doctor   doctorCommand   `cmd:"" help:"Examine the installation and say what is wrong."`
	Migrate  migrateCommand  `cmd:"" help:"Apply, undo or list the migrations of the schema."`
	Ingest   ingestCommand   `cmd:"" help:"Read a claims file for a customer."`
	Detect   detectCommand   `cmd:"" help:"Look for payers that changed, now."`
	Customer customerCommand `cmd:"" help:"Manage customers."`
	User     userCommand     `cmd:"" help:"Manage users."`
	APIKey   apiKeyCommand   `cmd:"" name:"apikey" help:"Manage the API keys of partners' programs."`
	Audit    auditCommand    `cmd:"" help:"Prove the audit log."`
	Secrets  secretsCommand  `cmd:"" help:"Manage the secrets sealed in the database."`
	OpenAPI  openAPICommand  `cmd:"" name:"openapi" help:"Print the description of the REST API."`
	Schema   schemaCommand   `cmd:"" help:"Print the GraphQL schema."`
}

const description = `Upstream notices when a payer starts to treat claims differently, and says so
with the statistics to back it.

Results go to standard output, the log and errors to standard error. With
--json a result is one JSON document, and an error one line of JSON, the last
of standard error: {"error": {"code", "message", "exit_code", ...}}.

Exit codes: 0 success, 1 failure, 2 wrong usage or input, 3 no such thing,
4 conflict with what is stored, 5 database not usable, 6 address not usable,
130 interrupted before the work was done.`

// Main runs the command line and answers with the exit code. When ctx ends,
// servers drain, which is success, and any other work is broken off.
func Main(ctx context.Context, args []string, streams Streams, edges Edges) int {
	var cmds commands
	exited := -1
	parser, err := newParser(&cmds, streams, func(code int) { exited = code })
	if err != nil {
		_, _ = fmt.Fprintln(streams.Err, "error:", err)
		return exitFailure
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited // help was asked for
	}
	a := &app{Common: cmds.Common, Streams: streams, edges: edges}
	if err != nil {
		a.JSON = a.JSON || wantsJSON(args)
		return a.fail(usageError{err})
	}
	a.log = obs.NewLogger(streams.Err, a.LogFormat, a.LogLevel)
	ctx = obs.Begin(ctx, operationOf(parsed))
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(a); err != nil {
		return a.fail(interruption(ctx, err))
	}
	return exitOK
}

// operationOf is what the work of a command is called where statements are
// told: "cli" and the names of the command without what it was given.
func operationOf(parsed *kong.Context) string {
	words := slices.DeleteFunc(strings.Fields(parsed.Command()), func(word string) bool { return strings.HasPrefix(word, "<") })
	return strings.Join(append([]string{"cli"}, words...), " ")
}

func newParser(cmds *commands, streams Streams, exit func(int)) (*kong.Kong, error) {
	return kong.New(cmds,
		kong.Name("upstream"), kong.Description(description),
		kong.Writers(streams.Out, streams.Err), kong.Exit(exit),
		kong.Vars{
			"harbor_claims": strconv.Itoa(demo.HarborClaims), "harbor_days": strconv.Itoa(demo.HarborDays),
			"harbor_bad_rows": strconv.Itoa(demo.HarborBadRows), "harbor_seed": strconv.Itoa(demo.HarborSeed),
		},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
}

// wantsJSON looks for --json on a command line that could not be parsed.
func wantsJSON(args []string) bool {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "--json" || arg == "--json=true" {
			return true
		}
	}
	wanted, err := strconv.ParseBool(os.Getenv("UPSTREAM_JSON"))
	return err == nil && wanted
}
