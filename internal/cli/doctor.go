package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"upstream/internal/config"
	"upstream/internal/doctor"
	"upstream/internal/mail"
	"upstream/internal/throttle"
	"upstream/models/claimfile"
	"upstream/store"
)

type doctorCommand struct {
	Strict   bool      `help:"Fail when there are warnings, too."`
	Settings unchecked `embed:""`
}

// unchecked are settings that the parser does not check: what is wrong with them
// is told beside everything else.
type unchecked config.Serve

// errUnwell is the failure of an examination.
var errUnwell = errors.New("something is wrong with this installation; see above")

// Help is what --help adds.
func (doctorCommand) Help() string {
	return "Reads the settings of a server from the same flags and variables, and changes nothing. Fails when something is " +
		"wrong that loses data, shows it to the wrong reader or stands still; warnings do not fail, unless --strict says so."
}

// Run tells everything that was found and fails when something is wrong.
func (c doctorCommand) Run(ctx context.Context, a *app) error {
	findings := c.examine(ctx, a)
	if err := a.print(findings, func(w *tabwriter.Writer) { printFindingsOf(w, findings) }); err != nil {
		return err
	}
	if worst := doctor.Worst(findings); worst == doctor.Failed || c.Strict && worst == doctor.Warning {
		return errUnwell
	}
	return nil
}

func (c doctorCommand) serve() config.Serve { return config.Serve(c.Settings) }

func (c doctorCommand) examine(ctx context.Context, a *app) []doctor.Finding {
	findings := c.settings(ctx, a)
	if missing := a.noDatabaseYet(); missing != "" {
		return append(findings, doctor.Finding{
			Check: "database", Status: doctor.Skipped, Detail: missing, Advice: "`upstream serve` or `upstream demo` makes it.",
		})
	}
	err := a.withDatabase(ctx, func(d *database) error {
		findings = append(findings, doctor.Examine(ctx, doctor.Options{URL: d.appURL, Role: d.appRole, MaxConns: c.Settings.MaxConns})...)
		findings = append(findings, c.edges(ctx, a, d)...)
		return nil
	})
	if err != nil {
		findings = append(findings, doctor.Finding{Check: "database", Status: doctor.Failed, Detail: err.Error()})
	}
	return findings
}

// noDatabaseYet says that the embedded database was never made: looking at it
// would make it.
func (a *app) noDatabaseYet() string {
	if a.DatabaseURL != "" {
		return ""
	}
	dir, err := a.dataDir()
	if err != nil {
		return err.Error()
	}
	if _, err := os.Stat(filepath.Join(dir, "postgres")); errors.Is(err, os.ErrNotExist) {
		return "there is no embedded database in the data directory yet"
	}
	return ""
}

// settings looks at what needs no database.
func (c doctorCommand) settings(ctx context.Context, a *app) []doctor.Finding {
	own := a.DatabaseURL == ""
	var found []doctor.Finding
	for _, err := range []error{c.serve().RequireSecret(own), c.serve().Validate()} {
		for line := range strings.Lines(errorText(err)) {
			found = add(found, doctor.Finding{Check: "settings", Status: doctor.Failed, Detail: strings.TrimSpace(line)})
		}
	}
	found = append(found, c.limits(ctx, a)...)
	found = append(found, c.mail(ctx, a, own)...)
	if !own && c.Settings.PublicURL == "" {
		found = append(found, doctor.Finding{
			Check: "settings", Status: doctor.Warning, Detail: "UPSTREAM_PUBLIC_URL is not set: links take their host from each request",
			Advice: "Set it to the address clients use.",
		})
	}
	if doctor.Worst(found) == doctor.OK {
		found = append([]doctor.Finding{{Check: "settings", Status: doctor.OK, Detail: "can be served with"}}, found...)
	}
	return found
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// add leaves out what is there already.
func add(found []doctor.Finding, f doctor.Finding) []doctor.Finding {
	if slices.Contains(found, f) {
		return found
	}
	return append(found, f)
}

func (c doctorCommand) limits(ctx context.Context, a *app) []doctor.Finding {
	limits, err := a.newThrottle(c.serve(), nil)
	if err != nil {
		return []doctor.Finding{{Check: "settings", Status: doctor.Failed, Detail: err.Error()}}
	}
	defer func() { _ = limits.Close() }()
	if limits == nil {
		return []doctor.Finding{{
			Check: "throttle", Status: doctor.Warning, Detail: "switched off: nobody is kept from asking too much, or from guessing passwords",
			Advice: "Remove UPSTREAM_THROTTLE=off.",
		}}
	}
	return sharedCounts(ctx, limits)
}

func sharedCounts(ctx context.Context, limits *throttle.Throttle) []doctor.Finding {
	ping := limits.Ping()
	if ping == nil {
		return []doctor.Finding{{Check: "throttle", Status: doctor.OK, Detail: "each process counts for itself"}}
	}
	if err := ping(ctx); err != nil {
		return []doctor.Finding{{
			Check: "throttle", Status: doctor.Warning, Detail: "Redis cannot be reached: each process counts for itself meanwhile",
			Advice: "Correct REDIS_URL, or start the server it names.",
		}}
	}
	return []doctor.Finding{{Check: "throttle", Status: doctor.OK, Detail: "processes count together in Redis"}}
}

// mail proves the way mail goes out, without sending any.
func (c doctorCommand) mail(ctx context.Context, a *app, own bool) []doctor.Finding {
	if c.Settings.Mail.Validate() != nil {
		return nil // told among the settings
	}
	sender, err := a.sender(ctx, c.Settings.Mail)
	if err != nil {
		return []doctor.Finding{{Check: "mail", Status: doctor.Failed, Detail: err.Error()}}
	}
	server, ok := sender.(*mail.SMTP)
	switch {
	case !ok && own:
		return []doctor.Finding{{Check: "mail", Status: doctor.OK, Detail: "SMTP_URL is not set: mails become files in the data directory"}}
	case !ok:
		return []doctor.Finding{{
			Check: "mail", Status: doctor.Warning, Detail: "SMTP_URL is not set: mails reach nobody, they become files",
			Advice: "Set SMTP_URL and UPSTREAM_MAIL_FROM.",
		}}
	}
	if err := server.Check(ctx); err != nil {
		return []doctor.Finding{{Check: "mail", Status: doctor.Failed, Detail: err.Error(), Advice: "Correct SMTP_URL: alerts and invitations wait."}}
	}
	return []doctor.Finding{{Check: "mail", Status: doctor.OK, Detail: fmt.Sprintf("%s:%d takes mail", server.Host, server.Port)}}
}

// edges builds what would serve, and so reads the settings that only it knows.
func (c doctorCommand) edges(ctx context.Context, a *app, d *database) []doctor.Finding {
	told := func(err error) []doctor.Finding {
		return []doctor.Finding{{Check: "settings", Status: doctor.Failed, Detail: err.Error()}}
	}
	if c.serve().Validate() != nil || c.serve().RequireSecret(d.embedded()) != nil {
		return nil
	}
	pool, err := d.connect(ctx, a.log, 1, nil)
	if err != nil {
		return nil // told as the role
	}
	defer pool.Close()
	groups, err := claimfile.DefaultGroups()
	if err != nil {
		return told(err)
	}
	secret, err := a.secret(c.serve().Keys())
	if err != nil {
		return told(err)
	}
	st := store.New(pool, store.Options{Logger: a.log, Groups: groups})
	defer func() { _ = st.Close() }()
	if _, err := a.edges.Handler(Deps{Store: st, Config: c.serve(), Secret: secret, Logger: a.log}); err != nil {
		return told(err)
	}
	return nil
}

func printFindingsOf(w *tabwriter.Writer, findings []doctor.Finding) {
	_, _ = fmt.Fprintln(w, "CHECK\tSTATE\tFOUND")
	for _, f := range findings {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", f.Check, strings.ToUpper(string(f.Status)), f.Detail)
		if f.Advice != "" {
			_, _ = fmt.Fprintf(w, "\t\t→ %s\n", f.Advice)
		}
	}
}
