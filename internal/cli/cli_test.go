package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/internal/config"
	"upstream/internal/postgres"
	"upstream/models"
)

func TestMain_Help(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"demo", "run", "--help"}, {"ingest", "-h"}, {"migrate", "--help"}} {
		r := run(t, "", args...).want(t, exitOK, "Usage: upstream")
		if r.err != "" {
			t.Errorf("%v: wrote to standard error: %s", args, r.err)
		}
	}
	help := strings.Join(strings.Fields(run(t, "", "--help").out), " ")
	for _, code := range []string{
		"0 success", "1 failure", "2 wrong usage or input", "3 no such thing", "4 conflict with what is stored",
		"5 database not usable", "6 address not usable", "130 interrupted",
	} {
		if !strings.Contains(help, code) {
			t.Errorf("help does not explain exit code %s", code)
		}
	}
	run(t, "", "demo", "run", "--help").want(t, exitOK, "exactly two lines")
}

func TestMain_WrongUsage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"unknown command":     {[]string{"frobnicate"}, "unexpected argument frobnicate"},
		"unknown flag":        {[]string{"serve", "--frobnicate"}, "unknown flag --frobnicate"},
		"missing argument":    {[]string{"ingest", "--customer=x"}, "<file>"},
		"missing flag":        {[]string{"detect"}, "--customer"},
		"neither of two":      {[]string{"user", "create", "a@b.test"}, "--customer"},
		"both of two":         {[]string{"user", "create", "a@b.test", "--customer=x", "--superuser"}, "can't be used together"},
		"no number":           {[]string{"migrate", "down", "--steps=x"}, "--steps"},
		"too few steps":       {[]string{"migrate", "down", "--steps=0"}, "--steps must be 1 or more"},
		"no address":          {[]string{"serve", "--addr=x"}, `--addr must be HOST:PORT or :PORT, not "x"`},
		"no class":            {[]string{"serve", "--throttle-rates=reading=1/h"}, `--throttle-rates: rate "reading=1/h" names no class`},
		"no rate":             {[]string{"demo", "--throttle-rates=read_only=1/h,user=5"}, `--throttle-rates: rate "user=5": the window must be`},
		"no Redis":            {[]string{"serve", "--redis-url=:hunter2@somewhere"}, "REDIS_URL must look like redis://"},
		"no proxy":            {[]string{"serve", "--trusted-proxies=10.0.0.0/8,proxy"}, `not "proxy"`},
		"no switch":           {[]string{"serve", "--throttle=maybe"}, "--throttle must be one of"},
		"no admin address":    {[]string{"demo", "--admin-addr=x"}, "--admin-addr must be HOST:PORT"},
		"no URL":              {[]string{"--public-url=upstream.example"}, "--public-url must look like https://host"},
		"no time to drain":    {[]string{"--drain-timeout=0"}, "--drain-timeout must be more than 0"},
		"no connections":      {[]string{"--max-conns=0"}, "--max-conns must be more than 0"},
		"log format":          {[]string{"--log-format=xml"}, "--log-format"},
		"OpenAPI version":     {[]string{"openapi", "--version=2.0"}, "--version"},
		"a file that is none": {[]string{"ingest", "/nowhere/claims.csv", "--customer=x"}, "/nowhere/claims.csv: no such file"},
		"a directory":         {[]string{"ingest", "/", "--customer=x"}, "/ is a directory, not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, "", tt.args...).want(t, exitUsage, tt.want)
			if !strings.HasPrefix(r.err, "error: ") || r.out != "" {
				t.Errorf("stdout %q, stderr %q", r.out, r.err)
			}
			// The flag is heeded wherever it stands, also on a line that makes no sense.
			r = run(t, "", append([]string{"--json"}, tt.args...)...)
			r.want(t, exitUsage)
			if f := failure(t, r); f.Code != "USAGE" || !strings.Contains(f.Message, tt.want) {
				t.Errorf("as JSON: %+v", f)
			}
		})
	}
}

func TestMain_JSONByTheEnvironment(t *testing.T) {
	t.Setenv("UPSTREAM_JSON", "true")
	r := run(t, "", "frobnicate").want(t, exitUsage)
	if f := failure(t, r); f.Code != "USAGE" {
		t.Errorf("%+v", f)
	}
	t.Setenv("UPSTREAM_JSON", "false")
	run(t, "", "frobnicate").want(t, exitUsage, "error: unexpected argument")
}

func TestMain_TheCommandLineWins(t *testing.T) {
	t.Setenv("UPSTREAM_SECRET_KEY", "short")
	run(t, "", "serve").want(t, exitUsage, "it has 5")
	run(t, "", "serve", "--secret-key=shorter").want(t, exitUsage, "it has 7")
}

func TestDescriptions(t *testing.T) {
	t.Parallel()
	run(t, "", "openapi").want(t, exitOK, `{"openapi":"3.1"}`)
	run(t, "", "openapi", "--version=3.0", "--json").want(t, exitOK, `{"openapi":"3.0"}`)
	if r := run(t, "", "schema").want(t, exitOK); r.out != "type Query { viewer: String }\n" {
		t.Errorf("schema prints %q", r.out)
	}
	got := decode[map[string]string](t, run(t, "", "schema", "--json"))
	if diff := cmp.Diff(map[string]string{"sdl": "type Query { viewer: String }\n"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	cause := errors.New("the disk is full")
	for name, tt := range map[string]struct {
		err  error
		want errorDetail
	}{
		"any error":   {cause, errorDetail{Code: "FAILURE", Message: "the disk is full", ExitCode: exitFailure}},
		"usage":       {usageError{cause}, errorDetail{Code: "USAGE", Message: "the disk is full", ExitCode: exitUsage}},
		"input":       {inputError{cause}, errorDetail{Code: "USAGE", Message: "the disk is full", ExitCode: exitUsage}},
		"no secret":   {config.ErrNoSecret, errorDetail{Code: "USAGE", Message: config.ErrNoSecret.Error(), ExitCode: exitUsage}},
		"interrupted": {errInterrupted, errorDetail{Code: "INTERRUPTED", Message: errInterrupted.Error(), ExitCode: exitInterrupted}},
		"in use": {
			fmt.Errorf("%w: by process 7", postgres.ErrDataDirInUse),
			errorDetail{Code: "DATABASE", Message: postgres.ErrDataDirInUse.Error() + ": by process 7", ExitCode: exitDatabase},
		},
		"no binaries": {postgres.ErrNoBinaries, errorDetail{Code: "DATABASE", Message: postgres.ErrNoBinaries.Error(), ExitCode: exitDatabase}},
		"not found":   {models.NotFound("claim"), errorDetail{Code: "NOT_FOUND", Message: "There is no such claim.", ExitCode: exitNotFound}},
		"in use by rows": {
			models.NewError(models.CodeInUse, "Rows use it."),
			errorDetail{Code: "IN_USE", Message: "Rows use it.", ExitCode: exitConflict},
		},
		"serialization": {
			models.NewError(models.CodeSerializationConflict, "Try again."),
			errorDetail{Code: "SERIALIZATION_CONFLICT", Message: "Try again.", ExitCode: exitConflict},
		},
		"invalid": {
			models.InvalidField("file", "empty", "is empty"),
			errorDetail{
				Code: "VALIDATION", Message: "The input is not valid.", ExitCode: exitUsage,
				Errors: []fieldDetail{{Path: "file", Code: "empty", Message: "is empty"}},
			},
		},
		// The operator is the one who mends it, and so must see the cause.
		"internal": {
			models.Internal(cause),
			errorDetail{Code: "INTERNAL", Message: "INTERNAL: " + models.InternalMessage + ": the disk is full", ExitCode: exitFailure},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, describe(fmt.Errorf("%w", tt.err))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every code the store can answer with has an exit code of the table.
func TestDescribe_KnowsEveryCode(t *testing.T) {
	t.Parallel()
	for _, code := range models.Codes() {
		if got := describe(models.NewError(code, "x")).ExitCode; got < exitFailure || got > exitAddress {
			t.Errorf("%s ends with %d", code, got)
		}
	}
}
