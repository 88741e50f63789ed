package meter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Pgbench runs statements by PostgreSQL's own benchmark, each prepared once and
// its rows read: what they cost without a program round them.
type Pgbench struct {
	path, url, customer string
	// postmaster is the process whose children the backends are.
	postmaster int
}

// NewPgbench looks for pgbench beside the server's own program. The statements
// run as url's role with customer, an identifier, as app.customer_id. Without
// pgbench it answers [ErrNoPgbench].
func NewPgbench(ctx context.Context, owner *pgxpool.Pool, url, customer string) (*Pgbench, error) {
	var backend int
	if err := owner.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		return nil, err
	}
	stat, err := procStat(backend)
	if err != nil {
		return nil, fmt.Errorf("%w: the server is not on this machine: %w", ErrNoPgbench, err)
	}
	postmaster, err := strconv.Atoi(stat[1])
	if err != nil {
		return nil, err
	}
	server, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", postmaster))
	if err != nil {
		return nil, fmt.Errorf("%w: the server's program cannot be found: %w", ErrNoPgbench, err)
	}
	path := filepath.Join(filepath.Dir(server), "pgbench")
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%w: there is none beside %s; install the package of PostgreSQL that holds it", ErrNoPgbench, server)
	}
	return &Pgbench{path: path, url: url, customer: customer, postmaster: postmaster}, nil
}

// procStat are the fields of /proc/PID/stat after the name, the first of which
// is the state.
func procStat(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])), nil
}

// ended is the processor time of the backends that have ended, in hundredths of
// a second. Others stay, so what it grows by is pgbench's.
func (p *Pgbench) ended() (time.Duration, error) {
	stat, err := procStat(p.postmaster)
	if err != nil {
		return 0, err
	}
	var ticks int64
	for _, field := range stat[13:15] { // cutime and cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100), nil
}

var (
	processed = regexp.MustCompile(`number of transactions actually processed: (\d+)`)
	tps       = regexp.MustCompile(`tps = ([0-9.]+) `)
)

// Run repeats the statements in one session for a time, in whole seconds.
// Nothing else may connect to the server and leave it meanwhile.
func (p *Pgbench) Run(ctx context.Context, statements []string, lasting time.Duration) (Ran, error) {
	script, err := scriptOf(statements)
	if err != nil {
		return Ran{}, err
	}
	defer func() { _ = os.Remove(script) }()
	known, err := p.children()
	if err != nil {
		return Ran{}, err
	}
	before, err := p.ended()
	if err != nil {
		return Ran{}, err
	}
	//nolint:gosec // the server's own program, and a script of ours
	cmd := exec.CommandContext(ctx, p.path, "-n", "-M", "prepared", "-T", strconv.Itoa(int(lasting.Seconds())), "-f", script, p.url)
	cmd.Env = append(os.Environ(), "PGOPTIONS=-c app.customer_id="+p.customer)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return Ran{}, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	after, err := p.settled(ctx, known)
	if err != nil {
		return Ran{}, err
	}
	return ranOf(out, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), after-before)
}

// ranOf reads how often the script ran in these processor times.
func ranOf(out []byte, client, backend time.Duration) (Ran, error) {
	n, _ := strconv.Atoi(firstOf(processed, out))
	perSecond, _ := strconv.ParseFloat(firstOf(tps, out), 64)
	if n == 0 || perSecond == 0 {
		return Ran{}, fmt.Errorf("pgbench did nothing:\n%s", out)
	}
	return Ran{Client: client / time.Duration(n), Backend: backend / time.Duration(n), PerSecond: perSecond}, nil
}

// scriptOf writes the statements to a file.
func scriptOf(statements []string) (string, error) {
	file, err := os.CreateTemp("", "pgbench-*.sql")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(strings.Join(statements, ";\n") + ";\n")
	return file.Name(), errors.Join(err, file.Close())
}

// settled is ended once the server has noticed that pgbench's backends have.
func (p *Pgbench) settled(ctx context.Context, known []string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		now, err := p.children()
		if err != nil {
			return 0, err
		}
		if !slices.ContainsFunc(now, func(pid string) bool { return !slices.Contains(known, pid) }) {
			return p.ended()
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("pgbench's backend did not end: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// children are the server's processes.
func (p *Pgbench) children() ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.postmaster))
	return strings.Fields(string(text)), err
}

func firstOf(pattern *regexp.Regexp, text []byte) string {
	found := pattern.FindSubmatch(text)
	if found == nil {
		return ""
	}
	return string(found[1])
}
