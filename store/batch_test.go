package store_test

import (
	"context"
	"fmt"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// family is some parents with children of every noun, in different numbers.
type family struct {
	*factory.Tenant
	uploads []models.UploadID
	runs    []models.ReportRunID
}

func newFamily(w *factory.World, parents int) family {
	f := family{Tenant: w.Tenant("cedar")}
	for i := range parents {
		upload, run := f.UploadRow(), f.RunRow(func(r *models.ReportRun) { r.TestCount = 10 })
		f.uploads, f.runs = append(f.uploads, upload.ID), append(f.runs, run.ID)
		f.Insert(upload, run)
		for j := range (i + 5) % 6 {
			payer := fmt.Sprintf("P%d", j)
			f.Insert(
				f.ClaimRow(upload.ID, func(c *models.Claim) { c.Payer, c.DecidedDate = payer, factory.Today().AddDays(-j/2) }),
				f.RejectionRow(upload.ID, int64(j+2)),
				f.EventRow(run.ID, payer), f.TestRow(run.ID, payer),
			)
		}
	}
	return f
}

// pages are the requests that nested lists are tried with.
func pages() []models.Page {
	return []models.Page{
		{Limit: 2},
		{Limit: 2, Backward: true},
		{Limit: 100, WantTotal: true, WantNeighbours: true},
		{Limit: 0, WantTotal: true},
		{SkipRows: true, WantTotal: true},
		{Limit: 3, WantNeighbours: true, WantTotal: true},
		{Limit: 2, Number: 1},
	}
}

// sameAsSingle demands that a batch answers what the single lists answer.
// Cursors of nested lists are their own; what they lead to is compared by
// following them.
func sameAsSingle[T any, P comparable, F models.OrderField](
	t *testing.T, ids []P, orders [][]models.Order[F],
	batch func(context.Context, []P, models.List[F]) (map[P]*models.Rows[*T], error),
	single func(context.Context, P, models.List[F]) (*models.Rows[*T], error),
) {
	t.Helper()
	for _, order := range orders {
		for _, page := range pages() {
			compareBatch(t, ids, models.List[F]{OrderBy: order, Page: page}, batch, single)
		}
	}
	// The second page, by the cursor of the first.
	all := models.List[F]{Page: models.Page{Limit: 1000}}
	for _, id := range ids {
		whole := must(single(t.Context(), id, all))(t)
		if len(whole.Items) < 3 {
			continue
		}
		first := must(batch(t.Context(), []P{id}, models.List[F]{Page: models.Page{Limit: 2}}))(t)[id]
		next := must(batch(t.Context(), []P{id}, models.List[F]{Page: models.Page{Limit: 1000, After: first.Cursors[1], WantNeighbours: true}}))(t)[id]
		equal(t, "rows after the cursor", whole.Items[2:], next.Items)
		equal(t, "rows before and after", []bool{true, false}, []bool{next.HasPrevious, next.HasNext})
		back := must(batch(t.Context(), []P{id}, models.List[F]{Page: models.Page{Limit: 1, Backward: true, Before: next.Cursors[0], WantNeighbours: true}}))(t)[id]
		equal(t, "the row before the cursor", whole.Items[1:2], back.Items)
		equal(t, "rows before and after it", []bool{true, true}, []bool{back.HasPrevious, back.HasNext})
	}
}

func compareBatch[T any, P comparable, F models.OrderField](
	t *testing.T, ids []P, list models.List[F],
	batch func(context.Context, []P, models.List[F]) (map[P]*models.Rows[*T], error),
	single func(context.Context, P, models.List[F]) (*models.Rows[*T], error),
) {
	t.Helper()
	var statements []int
	for _, n := range []int{1, 10, 50} {
		ctx, stats := store.WithStats(t.Context())
		asked := append([]P{ids[0]}, ids[:n]...) // one of them twice
		got := must(batch(ctx, asked, list))(t)
		statements = append(statements, stats.Statements())
		equal(t, "parents answered", n, len(got))
		if n == 1 {
			continue // answered below, among the others
		}
		for _, id := range ids[:n] {
			want, have := *must(single(t.Context(), id, list))(t), *got[id]
			equal(t, "cursors", len(want.Cursors), len(have.Cursors))
			want.Cursors, have.Cursors = nil, nil
			equal(t, fmt.Sprintf("list of one parent, %+v", list), want, have)
		}
		if n == 50 {
			break
		}
	}
	if statements[0] != statements[1] || statements[1] != statements[2] {
		t.Errorf("%+v takes %v statements for 1, 10 and 50 parents", list.Page, statements)
	}
	if empty := must(batch(t.Context(), nil, list))(t); len(empty) != 0 {
		t.Errorf("no parents have %d lists", len(empty))
	}
}

func TestBatch_AgreesWithSingleLists(t *testing.T) {
	t.Parallel()
	f := newFamily(factory.New(t), 50)
	s, v := f.Store, f.System()
	t.Run("claims of uploads", func(t *testing.T) {
		t.Parallel()
		sameAsSingle(t, f.uploads, [][]models.ClaimOrder{nil, {{Field: models.ClaimOrderPayer, Direction: models.Descending}}},
			func(ctx context.Context, ids []models.UploadID, l models.List[models.ClaimOrderField]) (map[models.UploadID]*models.Rows[*models.Claim], error) {
				return s.ClaimsOfUploads(ctx, v, ids, models.ClaimFilter{}, l)
			},
			func(ctx context.Context, id models.UploadID, l models.List[models.ClaimOrderField]) (*models.Rows[*models.Claim], error) {
				return s.Claims(ctx, v, models.ClaimFilter{Upload: &id}, l)
			})
	})
	t.Run("rejections of uploads", func(t *testing.T) {
		t.Parallel()
		sameAsSingle(t, f.uploads, [][]models.RejectionOrder{nil, {{Field: models.RejectionOrderRowNumber, Direction: models.Descending}}},
			func(ctx context.Context, ids []models.UploadID, l models.List[models.RejectionOrderField]) (map[models.UploadID]*models.Rows[*models.Rejection], error) {
				return s.RejectionsOfUploads(ctx, v, ids, l)
			},
			func(ctx context.Context, id models.UploadID, l models.List[models.RejectionOrderField]) (*models.Rows[*models.Rejection], error) {
				return s.Rejections(ctx, v, id, l)
			})
	})
	t.Run("events of runs", func(t *testing.T) {
		t.Parallel()
		sameAsSingle(t, f.runs, [][]models.DriftEventOrder{nil, {{Field: models.DriftEventOrderSeverity}, {Field: models.DriftEventOrderPayer, Direction: models.Descending}}},
			func(ctx context.Context, ids []models.ReportRunID, l models.List[models.DriftEventOrderField]) (map[models.ReportRunID]*models.Rows[*models.DriftEvent], error) {
				return s.DriftEventsOfRuns(ctx, v, ids, models.DriftEventFilter{}, l)
			},
			func(ctx context.Context, id models.ReportRunID, l models.List[models.DriftEventOrderField]) (*models.Rows[*models.DriftEvent], error) {
				return s.DriftEvents(ctx, v, models.DriftEventFilter{ReportRun: &id}, l)
			})
	})
	payers := []string{"P0", "P1", "P2", "P3", "P4"}
	for i := len(payers); i < 50; i++ {
		payers = append(payers, fmt.Sprintf("Nobody %02d", i))
	}
	t.Run("claims of payers", func(t *testing.T) {
		t.Parallel()
		day := factory.Today().AddDays(-10)
		sameAsSingle(t, payers, [][]models.ClaimOrder{nil, {{Field: models.ClaimOrderDecidedDate}}},
			func(ctx context.Context, ids []string, l models.List[models.ClaimOrderField]) (map[string]*models.Rows[*models.Claim], error) {
				return s.ClaimsOfPayers(ctx, v, ids, models.Period{First: day, Last: day}, models.ClaimFilter{}, l)
			},
			func(ctx context.Context, id string, l models.List[models.ClaimOrderField]) (*models.Rows[*models.Claim], error) {
				return s.Claims(ctx, v, models.ClaimFilter{Payer: &id}, l)
			})
		before := models.Period{First: day.AddDays(-9), Last: day.AddDays(-1)}
		none := must(s.ClaimsOfPayers(t.Context(), v, payers, before, models.ClaimFilter{Payer: new("p")}, everyRow[models.ClaimOrderField]()))(t)
		equal(t, "claims submitted later", 0, len(none["P0"].Items))
	})
	t.Run("events of payers", func(t *testing.T) {
		t.Parallel()
		sameAsSingle(t, payers, [][]models.DriftEventOrder{nil, {{Field: models.DriftEventOrderSeverity, Direction: models.Descending}}},
			func(ctx context.Context, ids []string, l models.List[models.DriftEventOrderField]) (map[string]*models.Rows[*models.DriftEvent], error) {
				return s.DriftEventsOfPayers(ctx, v, ids, models.DriftEventFilter{}, l)
			},
			func(ctx context.Context, id string, l models.List[models.DriftEventOrderField]) (*models.Rows[*models.DriftEvent], error) {
				return s.DriftEvents(ctx, v, models.DriftEventFilter{Payer: &id}, l)
			})
	})
	t.Run("tests of runs", func(t *testing.T) {
		t.Parallel()
		sameAsSingle(t, f.runs, [][]models.DriftTestOrder{nil, {{Field: models.DriftTestOrderPValue, Direction: models.Descending}}},
			func(ctx context.Context, ids []models.ReportRunID, l models.List[models.DriftTestOrderField]) (map[models.ReportRunID]*models.Rows[*models.DriftTest], error) {
				return s.DriftTestsOfRuns(ctx, v, ids, models.DriftTestFilter{}, l)
			},
			func(ctx context.Context, id models.ReportRunID, l models.List[models.DriftTestOrderField]) (*models.Rows[*models.DriftTest], error) {
				return s.DriftTests(ctx, v, id, models.DriftTestFilter{}, l)
			})
	})
}

func TestBatch_FiltersAndSearches(t *testing.T) {
	t.Parallel()
	f := newFamily(factory.New(t), 6)
	list := models.List[models.DriftEventOrderField]{Search: "p1", Page: models.Page{Limit: 10, WantTotal: true}}
	got := must(f.Store.DriftEventsOfRuns(t.Context(), f.System(), f.runs, models.DriftEventFilter{Payer: new("P")}, list))(t)
	for i, id := range f.runs {
		want := []int{1, 0, 0, 1, 1, 1}[i] // runs of two events and more have one of P1
		equal(t, "rows and total", []int{want, want}, []int{len(got[id].Items), int(*got[id].Total)})
	}
	list.Page.After = "garbage"
	_, err := f.Store.DriftEventsOfRuns(t.Context(), f.System(), f.runs, models.DriftEventFilter{}, list)
	wantCode(t, err, models.CodeValidation)
}

func TestBatch_LookUpsByIdentifier(t *testing.T) {
	t.Parallel()
	f := newFamily(factory.New(t), 3)
	unknown := f.UploadRow().ID
	got := must(f.Store.UploadsByID(t.Context(), f.System(), []models.UploadID{f.uploads[0], unknown, f.uploads[2], f.uploads[0]}))(t)
	equal(t, "found", 2, len(got))
	equal(t, "row", must(f.Store.Upload(t.Context(), f.System(), f.uploads[0]))(t), got[f.uploads[0]])
	equal(t, "none asked for", 0, len(must(f.Store.ClaimsByID(t.Context(), f.System(), nil))(t)))
}
