package store

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"upstream/models"
)

// How often, at most, a key's row is written because it was used.
const (
	// APIKeyUseNoted is how often the last use of a key is noted.
	APIKeyUseNoted = time.Minute
	// APIKeyRefusalNoted is how often a use from a foreign address is audited:
	// whoever sends a leaked key all day must not be able to fill the log.
	APIKeyRefusalNoted = time.Hour
)

// UseAPIKey is the key of this hash, if the viewer, who is anonymous so far,
// may use it now. An unknown, a revoked and an expired key are UNAUTHENTICATED
// alike; a use from outside the key's networks is FORBIDDEN, and audited.
//
// The key is found by the hash of 256 random bits, so that the time of the
// look-up tells nothing about any key there is. Its identifier, name, scopes
// and customer are filled in. It precedes every request that shows a key, so it
// is one statement, except once a minute when the use is noted.
func (s *Store) UseAPIKey(ctx context.Context, v models.Viewer, hash models.SecretHash) (*models.APIKey, error) {
	key, err := s.apiKeyAccount(ctx, hash)
	if err != nil {
		return nil, err
	}
	now := s.clock()
	if key == nil || !key.LiveAt(now) {
		return nil, errKeyNotValid()
	}
	admitted := key.Admits(v.RemoteAddr)
	if err := s.noteKey(ctx, v, key, admitted); err != nil {
		return nil, err
	}
	if !admitted {
		return nil, models.NewError(models.CodeForbidden, "The API key may not be used from this network address.")
	}
	return key, nil
}

// noteKey notes the use or the refusal of a key, unless one was lately.
func (s *Store) noteKey(ctx context.Context, v models.Viewer, key *models.APIKey, admitted bool) error {
	last, every, note := key.LastUsedAt, APIKeyUseNoted, (*systemTx).noteUse
	if !admitted {
		last, every, note = key.LastRefusedAt, APIKeyRefusalNoted, (*systemTx).noteRefusal
	}
	if last != nil && last.After(s.clock().Add(-every)) {
		return nil
	}
	_, err := system(ctx, s, func(tx *systemTx) (struct{}, error) { return struct{}{}, note(tx, ctx, v, key) })
	return err
}

// errKeyNotValid does not say whether the key is unknown, revoked or expired.
func errKeyNotValid() *models.Error {
	return models.NewError(models.CodeUnauthenticated, "The API key is not valid: it is unknown, revoked or expired.")
}

// apiKeyAccountRow is the answer of the function api_key_account.
type apiKeyAccountRow struct {
	CustomerID, ID                   uuid.UUID
	Name                             string
	Scopes                           []models.Scope
	AllowedCIDRs                     []string
	ExpiresAt, RevokedAt, LastUsedAt *time.Time
	LastRefusedAt                    *time.Time
}

// apiKeyAccount is what authentication needs to know about a key; nil when
// there is none of this hash.
func (s *Store) apiKeyAccount(ctx context.Context, hash models.SecretHash) (*models.APIKey, error) {
	rows, err := call[apiKeyAccountRow](ctx, s, `SELECT customer_id, id, name, scopes, allowed_cidrs,
		expires_at, revoked_at, last_used_at, last_refused_at FROM api_key_account($1)`, `\x`+hex.EncodeToString(hash[:]))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	r := rows[0]
	return &models.APIKey{
		CustomerID: models.CustomerID{}.From(r.CustomerID), ID: models.APIKeyID{}.From(r.ID), Name: r.Name, Scopes: r.Scopes,
		AllowedCIDRs: r.AllowedCIDRs, ExpiresAt: r.ExpiresAt, RevokedAt: r.RevokedAt,
		LastUsedAt: r.LastUsedAt, LastRefusedAt: r.LastRefusedAt,
	}, nil
}

// noteUse remembers when and from where a key was last used. It waits for
// nobody: a row that somebody holds is left alone, another request comes soon.
// Nor does anybody wait for the disk: the last minute may be forgotten.
func (tx *systemTx) noteUse(ctx context.Context, v models.Viewer, key *models.APIKey) error {
	_, err := tx.tx.ExecContext(ctx, `
		WITH hurry AS (SELECT set_config('synchronous_commit', 'off', true)),
		free AS (SELECT customer_id, id FROM api_keys, hurry
			WHERE customer_id = ?0 AND id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?2)
			FOR NO KEY UPDATE OF api_keys SKIP LOCKED)
		UPDATE api_keys AS ak SET last_used_at = ?3, last_used_addr = ?4, version = version + 1
		FROM free WHERE ak.customer_id = free.customer_id AND ak.id = free.id`,
		key.CustomerID, key.ID, tx.now.Add(-APIKeyUseNoted), tx.now, nonEmpty(clip(v.RemoteAddr)))
	return err
}

// noteRefusal audits that a key came from outside its networks.
func (tx *systemTx) noteRefusal(ctx context.Context, v models.Viewer, key *models.APIKey) error {
	result, err := tx.tx.ExecContext(ctx, `
		WITH free AS (SELECT customer_id, id FROM api_keys
			WHERE customer_id = ?0 AND id = ?1 AND (last_refused_at IS NULL OR last_refused_at <= ?2)
			FOR NO KEY UPDATE SKIP LOCKED)
		UPDATE api_keys AS ak SET last_refused_at = ?3
		FROM free WHERE ak.customer_id = free.customer_id AND ak.id = free.id`,
		key.CustomerID, key.ID, tx.now.Add(-APIKeyRefusalNoted), tx.now)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	v.KeyID, v.Email = key.ID, key.Name
	return tx.auditIn(ctx, key.CustomerID, v, auditAPIKeyRefused, "api_key", key.ID.String(), change{})
}
