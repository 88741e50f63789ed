//go:build linux || darwin || freebsd

package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who the server runs as. PostgreSQL refuses to run as root, so root
// hands its processes and their files to an unprivileged account; anybody else
// runs them as themselves.
type account struct {
	name     string
	uid, gid uint32
	drop     bool
}

// chooseAccount picks the account for a data directory.
func chooseAccount(dataDir, runAs string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, path := range []string{filepath.Join(dataDir, clusterDir), dataDir} {
		if uid, gid, ok := ownerOf(path); ok && uid != 0 {
			return account{name: userName(uid), uid: uid, gid: gid, drop: true}, nil
		}
	}
	if runAs != "" {
		return lookupAccount(runAs)
	}
	for _, name := range []string{"postgres", "nobody"} {
		if acct, err := lookupAccount(name); err == nil {
			return acct, nil
		}
	}
	return account{}, errors.New("PostgreSQL refuses to run as root, and this machine has no account " +
		"postgres or nobody to run it under; start as an ordinary user")
}

func lookupAccount(name string) (account, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return account{}, fmt.Errorf("the account to run PostgreSQL under: %w", err)
	}
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("the account to run PostgreSQL under: %w", err)
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("the account to run PostgreSQL under: %w", err)
	}
	if uid == 0 {
		return account{}, fmt.Errorf("PostgreSQL refuses to run as %s, a superuser of this machine", name)
	}
	return account{name: name, uid: uint32(uid), gid: uint32(gid), drop: true}, nil
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if found, err := user.LookupId(id); err == nil {
		return found.Username
	}
	return "uid " + id
}

// adopt prepares a command to run under the account, in a session of its own:
// a Ctrl-C in the terminal must not reach the server before the program that
// uses it has drained.
func (a account) adopt(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.drop {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	cmd.Env = serverEnviron()
}

// own gives a file or directory to the account.
func (a account) own(path string) error {
	if !a.drop {
		return nil
	}
	return os.Lchown(path, int(a.uid), int(a.gid))
}

// serverEnviron is the environment of the server's processes: what they need to
// run, and nothing that could configure them or that they should not see, such
// as PG* variables and our own secrets.
func serverEnviron() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func ownerOf(path string) (uid, gid uint32, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return stat.Uid, stat.Gid, true
}

// closedTo is the first directory on the way to path that the account may not
// enter, or "".
func (a account) closedTo(path string) string {
	if !a.drop {
		return ""
	}
	if parent := filepath.Dir(path); parent != path {
		if closed := a.closedTo(parent); closed != "" {
			return closed
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	uid, gid, _ := ownerOf(path)
	bit := os.FileMode(0o001)
	switch {
	case uid == a.uid:
		bit = 0o100
	case gid == a.gid:
		bit = 0o010
	}
	if info.Mode().Perm()&bit == 0 {
		return path
	}
	return ""
}
