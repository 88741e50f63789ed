package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

const (
	jsonType       = "application/json"
	mergePatchType = "application/merge-patch+json"
)

// updateInput is the input of an operation that changes one row.
type updateInput[I any] struct {
	ID      I      `path:"id" doc:"The identifier of the row."`
	IfMatch string `header:"If-Match" doc:"The entity tag of the version that the change was decided on; when the row has changed since, the answer is 412. Any version without it."`
	Body    members
}

// ownUpdateInput is the input of an operation that changes the viewer's own row.
type ownUpdateInput struct {
	IfMatch string `header:"If-Match" doc:"The entity tag of the version that the change was decided on; when the row has changed since, the answer is 412. Any version without it."`
	Body    members
}

// patch is what an operation knows of the body of a change.
type patch interface{ Validate() error }

// updateFunc is the store's method that changes a row.
type updateFunc[I, P, M any] func(context.Context, models.Viewer, models.Update[I, P]) (M, error)

// registerPatch adds an operation that changes those members of a row that the
// body names: a JSON merge patch (RFC 7396).
func registerPatch[I any, P patch, M, R any](a *api, op operation, update updateFunc[I, P, M], show func(links, M) R, version func(M) int64) {
	op.description += patchSentence
	registerChange(a, op, newMembersReader[P, R](false), update, show, version)
}

const patchSentence = " Members that the body leaves out stay as they are; null clears those that may be null. A change that changes " +
	"nothing leaves the version as it is."

// registerReplace adds an operation that replaces all members of a row that can
// be written: what may be null and is left out becomes null.
func registerReplace[I any, P patch, M, R any](a *api, op operation, update updateFunc[I, P, M], show func(links, M) R, version func(M) int64) {
	registerChange(a, op, newMembersReader[P, R](true), update, show, version)
}

func registerChange[I any, P patch, M, R any](a *api, op operation, reader membersReader[P], update updateFunc[I, P, M], show func(links, M) R, version func(M) int64) {
	op.rules = reader.rules
	register(a, op.changing(), func(ctx context.Context, in *updateInput[I]) (*changedOutput[R], error) {
		return change(ctx, in.ID, in.IfMatch, in.Body, reader, update, show, version)
	})
	a.documentMembers(op, reader.schema(a.schemas()))
}

// registerOwnPatch is registerPatch for the viewer's own row.
func registerOwnPatch[I any, P patch, M, R any](a *api, op operation, own func(models.Viewer) I, update updateFunc[I, P, M], show func(links, M) R, version func(M) int64) {
	op.description += patchSentence
	reader := newMembersReader[P, R](false)
	op.rules = reader.rules
	register(a, op.changing(), func(ctx context.Context, in *ownUpdateInput) (*changedOutput[R], error) {
		return change(ctx, own(auth.ViewerFrom(ctx)), in.IfMatch, in.Body, reader, update, show, version)
	})
	a.documentMembers(op, reader.schema(a.schemas()))
}

func (op operation) changing() operation {
	op.hasBody = true
	op.codes = append(op.codes, models.CodeNotFound, models.CodeStale)
	return op
}

func change[I any, P patch, M, R any](
	ctx context.Context, id I, tag string, body members, reader membersReader[P], update updateFunc[I, P, M], show func(links, M) R, version func(M) int64,
) (*changedOutput[R], error) {
	expected, err := ifMatch(tag)
	if err != nil {
		return nil, err
	}
	p, err := reader.read(body)
	if err != nil {
		return nil, err
	}
	row, err := update(ctx, auth.ViewerFrom(ctx), models.Update[I, P]{ID: id, ExpectedVersion: expected, Patch: p})
	if err != nil {
		return nil, err
	}
	return &changedOutput[R]{ETag: etag(version(row)), Body: show(linksFor(ctx), row)}, nil
}

// registerDelete adds an operation that deletes one row.
func registerDelete[I any](a *api, op operation, remove func(context.Context, models.Viewer, models.Deletion[I]) error) {
	op.status = http.StatusNoContent
	op.codes = append(op.codes, models.CodeNotFound, models.CodeStale)
	register(a, op, func(ctx context.Context, in *changeByID[I]) (*noOutput, error) {
		expected, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		return nil, remove(ctx, auth.ViewerFrom(ctx), models.Deletion[I]{ID: in.ID, ExpectedVersion: expected})
	})
}

// conflicting is the operation that may run into another row.
func (op operation) conflicting() operation {
	op.codes = append(op.codes, models.CodeConflict)
	return op
}

// registerCreate adds an operation that makes a row of its body B.
func registerCreate[B patch, M, R any](a *api, op operation, create func(context.Context, models.Viewer, B) (M, error),
	show func(links, M) R, version func(M) int64, address func(R) string,
) {
	op = op.conflicting()
	op.hasBody, op.status = true, http.StatusCreated
	op.rules = rulesOf(func(body B, _ time.Time) error { return body.Validate() })
	register(a, op, func(ctx context.Context, in *struct{ Body B }) (*createdOutput[R], error) {
		row, err := create(ctx, auth.ViewerFrom(ctx), in.Body)
		if err != nil {
			return nil, err
		}
		body := show(linksFor(ctx), row)
		return &createdOutput[R]{Location: address(body), ETag: etag(version(row)), Body: body}, nil
	})
}
