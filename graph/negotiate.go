package graph

import (
	"mime"
	"strconv"
	"strings"
)

// The two media types of an answer. With the first, the HTTP status says
// whether the request was executed; with the second, older one, every
// well-formed request answers 200.
const (
	typeResponse = "application/graphql-response+json"
	typeJSON     = "application/json"
)

// negotiate picks the media type of the answer from the Accept headers: the
// one the client prefers, application/json when it has no preference, and
// false when it accepts neither.
func negotiate(accept []string) (string, bool) {
	header := strings.Join(accept, ",")
	if strings.TrimSpace(header) == "" {
		return typeJSON, true
	}
	best, bestQuality := "", 0.0
	for _, offer := range []string{typeJSON, typeResponse} {
		// The later offer wins only if it is preferred, or named where the
		// other is covered by a wildcard.
		if q := quality(header, offer); q > bestQuality {
			best, bestQuality = offer, q
		}
	}
	return best, best != ""
}

// quality is the weight, 0..1, that an Accept header gives a media type. The
// most specific range that covers it counts; a range that names the type gets
// a hair more than a wildcard of the same weight.
func quality(header, mediaType string) float64 {
	const exact = 3
	specificity, weight := 0, 0.0
	for part := range strings.SplitSeq(header, ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		s := map[string]int{mediaType: exact, "application/*": 2, "*/*": 1}[name]
		if s <= specificity {
			continue
		}
		specificity, weight = s, 1
		if q, given := params["q"]; given {
			weight, _ = strconv.ParseFloat(q, 64)
		}
	}
	if specificity == exact && weight > 0 {
		weight += 1e-6
	}
	return weight
}
