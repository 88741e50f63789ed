package store_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// renaming is the change of a payer mapping's normalised name.
func renaming(id models.PayerMappingID, name string, version *int64) models.Update[models.PayerMappingID, models.PayerMappingPatch] {
	return models.Update[models.PayerMappingID, models.PayerMappingPatch]{
		ID: id, ExpectedVersion: version, Patch: models.PayerMappingPatch{NormalizedName: models.To(name)},
	}
}

func aetna(t *testing.T, s *store.Store, tenant *factory.Tenant) *models.PayerMapping {
	t.Helper()
	return must(s.CreatePayerMapping(t.Context(), tenant.System(), models.NewPayerMapping{RawName: "AETNA INC", NormalizedName: "Aetna"}))(t)
}

// shown is all of a mapping that changes.
func shown(m *models.PayerMapping) []any {
	return []any{m.ID.String(), m.RawName, m.NormalizedName, m.Version, m.UpdatedAt.UTC()}
}

func TestUpdate_WritesWhatDiffers(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	v, ctx := cedar.User(models.RoleAnalyst), t.Context()
	mapping := aetna(t, w.Store, cedar)
	later := at(w, "2026-06-16T08:00:00Z")

	same := must(later.UpdatePayerMapping(ctx, v, renaming(mapping.ID, " Aetna ", new(int64(1)))))(t)
	equal(t, "after nothing", shown(mapping), shown(same))
	equal(t, "stored", shown(mapping), shown(must(w.Store.PayerMapping(ctx, v, mapping.ID))(t)))
	equal(t, "lines", 0, audited(cedar, "payer_mapping_updated"))

	renamed := must(later.UpdatePayerMapping(ctx, v, renaming(mapping.ID, "Aetna Health", nil)))(t)
	equal(t, "version", int64(2), renamed.Version)
	equal(t, "changed at", "2026-06-16T08:00:00Z", renamed.UpdatedAt.UTC().Format("2006-01-02T15:04:05Z07:00"))
	equal(t, "stored after", shown(renamed), shown(must(w.Store.PayerMapping(ctx, v, mapping.ID))(t)))
	equal(t, "audited", `{"normalized_name": "Aetna"} {"normalized_name": "Aetna Health"} `+mapping.ID.String(), factory.Query[string](cedar,
		`SELECT before::text || ' ' || after::text || ' ' || entity_id FROM audit_events WHERE action = 'payer_mapping_updated'`))

	if err := later.DeletePayerMapping(ctx, v, models.Deletion[models.PayerMappingID]{ID: mapping.ID, ExpectedVersion: new(int64(2))}); err != nil {
		t.Fatal(err)
	}
	equal(t, "audited", `{"raw_name": "AETNA INC", "normalized_name": "Aetna Health"}`, factory.Query[string](cedar,
		`SELECT before::text FROM audit_events WHERE action = 'payer_mapping_deleted' AND after IS NULL`))
}

// Of many who change a row at the version they have all seen, one does; the
// others are told. Those who expect no version all do.
func TestUpdate_ByManyAtOnce(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	v := cedar.System()
	mapping := aetna(t, w.Store, cedar)
	const writers = 8
	all := func(version *int64) (done, stale int64) {
		var wg sync.WaitGroup
		var dones, stales atomic.Int64
		for i := range writers {
			wg.Go(func() {
				_, err := w.Store.UpdatePayerMapping(t.Context(), v, renaming(mapping.ID, fmt.Sprintf("Aetna %d %v", i, version != nil), version))
				switch {
				case err == nil:
					dones.Add(1)
				case models.CodeOf(err) == models.CodeStale:
					stales.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return dones.Load(), stales.Load()
	}
	done, stale := all(new(int64(1)))
	equal(t, "who saw version 1", []int64{1, writers - 1}, []int64{done, stale})
	done, stale = all(nil)
	equal(t, "who saw none", []int64{writers, 0}, []int64{done, stale})
	equal(t, "version", int64(2+writers), must(w.Store.PayerMapping(t.Context(), v, mapping.ID))(t).Version)
	equal(t, "lines", 1+writers, audited(cedar, "payer_mapping_updated"))
}

// meanwhile does something once, when the store is about to send a statement
// that begins so.
func meanwhile(r *tracer, begins string, do func()) {
	var once sync.Once
	r.on(func(sql string) {
		if strings.HasPrefix(sql, begins) {
			once.Do(do)
		}
	})
}

// What happens between the reading and the writing of a row is found out by the
// statement that writes.
func TestUpdate_Overtaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		version *int64
		delete  bool
		want    models.Code
	}{
		"changed, no version expected":  {},
		"changed, the old one expected": {version: new(int64(1)), want: models.CodeStale},
		"changed, the new one expected": {version: new(int64(2)), want: ""},
		"deleted":                       {delete: true, want: models.CodeNotFound},
		"deleted, a version expected":   {version: new(int64(1)), delete: true, want: models.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := factory.New(t)
			cedar := w.Tenant("cedar")
			v, other := cedar.System(), w.Store
			mapping := aetna(t, other, cedar)
			r := traced(w)
			meanwhile(r, "UPDATE", func() {
				if tt.delete {
					if err := other.DeletePayerMapping(t.Context(), v, models.Deletion[models.PayerMappingID]{ID: mapping.ID}); err != nil {
						t.Error(err)
					}
					return
				}
				must(other.UpdatePayerMapping(t.Context(), v, models.Update[models.PayerMappingID, models.PayerMappingPatch]{
					ID: mapping.ID, Patch: models.PayerMappingPatch{RawName: models.To("Aetna Inc.")},
				}))(t)
			})
			after, err := w.Store.UpdatePayerMapping(t.Context(), v, renaming(mapping.ID, "Aetna Health", tt.version))
			if tt.want != "" {
				wantCode(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "both changes", []any{"Aetna Inc.", "Aetna Health", int64(3)}, []any{after.RawName, after.NormalizedName, after.Version})
		})
	}
}

// A deletion that expects a version is decided by the DELETE as well.
func TestDelete_Overtaken(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	v, other := cedar.System(), w.Store
	mapping := aetna(t, other, cedar)
	meanwhile(traced(w), "DELETE", func() {
		must(other.UpdatePayerMapping(t.Context(), v, renaming(mapping.ID, "Aetna Health", nil)))(t)
	})
	err := w.Store.DeletePayerMapping(t.Context(), v, models.Deletion[models.PayerMappingID]{ID: mapping.ID, ExpectedVersion: new(int64(1))})
	wantCode(t, err, models.CodeStale)
	equal(t, "still there", int64(2), must(w.Store.PayerMapping(t.Context(), v, mapping.ID))(t).Version)
}

// A conflict names the row that is in the way, and the transaction goes on as
// far as to look it up.
func TestMapping_Conflicts(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	v, ctx := cedar.System(), t.Context()
	first := aetna(t, w.Store, cedar)
	aetna(t, w.Store, harbor)
	second := must(w.Store.CreatePayerMapping(ctx, v, models.NewPayerMapping{RawName: "Cigna", NormalizedName: "Cigna"}))(t)

	_, created := w.Store.CreatePayerMapping(ctx, v, models.NewPayerMapping{RawName: " aetna inc ", NormalizedName: "x"})
	_, updated := w.Store.UpdatePayerMapping(ctx, v, models.Update[models.PayerMappingID, models.PayerMappingPatch]{
		ID: second.ID, Patch: models.PayerMappingPatch{RawName: models.To("Aetna INC")},
	})
	for name, err := range map[string]error{"created": created, "updated": updated} {
		e := wantCode(t, err, models.CodeConflict)
		equal(t, name+", fields", []string{"raw_name:taken"}, fieldPaths(e))
		equal(t, name+", existing", first.ID.String(), e.ExistingID)
	}

	code := must(w.Store.CreateCPTGroupMapping(ctx, v, models.NewCPTGroupMapping{CPTCode: "99213", CPTGroup: "OFFICE"}))(t)
	_, err := w.Store.CreateCPTGroupMapping(ctx, v, models.NewCPTGroupMapping{CPTCode: "99213", CPTGroup: "x"})
	equal(t, "code", code.ID.String(), wantCode(t, err, models.CodeConflict).ExistingID)
	equal(t, "stored", shown(second), shown(must(w.Store.PayerMapping(ctx, v, second.ID))(t)))
	equal(t, "lines", 0, audited(cedar, "payer_mapping_updated"))
}

// The name of a customer is everybody's, so a conflict about it tells no more
// than that.
func TestUpdateCustomer_NameTaken(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, harbor := w.Tenant("cedar"), w.Tenant("harbor")
	_, err := w.Store.UpdateCustomer(t.Context(), cedar.System(), models.Update[models.CustomerID, models.CustomerPatch]{
		ID: cedar.Customer.ID, Patch: models.CustomerPatch{Name: models.To(harbor.Customer.Name)},
	})
	e := wantCode(t, err, models.CodeConflict)
	equal(t, "fields and existing", []string{"name:taken", ""}, append(fieldPaths(e), e.ExistingID))
}

// An upload goes when nothing refers to it but its rejected rows. The foreign
// key decides, so a claim that comes between is no race.
func TestDeleteUpload(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	owner := cedar.User(models.RoleOwner)
	full, empty, contested := cedar.Drifting(), cedar.UploadRow(), cedar.UploadRow()
	cedar.Insert(empty, contested, cedar.RejectionRow(empty.ID, 2))
	remove := func(id models.UploadID) error {
		return w.Store.DeleteUpload(t.Context(), owner, models.Deletion[models.UploadID]{ID: id})
	}
	wantCode(t, remove(full.ID), models.CodeInUse)
	if err := remove(empty.ID); err != nil {
		t.Fatal(err)
	}
	equal(t, "rejected rows", 0, factory.Query[int](cedar, `SELECT count(*) FROM upload_rejections`))
	wantCode(t, remove(empty.ID), models.CodeNotFound)
	equal(t, "lines", 1, audited(cedar, "upload_deleted"))
	equal(t, "the name of the file", "[REDACTED]",
		factory.Query[string](cedar, `SELECT before->>'filename' FROM audit_events WHERE action = 'upload_deleted'`))
	meanwhile(traced(w), "DELETE", func() { cedar.Insert(cedar.ClaimRow(contested.ID)) })
	wantCode(t, remove(contested.ID), models.CodeInUse)
}
