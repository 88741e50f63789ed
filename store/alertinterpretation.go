package store

import (
	"context"

	"upstream/models"
	"upstream/models/alerting"
)

// AlertInterpretations are alerts in words, those of them that the customer has.
// How many statements it takes does not depend on how many alerts there are.
func (s *Store) AlertInterpretations(ctx context.Context, v models.Viewer, ids []models.AlertEventID) (map[models.AlertEventID]*models.AlertInterpretation, error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (map[models.AlertEventID]*models.AlertInterpretation, error) {
		alerts, memories, err := tx.alertsWithMemory(ctx, ids)
		if err != nil {
			return nil, err
		}
		words := make(map[models.AlertEventID]*models.AlertInterpretation, len(alerts))
		for id, alert := range alerts {
			words[id] = new(alerting.Interpret(&alert.Payload, memories[id].Badge))
		}
		return words, nil
	})
}
