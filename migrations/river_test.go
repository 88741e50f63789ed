package migrations

import (
	"testing"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// A River whose schema is newer than the last step would run on tables it does
// not know: whoever upgrades it adds a migration with the step between.
func TestRiver_TheStepsLeadToTheVersionOfTheModule(t *testing.T) {
	t.Parallel()
	migrator, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := migrator.AllVersions()
	at := 0
	for _, step := range riverSteps() {
		if step.from != at || step.to <= step.from {
			t.Errorf("migration %s goes from %d to %d, after %d", step.migration, step.from, step.to, at)
		}
		at = step.to
	}
	if newest := versions[len(versions)-1].Version; at != newest {
		t.Errorf("the steps end at version %d, River's schema is at %d: add a migration", at, newest)
	}
	known, err := discover(files)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range known {
		names[m.Name] = true
	}
	for _, step := range riverSteps() {
		if !names[step.migration] {
			t.Errorf("no migration %s for River's version %d", step.migration, step.to)
		}
	}
}
