//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/jackc/pgx/v5"
)

// tailLines is how many lines of a log an error repeats.
const tailLines = 10

// portAttempts is how often a loopback port is chosen before giving up: another
// process can take one between our choice and the server's start.
const portAttempts = 3

// Start runs a server on a data directory, which it creates at the first start.
// The server stops with [Instance.Stop], and also when this process dies.
// Errors: [ErrDataDirInUse], [ErrNoBinaries], or a sentence that ends with the
// last lines of the server's log.
func Start(ctx context.Context, opts Options) (*Instance, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	acct, err := chooseAccount(o.DataDir, o.RunAs)
	if err != nil {
		return nil, err
	}
	dir, err := openDataDir(o.DataDir, acct)
	if err != nil {
		return nil, err
	}
	defer dir.release() // a running server holds the lock on
	ctx, cancel := context.WithTimeout(ctx, o.StartTimeout)
	defer cancel()
	return dir.start(ctx, o)
}

// Locate finds the programs that [Start] would run on a data directory, and
// fetches them when the machine has none: their directory, and their version
// such as "15.18".
func Locate(ctx context.Context, opts Options) (binDir, version string, err error) {
	o, err := opts.withDefaults()
	if err != nil {
		return "", "", err
	}
	acct, err := chooseAccount(o.DataDir, o.RunAs)
	if err != nil {
		return "", "", err
	}
	major, err := (&dataDir{root: o.DataDir}).clusterMajor()
	if err != nil {
		return "", "", err
	}
	bin, err := chooseBinaries(ctx, acct, o, major)
	return bin.dir, bin.version, err
}

// start brings a locked data directory to a server that answers. On an error
// nothing runs any more.
func (d *dataDir) start(ctx context.Context, o Options) (*Instance, error) {
	major, err := d.clusterMajor()
	if err != nil {
		return nil, err
	}
	bin, err := chooseBinaries(ctx, d.acct, o, major)
	if err != nil {
		return nil, err
	}
	secrets, err := d.ensurePasswords()
	if err != nil {
		return nil, err
	}
	if major == 0 {
		if err := d.initCluster(ctx, bin, secrets.Admin, o.Fast); err != nil {
			return nil, err
		}
	}
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	if err := d.makeSocketDir(); err != nil {
		return nil, err
	}
	return d.launch(ctx, o, bin, secrets)
}

// chooseBinaries finds binaries for a cluster of the given major version, 0 for
// a new one, and fetches them when the machine has none.
func chooseBinaries(ctx context.Context, acct account, o Options, major int) (binaries, error) {
	places := o.search
	if places == nil {
		places = machinePlaces()
	}
	f := &finder{acct: acct, want: major, places: places, cacheDir: o.CacheDir}
	if o.BinDir != "" {
		return f.explicit(ctx, o.BinDir)
	}
	if bin, ok := f.find(ctx); ok {
		return bin, nil
	}
	bin, err := fetchBinaries(ctx, f, o)
	if err != nil {
		return binaries{}, fmt.Errorf("%w on this machine, and fetching it failed: %w%s",
			ErrNoBinaries, err, passedOver(f.rejected))
	}
	return bin, nil
}

func passedOver(rejected []string) string {
	if len(rejected) == 0 {
		return ""
	}
	return "; passed over: " + strings.Join(rejected, "; ")
}

func (d *dataDir) makeSocketDir() error {
	dir := d.path(socketDir)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the socket directory: %w", err)
	}
	if err := d.acct.own(dir); err != nil {
		return fmt.Errorf("make the socket directory: %w", err)
	}
	return nil
}

// launch starts the server and waits until it answers.
func (d *dataDir) launch(ctx context.Context, o Options, bin binaries, secrets passwords) (*Instance, error) {
	for attempt := 1; ; attempt++ {
		at, err := chooseEndpoint(ctx, d.path(socketDir))
		if err != nil {
			return nil, err
		}
		instance, err := d.launchAt(ctx, o, bin, secrets, at)
		if err == nil || at.isSocket() || attempt == portAttempts || !strings.Contains(d.logTail(), "could not bind") {
			return instance, err
		}
	}
}

func (d *dataDir) launchAt(ctx context.Context, o Options, bin binaries, secrets passwords, at endpoint) (*Instance, error) {
	s, err := d.spawn(bin, serverArgs(d.path(clusterDir), at, o))
	if err != nil {
		return nil, err
	}
	instance := &Instance{at: at, secrets: secrets, version: bin.version, server: s}
	if err := instance.prepare(ctx); err != nil {
		return nil, s.abandon(ctx, err)
	}
	return instance, nil
}

// spawn starts the server process with its watchdog and its owner.
func (d *dataDir) spawn(bin binaries, args []string) (*server, error) {
	log, err := d.openLog()
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the server has its own copy
	dog, err := startWatchdog(d.acct)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(bin.path("postgres"), args...) //nolint:noctx // it outlives the context of its start
	d.acct.adopt(cmd)
	cmd.Dir = d.root
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		dog.release()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s := &server{dir: d, cmd: cmd, watchdog: dog, done: make(chan struct{}), asked: make(chan struct{})}
	_ = dog.guard(cmd.Process.Pid) // fails only when the watchdog was killed
	d.retain()
	go s.supervise()
	return s, nil
}

// prepare waits until a fresh server answers, creates what is missing in it,
// and announces it to other processes.
func (i *Instance) prepare(ctx context.Context) error {
	s := i.server
	cluster, pid := s.dir.path(clusterDir), s.cmd.Process.Pid
	var file pidFile
	err := poll(ctx, s.done, func() (bool, error) {
		// Any trouble reading the file means that it is being written.
		file, _ = readPIDFile(cluster)
		return file.pid == pid && file.status == "ready", nil
	})
	if err != nil {
		return err
	}
	if err := ensureRoles(ctx, i.AdminURL(), i.secrets); err != nil {
		return err
	}
	return s.dir.writeJSON(serverName, serverFile{endpoint: i.at, PID: pid, Started: file.started, Version: i.version})
}

// abandon ends a server that did not come up and explains why.
func (s *server) abandon(ctx context.Context, cause error) error {
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), killPatience)
	defer cancel()
	_ = s.stop(patience) // the cause says more
	if errors.Is(cause, errStopped) && s.exit != nil {
		cause = s.exit
	}
	return fmt.Errorf("PostgreSQL did not start: %w; the end of its log, %s:\n%s",
		cause, s.dir.path(logName), s.dir.logTail())
}

// openLog starts a new log and keeps the one before.
func (d *dataDir) openLog() (*os.File, error) {
	err := os.Rename(d.path(logName), d.path(oldLogName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	log, err := os.OpenFile(d.path(logName), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	d.keepOwner(d.path(logName))
	return log, nil
}

func (d *dataDir) logTail() string {
	content, err := os.ReadFile(d.path(logName))
	if err != nil {
		return err.Error()
	}
	return lastLines(string(content), tailLines)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ")
}

// answers asks a server for a sign of life.
func (i *Instance) answers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, i.AdminURL())
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}
