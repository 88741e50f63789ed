//go:build !linux

package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

func timeOf(int) (time.Duration, error) { return 0, errNotHere }

func timeOfServer(int) (time.Duration, error) { return 0, errNotHere }

func timeOfMachine() (time.Duration, error) { return 0, errNotHere }

func postmaster(context.Context, *pgxpool.Pool) (int, error) { return 0, errNotHere }
