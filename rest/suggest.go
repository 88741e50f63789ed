package rest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// didYouMean ends a sentence about an unknown word with the known one it was
// probably meant to be; empty when none is near.
func didYouMean(word string, known []string) string {
	const longest = 64 // comparing is quadratic, and no name of ours is half as long
	if len(word) > longest {
		return ""
	}
	best, distance := "", len(word)/3+2
	for _, candidate := range known {
		if d := wordDistance(word, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// wordDistance is the edit distance, ignoring case and the order of the parts:
// severity_min is min_severity turned round.
func wordDistance(a, b string) int {
	return min(
		levenshtein.ComputeDistance(strings.ToLower(a), strings.ToLower(b)),
		1+levenshtein.ComputeDistance(sortedParts(a), sortedParts(b)),
	)
}

func sortedParts(word string) string {
	parts := strings.FieldsFunc(strings.ToLower(word), func(r rune) bool { return r == '_' || r == '-' })
	slices.Sort(parts)
	return strings.Join(parts, "_")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
