package store

import (
	"context"
	"sync"

	"upstream/models"
)

// accesses are the customers whose data a superuser has entered in one request.
type accesses struct {
	mu      sync.Mutex
	entered map[models.CustomerID]bool
}

// noteAccess audits that a superuser enters a customer's data: in a transaction
// of its own that is committed before anything is read or written, so that no
// access is without trace, be it one that failed. One request leaves one line;
// what a request is the context tells, not the request id, which clients choose.
func (s *Store) noteAccess(ctx context.Context, v models.Viewer, p models.Permission) error {
	if !v.Superuser {
		return nil
	}
	stats, ok := ctx.Value(statsKey{}).(*Stats)
	if !ok {
		return s.recordAccess(ctx, v, p)
	}
	// Fields of one query run side by side: the others wait until the line of
	// the first is there.
	stats.access.mu.Lock()
	defer stats.access.mu.Unlock()
	if stats.access.entered[v.CustomerID] {
		return nil
	}
	if err := s.recordAccess(ctx, v, p); err != nil {
		return err
	}
	if stats.access.entered == nil {
		stats.access.entered = map[models.CustomerID]bool{}
	}
	stats.access.entered[v.CustomerID] = true
	return nil
}

// recordAccess writes to the customer's log or, when a foreign key says that
// there is no such customer, to the platform's: the access that follows finds
// nothing, yet it was tried.
func (s *Store) recordAccess(ctx context.Context, v models.Viewer, p models.Permission) error {
	id, said := v.CustomerID.String(), map[string]any{"permission": p}
	_, err := bound(ctx, s, v, readCommitted, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, tx.audit(ctx, auditSuperuserAccess, "customer", id, said)
	})
	if err == nil || models.CodeOf(err) != models.CodeValidation {
		return err
	}
	_, err = system(ctx, s, func(tx *systemTx) (struct{}, error) {
		return struct{}{}, tx.auditIn(ctx, models.CustomerID{}, v, auditSuperuserAccess, "customer", id, change{metadata: said})
	})
	return err
}
