package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// good is a run in which each kind takes what the calibration takes.
func good() *summary {
	s := &summary{Metrics: map[string]metric{
		"errors": {Values: map[string]float64{"rate": 0}},
		"checks": {Values: map[string]float64{"rate": 1, "passes": 500, "fails": 0}},
	}}
	for kind := range bounds() {
		s.Metrics[durations+"{kind:"+kind+"}"] = metric{Values: map[string]float64{"count": 50, "med": 2, "p(95)": 5, "p(99)": 8, "max": 9}}
	}
	return s
}

func TestJudge(t *testing.T) {
	t.Parallel()
	calibration := latency{count: 400, p50: 2, p95: 5}
	set := func(metric, value string, to float64) func(*summary) {
		return func(s *summary) { s.Metrics[metric].Values[value] = to }
	}
	ofKind := func(kind string) string { return durations + "{kind:" + kind + "}" }
	for name, c := range map[string]struct {
		spoil       func(*summary)
		calibration latency
		want        string
	}{
		"all is well":                  {func(*summary) {}, calibration, ""},
		"a median is too long":         {set(ofKind("list"), "med", 2*bounds()["list"].p50+1), calibration, "list: the median is 10.5 times"},
		"a median at its bound is not": {set(ofKind("list"), "med", 2*bounds()["list"].p50), calibration, ""},
		"slow answers are too slow":    {set(ofKind("detail"), "p(95)", 5*bounds()["detail"].p95+1), calibration, "detail: the 95th percentile is 8.2 times"},
		"the worst of few is no measure": {func(s *summary) {
			set(ofKind("detect"), "count", 9)(s)
			set(ofKind("detect"), "p(95)", 1e6)(s)
		}, calibration, ""},
		"a slow machine is no failure":   {func(s *summary) { slower(s, 20) }, latency{count: 400, p50: 40, p95: 100}, ""},
		"a kind was not asked":           {func(s *summary) { delete(s.Metrics, ofKind("signin")) }, calibration, "signin: only 0 requests"},
		"a kind was asked too seldom":    {set(ofKind("upload"), "count", 2), calibration, "upload: only 2 requests"},
		"a kind is not known":            {func(s *summary) { s.Metrics[ofKind("new")] = s.Metrics[ofKind("list")] }, calibration, "new: has no bound"},
		"one request in 500 failed":      {set("errors", "rate", 0.002), calibration, "0.20 % of the requests failed"},
		"one answer was wrong":           {set("checks", "fails", 1), calibration, "1 answers were not right"},
		"the calibration did not happen": {func(*summary) {}, latency{}, "nothing to compare with"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good()
			c.spoil(s)
			all, wrong := judge(s, c.calibration, bounds())
			got := strings.Join(wrong, "\n")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.calibration.count > 0 && len(all) != len(bounds()) {
				t.Errorf("%d verdicts of %d kinds", len(all), len(bounds()))
			}
		})
	}
}

func slower(s *summary, times float64) {
	for name := range s.Metrics {
		if strings.HasPrefix(name, durations) {
			for _, value := range []string{"med", "p(95)"} {
				s.Metrics[name].Values[value] *= times
			}
		}
	}
}

func TestReadSummary(t *testing.T) {
	t.Parallel()
	s, err := readSummary(filepath.Join("testdata", "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.kinds()["list"], (latency{count: 1053, p50: 10.5, p95: 76.25, p99: 120, max: 171}); got != want {
		t.Errorf("list: %+v, want %+v", got, want)
	}
	if got := s.all(); got.count != 2849 || got.p50 != 14.125 {
		t.Errorf("all: %+v", got)
	}
	if s.errorRate() != 0.0005 || s.failedChecks() != 2 || s.perSecond() != 113.5 {
		t.Errorf("errors %v, checks %v, requests %v", s.errorRate(), s.failedChecks(), s.perSecond())
	}
	if got, want := s.crossed(), []string{"http_req_duration{kind:list}: p(95)<50"}; !slices.Equal(got, want) {
		t.Errorf("crossed %q, want %q", got, want)
	}
	if kinds := slices.Sorted(maps.Keys(s.kinds())); !slices.Equal(kinds, []string{"detect", "list"}) {
		t.Errorf("kinds %q", kinds)
	}
	if _, err := readSummary(filepath.Join("testdata", "none.json")); err == nil {
		t.Error("no summary was taken for one")
	}
}

// TestKindsAreBounded compares the kinds that the scripts have thresholds for
// with those that are judged.
func TestKindsAreBounded(t *testing.T) {
	t.Parallel()
	script := scripts(t)["main.js"]
	for kind := range bounds() {
		if !strings.Contains(script, kind+": ") {
			t.Errorf("main.js has no limit for %s", kind)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(scripts(t))) {
		for _, call := range []string{"rest('", "graphql('", "ask('"} {
			for part := range strings.SplitSeq(scripts(t)[path], call) {
				kind, _, _ := strings.Cut(part, "'")
				if _, ok := bounds()[kind]; !ok && strings.Contains(scripts(t)[path], call+kind+"'") {
					t.Errorf("%s asks with the kind %q, which has no bound", path, kind)
				}
			}
		}
	}
}

func TestCITable(t *testing.T) {
	t.Parallel()
	all, _ := judge(good(), latency{count: 10, p50: 1, p95: 2}, bounds())
	table := ciTable(all, latency{count: 10, p50: 1, p95: 2})
	if want := "| list | 50 | 2.0 ms | 5.0 ms | 2.0 | 10 | 2.5 | 12 |  |"; !strings.Contains(table, want) {
		t.Errorf("no line %q in\n%s", want, table)
	}
	if got := strings.Count(table, "\n"); got != len(bounds())+4 {
		t.Error(fmt.Sprint(got, " lines:\n", table))
	}
}
