//go:build !linux

package meter

import (
	"context"
	"time"
)

// Of measures the elapsed time of work.
func (m Meter) Of(ctx context.Context, work func() error) (Used, error) {
	if _, err := m.backends(ctx); err != nil {
		return Used{}, err
	}
	start := time.Now()
	err := work()
	return Used{Program: time.Since(start)}, err
}
