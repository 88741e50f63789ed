package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"upstream/bench/document"
	"upstream/bench/seed"
)

// once runs a profile of k6 and fails when a threshold was crossed.
func (on *site) once(ctx context.Context, out io.Writer) error {
	report := on.report(on.profile + ".html")
	if on.dashboard >= 0 {
		_, _ = fmt.Fprintf(on.log, "k6's page of the run: http://127.0.0.1:%d\n", on.dashboard)
	}
	r, err := on.k6run(ctx, load{profile: on.profile, duration: on.duration, report: report})
	if err != nil {
		return err
	}
	if err := on.publish(out, on.profile, on.runTable(r)); err != nil {
		return err
	}
	if r.crossed {
		return fmt.Errorf("thresholds were crossed: %s; see %s", strings.Join(r.summary.crossed(), "; "), report)
	}
	return nil
}

// ci runs all kinds of requests for a short time and judges them by ratio.
func (on *site) ci(ctx context.Context, out io.Writer) error {
	if on.db == nil {
		return errors.New("the profile ci needs the database: leave -url out")
	}
	var r *ran
	measured, err := calibrate(ctx, on.db.Owner, func() (err error) {
		r, err = on.k6run(ctx, load{profile: profileCI, duration: on.duration, report: on.report("ci.html")})
		return err
	})
	if err != nil {
		return err
	}
	all, wrong := judge(r.summary, measured, bounds())
	if err := on.publish(out, profileCI, ciTable(all, measured)); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return errors.New("the load shows what is wrong:\n" + strings.Join(wrong, "\n"))
	}
	if r.crossed {
		return fmt.Errorf("thresholds were crossed: %s", strings.Join(r.summary.crossed(), "; "))
	}
	return nil
}

func ciTable(all []verdict, calibration latency) string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "Calibration: %d times, p50 %s, p95 %s.\n\n", calibration.count, milliseconds(calibration.p50), milliseconds(calibration.p95))
	b.WriteString("| kind | requests | p50 | p95 | p50 ratio | at most | p95 ratio | at most | |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, v := range all {
		_, _ = fmt.Fprintf(&b, "| %s | %d | %s | %s | %.1f | %.0f | %.1f | %.0f | %s |\n", v.kind, v.measured.count, milliseconds(v.measured.p50),
			milliseconds(v.measured.p95), v.ratio.p50, v.allowed.p50, v.ratio.p95, v.allowed.p95, v.wrong)
	}
	return b.String()
}

// runTable is what a run of the profiles mixed and rate came to.
func (on *site) runTable(r *ran) string {
	var b strings.Builder
	s := r.summary
	_, _ = fmt.Fprintf(&b, "%d customers, %d claims; %.1f requests/s for %s on %d processors shared with database and k6; %.3f %% errors, %d wrong answers.\n\n",
		len(on.world.Customers), on.world.Claims(), s.perSecond(), on.duration, runtime.NumCPU(), 100*s.errorRate(), s.failedChecks())
	b.WriteString("| kind | requests | p50 | p95 | p99 | max |\n|---|---|---|---|---|---|\n")
	kinds := s.kinds()
	row := func(name string, l latency) {
		_, _ = fmt.Fprintf(&b, "| %s | %d | %s | %s | %s | %s |\n", name, l.count, milliseconds(l.p50), milliseconds(l.p95), milliseconds(l.p99), milliseconds(l.max))
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if kinds[kind].count > 0 {
			row(kind, kinds[kind])
		}
	}
	row("all", s.all())
	b.WriteString("\n| processor: server | PostgreSQL | k6 | machine busy | waited for a connection |\n|---|---|---|---|---|\n")
	_, _ = fmt.Fprintf(&b, "| %s | %s |\n", processors(r.used), waited(r.used.pool))
	return b.String()
}

// publish prints a table, keeps it among the reports, and puts it into the
// document if there is one.
func (on *site) publish(out io.Writer, block, table string) error {
	if _, err := fmt.Fprint(out, table); err != nil {
		return err
	}
	if err := write(on.report(block+".md"), table); err != nil || on.out == "" {
		return err
	}
	return blockOf(block).ReplaceIn(on.out, bodyOf(table))
}

// blockOf is where the table of that name stands in a document.
func blockOf(name string) document.Block {
	return document.Block{Name: name, Begin: "<!-- begin: " + name + " -->\n", End: "<!-- end: " + name + " -->"}
}

// bodyOf is a table as it stands in a block.
func bodyOf(table string) string { return strings.TrimSpace(table) + "\n" }

func write(path, content string) error {
	return os.WriteFile(path, []byte(content), 0o644) //nolint:gosec // reports are for everybody
}

// seedFile is what k6 reads of the seeded data.
func (on *site) seedFile() string { return filepath.Join(on.from.DataDir, seed.FactsFile) }
