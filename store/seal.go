package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"upstream/models"
)

// Sealer encrypts secrets that must be read again, such as a token that is yet
// to be mailed. It is safe for concurrent use.
type Sealer interface {
	// Seal encrypts with the current key. What it gives differs each time.
	Seal(plaintext []byte, as models.SealedAs) ([]byte, error)
	// Open decrypts what was sealed as the same value with the current key or a
	// retired one, and fails for anything else.
	Open(sealed []byte, as models.SealedAs) ([]byte, error)
	// Current reports whether the current key sealed it.
	Current(sealed []byte) bool
}

// errNoSealer is the failure of a use case that needs a key on a store that was
// opened without one.
var errNoSealer = errors.New("store: opened without a key to seal secrets with")

// noSealer stands in for the missing one.
type noSealer struct{}

func (noSealer) Seal([]byte, models.SealedAs) ([]byte, error) { return nil, errNoSealer }

func (noSealer) Open([]byte, models.SealedAs) ([]byte, error) { return nil, errNoSealer }

func (noSealer) Current([]byte) bool { return false }

// sealedColumn is a column of sealed secrets. Its table has a primary key id.
type sealedColumn struct {
	table, column string
	// tenant is set when the rows are a customer's and only seen as such.
	tenant bool
}

// as is what a secret of this column is sealed as.
func (c sealedColumn) as(row uuid.UUID, customer models.CustomerID) models.SealedAs {
	return models.SealedAs{Table: c.table, Column: c.column, Row: row, Customer: customer}
}

// sealedColumns are all columns of sealed secrets, by their names: *_sealed. A
// test compares them with the catalogue.
func sealedColumns() []sealedColumn {
	return []sealedColumn{resetTokens(), invitationTokens(), keptResults(), channelConfigs(), endpointSecrets(), previousSecrets()}
}

// rotateBatch is how many secrets one transaction looks at.
const rotateBatch = 500

// RotateSecrets seals every secret anew whose key is retired, so that the
// retired keys are needed no more. It may be repeated, and run beside servers
// that know both keys. A secret that no key opens is counted and left alone.
func (s *Store) RotateSecrets(ctx context.Context) ([]models.RotatedSecrets, error) {
	return s.rotate(ctx, sealedColumns())
}

func (s *Store) rotate(ctx context.Context, columns []sealedColumn) ([]models.RotatedSecrets, error) {
	if _, none := s.sealer.(noSealer); none {
		return nil, models.Internal(errNoSealer)
	}
	customers, err := s.AllCustomers(ctx)
	if err != nil {
		return nil, err
	}
	done := make([]models.RotatedSecrets, 0, len(columns))
	for _, column := range columns {
		result := models.RotatedSecrets{Table: column.table, Column: column.column}
		owners := customers
		if !column.tenant {
			owners = []*models.Customer{{}}
		}
		for _, owner := range owners {
			if err := s.rotateColumn(ctx, column, owner.ID, &result); err != nil {
				return done, err
			}
		}
		done = append(done, result)
	}
	return done, nil
}

func (s *Store) rotateColumn(ctx context.Context, c sealedColumn, owner models.CustomerID, result *models.RotatedSecrets) error {
	for after := uuid.Nil; ; {
		batch, err := s.sealedBatch(ctx, c, owner, after)
		if err != nil {
			return err
		}
		result.Secrets += batch.secrets
		result.Resealed += batch.resealed
		result.Unreadable += batch.unreadable
		if batch.secrets < rotateBatch {
			return nil
		}
		after = batch.last
	}
}

// sealedBatch re-seals the next secrets after a row, in one transaction.
func (s *Store) sealedBatch(ctx context.Context, c sealedColumn, owner models.CustomerID, after uuid.UUID) (rotation, error) {
	if c.tenant {
		return bound(ctx, s, models.SystemViewer(owner), readCommitted, func(tx *tenantTx) (rotation, error) {
			return s.reseal(ctx, tx.tx, c, owner, after)
		})
	}
	return system(ctx, s, func(tx *systemTx) (rotation, error) { return s.reseal(ctx, tx.tx, c, owner, after) })
}

// rotation is what became of one batch.
type rotation struct {
	secrets, resealed, unreadable int64
	last                          uuid.UUID
}

// reseal looks at one batch of rows, which it holds until the transaction ends:
// nobody reads a secret between its old form and the new one, or clears it.
func (s *Store) reseal(ctx context.Context, tx sealedRows, c sealedColumn, owner models.CustomerID, after uuid.UUID) (rotation, error) {
	var batch rotation
	rows, err := readSealed(ctx, tx, c, owner, after)
	if err != nil {
		return batch, err
	}
	for _, row := range rows {
		batch.secrets++
		batch.last = row.ID
		if s.sealer.Current(row.Sealed) {
			continue
		}
		plaintext, err := s.sealer.Open(row.Sealed, c.as(row.ID, owner))
		if err != nil {
			batch.unreadable++
			s.log.WarnContext(ctx, "no known key opens a sealed secret", "table", c.table, "column", c.column, "row", row.ID)
			continue
		}
		sealed, err := s.sealer.Seal(plaintext, c.as(row.ID, owner))
		if err != nil {
			return batch, fmt.Errorf("seal %s.%s: %w", c.table, c.column, err)
		}
		if err := writeSealed(ctx, tx, c, owner, row.ID, sealed); err != nil {
			return batch, err
		}
		batch.resealed++
	}
	return batch, nil
}
