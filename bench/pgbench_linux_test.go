package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// pgbench runs statements by PostgreSQL's own benchmark, each prepared once and
// its rows read, as the role and the customer that the program's statements run
// as: what they cost without a program round them.
type pgbench struct {
	path, url, customer string
	// postmaster is the process whose children the backends are.
	postmaster int
}

// ran is what one script of statements takes once: processor time of pgbench
// and of its backend, and elapsed time.
type ran struct {
	client, backend time.Duration
	perSecond       float64
}

// newPgbench looks for it beside the server's own program.
func newPgbench(b *testing.B, owner *pgxpool.Pool, url, customer string) *pgbench {
	b.Helper()
	var backend int
	if err := owner.QueryRow(context.Background(), `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		b.Fatal(err)
	}
	stat := procStat(b, backend)
	postmaster, err := strconv.Atoi(stat[1])
	if err != nil {
		b.Fatal(err)
	}
	server, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", postmaster))
	if err != nil {
		b.Skipf("the server's program cannot be found, so neither can pgbench: %v", err)
	}
	path := filepath.Join(filepath.Dir(server), "pgbench")
	if _, err := os.Stat(path); err != nil {
		b.Skipf("no pgbench beside %s: install the package of PostgreSQL that holds it", server)
	}
	return &pgbench{path: path, url: url, customer: customer, postmaster: postmaster}
}

// procStat are the fields of /proc/PID/stat after the name, the first of which
// is the state.
func procStat(b *testing.B, pid int) []string {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// ended is the processor time of the backends that have ended, in hundredths of
// a second. Our own stay, so what it grows by is pgbench's.
func (p *pgbench) ended(b *testing.B) time.Duration {
	b.Helper()
	stat := procStat(b, p.postmaster)
	var ticks int64
	for _, field := range stat[13:15] { // cutime and cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}

var (
	processed = regexp.MustCompile(`number of transactions actually processed: (\d+)`)
	tps       = regexp.MustCompile(`tps = ([0-9.]+) `)
)

// run repeats the statements in one session for a time.
func (p *pgbench) run(b *testing.B, statements []string, lasting time.Duration) ran {
	b.Helper()
	script := filepath.Join(b.TempDir(), "script.sql")
	if err := os.WriteFile(script, []byte(strings.Join(statements, ";\n")+";\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(p.path, "-n", "-M", "prepared", "-T", strconv.Itoa(int(lasting.Seconds())), "-f", script, p.url)
	cmd.Env = append(os.Environ(), "PGOPTIONS=-c app.customer_id="+p.customer)
	known := p.children(b)
	before := p.ended(b)
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("pgbench: %v\n%s", err, out)
	}
	n, _ := strconv.Atoi(firstOf(processed, out))
	perSecond, _ := strconv.ParseFloat(firstOf(tps, out), 64)
	if n == 0 || perSecond == 0 {
		b.Fatalf("pgbench did nothing:\n%s", out)
	}
	own := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return ran{client: own / time.Duration(n), backend: (p.settled(b, known) - before) / time.Duration(n), perSecond: perSecond}
}

// settled is ended once the server has noticed that pgbench's backends have.
func (p *pgbench) settled(b *testing.B, known []string) time.Duration {
	b.Helper()
	isNew := func(pid string) bool { return !slices.Contains(known, pid) }
	for range 5000 {
		if !slices.ContainsFunc(p.children(b), isNew) {
			return p.ended(b)
		}
		time.Sleep(time.Millisecond)
	}
	b.Fatal("pgbench's backend did not end")
	return 0
}

// children are the server's processes.
func (p *pgbench) children(b *testing.B) []string {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.postmaster))
	if err != nil {
		b.Fatal(err)
	}
	return strings.Fields(string(text))
}

func firstOf(pattern *regexp.Regexp, text []byte) string {
	found := pattern.FindSubmatch(text)
	if found == nil {
		return ""
	}
	return string(found[1])
}
