package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// driftEvidence is the representation of models.DriftEvidence.
type driftEvidence struct {
	DriftEvent  models.DriftEventID  `json:"drift_event"`
	Reproduced  bool                 `json:"reproduced" doc:"Whether the claims of today give the same numbers."`
	Differences []evidenceDifference `json:"differences" doc:"The values that are not what they were; empty when reproduced."`
	Reasons     []evidenceReason     `json:"reasons" doc:"Why values may differ."`
	Stored      jsonObject           `json:"stored" doc:"The evidence kept with the event: counts, weekly buckets, test, thresholds."`
	Recomputed  jsonObject           `json:"recomputed" doc:"The same from the claims of today; null when they are too few to be tested."`
	ComputedAt  time.Time            `json:"computed_at" doc:"When the claims were read."`
	Links       driftEvidenceLinks   `json:"_links"`
}

type driftEvidenceLinks struct {
	Self       link `json:"self"`
	DriftEvent link `json:"drift_event"`
}

// evidenceDifference is the representation of models.EvidenceDifference.
type evidenceDifference struct {
	Path       string    `json:"path" doc:"Where the value stands within the evidence." example:"current.count"`
	Stored     jsonValue `json:"stored" doc:"The value kept with the event; null when it has none."`
	Recomputed jsonValue `json:"recomputed" doc:"The value of today; null when there is none."`
}

// evidenceReason is the representation of models.EvidenceReason.
type evidenceReason struct {
	Code    models.EvidenceReasonCode `json:"code"`
	Message string                    `json:"message" example:"Claims of these windows came with later uploads: 7 in 1."`
}

func showEvidence(l links, e *models.DriftEvidence) driftEvidence {
	id := e.EventID.String()
	out := driftEvidence{
		DriftEvent: e.EventID, Reproduced: e.Reproduced, Stored: jsonObject(e.Stored), Recomputed: jsonObject(e.Recomputed), ComputedAt: e.ComputedAt.UTC(),
		Differences: make([]evidenceDifference, len(e.Differences)), Reasons: make([]evidenceReason, len(e.Reasons)),
		Links: driftEvidenceLinks{Self: l.to("drift-events", id, "evidence"), DriftEvent: l.to("drift-events", id)},
	}
	for i, d := range e.Differences {
		out.Differences[i] = evidenceDifference{Path: d.Path, Stored: jsonValue(d.Stored), Recomputed: jsonValue(d.Recomputed)}
	}
	for i, r := range e.Reasons {
		out.Reasons[i] = evidenceReason(r)
	}
	return out
}

type evidenceOutput struct{ Body driftEvidence }

func (a *api) registerEvidence() {
	register(a, operation{
		id: "getDriftEventEvidence", method: http.MethodGet, path: resourcePath("drift-events", "{id}", "evidence"), tag: tagDrift,
		summary: "Show the evidence of a drift event",
		description: "What the event rests on, computed anew from the claims as they are now, beside what was kept when it was found: " +
			"whether both agree and, if not, what differs and why.",
		permission: models.PermissionViewReports, codes: []models.Code{models.CodeNotFound},
	}, func(ctx context.Context, in *byID[models.DriftEventID]) (*evidenceOutput, error) {
		e, err := a.store.DriftEvidence(ctx, auth.ViewerFrom(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		return &evidenceOutput{Body: showEvidence(linksFor(ctx), e)}, nil
	})
}
