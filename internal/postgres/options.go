package postgres

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Names inside an embedded server.
const (
	// DatabaseName is the database of an embedded server.
	DatabaseName = "upstream"
	// OwnerRole owns the database and everything migrations create in it.
	OwnerRole = "upstream_owner"
	// AppRole is what the program serves with; row-level security binds it.
	AppRole = "upstream_app"
	// AdminRole is the superuser of an embedded server.
	AdminRole = "postgres"
)

// DefaultMaxConnections is the connection limit of an embedded server.
const DefaultMaxConnections = 100

// DefaultStartTimeout bounds the start of an embedded server, crash recovery
// included.
const DefaultStartTimeout = 2 * time.Minute

// DefaultRepositoryURL is where the archives of fetched binaries come from.
const DefaultRepositoryURL = "https://repo1.maven.org/maven2"

var (
	// ErrDataDirInUse says that another live process uses the data directory.
	ErrDataDirInUse = errors.New("the data directory is used by another process")
	// ErrNoBinaries says that no usable PostgreSQL was found or fetched.
	ErrNoBinaries = errors.New("no usable PostgreSQL was found")
	// ErrUnsupported says that this platform has no embedded server.
	ErrUnsupported = errors.New("the embedded PostgreSQL does not run on " + runtime.GOOS +
		"; set DATABASE_URL to a PostgreSQL server")
)

// Options describes an embedded server.
type Options struct {
	// DataDir holds everything the server keeps: its cluster, passwords, socket
	// and logs. It is created when missing, and is ours alone. Required.
	DataDir string
	// BinDir, when set, is the only place the binaries are taken from
	// (UPSTREAM_PG_BIN); otherwise the machine is searched.
	BinDir string
	// CacheDir keeps fetched binaries; empty means [DefaultCacheDir].
	CacheDir string
	// RepositoryURL is the Maven repository that serves the archives; empty
	// means [DefaultRepositoryURL].
	RepositoryURL string
	// Progress is told, in lines of text, while binaries are fetched; it may be
	// nil.
	Progress io.Writer
	// RunAs names the account the server runs under when we are root, because
	// PostgreSQL refuses to. Empty means postgres, else nobody. The owner of an
	// existing data directory goes before either.
	RunAs string
	// MaxConnections is the server's limit; 0 means [DefaultMaxConnections].
	MaxConnections int
	// StartTimeout bounds the start; 0 means [DefaultStartTimeout].
	StartTimeout time.Duration
	// Fast gives up durability for speed; for data that can be lost.
	Fast bool

	// search overrides where binaries are looked for; nil means the machine.
	search *searchPlaces
}

// searchPlaces are the places binaries are looked for, in this order.
type searchPlaces struct {
	// path finds an executable by name, as exec.LookPath does.
	path func(name string) (string, error)
	// globs are patterns of bin directories.
	globs []string
}

// DefaultDataDir is where the program keeps its state: /var/lib/upstream for
// root, else the user's state directory. It is not created.
func DefaultDataDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/upstream", nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "upstream"), nil
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		dir, err := os.UserConfigDir()
		return filepath.Join(dir, "upstream"), err
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "state", "upstream"), err
}

// DefaultCacheDir is where fetched binaries are kept: /var/cache/upstream for
// root, whose server runs under an account that cannot enter root's home, else
// the user's cache directory. It is not created.
func DefaultCacheDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/upstream", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "upstream"), nil
}

func (o Options) withDefaults() (Options, error) {
	if o.DataDir == "" {
		return o, errors.New("the embedded PostgreSQL needs a data directory")
	}
	abs, err := filepath.Abs(o.DataDir)
	if err != nil {
		return o, err
	}
	o.DataDir = abs
	o.MaxConnections = orDefault(o.MaxConnections, DefaultMaxConnections)
	o.StartTimeout = orDefault(o.StartTimeout, DefaultStartTimeout)
	o.RepositoryURL = orDefault(o.RepositoryURL, DefaultRepositoryURL)
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.CacheDir == "" {
		// Without a home there is no cache directory, which matters only once
		// something has to be fetched.
		o.CacheDir, _ = DefaultCacheDir()
	}
	return o, nil
}
