//go:build linux || darwin || freebsd

package postgres

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"
)

func TestChooseEndpoint(t *testing.T) {
	t.Parallel()
	// The socket's own name and a slash take 14 bytes of the path.
	for length, socket := range map[int]bool{10: true, socketPathMax - 14: true, socketPathMax - 13: false, 300: false} {
		dir := "/" + strings.Repeat("d", length-1)
		at, err := chooseEndpoint(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if at.isSocket() != socket || (socket && at.Host != dir) || (!socket && at.Host != "127.0.0.1") || at.Port == 0 {
			t.Errorf("%d bytes: %+v", length, at)
		}
	}
}

func TestChooseEndpointOfAnAmbiguousPath(t *testing.T) {
	t.Parallel()
	for dir, socket := range map[string]bool{"/a b/run": true, "/a,b/run": false, `/a"b/run`: false} {
		at, err := chooseEndpoint(t.Context(), dir)
		if err != nil || at.isSocket() != socket {
			t.Errorf("%s: %+v, %v", dir, at, err)
		}
	}
}

// Whatever the names are, the driver reads out of a URL what was put into it.
func TestEndpointURLRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[A-Za-z0-9 %/:@?#&=+'"ä-]{1,20}`)
		at := endpoint{Host: "127.0.0.1", Port: rapid.IntRange(1, 65535).Draw(t, "port")}
		if rapid.Bool().Draw(t, "socket") {
			at.Host = "/" + text.Draw(t, "directory")
		}
		user, password, database := text.Draw(t, "user"), text.Draw(t, "password"), text.Draw(t, "database")
		cfg, err := pgx.ParseConfig(at.url(user, password, database))
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Host != at.Host || int(cfg.Port) != at.Port || cfg.User != user || cfg.Password != password || cfg.Database != database {
			t.Fatalf("%+v became %s %d %q %q %q", at, cfg.Host, cfg.Port, cfg.User, cfg.Password, cfg.Database)
		}
		if cfg.TLSConfig != nil || len(cfg.Fallbacks) != 0 {
			t.Fatal("a connection within the machine is encrypted")
		}
	})
}

func TestServerArgs(t *testing.T) {
	t.Parallel()
	socket, loopback := endpoint{Host: "/run/x", Port: 5432}, endpoint{Host: "127.0.0.1", Port: 4711}
	cases := map[string]struct {
		at   endpoint
		fast bool
		want map[string]string
	}{
		"socket": {at: socket, want: map[string]string{
			"listen_addresses": "", "unix_socket_directories": "/run/x", "port": "5432", "fsync": "", "wal_level": "replica", "max_connections": "7",
		}},
		"loopback": {at: loopback, want: map[string]string{
			"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": "4711", "synchronous_commit": "",
		}},
		"fast": {at: socket, fast: true, want: map[string]string{
			"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal", "shared_buffers": "128MB",
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := serverArgs("/data", c.at, Options{MaxConnections: 7, Fast: c.fast})
			if !slices.Equal(args[:2], []string{"-D", "/data"}) {
				t.Errorf("got %v", args[:2])
			}
			got := map[string]string{}
			for _, arg := range args[2:] {
				if name, value, ok := strings.Cut(arg, "="); ok {
					got[name] = value // the last one counts, as it does for the server
				}
			}
			for setting, want := range c.want {
				if got[setting] != want {
					t.Errorf("%s is %q, want %q", setting, got[setting], want)
				}
			}
		})
	}
}

func TestOptionsWithDefaults(t *testing.T) {
	t.Parallel()
	o, err := Options{DataDir: "relative"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(o.DataDir) || o.MaxConnections != DefaultMaxConnections || o.StartTimeout != DefaultStartTimeout || o.Progress == nil {
		t.Errorf("got %+v", o)
	}
	if _, err := url.Parse(o.RepositoryURL); err != nil || o.RepositoryURL != DefaultRepositoryURL {
		t.Errorf("repository %q, %v", o.RepositoryURL, err)
	}
	kept, err := Options{DataDir: "/d", MaxConnections: 3, StartTimeout: 4, RepositoryURL: "http://r", CacheDir: "/c"}.withDefaults()
	if err != nil || kept.MaxConnections != 3 || kept.StartTimeout != 4 || kept.RepositoryURL != "http://r" || kept.CacheDir != "/c" {
		t.Errorf("got %+v, %v", kept, err)
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	want := installedBinaries(t)
	dir, version, err := Locate(t.Context(), Options{DataDir: filepath.Join(t.TempDir(), "new")})
	if err != nil || dir != want.dir || version != want.version {
		t.Errorf("got %s, %s, %v", dir, version, err)
	}
	if _, _, err := Locate(t.Context(), Options{}); err == nil {
		t.Error("no data directory was accepted")
	}
	base := openDir(t)
	fake := fakeBinaries(t, base, "42.1")
	dir, version, err = Locate(t.Context(), Options{DataDir: filepath.Join(base, "data"), BinDir: fake})
	if err != nil || dir != fake || version != "42.1" {
		t.Errorf("got %s, %s, %v", dir, version, err)
	}
}
