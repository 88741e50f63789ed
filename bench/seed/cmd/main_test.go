package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"upstream/bench/seed"
	"upstream/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// TestRun seeds a database that it is given the addresses of, and then again.
func TestRun(t *testing.T) {
	t.Parallel()
	db, dir := testdb.New(t), filepath.Join(t.TempDir(), "new")
	args := []string{
		"-database-url", db.AppURL, "-migration-url", db.OwnerURL, "-data-dir", dir, "-customers", "2", "-claims", "3500", "-largest", "2000",
		"-password", "kept as it was given",
	}
	for range 2 {
		var out bytes.Buffer
		if err := run(context.Background(), args, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), "2 customers with 3500 claims") {
			t.Error(out.String())
		}
	}
	world, err := seed.Read(dir)
	if err != nil || world.Claims() != 3500 || world.Password != "kept as it was given" {
		t.Errorf("%v: %d claims", err, world.Claims())
	}
	if err := run(context.Background(), append(args, "-claims", "4000"), &bytes.Buffer{}); err == nil {
		t.Error("other sizes were taken for the same")
	}
	if err := run(context.Background(), []string{"-data-dir", t.TempDir(), "-database-url", "postgres://127.0.0.1:1/none"}, &bytes.Buffer{}); err == nil {
		t.Error("a database that is none was seeded")
	}
}
