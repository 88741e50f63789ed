package store_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"upstream/internal/factory"
	"upstream/models"
)

// BenchmarkColumns reads 50 rows of the wide tables, whole and in part.
func BenchmarkColumns(b *testing.B) {
	w := factory.New(b)
	cedar := w.Tenant("cedar")
	assorted(cedar, 2000, 1)
	run := cedar.RunRow()
	cedar.Insert(run)
	weeks := make([]map[string]any, 60)
	for i := range weeks {
		weeks[i] = map[string]any{"week": i, "count": 17 * i, "value": 0.123456789, "sample_size": 120 + i}
	}
	evidence, err := json.Marshal(map[string]any{"weeks": weeks})
	if err != nil {
		b.Fatal(err)
	}
	var events []*models.DriftEvent
	for i := range 200 {
		events = append(events, cedar.EventRow(run.ID, fmt.Sprint("P", i), func(e *models.DriftEvent) { e.Evidence = evidence }))
	}
	cedar.Insert(&events)
	db := bun.NewDB(stdlib.OpenDBFromPool(w.DB.Owner), pgdialect.New())
	b.Cleanup(func() { _ = db.Close() })
	read := func(model any, change func(*bun.SelectQuery) *bun.SelectQuery) func(*testing.B) {
		return func(b *testing.B) {
			b.Helper()
			tx, err := db.BeginTx(b.Context(), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if _, err := tx.ExecContext(b.Context(), `SELECT set_config('app.customer_id', ?, true)`, cedar.Customer.ID.UUID().String()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := change(tx.NewSelect().Model(model).Limit(50)).Scan(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	whole := func(q *bun.SelectQuery) *bun.SelectQuery { return q }
	b.Run("events/whole", read(&[]*models.DriftEvent{}, whole))
	b.Run("events/without evidence", read(&[]*models.DriftEvent{}, func(q *bun.SelectQuery) *bun.SelectQuery { return q.ExcludeColumn("evidence") }))
	b.Run("claims/whole", read(&[]*models.Claim{}, whole))
	b.Run("claims/ten", read(&[]*models.Claim{}, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Column("id", "payer", "cpt", "cpt_group", "submitted_date", "decided_date", "outcome", "billed_amount", "denial_reason_code", "upload_id")
	}))
}
