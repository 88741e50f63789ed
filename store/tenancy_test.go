package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

// inhabited is a customer with at least one row in every tenant table.
func inhabited(w *factory.World, slug string) (*factory.Tenant, *models.ReportRun) {
	w.Helper()
	ctx := context.Background()
	t := w.Tenant(slug)
	t.User(models.RoleOwner)
	upload := t.Drifting()
	t.Insert(t.RejectionRow(upload.ID, 9999), &models.CPTGroupMapping{
		CustomerID: t.Customer.ID, ID: models.CPTGroupMappingID{}.From(uuid.Must(uuid.NewV7())),
		CPTCode: "X1", CPTGroup: "SPECIAL", Version: 1, CreatedAt: factory.Now(), UpdatedAt: factory.Now(),
	})
	mapping := models.NewPayerMapping{RawName: "AETNA INC", NormalizedName: "Aetna"}
	must(w.Store.CreatePayerMapping(ctx, t.System(), mapping))(w)
	run := must(w.Store.DetectDrift(ctx, t.System(), models.DetectInput{}))(w)
	if run.DriftEventCount == 0 {
		w.Fatal("no drift was found to test with")
	}
	return t, run
}

// isRefused reports whether row-level security or a missing right stopped a write.
func isRefused(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == "42501"
}

// copyOf is an INSERT of a JSON row into a table, its generated columns left out.
func copyOf(table string) string {
	return fmt.Sprintf(`DO $$ DECLARE columns text; BEGIN
		SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
		WHERE attrelid = '%[1]s'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
		EXECUTE format('INSERT INTO %[1]s (%%s) SELECT %%s FROM jsonb_populate_record(NULL::%[1]s, current_setting(''test.row'')::jsonb)',
			columns, columns);
	END $$`, table)
}

func insertCopy(ctx context.Context, tx pgx.Tx, table, row string) error {
	if _, err := tx.Exec(ctx, `SELECT set_config('test.row', $1, true)`, row); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, copyOf(table))
	return err
}

// apply runs fn in a transaction of the application's role that is rolled back.
func apply(t *testing.T, w *factory.World, customer *models.CustomerID, fn func(context.Context, pgx.Tx) error) error {
	t.Helper()
	ctx := t.Context()
	tx, err := w.DB.App.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if customer != nil {
		if err := within(tx, *customer); err != nil {
			t.Fatal(err)
		}
	}
	return fn(ctx, tx)
}

// rowOf is a row of the table as JSON, with a new identifier.
func rowOf(t *testing.T, tenant *factory.Tenant, table string) string {
	t.Helper()
	text := factory.Query[string](tenant, `SELECT to_jsonb(x)::text FROM `+table+` x LIMIT 1`)
	var row map[string]any
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		t.Fatal(err)
	}
	if _, ok := row["id"]; ok {
		row["id"] = uuid.Must(uuid.NewV7()).String()
	}
	body, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func count(ctx context.Context, tx pgx.Tx, table string) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM `+table).Scan(&n)
	return n, err
}

func TestTenancy_EveryTable(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, _ := inhabited(w, "cedar")
	harbor, _ := inhabited(w, "harbor")
	mine, theirs := cedar.Customer.ID, harbor.Customer.ID
	tables := append(strs(t, w.DB, tenantTables), "customers", "users")
	for _, table := range tables {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			row := rowOf(t, cedar, table)
			t.Run("without a tenant nothing is seen", func(t *testing.T) {
				err := apply(t, w, nil, func(ctx context.Context, tx pgx.Tx) error {
					n, err := count(ctx, tx, table)
					if n != 0 {
						t.Errorf("%d rows are seen", n)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
			t.Run("without a tenant nothing is written", func(t *testing.T) {
				err := apply(t, w, nil, func(ctx context.Context, tx pgx.Tx) error { return insertCopy(ctx, tx, table, row) })
				if !isRefused(err) {
					t.Errorf("insert: %v", err)
				}
				for _, change := range []string{`UPDATE ` + table + ` SET customer_id = customer_id`, `DELETE FROM ` + table} {
					if table == "users" || table == "customers" {
						change = strings.Replace(change, "customer_id = customer_id", "version = version", 1)
					}
					err := apply(t, w, nil, func(ctx context.Context, tx pgx.Tx) error {
						tag, err := tx.Exec(ctx, change)
						if tag.RowsAffected() != 0 {
							t.Errorf("%s changed %d rows", change, tag.RowsAffected())
						}
						return err
					})
					if err != nil && !isRefused(err) {
						t.Errorf("%s: %v", change, err)
					}
				}
			})
			if table == "users" {
				return // a person may belong to both
			}
			t.Run("the tenant sees its own alone", func(t *testing.T) {
				column := "customer_id"
				if table == "customers" {
					column = "id"
				}
				err := apply(t, w, &mine, func(ctx context.Context, tx pgx.Tx) error {
					var own, foreign int
					err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FILTER (WHERE %[1]s = $1), count(*) FILTER (WHERE %[1]s <> $1)
						FROM %[2]s`, column, table), mine.UUID().String()).Scan(&own, &foreign)
					if own == 0 || foreign != 0 {
						t.Errorf("%d rows of its own and %d of others are seen", own, foreign)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
			t.Run("a row that names another tenant is refused", func(t *testing.T) {
				foreign := strings.ReplaceAll(row, mine.UUID().String(), theirs.UUID().String())
				if table == "customers" {
					foreign = row // its identifier is a new one: another customer
				}
				err := apply(t, w, &mine, func(ctx context.Context, tx pgx.Tx) error { return insertCopy(ctx, tx, table, foreign) })
				if !isRefused(err) {
					t.Errorf("insert: %v", err)
				}
				if table == "customers" {
					return
				}
				err = apply(t, w, &mine, func(ctx context.Context, tx pgx.Tx) error {
					_, err := tx.Exec(ctx, `UPDATE `+table+` SET customer_id = $1`, theirs.UUID().String())
					return err
				})
				if !isRefused(err) {
					t.Errorf("update: %v", err)
				}
			})
		})
	}
}

func TestTenancy_AnotherCustomersRowsAreNotThere(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, _ := inhabited(w, "cedar")
	harbor, run := inhabited(w, "harbor")
	ctx, v, theirs, s := t.Context(), cedar.System(), harbor.System(), w.Store

	upload := must(s.Uploads(ctx, theirs, models.UploadFilter{}, everyRow[models.UploadOrderField]()))(t).Items[0].ID
	claim := must(s.Claims(ctx, theirs, models.ClaimFilter{}, everyRow[models.ClaimOrderField]()))(t).Items[0].ID
	event := must(s.DriftEvents(ctx, theirs, models.DriftEventFilter{}, everyRow[models.DriftEventOrderField]()))(t).Items[0].ID

	for name, call := range map[string]func() error{
		"Upload":     func() error { _, err := s.Upload(ctx, v, upload); return err },
		"Claim":      func() error { _, err := s.Claim(ctx, v, claim); return err },
		"ReportRun":  func() error { _, err := s.ReportRun(ctx, v, run.ID); return err },
		"DriftEvent": func() error { _, err := s.DriftEvent(ctx, v, event); return err },
		"Rejections": func() error {
			_, err := s.Rejections(ctx, v, upload, everyRow[models.RejectionOrderField]())
			return err
		},
		"DriftTests": func() error {
			_, err := s.DriftTests(ctx, v, run.ID, models.DriftTestFilter{}, everyRow[models.DriftTestOrderField]())
			return err
		},
	} {
		if err := call(); models.CodeOf(err) != models.CodeNotFound || err == nil {
			t.Errorf("%s of another customer: %v", name, err)
		}
	}
	for name, n := range map[string]int{
		"UploadsByID":     len(must(s.UploadsByID(ctx, v, []models.UploadID{upload}))(t)),
		"ClaimsByID":      len(must(s.ClaimsByID(ctx, v, []models.ClaimID{claim}))(t)),
		"ReportRunsByID":  len(must(s.ReportRunsByID(ctx, v, []models.ReportRunID{run.ID}))(t)),
		"DriftEventsByID": len(must(s.DriftEventsByID(ctx, v, []models.DriftEventID{event}))(t)),
		"ClaimsOfUploads": len(must(s.ClaimsOfUploads(ctx, v, []models.UploadID{upload}, models.ClaimFilter{},
			everyRow[models.ClaimOrderField]()))(t)[upload].Items),
		"RejectionsOfUploads": len(must(s.RejectionsOfUploads(ctx, v, []models.UploadID{upload},
			everyRow[models.RejectionOrderField]()))(t)[upload].Items),
		"DriftEventsOfRuns": len(must(s.DriftEventsOfRuns(ctx, v, []models.ReportRunID{run.ID}, models.DriftEventFilter{},
			everyRow[models.DriftEventOrderField]()))(t)[run.ID].Items),
		"DriftTestsOfRuns": len(must(s.DriftTestsOfRuns(ctx, v, []models.ReportRunID{run.ID}, models.DriftTestFilter{},
			everyRow[models.DriftTestOrderField]()))(t)[run.ID].Items),
		"Claims of their upload": len(must(s.Claims(ctx, v, models.ClaimFilter{Upload: &upload},
			everyRow[models.ClaimOrderField]()))(t).Items),
		"DriftEvents of their run": len(must(s.DriftEvents(ctx, v, models.DriftEventFilter{ReportRun: &run.ID},
			everyRow[models.DriftEventOrderField]()))(t).Items),
	} {
		if n != 0 {
			t.Errorf("%s answers %d rows of another customer", name, n)
		}
	}
}

// One connection serves everybody, one after another, as behind a pooler: what
// one transaction was bound to must be gone in the next.
func TestTenancy_OneConnectionInterleaved(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	const tenants, workers, rounds = 3, 6, 150
	type member struct {
		viewer models.Viewer
		upload models.UploadID
	}
	var members []member
	for i := range tenants {
		tenant := w.Tenant(fmt.Sprintf("clinic-%d", i))
		upload := tenant.UploadRow()
		tenant.Insert(upload)
		members = append(members, member{tenant.System(), upload.ID})
	}
	s := w.StoreWith(w.Pool(postgres.PoolOptions{MaxConns: 1}), store.Options{})
	ctx := t.Context()
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range rounds {
				me, other := members[(worker+i)%tenants], members[(worker+i+1)%tenants]
				if u, err := s.Upload(ctx, me.viewer, me.upload); err != nil || u.CustomerID != me.viewer.CustomerID {
					t.Errorf("own upload: %v, %v", u, err)
				}
				if u, err := s.Upload(ctx, me.viewer, other.upload); models.CodeOf(err) != models.CodeNotFound {
					t.Errorf("another's upload: %v, %v", u, err)
				}
				if i%10 != 0 {
					continue
				}
				if c, err := s.CustomerBySlug(ctx, fmt.Sprintf("clinic-%d", i%tenants)); err != nil {
					t.Errorf("customer: %v, %v", c, err)
				}
				rows, err := s.Uploads(ctx, me.viewer, models.UploadFilter{}, everyRow[models.UploadOrderField]())
				if err != nil || len(rows.Items) != 1 || rows.Items[0].ID != me.upload {
					t.Errorf("uploads: %v, %v", rows, err)
				}
			}
		})
	}
	wg.Wait()
}

// The database handle is used where transactions begin and nowhere else, and a
// transaction is queried directly only for tables of no tenant: all the rest
// goes through helpers that add the customer.
func TestTenancy_NoQueryWithoutATenant(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	handle := []string{"store.go", "tx.go"}
	builders := []string{
		"tx.go", "account.go", "customer.go", "auditchain.go", "auditverify.go", "batch.go", "session.go", "lockout.go",
		"seal_sql.go", "passwordreset.go",
	}
	files := 0
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			at := set.Position(selector.Pos())
			switch selector.Sel.Name {
			case "db", "DB", "RunInTx", "BeginTx", "NewDB":
				if !slices.Contains(handle, name) {
					t.Errorf("%s: the database handle is used outside %v", at, handle)
				}
			case "NewSelect", "NewInsert", "NewUpdate", "NewDelete", "NewMerge", "NewRaw":
				if !slices.Contains(builders, name) {
					t.Errorf("%s: a query without a tenant", at)
				}
			}
			return true
		})
	}
	if files < 20 {
		t.Errorf("only %d files were looked at", files)
	}
}
