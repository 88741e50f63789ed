//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// joinTimeout bounds the question whether a recorded server answers.
const joinTimeout = 5 * time.Second

// serverFile announces a running server to other processes of the same user.
type serverFile struct {
	endpoint

	PID     int    `json:"pid"`
	Started string `json:"started"`
	Version string `json:"version"`
}

// Join finds the server that another process runs on a data directory. It
// answers false, without an error, when none runs there or the recorded one
// does not answer.
func Join(ctx context.Context, dataDir string) (*Instance, bool, error) {
	root, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, false, err
	}
	var file serverFile
	var secrets passwords
	err = readJSON(filepath.Join(root, serverName), &file)
	if err == nil {
		err = readJSON(filepath.Join(root, passwordsName), &secrets)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("join the running database: %w", err)
	}
	instance := &Instance{at: file.endpoint, secrets: secrets, version: file.Version}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	if err := instance.answers(ctx); err != nil {
		return nil, false, nil // the file outlived its server: there is nothing to join
	}
	return instance, true, nil
}

// StartOrJoin joins the server that runs on the data directory, or else starts
// one. While another process holds the directory without serving yet, or no
// longer, it waits, up to the start timeout.
func StartOrJoin(ctx context.Context, opts Options) (*Instance, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, o.StartTimeout)
	defer cancel()
	var instance *Instance
	var inUse error
	err = poll(waiting, nil, func() (bool, error) {
		joined, ok, err := Join(waiting, o.DataDir)
		if ok || err != nil {
			instance = joined
			return ok, err
		}
		started, err := Start(waiting, o)
		if errors.Is(err, ErrDataDirInUse) {
			inUse = err
			return false, nil
		}
		instance = started
		return err == nil, err
	})
	if err != nil && inUse != nil && waiting.Err() != nil && ctx.Err() == nil {
		return nil, inUse
	}
	return instance, err
}
