package store_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// listing is one list of a test's rows and how a plain sort would order them.
type listing[T any, F models.OrderField] struct {
	fetch func(ctx context.Context, l models.List[F]) (*models.Rows[*T], error)
	rows  []*T
	id    func(*T) string
	// compare orders by one field, ascending, NULL last as PostgreSQL has it.
	compare map[F]func(a, b *T) int
	// natural is the default order; its comparisons end every other order in
	// the direction of the term before them.
	natural []natural[T, F]
}

type natural[T any, F models.OrderField] struct {
	field   F // "" when no client can name it
	compare func(a, b *T) int
	desc    bool
}

func nullsLast[V cmp.Ordered](a, b *V) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return cmp.Compare(*a, *b)
}

// sorted is the whole list in the order a client asked for.
func (s listing[T, F]) sorted(by []models.Order[F]) []string {
	var steps []natural[T, F]
	used := map[F]bool{}
	for _, o := range by {
		if !used[o.Field] {
			used[o.Field] = true
			steps = append(steps, natural[T, F]{o.Field, s.compare[o.Field], o.Direction == models.Descending})
		}
	}
	for _, n := range s.natural {
		if len(by) > 0 {
			if n.field != "" && used[n.field] {
				continue
			}
			n.desc = steps[len(steps)-1].desc
		}
		steps = append(steps, n)
	}
	rows := slices.Clone(s.rows)
	slices.SortStableFunc(rows, func(a, b *T) int {
		for _, step := range steps {
			c := step.compare(a, b)
			if step.desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return s.ids(rows)
}

func (s listing[T, F]) ids(rows []*T) []string {
	ids := []string{}
	for _, row := range rows {
		ids = append(ids, s.id(row))
	}
	return ids
}

func (s listing[T, F]) page(t tester, by []models.Order[F], p models.Page) *models.Rows[*T] {
	t.Helper()
	rows := must(s.fetch(context.Background(), models.List[F]{OrderBy: by, Page: p}))(t)
	if len(rows.Cursors) != len(rows.Items) {
		t.Fatalf("%d cursors of %d rows", len(rows.Cursors), len(rows.Items))
	}
	return rows
}

// drawOrder is no term, or one to two of the list's fields in any direction.
func drawOrder[F models.OrderField](t *rapid.T) []models.Order[F] {
	var zero F
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) models.Order[F] {
		return models.Order[F]{
			Field:     F(rapid.SampledFrom(zero.Values()).Draw(t, "field")),
			Direction: rapid.SampledFrom([]models.Direction{models.Ascending, models.Descending}).Draw(t, "direction"),
		}
	}), 0, 2).Draw(t, "order")
}

func (s listing[T, F]) check(t *testing.T) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		by := drawOrder[F](t)
		all := s.sorted(by)
		equal(t, "the list at once", all, s.ids(s.page(t, by, models.Page{Limit: len(all) + 1}).Items))
		limit := rapid.IntRange(1, len(all)+1).Draw(t, "limit")
		s.walk(t, by, all, limit, rapid.Bool().Draw(t, "backward"))
		s.byNumber(t, by, all, limit)
		s.between(t, by, all)
	})
}

// walk pages through the list, forwards or backwards, and demands every row
// once and the truth about neighbours.
func (s listing[T, F]) walk(t *rapid.T, by []models.Order[F], all []string, limit int, backward bool) {
	page := models.Page{Limit: limit, Backward: backward, WantNeighbours: true, WantTotal: true}
	done := 0
	for {
		rows := s.page(t, by, page)
		got, n := s.ids(rows.Items), len(rows.Items)
		from := done
		if backward {
			from = len(all) - done - n
		}
		if from < 0 || from+n > len(all) {
			t.Fatalf("%d rows after %d of %d", n, done, len(all))
		}
		equal(t, fmt.Sprintf("page at %d, backward %t", from, backward), all[from:from+n], got)
		equal(t, "neighbours", []bool{from > 0, from+n < len(all)}, []bool{rows.HasPrevious, rows.HasNext})
		equal(t, "total", int64(len(all)), *rows.Total)
		done += n
		if n == 0 || done == len(all) {
			break
		}
		if n != limit {
			t.Fatalf("a page of %d rows though more follow", n)
		}
		if backward {
			page.Before = rows.Cursors[0]
		} else {
			page.After = rows.Cursors[n-1]
		}
	}
	equal(t, "rows walked", len(all), done)
}

func (s listing[T, F]) byNumber(t *rapid.T, by []models.Order[F], all []string, limit int) {
	pages := (len(all) + limit - 1) / limit
	for _, number := range []int{1, rapid.IntRange(1, max(pages, 1)).Draw(t, "page"), pages} {
		rows := s.page(t, by, models.Page{Limit: limit, Number: number})
		end := min(number*limit, len(all))
		equal(t, "numbered page", all[(number-1)*limit:end], s.ids(rows.Items))
		equal(t, "its neighbours", []bool{number > 1, number < pages}, []bool{rows.HasPrevious, rows.HasNext})
	}
	last := s.page(t, by, models.Page{Limit: limit, Last: true, WantTotal: true})
	equal(t, "last page", all[(max(pages, 1)-1)*limit:], s.ids(last.Items))
	equal(t, "its number and the total", []int{max(pages, 1), len(all)}, []int{last.Number, int(*last.Total)})
	equal(t, "its neighbours", []bool{pages > 1, false}, []bool{last.HasPrevious, last.HasNext})
	for _, number := range []int{max(pages, 1) + 1, math.MaxInt} {
		_, err := s.fetch(context.Background(), models.List[F]{OrderBy: by, Page: models.Page{Limit: limit, Number: number}})
		wantCode(t, err, models.CodeNotFound)
	}
}

// between cuts a range out of the list with both cursors.
func (s listing[T, F]) between(t *rapid.T, by []models.Order[F], all []string) {
	if len(all) == 0 {
		return
	}
	cursors := s.page(t, by, models.Page{Limit: len(all)}).Cursors
	low := rapid.IntRange(0, len(all)-1).Draw(t, "after")
	high := rapid.IntRange(low, len(all)-1).Draw(t, "before")
	limit := rapid.IntRange(0, len(all)).Draw(t, "range limit")
	inside := all[min(low+1, high):high]
	n := min(limit, len(inside))
	for _, backward := range []bool{false, true} {
		rows := s.page(t, by, models.Page{After: cursors[low], Before: cursors[high], Limit: limit, Backward: backward, WantNeighbours: true})
		want := inside[:n]
		if backward {
			want = inside[len(inside)-n:]
		}
		equal(t, "range", want, s.ids(rows.Items))
		equal(t, "its neighbours", []bool{true, true}, []bool{rows.HasPrevious, rows.HasNext})
	}
}

// tied is a value that few rows have alone.
func tied(random *rand.Rand) int { return random.IntN(4) }

func uploadListing(w *factory.World) listing[models.Upload, models.UploadOrderField] {
	cedar, random := w.Tenant("cedar"), rand.New(rand.NewPCG(1, 2))
	var rows []*models.Upload
	for range 11 {
		rows = append(rows, cedar.UploadRow(func(u *models.Upload) {
			// Microseconds apart, and some at the same one.
			u.UploadedAt = factory.Now().Add(time.Duration(tied(random)) * time.Microsecond)
			u.Status = models.UploadStatus(u.Status.Values()[tied(random)])
			if n := tied(random); n > 0 {
				u.RowCount = new(int64(n))
			}
		}))
	}
	cedar.Insert(&rows)
	byTime := func(a, b *models.Upload) int { return a.UploadedAt.Compare(b.UploadedAt) }
	return listing[models.Upload, models.UploadOrderField]{
		rows: rows, id: func(u *models.Upload) string { return u.ID.String() },
		fetch: func(ctx context.Context, l models.List[models.UploadOrderField]) (*models.Rows[*models.Upload], error) {
			return w.Store.Uploads(ctx, cedar.System(), models.UploadFilter{}, l)
		},
		compare: map[models.UploadOrderField]func(a, b *models.Upload) int{
			models.UploadOrderUploadedAt: byTime,
			models.UploadOrderStatus:     func(a, b *models.Upload) int { return cmp.Compare(a.Status, b.Status) },
			models.UploadOrderRowCount:   func(a, b *models.Upload) int { return nullsLast(a.RowCount, b.RowCount) },
		},
		natural: []natural[models.Upload, models.UploadOrderField]{
			{models.UploadOrderUploadedAt, byTime, true},
			{"", func(a, b *models.Upload) int { return strings.Compare(a.ID.UUID().String(), b.ID.UUID().String()) }, true},
		},
	}
}

func TestPaging_Uploads(t *testing.T) {
	t.Parallel()
	uploadListing(factory.New(t)).check(t)
}

func TestPaging_Claims(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, random := w.Tenant("cedar"), rand.New(rand.NewPCG(3, 4))
	upload := cedar.UploadRow()
	var rows []*models.Claim
	for range 12 {
		rows = append(rows, cedar.ClaimRow(upload.ID, func(c *models.Claim) {
			c.DecidedDate = factory.Today().AddDays(-tied(random))
			c.SubmittedDate = c.DecidedDate.AddDays(-tied(random))
			c.Payer = []string{`A'b\`, `A"b`, "A", "Ä?"}[tied(random)]
			c.Outcome = models.Outcome(c.Outcome.Values()[random.IntN(3)])
		}))
	}
	cedar.Insert(upload, &rows)
	// Text sorts as the database's collation has it.
	rank := map[string]int{}
	for i, payer := range strs(t, w.DB, `SELECT x FROM unnest(ARRAY['A''b\','A"b','A','Ä?']) x ORDER BY x`) {
		rank[payer] = i
	}
	decided := func(a, b *models.Claim) int { return a.DecidedDate.Sub(b.DecidedDate) }
	listing[models.Claim, models.ClaimOrderField]{
		rows: rows, id: func(c *models.Claim) string { return c.ID.String() },
		fetch: func(ctx context.Context, l models.List[models.ClaimOrderField]) (*models.Rows[*models.Claim], error) {
			return w.Store.Claims(ctx, cedar.System(), models.ClaimFilter{}, l)
		},
		compare: map[models.ClaimOrderField]func(a, b *models.Claim) int{
			models.ClaimOrderDecidedDate:   decided,
			models.ClaimOrderSubmittedDate: func(a, b *models.Claim) int { return a.SubmittedDate.Sub(b.SubmittedDate) },
			models.ClaimOrderPayer:         func(a, b *models.Claim) int { return cmp.Compare(rank[a.Payer], rank[b.Payer]) },
			models.ClaimOrderOutcome:       func(a, b *models.Claim) int { return cmp.Compare(a.Outcome, b.Outcome) },
		},
		natural: []natural[models.Claim, models.ClaimOrderField]{
			{models.ClaimOrderDecidedDate, decided, true},
			{"", func(a, b *models.Claim) int { return strings.Compare(a.ID.UUID().String(), b.ID.UUID().String()) }, true},
		},
	}.check(t)
}

func TestPaging_DriftTests(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, random := w.Tenant("cedar"), rand.New(rand.NewPCG(5, 6))
	run := cedar.RunRow(func(r *models.ReportRun) { r.TestCount = 12 })
	probability := func() *float64 {
		return []*float64{nil, new(0.1), new(1.0 / 3), new(5e-324)}[tied(random)]
	}
	var rows []*models.DriftTest
	for i := range 12 {
		rows = append(rows, cedar.TestRow(run.ID, "P"+strconv.Itoa(i/6), func(d *models.DriftTest) {
			d.CPTGroup, d.DriftType = "G"+strconv.Itoa(i/3%2), models.DriftType(d.DriftType.Values()[i%3])
			d.PValue, d.QValue = probability(), probability()
		}))
	}
	cedar.Insert(run, &rows)
	payer := func(a, b *models.DriftTest) int { return cmp.Compare(a.Payer, b.Payer) }
	listing[models.DriftTest, models.DriftTestOrderField]{
		rows: rows, id: func(d *models.DriftTest) string { return d.Payer + d.CPTGroup + string(d.DriftType) },
		fetch: func(ctx context.Context, l models.List[models.DriftTestOrderField]) (*models.Rows[*models.DriftTest], error) {
			return w.Store.DriftTests(ctx, cedar.System(), run.ID, models.DriftTestFilter{}, l)
		},
		compare: map[models.DriftTestOrderField]func(a, b *models.DriftTest) int{
			models.DriftTestOrderPayer:  payer,
			models.DriftTestOrderPValue: func(a, b *models.DriftTest) int { return nullsLast(a.PValue, b.PValue) },
			models.DriftTestOrderQValue: func(a, b *models.DriftTest) int { return nullsLast(a.QValue, b.QValue) },
		},
		natural: []natural[models.DriftTest, models.DriftTestOrderField]{
			{models.DriftTestOrderPayer, payer, false},
			{"", func(a, b *models.DriftTest) int { return cmp.Compare(a.CPTGroup, b.CPTGroup) }, false},
			{"", func(a, b *models.DriftTest) int { return cmp.Compare(a.DriftType, b.DriftType) }, false},
		},
	}.check(t)
}

func TestPaging_DriftEventsAndRuns(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, random := w.Tenant("cedar"), rand.New(rand.NewPCG(7, 8))
	var runs []*models.ReportRun
	var events []*models.DriftEvent
	for range 5 {
		run := cedar.RunRow(func(r *models.ReportRun) {
			r.StartedAt = r.StartedAt.Add(time.Duration(tied(random)) * time.Microsecond)
			r.RunType = models.RunType(r.RunType.Values()[random.IntN(3)])
		})
		runs = append(runs, run)
		for i := range 3 {
			events = append(events, cedar.EventRow(run.ID, fmt.Sprintf("P%d", i), func(e *models.DriftEvent) {
				e.CreatedAt = e.CreatedAt.Add(time.Duration(tied(random)) * time.Microsecond)
				e.Severity = []float64{0.1, 1.0 / 3, 0.1 + 0.2, 1}[tied(random)]
			}))
		}
	}
	cedar.Insert(&runs, &events)
	started := func(a, b *models.ReportRun) int { return a.StartedAt.Compare(b.StartedAt) }
	created := func(a, b *models.DriftEvent) int { return a.CreatedAt.Compare(b.CreatedAt) }
	t.Run("runs", func(t *testing.T) {
		t.Parallel()
		listing[models.ReportRun, models.ReportRunOrderField]{
			rows: runs, id: func(r *models.ReportRun) string { return r.ID.String() },
			fetch: func(ctx context.Context, l models.List[models.ReportRunOrderField]) (*models.Rows[*models.ReportRun], error) {
				return w.Store.ReportRuns(ctx, cedar.System(), models.ReportRunFilter{}, l)
			},
			compare: map[models.ReportRunOrderField]func(a, b *models.ReportRun) int{
				models.ReportRunOrderStartedAt: started,
				models.ReportRunOrderStatus:    func(a, b *models.ReportRun) int { return cmp.Compare(a.Status, b.Status) },
				models.ReportRunOrderRunType:   func(a, b *models.ReportRun) int { return cmp.Compare(a.RunType, b.RunType) },
			},
			natural: []natural[models.ReportRun, models.ReportRunOrderField]{
				{models.ReportRunOrderStartedAt, started, true},
				{"", func(a, b *models.ReportRun) int { return strings.Compare(a.ID.UUID().String(), b.ID.UUID().String()) }, true},
			},
		}.check(t)
	})
	t.Run("events", func(t *testing.T) {
		t.Parallel()
		listing[models.DriftEvent, models.DriftEventOrderField]{
			rows: events, id: func(e *models.DriftEvent) string { return e.ID.String() },
			fetch: func(ctx context.Context, l models.List[models.DriftEventOrderField]) (*models.Rows[*models.DriftEvent], error) {
				return w.Store.DriftEvents(ctx, cedar.System(), models.DriftEventFilter{}, l)
			},
			compare: map[models.DriftEventOrderField]func(a, b *models.DriftEvent) int{
				models.DriftEventOrderCreatedAt: created,
				models.DriftEventOrderSeverity:  func(a, b *models.DriftEvent) int { return cmp.Compare(a.Severity, b.Severity) },
				models.DriftEventOrderPayer:     func(a, b *models.DriftEvent) int { return cmp.Compare(a.Payer, b.Payer) },
			},
			natural: []natural[models.DriftEvent, models.DriftEventOrderField]{
				{models.DriftEventOrderCreatedAt, created, true},
				{"", func(a, b *models.DriftEvent) int { return strings.Compare(a.ID.UUID().String(), b.ID.UUID().String()) }, true},
			},
		}.check(t)
	})
}

func TestPaging_EmptyList(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	for _, page := range []models.Page{
		{Limit: 10, WantTotal: true, WantNeighbours: true},
		{Limit: 10, Number: 1, WantTotal: true},
		{Limit: 10, Last: true, WantTotal: true},
		{Limit: 10, Backward: true, WantTotal: true},
		{Limit: 0, WantTotal: true},
		{Limit: -5, WantTotal: true},
		{SkipRows: true, WantTotal: true},
	} {
		rows := must(w.Store.Uploads(t.Context(), cedar.System(), models.UploadFilter{}, models.List[models.UploadOrderField]{Page: page}))(t)
		want := &models.Rows[*models.Upload]{Items: []*models.Upload{}, Cursors: []string{}, Total: new(int64), Number: page.Number}
		if page.Last {
			want.Number = 1
		}
		equal(t, "rows", want, rows)
	}
}

func TestPaging_OnlyWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	s := uploadListing(factory.New(t))
	cursor := s.page(t, nil, models.Page{Limit: 5}).Cursors[4]
	for name, tt := range map[string]struct {
		page       models.Page
		statements int
	}{
		// The binding to the customer travels with each and is not counted.
		"rows":                {models.Page{Limit: 5}, 1},
		"rows and total":      {models.Page{Limit: 5, WantTotal: true}, 2},
		"total":               {models.Page{SkipRows: true, WantTotal: true}, 1},
		"known neighbours":    {models.Page{Limit: 5, WantNeighbours: true}, 1},
		"rows and neighbours": {models.Page{Limit: 5, After: cursor, WantNeighbours: true}, 2},
		"no rows":             {models.Page{Limit: 0}, 1},
	} {
		ctx, stats := store.WithStats(t.Context())
		rows := must(s.fetch(ctx, models.List[models.UploadOrderField]{Page: tt.page}))(t)
		equal(t, name+": statements", tt.statements, stats.Statements())
		equal(t, name+": total", tt.page.WantTotal, rows.Total != nil)
		if stats.Duration() <= 0 {
			t.Errorf("%s: took %v", name, stats.Duration())
		}
	}
}

// A cursor opens the list it came from and no other.
func TestPaging_Cursors(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	for range 3 {
		cedar.Insert(cedar.UploadRow())
		harbor.Insert(harbor.UploadRow())
	}
	run := cedar.RunRow()
	cedar.Insert(run, cedar.EventRow(run.ID, "A"), cedar.EventRow(run.ID, "B"))
	first := models.List[models.UploadOrderField]{Page: models.Page{Limit: 1}}
	cursor := must(w.Store.Uploads(t.Context(), cedar.System(), models.UploadFilter{}, first))(t).Cursors[0]
	eventCursor := must(w.Store.DriftEvents(t.Context(), cedar.System(), models.DriftEventFilter{},
		models.List[models.DriftEventOrderField]{Page: models.Page{Limit: 1}}))(t).Cursors[0]
	status := new(models.UploadSuccess)
	type request struct {
		tenant *factory.Tenant
		filter models.UploadFilter
		list   models.List[models.UploadOrderField]
	}
	same := request{tenant: cedar}
	same.list.Page = models.Page{Limit: 1, After: cursor}
	must(w.Store.Uploads(t.Context(), cedar.System(), same.filter, same.list))(t)
	flipped := []byte(cursor)
	flipped[len(flipped)/2] ^= 1
	for name, change := range map[string]func(*request){
		"another order":     func(r *request) { r.list.OrderBy = []models.UploadOrder{{Field: models.UploadOrderStatus}} },
		"another direction": func(r *request) { r.list.OrderBy = []models.UploadOrder{{Field: models.UploadOrderUploadedAt}} },
		"another filter":    func(r *request) { r.filter.Status = status },
		"another search":    func(r *request) { r.list.Search = "x" },
		"another customer":  func(r *request) { r.tenant = harbor },
		"another noun":      func(r *request) { r.list.Page.After = eventCursor },
		"garbage":           func(r *request) { r.list.Page.After = "garbage" },
		"not base64":        func(r *request) { r.list.Page.After = "%%%" },
		"too short":         func(r *request) { r.list.Page.After = cursor[:10] },
		"a flipped bit":     func(r *request) { r.list.Page.After = string(flipped) },
		"cut off":           func(r *request) { r.list.Page.After = cursor[:len(cursor)-4] },
	} {
		r := same
		change(&r)
		_, err := w.Store.Uploads(t.Context(), r.tenant.System(), r.filter, r.list)
		e := wantCode(t, err, models.CodeValidation)
		if len(e.Fields) != 1 || e.Fields[0].Path != "after" {
			t.Errorf("%s: %v", name, e.Fields)
		}
		r.list.Page.After, r.list.Page.Before = "", r.list.Page.After
		_, err = w.Store.Uploads(t.Context(), r.tenant.System(), r.filter, r.list)
		if e := wantCode(t, err, models.CodeValidation); len(e.Fields) != 1 || e.Fields[0].Path != "before" {
			t.Errorf("%s: %v", name, e.Fields)
		}
	}
	// All events and the active ones are two lists.
	_, err := w.Store.ActiveDriftEvents(t.Context(), cedar.System(), models.DriftEventFilter{},
		models.List[models.DriftEventOrderField]{Page: models.Page{Limit: 1, After: eventCursor}})
	equal(t, "the active list", []string{"after:foreign_cursor"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
	other := cedar.RunRow()
	cedar.Insert(other, cedar.TestRow(run.ID, "A"), cedar.TestRow(run.ID, "B"))
	page := models.List[models.DriftTestOrderField]{Page: models.Page{Limit: 1}}
	page.Page.After = must(w.Store.DriftTests(t.Context(), cedar.System(), run.ID, models.DriftTestFilter{}, page))(t).Cursors[0]
	_, err = w.Store.DriftTests(t.Context(), cedar.System(), other.ID, models.DriftTestFilter{}, page)
	equal(t, "another run", []string{"after:foreign_cursor"}, fieldPaths(wantCode(t, err, models.CodeValidation)))
}

// A row that vanished leaves its cursor usable: it names a place, not a row.
func TestPaging_CursorOfAVanishedRow(t *testing.T) {
	t.Parallel()
	cedar := factory.New(t).Tenant("cedar")
	for i := range 3 {
		cedar.Insert(cedar.UploadRow(func(u *models.Upload) { u.UploadedAt = u.UploadedAt.Add(time.Duration(i) * time.Second) }))
	}
	page := models.List[models.UploadOrderField]{Page: models.Page{Limit: 2}}
	before := must(cedar.Store.Uploads(t.Context(), cedar.System(), models.UploadFilter{}, page))(t)
	if err := asOwner(t, cedar, `DELETE FROM uploads WHERE id = $1`, before.Items[1].ID.UUID().String()); err != nil {
		t.Fatal(err)
	}
	page.Page.After = before.Cursors[1]
	after := must(cedar.Store.Uploads(t.Context(), cedar.System(), models.UploadFilter{}, page))(t)
	equal(t, "rows after it", 1, len(after.Items))
}
