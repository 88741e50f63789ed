package models_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

// A patch is judged by the rule as it would be: what belongs together may change
// together, and a change that makes the rule wrong changes nothing.
func TestAlertRulePatch(t *testing.T) {
	t.Parallel()
	rule := models.NewAlertRule{Name: "Denials"}.Rule()
	patch := models.AlertRulePatch{ThresholdValue: models.To(-0.2)}
	paths := func(err error) (all []string) {
		for _, f := range models.AsError(err).Fields {
			all = append(all, f.Path+":"+f.Code)
		}
		return all
	}
	if diff := cmp.Diff([]string{"threshold_value:invalid"}, paths(patch.Apply(&rule))); diff != "" || rule.ThresholdValue != 0.7 {
		t.Errorf("a severity below 0: %s, rule %+v", diff, rule)
	}
	patch.Metric, patch.ThresholdType = models.To(models.MetricDenialRateDelta), models.To(models.ThresholdLTE)
	if err := patch.Apply(&rule); err != nil || rule.ThresholdValue != -0.2 || rule.RoutingChannels == nil || rule.RoutingTags == nil {
		t.Errorf("an improvement of the denial rate: %v, rule %+v", err, rule)
	}
	cleared := models.AlertRulePatch{Name: models.Cleared[string](), Scope: models.Cleared[models.AlertScope]()}
	if diff := cmp.Diff([]string{"name:required", "scope:required"}, paths(cleared.Validate())); diff != "" {
		t.Errorf("cleared (+):\n%s", diff)
	}
}

func TestAlertSettings_OfACustomer(t *testing.T) {
	t.Parallel()
	var customer models.Customer
	want := models.AlertSettings{CooldownMinutes: 1, NoiseThreshold: 2, NoiseWindowDays: 3, MemoryDays: 4, AutoResolveRuns: 5}
	customer.SetAlertSettings(want)
	if diff := cmp.Diff(want, customer.AlertSettings()); diff != "" {
		t.Errorf("(+):\n%s", diff)
	}
}
