package graph

import (
	"context"

	"upstream/graph/wire"
	"upstream/models"
)

// creating answers a mutation that makes a row.
func creating[N, T any](
	ctx context.Context, in N, create func(context.Context, models.Viewer, N) (*T, error),
) (*T, []wire.UserError, error) {
	v, err := signedIn(ctx)
	if err != nil {
		return nil, nil, err
	}
	row, err := create(ctx, v, in)
	expected, err := userErrors(err)
	return row, expected, err
}

// changing answers a mutation that does something to the row of which id is the
// text.
func changing[K models.Kind, R any](
	ctx context.Context, id string, change func(models.Viewer, models.ID[K]) (R, error),
) (R, []wire.UserError, error) {
	var result R
	v, err := signedIn(ctx)
	if err != nil {
		return result, nil, err
	}
	row, err := inputID(models.ID[K]{}, "id", id)
	if err == nil {
		result, err = change(v, row)
	}
	expected, err := userErrors(err)
	return result, expected, err
}

// updating answers a mutation that changes a row as a patch says.
func updating[K models.Kind, P, T any](
	ctx context.Context, id string, version *int64, patch P,
	update func(context.Context, models.Viewer, models.Update[models.ID[K], P]) (*T, error),
) (*T, []wire.UserError, error) {
	return changing(ctx, id, func(v models.Viewer, row models.ID[K]) (*T, error) {
		return update(ctx, v, models.Update[models.ID[K], P]{ID: row, ExpectedVersion: version, Patch: patch})
	})
}

// deleting answers a mutation that deletes a row, with the identifier of what is
// gone.
func deleting[K models.Kind](
	ctx context.Context, in wire.RowInput, remove func(context.Context, models.Viewer, models.Deletion[models.ID[K]]) error,
) (*string, []wire.UserError, error) {
	return changing(ctx, in.ID, func(v models.Viewer, row models.ID[K]) (*string, error) {
		if err := remove(ctx, v, models.Deletion[models.ID[K]]{ID: row, ExpectedVersion: in.ExpectedVersion}); err != nil {
			return nil, err
		}
		return new(row.String()), nil
	})
}
