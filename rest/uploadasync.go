package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
)

// respondAsync is the preference of RFC 7240 for an answer before the work.
const respondAsync = "respond-async"

// uploadedOutput is an upload that was just made: read (201), or to be read (202).
type uploadedOutput struct {
	Status            int
	Location          string `header:"Location" doc:"Where the new row is."`
	ETag              string `header:"ETag" doc:"Strong entity tag: the version of the row."`
	PreferenceApplied string `header:"Preference-Applied" doc:"The preference that was honoured, if any (RFC 7240)."`
	Body              upload
}

// queued answers with an upload that will be read in the background.
func queued(ctx context.Context, u *models.Upload, preferred bool) *uploadedOutput {
	body := showUpload(linksFor(ctx), u)
	out := &uploadedOutput{Status: http.StatusAccepted, Location: body.Links.Self.Href, ETag: etag(u.Version), Body: body}
	if preferred {
		out.PreferenceApplied = respondAsync
	}
	return out
}

// prefersAsync reads the Prefer header.
func prefersAsync(values []string) bool {
	for preference := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, _, _ := strings.Cut(preference, ";")
		if strings.EqualFold(strings.TrimSpace(name), respondAsync) {
			return true
		}
	}
	return false
}

func preferParam() *huma.Param {
	return &huma.Param{
		Name: "Prefer", In: "header",
		Description: "`respond-async` has a file of any size read in the background (RFC 7240).",
		Schema:      &huma.Schema{Type: huma.TypeString, Examples: []any{respondAsync}},
	}
}

// documentAccepted documents the second successful answer.
func documentAccepted(op *huma.Operation) {
	accepted := *op.Responses[statusKey(http.StatusCreated)]
	accepted.Description = "The file is stored and will be read."
	op.Responses[statusKey(http.StatusAccepted)] = &accepted
}

func (a *api) registerCancelUpload() {
	register(a, operation{
		id: "cancelUpload", method: http.MethodPost, path: resourcePath("uploads", "{id}", "cancel"), tag: tagUploads,
		summary: "Cancel an upload",
		description: "Ends an upload that waits or is being read in the background: it has `failed` with the `error_code` CANCELLED, and " +
			"nothing of it is stored. The same file may then be sent again. One that has ended is a conflict (409).",
		permission: models.PermissionUploadClaims, throttle: []throttle.Class{throttle.BulkOperation},
		codes: []models.Code{models.CodeNotFound, models.CodeStale, models.CodeConflict},
	}, func(ctx context.Context, in *changeByID[models.UploadID]) (*changedOutput[upload], error) {
		expected, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		u, err := a.store.CancelUpload(ctx, auth.ViewerFrom(ctx), models.Cancellation{ID: in.ID, ExpectedVersion: expected})
		if err != nil {
			return nil, err
		}
		return &changedOutput[upload]{ETag: etag(u.Version), Body: showUpload(linksFor(ctx), u)}, nil
	})
}
