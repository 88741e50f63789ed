package main

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// calibration is a statement that reads nothing of ours: what it takes tells how
// fast the machine is, and how crowded, while requests are made.
const calibration = `SELECT count(*) FROM generate_series(1, 20000) i WHERE i % 7 = 0`

// calibrateEvery is how often it is run.
const calibrateEvery = 40 * time.Millisecond

// calibrate runs the statement until the work is done, and answers how long it
// took each time, as a client sees it.
func calibrate(ctx context.Context, db *pgxpool.Pool, work func() error) (latency, error) {
	ctx, cancel := context.WithCancel(ctx)
	var took []time.Duration
	failed := make(chan error, 1)
	go func() { failed <- repeat(ctx, db, &took) }()
	err := work()
	cancel()
	if calibrating := <-failed; err == nil {
		err = calibrating
	}
	return latencyOf(took), err
}

// repeat runs the statement until ctx ends.
func repeat(ctx context.Context, db *pgxpool.Pool, took *[]time.Duration) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	ticker := time.NewTicker(calibrateEvery)
	defer ticker.Stop()
	for {
		began := time.Now()
		// Not broken off in the middle: the connection is used again.
		if _, err := conn.Exec(context.WithoutCancel(ctx), calibration); err != nil {
			return err
		}
		*took = append(*took, time.Since(began))
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// latencyOf are the percentiles of times, in milliseconds.
func latencyOf(took []time.Duration) latency {
	if len(took) == 0 {
		return latency{}
	}
	sorted := slices.Sorted(slices.Values(took))
	at := func(share float64) float64 {
		return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)].Seconds() * 1e3
	}
	return latency{count: len(sorted), p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1)}
}
