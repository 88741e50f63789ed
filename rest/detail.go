package rest

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"upstream/internal/auth"
	"upstream/models"
)

// noInput is the input of an operation without parameters.
type noInput struct{}

// byID is the input of an operation on one row.
type byID[I any] struct {
	ID I `path:"id" doc:"The identifier of the row."`
}

// detailInput is the input of an operation that shows one row.
type detailInput[I any] struct {
	ID          I      `path:"id" doc:"The identifier of the row."`
	IfNoneMatch string `header:"If-None-Match" doc:"Entity tags the client has; when one is current the answer is 304 without a body."`
}

// detailOutput is one row, or 304 when the client has it already.
type detailOutput[R any] struct {
	Status int
	ETag   string `header:"ETag" doc:"Strong entity tag: the version of the row."`
	Body   *R
}

// createdOutput is a row that was just made.
type createdOutput[R any] struct {
	Location string `header:"Location" doc:"Where the new row is."`
	ETag     string `header:"ETag" doc:"Strong entity tag: the version of the row."`
	Body     R
}

// registerDetail adds an operation that shows one row. version changes
// whenever the row does.
func registerDetail[I, M, R any](a *api, op operation,
	fetch func(context.Context, models.Viewer, I) (M, error), show func(links, M) R, version func(M) int64,
) {
	registerTagged(a, op, fetch, show, func(row M) string { return etag(version(row)) })
}

// registerTagged is registerDetail for rows of which the version alone does not
// tell whether what is shown has changed.
func registerTagged[I, M, R any](a *api, op operation,
	fetch func(context.Context, models.Viewer, I) (M, error), show func(links, M) R, tag func(M) string,
) {
	op.codes = append(op.codes, models.CodeNotFound)
	op.notModified = true
	register(a, op, func(ctx context.Context, in *detailInput[I]) (*detailOutput[R], error) {
		row, err := fetch(ctx, auth.ViewerFrom(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		return tagged(in.IfNoneMatch, tag(row), func() R { return show(linksFor(ctx), row) }), nil
	})
}

// detail answers with the row unless the client has this version.
func detail[R any](ifNoneMatch string, version int64, body func() R) *detailOutput[R] {
	return tagged(ifNoneMatch, etag(version), body)
}

// tagged answers with the row unless the client has what this tag names.
func tagged[R any](ifNoneMatch, tag string, body func() R) *detailOutput[R] {
	out := &detailOutput[R]{Status: http.StatusOK, ETag: tag}
	if theirs, match := anyMatch(ifNoneMatch, out.ETag); match {
		out.Status, out.ETag = http.StatusNotModified, theirs
		return out
	}
	r := body()
	out.Body = &r
	return out
}

// changeByID is the input of an operation that changes one row, and says all
// about it by its path.
type changeByID[I any] struct {
	ID      I      `path:"id" doc:"The identifier of the row."`
	IfMatch string `header:"If-Match" doc:"The entity tag of the version that the change was decided on; when the row has changed since, the answer is 412. Any version without it."`
}

// changedOutput is a row that was just changed.
type changedOutput[R any] struct {
	ETag string `header:"ETag" doc:"Strong entity tag: the version of the row."`
	Body R
}

// noVersion is a version that no row has.
const noVersion = 0

// ifMatch is the version that the header names, nil without one or for "*". A
// tag that we never gave out names no version. Comparison is strong (RFC 9110
// §13.1.1), so a weak tag never matches.
func ifMatch(header string) (*int64, error) {
	tag := withoutCoding(strings.TrimSpace(header))
	if tag == "" || tag == "*" {
		return nil, nil
	}
	if strings.Contains(tag, ",") {
		return nil, models.InvalidField("If-Match", "invalid", "must hold one entity tag: a row has one version at a time")
	}
	tag = withoutFigures(tag)
	// What is no number is read as a version whose tag is another one.
	version, _ := strconv.ParseInt(strings.TrimPrefix(strings.Trim(tag, `"`), representation+"-"), 10, 64)
	if etag(version) != tag {
		version = noVersion
	}
	return &version, nil
}
