package store

import (
	"context"
	"strings"
	"time"

	"upstream/models"
)

func apiKeySpec() listSpec[models.APIKey] {
	type key = models.APIKey
	instant := func(at func(*key) *time.Time) column[key] {
		return column[key]{cast: "timestamptz", nullable: true, value: func(k *key) any {
			if at(k) == nil {
				return nil
			}
			return *at(k)
		}}
	}
	return listSpec[key]{
		noun: "api_key", alias: "ak", search: []string{"name", "prefix"},
		order: []term{{column: "created_at", desc: true}, {column: "id", desc: true}},
		columns: map[string]column[key]{
			"id":           {cast: "uuid", value: func(k *key) any { return k.ID }},
			"created_at":   {cast: "timestamptz", value: func(k *key) any { return k.CreatedAt }},
			"name":         {cast: "text", value: func(k *key) any { return k.Name }},
			"expires_at":   instant(func(k *key) *time.Time { return k.ExpiresAt }),
			"last_used_at": instant(func(k *key) *time.Time { return k.LastUsedAt }),
		},
	}
}

// APIKeys lists the customer's API keys, those revoked or expired included.
func (s *Store) APIKeys(ctx context.Context, v models.Viewer, f models.APIKeyFilter, l models.List[models.APIKeyOrderField]) (*models.Rows[*models.APIKey], error) {
	return read(ctx, s, v, models.PermissionManageAPIKeys, func(tx *tenantTx) (*models.Rows[*models.APIKey], error) {
		return list(ctx, tx, apiKeySpec(), "", everything, f, l)
	})
}

// APIKey is one key of the customer; NOT_FOUND when it has none of this id.
func (s *Store) APIKey(ctx context.Context, v models.Viewer, id models.APIKeyID) (*models.APIKey, error) {
	return one[models.APIKey](ctx, s, v, models.PermissionManageAPIKeys, id, "API key")
}

// APIKeysByID are those of the keys that the customer has.
func (s *Store) APIKeysByID(ctx context.Context, v models.Viewer, ids []models.APIKeyID) (map[models.APIKeyID]*models.APIKey, error) {
	return byID(ctx, s, v, models.PermissionManageAPIKeys, ids, func(k *models.APIKey) models.APIKeyID { return k.ID })
}

// CreateAPIKey makes a key and answers with its text, which is kept nowhere. It
// answers VALIDATION for bad input and CONFLICT when a key in use has the name.
func (s *Store) CreateAPIKey(ctx context.Context, v models.Viewer, in models.NewAPIKey) (*models.IssuedAPIKey, error) {
	return write(ctx, s, v, models.PermissionManageAPIKeys, func(tx *tenantTx) (*models.IssuedAPIKey, error) {
		// Here and not before: a request that is sent again may have become too late.
		if err := in.Validate(tx.now); err != nil {
			return nil, err
		}
		return tx.issueAPIKey(ctx, &models.APIKey{
			Name: strings.TrimSpace(in.Name), Scopes: in.Scopes, AllowedCIDRs: canonical(in.AllowedCIDRs), ExpiresAt: stored(in.ExpiresAt),
		})
	})
}

// issueAPIKey completes a key with what every one has, and stores it.
func (tx *tenantTx) issueAPIKey(ctx context.Context, key *models.APIKey) (*models.IssuedAPIKey, error) {
	text := models.NewAPIKeyText()
	hash := text.Hash()
	key.CustomerID, key.ID = tx.customer, models.APIKeyID{}.From(tx.newUUID())
	key.Prefix, key.KeyHash = text.Prefix(), hash[:]
	key.CreatedBy, key.Version, key.CreatedAt, key.UpdatedAt = tx.actorID(), 1, tx.now, tx.now
	if err := tx.insert(ctx, key); err != nil {
		return nil, err
	}
	err := tx.auditChange(ctx, auditAPIKeyCreated, "api_key", key.ID.String(), diff(nil, key))
	return &models.IssuedAPIKey{APIKey: key, Text: text}, err
}

// canonical writes validated networks as they are stored.
func canonical(cidrs []string) []string {
	out := make([]string, 0, len(cidrs))
	for _, text := range cidrs {
		network, _ := models.CanonicalCIDR(text) // Validate has looked
		out = append(out, network)
	}
	return out
}

// stored is an instant as PostgreSQL keeps it.
func stored(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.UTC().Truncate(time.Microsecond))
}

// RotateAPIKey makes a key that takes the place of another: of the same name
// and scopes, and networks unless the input names others. The old one goes on
// working for the overlap. Of several rotations of one key exactly one
// succeeds; the others, and one of a key that no longer works, are CONFLICT. It
// answers STALE when the key has another version than the expected one, where
// that is given.
func (s *Store) RotateAPIKey(ctx context.Context, v models.Viewer, id models.APIKeyID, in models.APIKeyRotation, expected *int64) (*models.IssuedAPIKey, error) {
	return write(ctx, s, v, models.PermissionManageAPIKeys, func(tx *tenantTx) (*models.IssuedAPIKey, error) {
		// Here and not before: a request that is sent again may have become too late.
		if err := in.Validate(tx.now); err != nil {
			return nil, err
		}
		old, err := tx.lockAPIKey(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := expectVersion("API key", old.Version, expected); err != nil {
			return nil, err
		}
		if err := tx.checkRotatable(old); err != nil {
			return nil, err
		}
		if err := tx.replaceAPIKey(ctx, old, in.Overlap()); err != nil {
			return nil, err
		}
		return tx.issueAPIKey(ctx, successor(old, in, tx.now))
	})
}

func (tx *tenantTx) checkRotatable(key *models.APIKey) error {
	switch {
	case key.RevokedAt != nil:
		return models.NewError(models.CodeConflict, "The API key was revoked: create a new one.")
	case key.ReplacedAt != nil:
		return models.NewError(models.CodeConflict, "The API key was rotated already: rotate the one that replaced it.")
	case !key.LiveAt(tx.now):
		return models.NewError(models.CodeConflict, "The API key has expired: revoke it and create a new one.")
	}
	return nil
}

// successor is the key that replaces old.
func successor(old *models.APIKey, in models.APIKeyRotation, now time.Time) *models.APIKey {
	next := &models.APIKey{
		Name: old.Name, Scopes: old.Scopes, AllowedCIDRs: old.AllowedCIDRs, ExpiresAt: stored(in.ExpiresAt), Replaces: &old.ID,
	}
	if in.AllowedCIDRs != nil {
		next.AllowedCIDRs = canonical(*in.AllowedCIDRs)
	}
	if next.ExpiresAt == nil && old.ExpiresAt != nil {
		next.ExpiresAt = new(now.Add(old.ExpiresAt.Sub(old.CreatedAt)))
	}
	return next
}

// replaceAPIKey lets a key end after the overlap, if it does not before.
func (tx *tenantTx) replaceAPIKey(ctx context.Context, old *models.APIKey, overlap time.Duration) error {
	after := *old
	after.ReplacedAt = &tx.now
	if end := tx.now.Add(overlap); after.ExpiresAt == nil || end.Before(*after.ExpiresAt) {
		after.ExpiresAt = &end
	}
	if err := tx.updateAPIKey(ctx, &after, "replaced_at", "expires_at"); err != nil {
		return err
	}
	return tx.auditChange(ctx, auditAPIKeyRotated, "api_key", old.ID.String(), diff(old, &after))
}

// RevokeAPIKey ends a key: it works no more from the next request on. One that
// was revoked before stays as it is. It answers NOT_FOUND when the customer has
// no such key, and STALE when it has another version than the expected one,
// where that is given.
func (s *Store) RevokeAPIKey(ctx context.Context, v models.Viewer, id models.APIKeyID, expected *int64) (*models.APIKey, error) {
	return write(ctx, s, v, models.PermissionManageAPIKeys, func(tx *tenantTx) (*models.APIKey, error) {
		before, err := tx.lockAPIKey(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := expectVersion("API key", before.Version, expected); err != nil || before.RevokedAt != nil {
			return before, err
		}
		after := *before
		after.RevokedAt = &tx.now
		if err := tx.updateAPIKey(ctx, &after, "revoked_at"); err != nil {
			return nil, err
		}
		return &after, tx.auditChange(ctx, auditAPIKeyRevoked, "api_key", id.String(), diff(before, &after))
	})
}

// lockAPIKey reads a key and keeps others from changing it.
func (tx *tenantTx) lockAPIKey(ctx context.Context, id models.APIKeyID) (*models.APIKey, error) {
	key := new(models.APIKey)
	err := tx.selectFrom(key).Where("ak.id = ?", id).For("NO KEY UPDATE").Scan(ctx)
	return key, orNotFound(err, "API key")
}

// updateAPIKey writes these columns of a key, and that it changed.
func (tx *tenantTx) updateAPIKey(ctx context.Context, key *models.APIKey, columns ...string) error {
	key.Version++
	key.UpdatedAt = tx.now
	_, err := tx.updateOf(key).Column(append(columns, "version", "updated_at")...).Where("ak.id = ?", key.ID).Exec(ctx)
	return err
}
