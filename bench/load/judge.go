package main

import (
	"fmt"
	"maps"
	"slices"
)

// bound is how many times longer than the calibration statement requests of a
// kind may take: the median by its median, and the 95th percentile by its own.
type bound struct{ p50, p95 float64 }

// leastAsked is how many requests of a kind a judgment needs, and leastForTail
// how many one of the 95th percentile: that of fewer is their worst.
const (
	leastAsked   = 3
	leastForTail = 20
)

// bounds of all kinds. They are some four times what was seen on a machine with
// two processors, idle and crowded: what they are for is a request that takes
// many times what it should.
func bounds() map[string]bound {
	page := bound{p50: 10, p95: 12}
	return map[string]bound{
		"list": page, "filter": page, "dashboard": page, "summary": page, "explore": page, "evidence": {p50: 50, p95: 30},
		"detail": {p50: 5, p95: 8}, "mistake": {p50: 5, p95: 8}, "schema": {p50: 15, p95: 12},
		"upload": {p50: 30, p95: 25}, "detect": {p50: 50, p95: 30}, "signin": {p50: 100, p95: 60},
	}
}

// maxErrors is the share of requests that may fail.
const maxErrors = 0.001

// verdict is what was found about one kind of request.
type verdict struct {
	kind     string
	measured latency
	// ratio are the medians and the 95th percentiles by those of the calibration.
	ratio, allowed bound
	// wrong is why it does not pass; empty when it does.
	wrong string
}

// judge compares what was measured with the calibration of the same run. Errors
// and wrong answers are not a matter of speed: a few of the former are
// taken, and none of the latter.
func judge(s *summary, calibration latency, allowed map[string]bound) (all []verdict, wrong []string) {
	if calibration.count < leastAsked || calibration.p50 <= 0 {
		return nil, []string{"there is nothing to compare with: the calibration statement did not run"}
	}
	kinds := s.kinds()
	for _, kind := range slices.Sorted(maps.Keys(allowed)) {
		v := verdict{kind: kind, measured: kinds[kind], allowed: allowed[kind]}
		v.ratio = bound{p50: v.measured.p50 / calibration.p50, p95: v.measured.p95 / calibration.p95}
		switch {
		case v.measured.count < leastAsked:
			v.wrong = fmt.Sprintf("only %d requests were made", v.measured.count)
		case v.ratio.p50 > v.allowed.p50:
			v.wrong = fmt.Sprintf("the median is %.1f times that of the calibration, more than %.0f", v.ratio.p50, v.allowed.p50)
		case v.measured.count >= leastForTail && v.ratio.p95 > v.allowed.p95:
			v.wrong = fmt.Sprintf("the 95th percentile is %.1f times that of the calibration, more than %.0f", v.ratio.p95, v.allowed.p95)
		}
		if v.wrong != "" {
			wrong = append(wrong, kind+": "+v.wrong)
		}
		all = append(all, v)
	}
	for kind := range kinds {
		if _, known := allowed[kind]; !known {
			wrong = append(wrong, kind+": has no bound")
		}
	}
	if rate := s.errorRate(); rate >= maxErrors {
		wrong = append(wrong, fmt.Sprintf("%.2f %% of the requests failed", 100*rate))
	}
	if n := s.failedChecks(); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d answers were not right", n))
	}
	return all, wrong
}
