//go:build !linux && !darwin && !freebsd

package testdb

import (
	"context"
	"errors"

	"upstream/internal/postgres"
)

func defaultBase() string { return "" }

func startEmbedded(context.Context, string, string) (access, func() error, error) {
	return access{}, nil, errors.Join(postgres.ErrUnsupported, errors.New("set "+URLVariable))
}
