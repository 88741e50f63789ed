//go:build linux || darwin || freebsd

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// initCluster makes the cluster beside its place and moves it there whole, so
// that an interrupted attempt leaves none rather than half of one.
func (d *dataDir) initCluster(ctx context.Context, bin binaries, admin string, fast bool) error {
	if err := d.sweepInit(); err != nil {
		return err
	}
	work, err := os.MkdirTemp(d.root, initPattern)
	if err != nil {
		return fmt.Errorf("initialise the database: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // swept by the next start otherwise
	secret := filepath.Join(work, "password")
	if err := os.WriteFile(secret, []byte(admin+"\n"), 0o600); err != nil {
		return fmt.Errorf("initialise the database: %w", err)
	}
	if err := errors.Join(d.acct.own(work), d.acct.own(secret)); err != nil {
		return fmt.Errorf("initialise the database: %w", err)
	}
	made := filepath.Join(work, clusterDir)
	if err := d.runInitdb(ctx, bin, initArgs(made, secret, fast)); err != nil {
		return err
	}
	if err := os.Rename(made, d.path(clusterDir)); err != nil {
		return fmt.Errorf("initialise the database: %w", err)
	}
	return syncDir(d.root)
}

func initArgs(cluster, secret string, fast bool) []string {
	args := []string{
		"--pgdata=" + cluster, "--username=" + AdminRole, "--pwfile=" + secret,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions",
	}
	if fast {
		// Small segments make the directory cheap to copy.
		return append(args, "--no-sync", "--wal-segsize=4")
	}
	return append(args, "--data-checksums")
}

func (d *dataDir) runInitdb(ctx context.Context, bin binaries, args []string) error {
	cmd := exec.CommandContext(ctx, bin.path("initdb"), args...)
	d.acct.adopt(cmd)
	cmd.Dir = d.root
	// initdb runs the server as a child: end the whole group.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("initialise the database: %w", context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("initialise the database: %w:\n%s", err, lastLines(output.String(), tailLines))
	}
	return nil
}

// sweepInit removes what interrupted attempts left.
func (d *dataDir) sweepInit() error {
	left, err := filepath.Glob(d.path(initPattern))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("remove an unfinished database: %w", err)
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ensureRoles creates the roles and, last, the database. Where the database
// exists all of them do; after an interrupted attempt it continues.
func ensureRoles(ctx context.Context, adminURL string, secrets passwords) error {
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return fmt.Errorf("set up the database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	exists, err := catalogueHas(ctx, conn, "pg_database WHERE datname", DatabaseName)
	if err != nil || exists {
		return err
	}
	for _, role := range [][2]string{{OwnerRole, secrets.Owner}, {AppRole, secrets.App}} {
		if err := ensureRole(ctx, conn, role[0], role[1]); err != nil {
			return err
		}
	}
	statement := "CREATE DATABASE " + ident(DatabaseName) + " OWNER " + ident(OwnerRole)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("create database %s: %w", DatabaseName, err)
	}
	return nil
}

func ensureRole(ctx context.Context, conn *pgx.Conn, role, password string) error {
	exists, err := catalogueHas(ctx, conn, "pg_roles WHERE rolname", role)
	if err != nil || exists {
		return err
	}
	statement := "CREATE ROLE " + ident(role) +
		" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD '" +
		strings.ReplaceAll(password, "'", "''") + "'"
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("create role %s: %w", role, err)
	}
	return nil
}

func catalogueHas(ctx context.Context, conn *pgx.Conn, where, name string) (bool, error) {
	var found bool
	err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+where+" = $1)", name).Scan(&found)
	if err != nil {
		return false, fmt.Errorf("read the catalogue: %w", err)
	}
	return found, nil
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }
