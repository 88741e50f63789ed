package auth

import (
	"context"

	"upstream/models"
)

// viewerKey is the context key of the viewer; its type keeps others out.
type viewerKey struct{}

// WithViewer returns a context that carries who is asking.
func WithViewer(ctx context.Context, v models.Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// ViewerFrom is the viewer of a context; the anonymous one when none was put
// there, so that forgetting the middleware refuses instead of admitting.
func ViewerFrom(ctx context.Context) models.Viewer {
	v, _ := ctx.Value(viewerKey{}).(models.Viewer)
	return v
}
