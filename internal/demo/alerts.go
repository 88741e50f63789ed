package demo

import "upstream/models"

// channel is where the clinic's alerts go: its denials team, by e-mail.
func channel(slug string) models.NewNotificationChannel {
	return models.NewNotificationChannel{
		Name: "Denials team", Config: models.ChannelConfig{Recipients: []string{"denials@" + slug + ".test"}},
	}
}

// alertRules are what a revenue cycle manager would start with: large changes
// that hurt, whatever their kind, and denials that rise by five points.
func alertRules() []models.NewAlertRule {
	hurts := models.AlertScope{TrendDirection: new(models.TrendDegrading)}
	return []models.NewAlertRule{
		{
			Name: "Large changes that hurt", Description: "Somebody looks into it today.", Scope: hurts,
			Metric: new(models.MetricSeverity), ThresholdType: new(models.ThresholdGTE), ThresholdValue: new(0.6),
			Severity: new(models.AlertCritical), RoutingPriority: 10, RoutingTags: []string{"revenue"},
		},
		{
			Name: "Denials rise by five points", Description: "The denials team groups them by reason code.", Scope: hurts,
			Metric: new(models.MetricDenialRateDelta), ThresholdType: new(models.ThresholdGTE), ThresholdValue: new(0.05),
			Severity: new(models.AlertWarning), RoutingTags: []string{"denials"},
		},
	}
}
