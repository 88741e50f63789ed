package drift

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"upstream/models"
)

// Recompute is the evidence of an event from other aggregates: in holds the
// segments of its payer as they are now, and family the tests of its run, whose
// p-values the corrected one is computed among. It answers false when the
// segment has become too small to be tested.
func Recompute(in Input, event *models.DriftEvent, family []models.DriftTest) (Evidence, bool, error) {
	in.Signals = []models.DriftType{event.DriftType}
	if err := in.validate(); err != nil {
		return Evidence{}, false, err
	}
	for _, c := range in.candidates() {
		if c.test.Payer != event.Payer || c.test.CPTGroup != event.CPTGroup {
			continue
		}
		if in.Params.Method == models.MethodStatistical {
			c.correctAmong(family, in.Params.Alpha)
		}
		return c.evidence(in, len(family)), true, nil
	}
	return Evidence{}, false, nil
}

// correctAmong fills in the q-value among stored tests, one of which is this one.
func (c *candidate) correctAmong(family []models.DriftTest, alpha float64) {
	p, own := make([]float64, 0, len(family)), -1
	for i := range family {
		t := &family[i]
		switch {
		case t.Payer == c.test.Payer && t.CPTGroup == c.test.CPTGroup && t.DriftType == c.test.DriftType:
			own = len(p)
			p = append(p, *c.test.PValue)
		case t.PValue != nil:
			p = append(p, *t.PValue)
		}
	}
	if own < 0 {
		own, p = len(p), append(p, *c.test.PValue)
	}
	q := BenjaminiHochberg(p)[own]
	c.test.QValue, c.test.Significant = new(q), q <= alpha
}

// tolerance is the relative difference of two floating-point numbers that is
// the work of another processor and not of other claims.
const tolerance = 1e-9

// Differences compares two pieces of evidence value by value, in the order of
// their paths. What a run saw and which engine made it are not among them: they
// are reasons for differences and none themselves.
func Differences(stored, recomputed json.RawMessage) ([]models.EvidenceDifference, error) {
	var before, after map[string]any
	if err := json.Unmarshal(stored, &before); err != nil {
		return nil, fmt.Errorf("drift: stored evidence: %w", err)
	}
	if err := json.Unmarshal(recomputed, &after); err != nil {
		return nil, fmt.Errorf("drift: recomputed evidence: %w", err)
	}
	for _, key := range []string{"engine_version", "data_watermark"} {
		delete(before, key)
		delete(after, key)
	}
	var found []models.EvidenceDifference
	compare("", before, after, &found)
	return found, nil
}

func compare(path string, before, after any, found *[]models.EvidenceDifference) {
	switch b := before.(type) {
	case map[string]any:
		if a, ok := after.(map[string]any); ok {
			compareObjects(path, b, a, found)
			return
		}
	case []any:
		if a, ok := after.([]any); ok && len(a) == len(b) {
			for i := range b {
				compare(path+"["+strconv.Itoa(i)+"]", b[i], a[i], found)
			}
			return
		}
	case float64:
		if a, ok := after.(float64); ok && math.Abs(a-b) <= tolerance*max(math.Abs(a), math.Abs(b)) {
			return
		}
	default:
		if before == after {
			return
		}
	}
	*found = append(*found, models.EvidenceDifference{Path: path, Stored: raw(before), Recomputed: raw(after)})
}

func compareObjects(path string, before, after map[string]any, found *[]models.EvidenceDifference) {
	keys := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		below := key
		if path != "" {
			below = path + "." + key
		}
		compare(below, before[key], after[key], found)
	}
}

// raw is a value as JSON; nil for one that is missing or null.
func raw(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	body, err := json.Marshal(v)
	if err != nil {
		return nil // what was read as JSON can be written
	}
	return body
}
