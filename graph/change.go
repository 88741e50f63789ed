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

// updating answers a mutation that changes the row of which id is the text.
func updating[K models.Kind, P, T any](
	ctx context.Context, id string, version *int64, patch P,
	update func(context.Context, models.Viewer, models.Update[models.ID[K], P]) (*T, error),
) (*T, []wire.UserError, error) {
	v, err := signedIn(ctx)
	if err != nil {
		return nil, nil, err
	}
	var row *T
	in := models.Update[models.ID[K], P]{ExpectedVersion: version, Patch: patch}
	if in.ID, err = inputID(in.ID, "id", id); err == nil {
		row, err = update(ctx, v, in)
	}
	expected, err := userErrors(err)
	return row, expected, err
}

// deleting answers a mutation that deletes a row, with the identifier of what is
// gone.
func deleting[K models.Kind](
	ctx context.Context, in wire.DeletionInput, remove func(context.Context, models.Viewer, models.Deletion[models.ID[K]]) error,
) (*string, []wire.UserError, error) {
	v, err := signedIn(ctx)
	if err != nil {
		return nil, nil, err
	}
	var gone *string
	what := models.Deletion[models.ID[K]]{ExpectedVersion: in.ExpectedVersion}
	if what.ID, err = inputID(what.ID, "id", in.ID); err == nil {
		err = remove(ctx, v, what)
	}
	if err == nil {
		gone = new(what.ID.String())
	}
	expected, err := userErrors(err)
	return gone, expected, err
}

// given is what an optional argument holds.
func given[T any](value *T) []T {
	if value == nil {
		return nil
	}
	return []T{*value}
}

// cancelling answers a mutation that ends an upload.
func cancelling(
	ctx context.Context, in wire.DeletionInput, cancel func(context.Context, models.Viewer, models.Cancellation) (*models.Upload, error),
) (*models.Upload, []wire.UserError, error) {
	v, err := signedIn(ctx)
	if err != nil {
		return nil, nil, err
	}
	var upload *models.Upload
	what := models.Cancellation{ExpectedVersion: in.ExpectedVersion}
	if what.ID, err = inputID(what.ID, "id", in.ID); err == nil {
		upload, err = cancel(ctx, v, what)
	}
	expected, err := userErrors(err)
	return upload, expected, err
}
