//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// socketPathMax is the longest path a unix socket can have on every system we
// run on (macOS: 104 bytes with the closing zero).
const socketPathMax = 103

// socketPort is part of the socket's file name and nothing else.
const socketPort = 5432

// endpoint is where a server listens: a socket directory, or a loopback
// address and port.
type endpoint struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

// chooseEndpoint prefers a socket in the data directory, which only we can
// reach. A path that is too long for a socket, or that the server and its
// clients would take for a list of paths, leaves a loopback port of its own.
func chooseEndpoint(ctx context.Context, dir string) (endpoint, error) {
	socket := filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(socketPort))
	if len(socket) <= socketPathMax && !strings.ContainsAny(dir, `,"`) {
		return endpoint{Host: dir, Port: socketPort}, nil
	}
	port, err := freePort(ctx)
	return endpoint{Host: "127.0.0.1", Port: port}, err
}

func (e endpoint) isSocket() bool { return filepath.IsAbs(e.Host) }

// freePort asks the system for a loopback port. Another process may take it
// before the server does; the caller tries again then.
func freePort(ctx context.Context) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	addr, ok := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil || !ok {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return addr.Port, nil
}

// url is a connection URL that pgx and libpq both read.
func (e endpoint) url(user, password, database string) string {
	out := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + database}
	// Everything stays on this machine: there is no wire to encrypt.
	query := url.Values{"sslmode": {"disable"}}
	if e.isSocket() {
		query.Set("host", e.Host)
		query.Set("port", strconv.Itoa(e.Port))
	} else {
		out.Host = net.JoinHostPort(e.Host, strconv.Itoa(e.Port))
	}
	// The driver, like libpq, reads a plus as a plus and not as a space.
	out.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return out.String()
}

// serverArgs are the arguments of the server. Settings travel here and not in
// the cluster's files, so that every start has the current ones.
func serverArgs(cluster string, at endpoint, o Options) []string {
	settings := [][2]string{
		{"max_connections", strconv.Itoa(o.MaxConnections)},
		{"shared_buffers", "128MB"},
		{"password_encryption", "scram-sha-256"},
		{"timezone", "UTC"},
		{"log_timezone", "UTC"},
		{"lc_messages", "C"},
		// Compiling pays for long analytical queries only; ours are short.
		{"jit", "off"},
		{"wal_level", "replica"},
		{"max_wal_size", "1GB"},
		{"checkpoint_timeout", "15min"},
		{"log_destination", "stderr"},
		{"logging_collector", "off"},
		{"log_checkpoints", "off"},
		{"log_line_prefix", "%m [%p] %q%u@%d "},
		// Claims are health data: keep values and statements out of the log.
		{"log_error_verbosity", "terse"},
		{"log_min_error_statement", "panic"},
		{"log_parameter_max_length", "0"},
	}
	settings = append(settings, listenSettings(at)...)
	if o.Fast {
		settings = append(settings, fastSettings()...)
	}
	args := append(make([]string, 0, 2+2*len(settings)), "-D", cluster)
	for _, s := range settings {
		args = append(args, "-c", s[0]+"="+s[1])
	}
	return args
}

func listenSettings(at endpoint) [][2]string {
	listen, sockets := at.Host, ""
	if at.isSocket() {
		listen, sockets = "", at.Host
	}
	return [][2]string{
		{"listen_addresses", listen},
		{"unix_socket_directories", sockets},
		{"unix_socket_permissions", "0700"},
		{"port", strconv.Itoa(at.Port)},
	}
}

// fastSettings trade durability for speed. Autovacuum is off because a worker
// that visits a template database blocks its cloning.
func fastSettings() [][2]string {
	return [][2]string{
		{"fsync", "off"},
		{"synchronous_commit", "off"},
		{"full_page_writes", "off"},
		{"autovacuum", "off"},
		{"wal_level", "minimal"},
		{"max_wal_senders", "0"},
		{"max_wal_size", "256MB"},
		// Nothing of a killed test server stays behind outside of its directory.
		{"dynamic_shared_memory_type", "mmap"},
	}
}
