package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"upstream/bench/meter"
)

// measured is a report of one line that does not grow and one that does.
func measured() *report {
	r := &report{sizes: []int{1000, 10_000, 100_000}, rows: 500}
	for i, elapsed := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond} {
		r.note(line{name: "flat & level", plotted: true}, figures{elapsed: 3 * time.Millisecond, used: meter.Used{Program: time.Millisecond}})
		r.note(line{name: "growing", plotted: true}, figures{elapsed: elapsed, used: meter.Used{Database: time.Duration(i)}, peak: 5 << 20})
	}
	return r
}

func TestReport(t *testing.T) {
	t.Parallel()
	table := measured().table()
	for _, want := range []string{
		"| | 1,000 claims | 10,000 claims | 100,000 claims | exponent |\n|---|---|---|---|---|\n",
		"| flat & level | 3.0 (1.0 + 0.0) | 3.0 (1.0 + 0.0) | 3.0 (1.0 + 0.0) | 0.00 |\n",
		"| 1.0 (0.0 + 0.0), 5 MB | 10 (0.0 + 0.0), 5 MB | 100 (0.0 + 0.0), 5 MB | 1.00 **grows** |\n",
		"1 of 2 lines grow (exponent above 0.3). The file has 500 rows: 500,000 rows/s into 1,000, 50,000 rows/s into 10,000, 5,000 rows/s into 100,000.",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
}

func TestExponent(t *testing.T) {
	t.Parallel()
	sizes := []int{1000, 10_000, 100_000}
	for _, c := range []struct {
		name    string
		elapsed []time.Duration
		want    float64
	}{
		{"none", []time.Duration{7, 7, 7}, 0},
		{"in proportion", []time.Duration{time.Second, 10 * time.Second, 100 * time.Second}, 1},
		{"by the root", []time.Duration{time.Second, 3162 * time.Millisecond, 10 * time.Second}, 0.5},
		{"at the end only", []time.Duration{time.Second, time.Second, 10 * time.Second}, 1},
	} {
		r := &result{}
		for _, elapsed := range c.elapsed {
			r.figures = append(r.figures, figures{elapsed: elapsed})
		}
		if got := r.exponent(sizes); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s: %.3f, not %.3f", c.name, got, c.want)
		}
	}
}

func TestPlot(t *testing.T) {
	t.Parallel()
	svg := measured().plot()
	elements := map[string]int{}
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, svg)
		}
		if start, ok := token.(xml.StartElement); ok {
			elements[start.Name.Local]++
		}
	}
	if elements["polyline"] != 2 || elements["circle"] != 6 {
		t.Errorf("%v", elements)
	}
	// From 1 ms at the bottom to 100 ms at the top, a decade each.
	if !strings.Contains(svg, `points="70.0,360.0 315.0,203.0 560.0,46.0"`) || !strings.Contains(svg, "prefers-color-scheme: dark") {
		t.Error(svg)
	}
	if svg != measured().plot() {
		t.Error("the same figures make two plots")
	}
}

func TestWrite_ReplacesTheBlock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "growth.md")
	const before, after = "# Growth\n", "\nThe rest.\n"
	for _, old := range []string{"", "an older table\n"} {
		if err := os.WriteFile(path, []byte(before+block().Begin+old+block().End+after), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := measured().write(path); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before+block().Begin+"\n"+measured().table()+"\n"+block().End+after, string(text)); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "images", "growth.svg")); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := measured().write(path); err == nil {
		t.Error("a document without a place for it was changed")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	s, err := parse([]string{"-claims", "5000,1000,5000", "-rows", "10"})
	if err != nil || !cmp.Equal([]int{1000, 5000}, s.claims) || s.rows != 10 {
		t.Errorf("%+v: %v", s, err)
	}
	for _, args := range [][]string{{"-claims", "5000"}, {"-claims", "5000,x"}, {"-claims", "5000,10"}, {"-rows", "0"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
