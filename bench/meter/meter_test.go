package meter_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"upstream/bench/meter"
	"upstream/internal/testdb"
)

// busy has the database calculate.
const busy = `SELECT count(*) FROM generate_series(1, 2000000)`

func TestOf_TellsProgramFromDatabase(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	used, err := meter.New(db.Owner).Of(t.Context(), func() error {
		_, err := db.Owner.Exec(t.Context(), busy)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" && (used.Database <= 0 || used.Database < used.Program) {
		t.Errorf("the database did the work, and the meter says %+v", used)
	}
	if used.All() <= 0 || used.All() != used.Program+used.Database {
		t.Errorf("%v of %+v", used.All(), used)
	}
}

func TestOf_FailsAsTheWorkDoes(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	if _, err := meter.New(testdb.New(t).Owner).Of(t.Context(), func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
}

func TestOf_NamesAProcessThatIsNoMore(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the processor time of others")
	}
	const none = 1 << 30 // above every limit of process numbers
	_, err := meter.NewOf(testdb.New(t).Owner, none).Of(t.Context(), func() error { return nil })
	if err == nil || !strings.Contains(err.Error(), "1073741824") {
		t.Errorf("%v", err)
	}
}

func TestPer(t *testing.T) {
	t.Parallel()
	got := meter.Used{Program: 10 * time.Second, Database: time.Second}.Per(10)
	if diff := cmp.Diff(meter.Used{Program: time.Second, Database: time.Second / 10}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		all  []int
		want int
	}{{nil, 0}, {[]int{7}, 7}, {[]int{9, 1, 5}, 5}, {[]int{4, 1, 3, 2}, 3}} {
		if got := meter.Median(c.all); got != c.want {
			t.Errorf("%v: %d, not %d", c.all, got, c.want)
		}
	}
}

func TestPgbench(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	const customer = "01999999-0000-7000-8000-000000000001"
	bench, err := meter.NewPgbench(t.Context(), db.Owner, db.AppURL, customer)
	if errors.Is(err, meter.ErrNoPgbench) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	// The second divides by zero unless the setting came along.
	ran, err := bench.Run(t.Context(), []string{
		busy, `SELECT 1 / (current_setting('app.customer_id') = '` + customer + `')::integer`,
	}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if ran.PerSecond <= 0 || ran.Backend <= 0 || ran.All() != ran.Client+ran.Backend {
		t.Errorf("%+v", ran)
	}
	if _, err := bench.Run(t.Context(), []string{`SELECT 1 / 0`}, time.Second); err == nil {
		t.Error("a statement that fails was measured")
	}
}

func TestPeak(t *testing.T) { //nolint:paralleltest // of the whole process
	if err := meter.ResetPeak(); err != nil {
		t.Skip(err)
	}
	peak, err := meter.Peak()
	if err != nil || peak < 1<<20 {
		t.Errorf("%d bytes: %v", peak, err)
	}
}
