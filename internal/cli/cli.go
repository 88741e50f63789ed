package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"

	"github.com/alecthomas/kong"

	"upstream/internal/config"
	"upstream/internal/demo"
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
	Migrate  migrateCommand  `cmd:"" help:"Apply, undo or list the migrations of the schema."`
	Ingest   ingestCommand   `cmd:"" help:"Read a claims file for a customer."`
	Detect   detectCommand   `cmd:"" help:"Look for payers that changed, now."`
	Customer customerCommand `cmd:"" help:"Manage customers."`
	User     userCommand     `cmd:"" help:"Manage users."`
	Audit    auditCommand    `cmd:"" help:"Prove the audit log."`
	OpenAPI  openAPICommand  `cmd:"" name:"openapi" help:"Print the description of the REST API."`
	Schema   schemaCommand   `cmd:"" help:"Print the GraphQL schema."`
}

const description = `Upstream notices when a payer starts to treat claims differently, and says so
with the statistics to back it.

Exit codes: 0 success, 1 failure, 2 wrong usage or input, 3 no such thing,
4 conflict with what is stored, 5 database not usable, 6 address in use.`

// Main runs the command line and answers with the exit code.
func Main(ctx context.Context, args []string, streams Streams, edges Edges) int {
	var cmds commands
	exited := -1
	parser, err := kong.New(&cmds,
		kong.Name("upstream"), kong.Description(description),
		kong.Writers(streams.Out, streams.Err), kong.Exit(func(code int) { exited = code }),
		kong.Vars{
			"harbor_claims": strconv.Itoa(demo.HarborClaims), "harbor_days": strconv.Itoa(demo.HarborDays),
			"harbor_bad_rows": strconv.Itoa(demo.HarborBadRows), "harbor_seed": strconv.Itoa(demo.HarborSeed),
		},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		_, _ = fmt.Fprintln(streams.Err, "error:", err)
		return exitFailure
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited // help was asked for
	}
	a := &app{Common: cmds.Common, Streams: streams, edges: edges, log: cmds.Logger()}
	if err != nil {
		return a.fail(usageError{err})
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(a); err != nil {
		return a.fail(err)
	}
	return exitOK
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// openInput opens the named file; "-" is standard input, kept in a temporary
// file because ingestion reads twice.
func (a *app) openInput(name string) (*os.File, error) {
	if name != "-" {
		return os.Open(name) //nolint:gosec // the operator names the file
	}
	spool, err := os.CreateTemp("", "upstream-stdin-*")
	if err != nil {
		return nil, err
	}
	// The name is given up at once: the file goes when it is closed.
	if err := os.Remove(spool.Name()); err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	if _, err := io.Copy(spool, a.In); err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	_, err = spool.Seek(0, io.SeekStart)
	return spool, err
}
