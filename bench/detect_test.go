package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"upstream/bench/meter"
	"upstream/internal/factory"
	"upstream/models"
)

const (
	defaultClaims    = 1_000_000
	defaultCustomers = 8
	customerClaims   = 30_000
)

// owner is a connection that may drop indexes and collect statistics.
func owner(b *testing.B, world *factory.World) *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(context.Background(), world.DB.OwnerURL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// BenchmarkDetect runs detections of all six signals for a customer with
// UPSTREAM_BENCH_CLAIMS claims, a quarter of them in the windows, of 60 payers
// and 15 groups. "times-one-aggregate" is the processor time of a detection by
// decision date, of the program and the database together, over that of one
// sequential aggregate of the same rows just before; "by-submission" the same
// by submission date. Processor time, because what else the machine does then
// weighs less; "detect-ms" and "one-aggregate-ms" are elapsed time. "peak-MB"
// is the most memory this process, with its pools and the whole of the test,
// held meanwhile.
func BenchmarkDetect(b *testing.B) {
	world := factory.New(b)
	tenant := world.Tenant("bench")
	conn := owner(b, world)
	seedClaims(b, conn, population{claims: size(b, claimsVariable, defaultClaims), payers: 60, groups: 15}, tenant)
	cpu := meter.New(world.DB.Owner)
	detect := func(by models.WindowBy) func() {
		return func() { detection(b, tenant, models.DetectInput{WindowBy: &by}) }
	}
	detect(models.WindowByDecided)() // reads what the first to come has to read from disk
	detect(models.WindowBySubmitted)()
	var plain, decided, submitted series
	if err := meter.ResetPeak(); err != nil {
		b.Logf("the peak is since the start of the process: %v", err)
	}
	for b.Loop() {
		plain.measure(b, cpu, func() { oneAggregate(b, conn, tenant) })
		decided.measure(b, cpu, detect(models.WindowByDecided))
		submitted.measure(b, cpu, detect(models.WindowBySubmitted))
	}
	b.ReportMetric(milliseconds(decided.elapsed), "detect-ms")
	b.ReportMetric(milliseconds(plain.elapsed), "one-aggregate-ms")
	b.ReportMetric(milliseconds(decided.used), "detect-CPU-ms")
	b.ReportMetric(milliseconds(plain.used), "one-aggregate-CPU-ms")
	b.ReportMetric(decided.over(plain), "times-one-aggregate")
	b.ReportMetric(submitted.over(plain), "by-submission")
	peak, err := meter.Peak()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
}

// series is what the rounds of one kind of work took.
type series struct{ elapsed, used []time.Duration }

func (s *series) measure(b *testing.B, cpu meter.Meter, work func()) {
	b.Helper()
	start := time.Now()
	s.used = append(s.used, cpuOf(b, cpu, work))
	s.elapsed = append(s.elapsed, time.Since(start))
}

// over is the median of the ratios of processor time, round by round.
func (s *series) over(other series) float64 {
	ratios := make([]float64, len(s.used))
	for i := range ratios {
		ratios[i] = s.used[i].Seconds() / other.used[i].Seconds()
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// detection is one run, from the request to the finished row.
func detection(b *testing.B, t *factory.Tenant, in models.DetectInput) {
	b.Helper()
	run, err := t.Store.DetectDrift(context.Background(), t.System(), in)
	if err != nil || run.TestCount == 0 {
		b.Fatalf("%+v: %v", run, err)
	}
}

// oneAggregate is the reference: one GROUP BY over the claims of the windows
// by payer, group and outcome, in one process, with the one sum of money.
func oneAggregate(b *testing.B, conn *pgx.Conn, t *factory.Tenant) {
	b.Helper()
	ctx := context.Background()
	const settings = `SELECT set_config('app.customer_id', $1, false), set_config('work_mem', '64MB', false),
		set_config('max_parallel_workers_per_gather', '0', false)`
	if _, err := conn.Exec(ctx, settings, t.Customer.ID.UUID().String()); err != nil {
		b.Fatal(err)
	}
	today := factory.Today()
	tag, err := conn.Exec(ctx, fmt.Sprintf(`
		SELECT payer, cpt_group, outcome, count(*), sum(allowed_amount) FROM claims
		WHERE customer_id = '%s' AND decided_date >= '%s' AND decided_date < '%s'
		GROUP BY payer, cpt_group, outcome`, t.Customer.ID.UUID(), today.AddDays(-104), today))
	if err != nil || tag.RowsAffected() == 0 {
		b.Fatal(tag, err)
	}
}

// BenchmarkDetectMany runs one detection for each of UPSTREAM_BENCH_CUSTOMERS
// customers with 30,000 claims each, by one worker and by two.
func BenchmarkDetectMany(b *testing.B) {
	world := factory.New(b)
	tenants := make([]*factory.Tenant, size(b, customersVariable, defaultCustomers))
	for i := range tenants {
		tenants[i] = world.Tenant(fmt.Sprintf("clinic-%d", i))
	}
	seedClaims(b, owner(b, world), population{claims: customerClaims, payers: 12, groups: 6}, tenants...)
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			detectAll(b, tenants[:min(len(tenants), 2*workers)], workers) // opens the connections
			b.ResetTimer()
			cpu := meter.New(world.DB.Owner)
			var used time.Duration
			for range b.N {
				used += cpuOf(b, cpu, func() { detectAll(b, tenants, workers) })
			}
			runs := float64(b.N * len(tenants))
			b.ReportMetric(runs/b.Elapsed().Seconds(), "customers/s")
			b.ReportMetric(used.Seconds()*1e3/runs, "CPU-ms/customer")
		})
	}
}

// detectAll shares the customers out among workers.
func detectAll(b *testing.B, tenants []*factory.Tenant, workers int) {
	b.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(tenants) {
					return
				}
				t := tenants[i]
				if run, err := t.Store.DetectDrift(context.Background(), t.System(), models.DetectInput{}); err != nil || run.TestCount == 0 {
					b.Errorf("%+v: %v", run, err)
				}
			}
		})
	}
	group.Wait()
}
