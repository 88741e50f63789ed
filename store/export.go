package store

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"upstream/models"
)

// auditReportExported is what the audit log calls an export.
const auditReportExported auditAction = "report_exported"

// exportAuditTimeout bounds the work of recording an export, which goes on after
// the client is gone: what it has received, it has received.
const exportAuditTimeout = 30 * time.Second

// ExportClaims gives each claim of the list to sink, one by one and from one
// snapshot, and then audits how many they were. Nothing is gathered: an export
// of any size needs one row of memory. Of l, paging is ignored. It ends at the
// first error of sink.
func (s *Store) ExportClaims(ctx context.Context, v models.Viewer, f models.ClaimFilter, l models.List[models.ClaimOrderField], sink func(*models.Claim) error) error {
	spec := claimSpec()
	spec.parts = false // every column
	return export(ctx, s, v, models.PermissionViewClaims, "claims", spec, f, l, sink)
}

// ExportDriftEvents is ExportClaims of drift events.
func (s *Store) ExportDriftEvents(ctx context.Context, v models.Viewer, f models.DriftEventFilter, l models.List[models.DriftEventOrderField], sink func(*models.DriftEvent) error) error {
	return export(ctx, s, v, models.PermissionViewReports, "drift_events", driftEventSpec(), f, l, sink)
}

func export[T any, F any, O models.OrderField](ctx context.Context, s *Store, v models.Viewer, p models.Permission, kind string, spec listSpec[T], f F, l models.List[O], sink func(*T) error) error {
	l.Page = models.Page{}
	sent := 0
	_, err := inTenant(ctx, s, v, p, snapshot, func(tx *tenantTx) (struct{}, error) {
		plan, err := newPlan(ctx, tx, spec, "", everything, f, l)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.stream(ctx, s, plan.shown(plan.ordered(plan.matching((*T)(nil)))).String(), func(scan func(...any) error) error {
			row := new(T)
			if err := scan(row); err != nil {
				return err
			}
			if err := sink(row); err != nil {
				return err
			}
			sent++
			return nil
		})
	})
	if err != nil && sent == 0 {
		return err
	}
	return errors.Join(err, s.auditExport(ctx, v, kind, sent, err == nil, f, l.Search))
}

// auditExport records what left the system, whole or not.
func (s *Store) auditExport(ctx context.Context, v models.Viewer, kind string, sent int, complete bool, filter any, search string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportAuditTimeout)
	defer cancel()
	_, err := bound(ctx, s, v, readCommitted, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, tx.audit(ctx, auditReportExported, "export", kind, map[string]any{
			"export_type": kind, "record_count": sent, "complete": complete, "filters": filtersSet(filter, search),
		})
	})
	return err
}

// filtersSet are the filters of an export by their names. Somebody's own text,
// of a filter or of a search, may name a patient: that there was one is all that
// is kept.
func filtersSet(filter any, search string) map[string]any {
	set := map[string]any{}
	v := reflect.ValueOf(filter)
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("query")
		if _, text := v.Field(i).Interface().(*string); text && !v.Field(i).IsNil() {
			set[name] = true
		} else if !v.Field(i).IsNil() {
			set[name] = v.Field(i).Interface()
		}
	}
	if search != "" {
		set["search"] = true
	}
	if _, err := json.Marshal(set); err != nil { // such as a bound that is no number, which was refused
		return map[string]any{}
	}
	return set
}
