package drift

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/models"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	type diff struct{ path, stored, recomputed string }
	for _, tc := range []struct {
		name           string
		before, after  string
		wantDifference []diff
	}{
		{"equal", `{"a": 1, "b": {"c": "x", "d": [1, true, null]}}`, `{"b": {"d": [1, true, null], "c": "x"}, "a": 1}`, nil},
		{"empty", `{}`, `{}`, nil},
		{"a number", `{"a": 1}`, `{"a": 2}`, []diff{{"a", "1", "2"}}},
		{"a string", `{"a": "x"}`, `{"a": "y"}`, []diff{{"a", `"x"`, `"y"`}}},
		{"a boolean", `{"a": true}`, `{"a": false}`, []diff{{"a", "true", "false"}}},
		{"another kind", `{"a": 1}`, `{"a": "1"}`, []diff{{"a", "1", `"1"`}}},
		{"an object for a string", `{"a": "x"}`, `{"a": {"b": 1}}`, []diff{{"a", `"x"`, `{"b":1}`}}},
		{"an object for an array", `{"a": {"b": 1}}`, `{"a": [1]}`, []diff{{"a", `{"b":1}`, `[1]`}}},
		{
			"nested, in the order of the paths",
			`{"z": 1, "test": {"p": 0.5, "n": {"x": 3}}}`, `{"z": 2, "test": {"p": 0.25, "n": {"x": 4}}}`,
			[]diff{{"test.n.x", "3", "4"}, {"test.p", "0.5", "0.25"}, {"z", "1", "2"}},
		},
		{
			"within arrays", `{"weeks": [{"n": 1}, {"n": 2}, [3]]}`, `{"weeks": [{"n": 1}, {"n": 5}, [4]]}`,
			[]diff{{"weeks[1].n", "2", "5"}, {"weeks[2][0]", "3", "4"}},
		},
		{"arrays of other lengths as a whole", `{"a": [1, 2]}`, `{"a": [1]}`, []diff{{"a", "[1,2]", "[1]"}}},
		{"a longer array", `{"a": [1]}`, `{"a": [1, 2]}`, []diff{{"a", "[1]", "[1,2]"}}},
		{"missing now", `{"a": {"b": 1, "c": 2}}`, `{"a": {"b": 1}}`, []diff{{"a.c", "2", ""}}},
		{"new", `{"a": {"b": 1}}`, `{"a": {"b": 1, "c": [0]}}`, []diff{{"a.c", "", "[0]"}}},
		{"null is missing", `{"a": null}`, `{"b": null}`, nil},
		{"null became a number", `{"a": null}`, `{"a": 0}`, []diff{{"a", "", "0"}}},
		{
			"reasons are no differences",
			`{"engine_version": 1, "data_watermark": "x", "a": 1}`, `{"engine_version": 2, "data_watermark": null, "a": 1}`, nil,
		},
		{"only at the top", `{"a": {"engine_version": 1}}`, `{"a": {"engine_version": 2}}`, []diff{{"a.engine_version", "1", "2"}}},
		{"the last digit", `{"a": 0.1}`, `{"a": 0.10000000000000002}`, nil},
		{"within the tolerance, negative", `{"a": -1e12}`, `{"a": -1000000000000.9}`, nil},
		{"beyond the tolerance", `{"a": 1}`, `{"a": 1.000000002}`, []diff{{"a", "1", "1.000000002"}}},
		{"small numbers are compared by size", `{"a": 1e-12}`, `{"a": 2e-12}`, []diff{{"a", "1e-12", "2e-12"}}},
		{"zero has no tolerance", `{"a": 0}`, `{"a": 1e-300}`, []diff{{"a", "0", "1e-300"}}},
		{"another sign", `{"a": 1e-10}`, `{"a": -1e-10}`, []diff{{"a", "1e-10", "-1e-10"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			found, err := Differences(json.RawMessage(tc.before), json.RawMessage(tc.after))
			if err != nil {
				t.Fatal(err)
			}
			var got []diff
			for _, d := range found {
				got = append(got, diff{d.Path, string(d.Stored), string(d.Recomputed)})
			}
			if d := cmp.Diff(tc.wantDifference, got, cmp.AllowUnexported(diff{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDifferencesOfWhatIsNoEvidence(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{``, `[1]`, `"text"`, `{"a":`} {
		if _, err := Differences(json.RawMessage(broken), json.RawMessage(`{}`)); err == nil {
			t.Errorf("stored %q: no error", broken)
		}
		if _, err := Differences(json.RawMessage(`{}`), json.RawMessage(broken)); err == nil {
			t.Errorf("recomputed %q: no error", broken)
		}
	}
}

// aRun is a run with an event of every signal among tests that stay none.
func aRun(t testing.TB, p models.DetectParams) (Input, Result) {
	t.Helper()
	var r rows
	for _, e := range edges() {
		e.fill(&r, Baseline, "Acme", 500, 25)
		e.fill(&r, Current, "Acme", 80, 60)
		e.fill(&r, Baseline, "Quiet", 500, 25)
		e.fill(&r, Current, "Quiet", 80, 4)
	}
	in := Input{Params: p, Signals: everySignal(), Segments: r.segments(t, p)}
	return in, mustDetect(t, in)
}

func family(r Result) []models.DriftTest {
	tests, _ := r.Rows(Owner{NewEventID: func() models.DriftEventID { return models.DriftEventID{} }})
	return tests
}

func TestRecomputeReproduces(t *testing.T) {
	t.Parallel()
	for _, p := range []models.DetectParams{testParams(), thresholdParams()} {
		in, result := aRun(t, p)
		events := 0
		for _, f := range result.Findings {
			if f.Event == nil {
				continue
			}
			events++
			evidence, ok, err := Recompute(in, f.Event, family(result))
			if err != nil || !ok {
				t.Fatalf("%s %s: %v, %v", p.Method, f.Test.DriftType, ok, err)
			}
			recomputed, err := evidence.marshal()
			if err != nil {
				t.Fatal(err)
			}
			differences, err := Differences(f.Event.Evidence, recomputed)
			if err != nil || len(differences) != 0 {
				t.Errorf("%s %s: %+v, %v", p.Method, f.Test.DriftType, differences, err)
			}
		}
		if want := len(chosenSignals(p.Method, everySignal())); events < want {
			t.Errorf("%s: %d events, want one of each of %d signals", p.Method, events, want)
		}
	}
}

func TestRecomputeSaysWhatChanged(t *testing.T) {
	t.Parallel()
	var before, after rows
	for _, r := range []*rows{&before, &after} {
		r.rate("Acme", "EVAL", Proportion{100, 1000}, Proportion{80, 400})
	}
	after.cell(Current, 0, "Acme", "EVAL", 10, 0)
	p := testParams()
	result := detect(t, p, firstSignals(), &before)
	evidence, ok, err := Recompute(Input{Params: p, Segments: after.segments(t, p)}, only(t, result).Event, family(result))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	raw, err := evidence.marshal()
	if err != nil {
		t.Fatal(err)
	}
	differences, err := Differences(only(t, result).Event.Evidence, raw)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string, len(differences))
	for _, d := range differences {
		found[d.Path] = string(d.Stored) + " " + string(d.Recomputed)
	}
	for path, want := range map[string]string{
		"current.sample_size": "400 410", "current.weeks[1].sample_size": "200 210", "current.value": "0.2 0.1951219512195122",
	} {
		if found[path] != want {
			t.Errorf("%s: %q, want %q", path, found[path], want)
		}
	}
	for _, path := range []string{"current.count", "baseline.sample_size", "test.family_size", "test.dispersion"} {
		if d, ok := found[path]; ok {
			t.Errorf("%s did not change: %s", path, d)
		}
	}
}

func TestRecomputeWithoutTheVolume(t *testing.T) {
	t.Parallel()
	var before, after rows
	before.rate("Acme", "EVAL", Proportion{100, 1000}, Proportion{80, 400})
	after.rate("Acme", "EVAL", Proportion{100, 1000}, Proportion{10, 29})
	p := testParams()
	result := detect(t, p, firstSignals(), &before)
	event := only(t, result).Event
	for name, segments := range map[string][]*Segment{"too few": after.segments(t, p), "none": nil} {
		evidence, ok, err := Recompute(Input{Params: p, Segments: segments}, event, family(result))
		if err != nil || ok || evidence.EngineVersion != 0 {
			t.Errorf("%s: %+v, %v, %v", name, evidence, ok, err)
		}
	}
	elsewhere := *event
	elsewhere.CPTGroup = "SURGERY"
	if _, ok, err := Recompute(Input{Params: p, Segments: before.segments(t, p)}, &elsewhere, family(result)); ok || err != nil {
		t.Errorf("another group: %v, %v", ok, err)
	}
	spoilt := p
	spoilt.Alpha = math.NaN()
	if _, _, err := Recompute(Input{Params: spoilt}, event, nil); models.AsError(err).Code != models.CodeValidation {
		t.Errorf("no alpha: %v", err)
	}
}

// The corrected p-value depends on the whole family: the stored tests, with the
// own one replaced by what it is now.
func TestRecomputeCorrectsAmongTheStoredFamily(t *testing.T) {
	t.Parallel()
	var r rows
	r.rate("Acme", "EVAL", Proportion{10, 100}, Proportion{10, 40})
	p := testParams()
	result := detect(t, p, firstSignals(), &r)
	finding := only(t, result)
	own, other := finding.Test, finding.Test
	stale := own
	stale.PValue = new(0.9)
	other.Payer, other.PValue = "Beta", new(0.5)
	sibling := own
	sibling.DriftType, sibling.PValue = models.DriftApprovalRate, new(0.6)
	fixed := other
	fixed.Payer, fixed.PValue = "Gamma", nil
	for _, tc := range []struct {
		name   string
		family []models.DriftTest
		tests  float64
		size   int
	}{
		{"alone", []models.DriftTest{own}, 1, 1},
		{"with its own test", []models.DriftTest{other, own, sibling}, 3, 3},
		{"whose p-value was another", []models.DriftTest{stale, other, sibling}, 3, 3},
		{"without its own test", []models.DriftTest{other, sibling}, 3, 2},
		{"no family at all", nil, 1, 0},
		{"a test without a p-value does not count", []models.DriftTest{own, fixed, other}, 2, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			evidence, ok, err := Recompute(Input{Params: p, Segments: r.segments(t, p)}, finding.Event, tc.family)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			near(t, "q", *evidence.Test.QValue, tc.tests*0.02194677, 7)
			if evidence.Test.FamilySize != tc.size {
				t.Errorf("family of %d, want %d", evidence.Test.FamilySize, tc.size)
			}
		})
	}
}
