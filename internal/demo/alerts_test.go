package demo

import (
	"testing"

	"upstream/models"
)

// targets let every URL pass; the demo's channels have none.
type targets struct{}

func (targets) CheckURL(string) error { return nil }

func TestClinicsAreAlerted(t *testing.T) {
	t.Parallel()
	for _, clinic := range Clinics(models.NewDate(2026, 6, 15)) {
		if err := clinic.Channel.Validate(targets{}); err != nil {
			t.Errorf("%s: %v", clinic.Customer.Slug, err)
		}
		names := map[string]bool{}
		for _, rule := range clinic.AlertRules {
			if err := rule.Validate(); err != nil || names[rule.Name] {
				t.Errorf("%s: %q: %v", clinic.Customer.Slug, rule.Name, err)
			}
			names[rule.Name] = true
		}
		if len(names) != 2 {
			t.Errorf("%s has %d rules", clinic.Customer.Slug, len(names))
		}
	}
}
