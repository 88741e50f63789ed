package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
	"upstream/internal/testdb"
	"upstream/models"
	"upstream/store"
)

// stamp is a sealer that can be looked through: a seal is the name of its key
// and what it is bound to.
type stamp struct {
	key     string
	retired []string
}

func (s stamp) Seal(plaintext []byte, as models.SealedAs) ([]byte, error) {
	return slices.Concat([]byte(s.key), as.AssociatedData(), []byte("|"), plaintext), nil
}

func (s stamp) Open(sealed []byte, as models.SealedAs) ([]byte, error) {
	for _, key := range append([]string{s.key}, s.retired...) {
		if rest, ok := bytes.CutPrefix(sealed, slices.Concat([]byte(key), as.AssociatedData(), []byte("|"))); ok {
			return rest, nil
		}
	}
	return nil, errors.New("does not open")
}

func (s stamp) Current(sealed []byte) bool { return bytes.HasPrefix(sealed, []byte(s.key)) }

func TestCatalogue_EverySealedColumnIsRotated(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	inSchema := strs(t, db, `
		SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname LIKE '%\_sealed' AND NOT a.attisdropped
		ORDER BY 1`)
	covered := store.SealedColumns()
	slices.Sort(covered)
	slices.Sort(inSchema)
	if diff := cmp.Diff(inSchema, covered, cmp.Transformer("", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
		t.Errorf("sealed columns of the schema (-) and those that a rotation covers (+) differ:\n%s", diff)
	}
}

// sealedTable makes a table with a sealed column, of customers or of nobody.
func sealedTable(t *testing.T, w *factory.World, name string, tenant bool) {
	t.Helper()
	owner, using := "", "(SELECT current_setting('app.system', true)) = 'on'"
	if tenant {
		owner = "customer_id uuid NOT NULL,"
		using = "customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid)"
	}
	_, err := w.DB.Owner.Exec(t.Context(), fmt.Sprintf(`CREATE TABLE %[1]s (id uuid PRIMARY KEY, %[2]s secret_sealed bytea);
		ALTER TABLE %[1]s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
		CREATE POLICY p ON %[1]s USING (%[3]s) WITH CHECK (%[3]s);
		GRANT SELECT, INSERT, UPDATE ON %[1]s TO upstream_app`, name, owner, using))
	if err != nil {
		t.Fatal(err)
	}
}

// fillSealed stores secrets, and answers with a function that opens them all.
func fillSealed(t *testing.T, w *factory.World, table string, customer models.CustomerID, by store.Sealer, n int) func(store.Sealer) error {
	t.Helper()
	in := func(fn func(pgx.Tx) error) error {
		return pgx.BeginFunc(context.Background(), w.DB.Owner, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `SELECT set_config('app.system', 'on', true), set_config('app.customer_id', $1, true)`,
				customer.UUID().String()); err != nil {
				return err
			}
			return fn(tx)
		})
	}
	as := func(id uuid.UUID) models.SealedAs {
		return models.SealedAs{Table: table, Column: "secret_sealed", Row: id, Customer: customer}
	}
	err := in(func(tx pgx.Tx) error {
		columns, values := "id, secret_sealed", "$1, $2"
		if !customer.IsZero() {
			columns, values = "id, secret_sealed, customer_id", "$1, $2, '"+customer.UUID().String()+"'"
		}
		for range n {
			id := uuid.New()
			sealed, err := by.Seal([]byte(id.String()), as(id))
			if err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), `INSERT INTO `+table+` (`+columns+`) VALUES (`+values+`)`, id, sealed); err != nil {
				return err
			}
		}
		_, err := tx.Exec(t.Context(), `INSERT INTO `+table+` (`+columns+`) VALUES (`+values+`)`, uuid.New(), nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(with store.Sealer) error {
		return in(func(tx pgx.Tx) error {
			rows, err := tx.Query(t.Context(), `SELECT id, secret_sealed FROM `+table+` WHERE secret_sealed IS NOT NULL`)
			if err != nil {
				return err
			}
			type row struct {
				ID     uuid.UUID
				Sealed []byte
			}
			all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
			if len(all) < n {
				return fmt.Errorf("%d rows: %w", len(all), err)
			}
			for _, r := range all {
				if opened, err := with.Open(r.Sealed, as(r.ID)); err != nil || string(opened) != r.ID.String() {
					return fmt.Errorf("%s: %q, %w", r.ID, opened, err)
				}
			}
			return err
		})
	}
}

func TestRotateSecrets(t *testing.T) {
	t.Parallel()
	for name, tenant := range map[string]bool{"rows of customers": true, "rows of nobody": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := factory.New(t)
			cedar, harbor := w.Tenant("cedar").Customer.ID, w.Tenant("harbor").Customer.ID
			if !tenant {
				cedar, harbor = models.CustomerID{}, models.CustomerID{}
			}
			sealedTable(t, w, "probes", tenant)
			const many, few = store.RotateBatch + 3, 2
			opensOld := fillSealed(t, w, "probes", cedar, stamp{key: "old"}, many)
			opensNew := fillSealed(t, w, "probes", harbor, stamp{key: "new"}, few)
			s := w.StoreWith(w.DB.App, store.Options{Sealer: stamp{key: "new", retired: []string{"old"}}})

			want := models.RotatedSecrets{Table: "probes", Column: "secret_sealed", Secrets: many + few, Resealed: many}
			equal(t, "the first rotation", want, must(store.RotateColumn(t.Context(), s, "probes", "secret_sealed", tenant))(t))
			fresh := stamp{key: "new"} // the retired key is needed no more
			if err := errors.Join(opensOld(fresh), opensNew(fresh)); err != nil {
				t.Error(err)
			}
			want.Resealed = 0
			equal(t, "the second rotation", want, must(store.RotateColumn(t.Context(), s, "probes", "secret_sealed", tenant))(t))
		})
	}
}

func TestRotateSecrets_LeavesAloneWhatNoKeyOpens(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	sealedTable(t, w, "probes", false)
	opensLost := fillSealed(t, w, "probes", models.CustomerID{}, stamp{key: "lost"}, 2)
	s := w.StoreWith(w.DB.App, store.Options{Sealer: stamp{key: "new", retired: []string{"old"}}})
	got := must(store.RotateColumn(t.Context(), s, "probes", "secret_sealed", false))(t)
	equal(t, "rotation", models.RotatedSecrets{Table: "probes", Column: "secret_sealed", Secrets: 2, Unreadable: 2}, got)
	if err := opensLost(stamp{key: "lost"}); err != nil {
		t.Errorf("they were changed: %v", err)
	}
}

func TestRotateSecrets_NeedsAKey(t *testing.T) {
	t.Parallel()
	s := store.New(testdb.New(t).App, store.Options{})
	defer func() { _ = s.Close() }()
	_, err := s.RotateSecrets(t.Context())
	wantCode(t, err, models.CodeInternal)
}
