package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"

	"github.com/uptrace/bun"

	"upstream/models"
)

// verifyBatch is how many lines a verification holds in memory.
const verifyBatch = 1000

// VerifyAudit proves the chain of a customer, or that of the platform when
// customer is zero: that no line was changed, removed, added or moved, from the
// first to the one the head names. anchor, when not nil, is the end of the
// chain as it was noted some time before: the chain must still hold it. A chain
// that does not hold is no error: the report names the first broken link.
//
// Whoever owns the tables can rewrite a whole chain with its head; only an
// anchor kept elsewhere shows that. docs/audit.md says what is proven.
func (s *Store) VerifyAudit(ctx context.Context, customer models.CustomerID, anchor *models.AuditAnchor) (*models.AuditReport, error) {
	check := func(tx bun.IDB) (*models.AuditReport, error) {
		v := verification{tx: tx, chain: chain(customer), anchor: anchor, last: link{hash: models.AuditGenesis()}}
		return v.run(ctx)
	}
	if customer.IsZero() {
		return systemAt(ctx, s, snapshot, func(tx *systemTx) (*models.AuditReport, error) { return check(tx.tx) })
	}
	return bound(ctx, s, models.SystemViewer(customer), snapshot, func(tx *tenantTx) (*models.AuditReport, error) { return check(tx.tx) })
}

// AllCustomers lists every customer for the operator, by slug.
func (s *Store) AllCustomers(ctx context.Context) ([]*models.Customer, error) {
	return system(ctx, s, func(tx *systemTx) ([]*models.Customer, error) {
		var all []*models.Customer
		err := tx.tx.NewSelect().Model(&all).OrderExpr("slug").Scan(ctx)
		return all, err
	})
}

// verification walks one chain. All of it sees one snapshot, in which the head
// and the newest line belong together.
type verification struct {
	tx     bun.IDB
	chain  chain
	anchor *models.AuditAnchor
	last   link
}

func (v *verification) run(ctx context.Context) (*models.AuditReport, error) {
	var head models.AuditAnchor
	err := v.selectFrom("audit_heads").Column("seq", "hash").OrderExpr("seq DESC").Limit(1).Scan(ctx, &head.Seq, &head.Hash)
	if err := orNotFound(err, "head"); err != nil && models.CodeOf(err) != models.CodeNotFound {
		return nil, err
	}
	fault, err := v.walk(ctx)
	if err != nil {
		return nil, err
	}
	if fault == nil {
		fault = v.end(head)
	}
	report := &models.AuditReport{Lines: v.last.seq, Fault: fault}
	if fault == nil {
		report.Head = models.AuditAnchor{Seq: v.last.seq, Hash: v.last.hash}
	}
	return report, nil
}

func (v *verification) selectFrom(table string) *bun.SelectQuery {
	q := v.tx.NewSelect().TableExpr("?", bun.Ident(table))
	if v.chain.arg() == nil {
		return q.Where("customer_id IS NULL")
	}
	return q.Where("customer_id = ?", v.chain.arg())
}

// walk follows the links from the first line on.
func (v *verification) walk(ctx context.Context) (*models.AuditFault, error) {
	for {
		var lines []*models.AuditEvent
		err := v.selectFrom("audit_events").ColumnExpr("*").Where("seq > ?", v.last.seq). //nolint:unqueryvet // the hash covers every column
													OrderExpr("seq").Limit(verifyBatch).Scan(ctx, &lines)
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			if fault := v.follow(line); fault != nil {
				return fault, nil
			}
		}
		if len(lines) < verifyBatch {
			return nil, nil
		}
	}
}

// follow checks one line against the one before it.
func (v *verification) follow(line *models.AuditEvent) *models.AuditFault {
	next := v.last.seq + 1
	if line.Seq != next {
		missing := fmt.Sprintf("line %d is missing", next)
		if line.Seq > next+1 {
			missing = fmt.Sprintf("lines %d to %d are missing", next, line.Seq-1)
		}
		return &models.AuditFault{Seq: next, Reason: missing}
	}
	fault := func(reason string) *models.AuditFault {
		return &models.AuditFault{Seq: line.Seq, Event: &line.ID, Reason: reason}
	}
	if !bytes.Equal(line.PrevHash, v.last.hash) {
		return fault("its link does not lead to the line before it")
	}
	sum, err := line.Digest(line.PrevHash)
	switch {
	case err != nil:
		return fault("its content cannot be read: " + err.Error())
	case !bytes.Equal(sum, line.Hash):
		return fault("its content is not what was hashed when it was written")
	case v.anchor != nil && v.anchor.Seq == line.Seq && !bytes.Equal(v.anchor.Hash, line.Hash):
		return fault("it is not the line that the anchor was taken of: the chain was rewritten")
	}
	v.last = link{line.Seq, line.Hash}
	return nil
}

// end checks that the chain goes as far as its head, and the anchor, say.
func (v *verification) end(head models.AuditAnchor) *models.AuditFault {
	switch {
	case v.last.seq < head.Seq:
		return &models.AuditFault{Seq: v.last.seq + 1, Reason: fmt.Sprintf("lines are missing at the end: the head is line %d", head.Seq)}
	case v.last.seq > head.Seq:
		return &models.AuditFault{Seq: head.Seq + 1, Reason: fmt.Sprintf("lines were added past the head, which is line %d", head.Seq)}
	case head.Seq > 0 && !bytes.Equal(head.Hash, v.last.hash):
		return &models.AuditFault{Seq: head.Seq, Reason: "the head names another hash, " + hex.EncodeToString(head.Hash)}
	case v.anchor != nil && v.last.seq < v.anchor.Seq:
		return &models.AuditFault{Seq: v.last.seq + 1, Reason: fmt.Sprintf("lines are missing at the end: the anchor is line %d", v.anchor.Seq)}
	}
	return nil
}
