package migrations

import (
	"io/fs"
	"time"
)

// With is a migrator that knows the migrations of from only, and is not patient
// when lock is given.
func (m Migrator) With(from fs.FS, lock time.Duration, tries int) Migrator {
	m.files = from
	if lock > 0 {
		m.patience = patience{lock: lock, concurrent: lock, tries: tries, pause: time.Millisecond, longest: time.Millisecond}
	}
	return m
}

// LockKey is the advisory lock of migrations.
const LockKey = lockKey
