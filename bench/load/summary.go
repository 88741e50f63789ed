package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// summary is what k6 knows at the end, as handleSummary gets it.
type summary struct {
	Metrics map[string]metric `json:"metrics"`
	State   struct {
		TestRunDurationMS float64 `json:"testRunDurationMs"` //nolint:tagliatelle // k6's name
	} `json:"state"`
}

// metric is one of k6's: which values it has depends on its type.
type metric struct {
	Values     map[string]float64 `json:"values"`
	Thresholds map[string]struct {
		OK bool `json:"ok"`
	} `json:"thresholds"`
}

// latency is how long answers took, in milliseconds.
type latency struct {
	count              int
	p50, p95, p99, max float64
}

const durations = "http_req_duration"

func (m metric) latency() latency {
	v := m.Values
	return latency{count: int(v["count"]), p50: v["med"], p95: v["p(95)"], p99: v["p(99)"], max: v["max"]}
}

// all is the latency of all requests.
func (s *summary) all() latency { return s.Metrics[durations].latency() }

// kinds are the latencies by kind of request.
func (s *summary) kinds() map[string]latency {
	kinds := map[string]latency{}
	for name, m := range s.Metrics {
		if kind, ok := strings.CutPrefix(name, durations+"{kind:"); ok {
			kinds[strings.TrimSuffix(kind, "}")] = m.latency()
		}
	}
	return kinds
}

// errorRate is the share, 0..1, of requests that failed.
func (s *summary) errorRate() float64 { return s.Metrics["errors"].Values["rate"] }

// failedChecks is how many answers were not right.
func (s *summary) failedChecks() int { return int(s.Metrics["checks"].Values["fails"]) }

// perSecond is how many requests were made in a second.
func (s *summary) perSecond() float64 { return s.Metrics["http_reqs"].Values["rate"] }

// crossed names the thresholds that were.
func (s *summary) crossed() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s.Metrics)) {
		for limit, threshold := range s.Metrics[name].Thresholds {
			if !threshold.OK {
				all = append(all, fmt.Sprintf("%s: %s", name, limit))
			}
		}
	}
	return all
}
