package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"upstream/graph/wire"
	"upstream/models"
)

// handling answers a mutation that does something to an alert.
func handling(
	ctx context.Context, in wire.RowInput, change func(context.Context, models.Viewer, models.AlertChange) (*models.AlertEvent, error),
) (*wire.AlertEventPayload, error) {
	row, expected, err := changing(ctx, in.ID, func(v models.Viewer, id models.AlertEventID) (*models.AlertEvent, error) {
		return change(ctx, v, models.AlertChange{ID: id, ExpectedVersion: in.ExpectedVersion})
	})
	return &wire.AlertEventPayload{AlertEvent: row, UserErrors: expected, ClientMutationID: in.ClientMutationID}, err
}

// remembered are memories as their fields are loaded: what they refer to becomes
// a family.
func remembered(ctx context.Context, found map[models.AlertEventID]models.AlertMemory) map[models.AlertEventID]*models.AlertMemory {
	memories := make(map[models.AlertEventID]*models.AlertMemory, len(found))
	var latest []*models.OperatorJudgment
	for id, memory := range found {
		memories[id] = &memory
		if memory.Latest != nil {
			latest = append(latest, memory.Latest)
		}
	}
	adopt(ctx, latest)
	return memories
}

// adoptPreview makes families of the rows in a preview.
func adoptPreview(ctx context.Context, p *models.AlertRulePreviewResult) {
	events := make([]*models.DriftEvent, len(p.Matches))
	for i, m := range p.Matches {
		events[i] = m.Event
	}
	adopt(ctx, events)
	adopt(ctx, p.Runs)
}

// textOf is an identifier as the schema has it; nil for none.
func textOf[K models.Kind](id *models.ID[K]) *string {
	if id == nil {
		return nil
	}
	return new(id.String())
}

// readIDs reads the identifiers in an input field into dst, which stays nil when
// there is no list.
func readIDs[K models.Kind](ctx context.Context, dst *[]models.ID[K], texts []string) error {
	if texts == nil {
		return nil
	}
	ids := make([]models.ID[K], len(texts))
	for i, text := range texts {
		if err := parseID(graphql.WithPathContext(ctx, graphql.NewPathWithIndex(i)), &ids[i], text); err != nil {
			return err
		}
	}
	*dst = ids
	return nil
}
