package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"upstream/models"
	"upstream/store"
)

type apiKeyCommand struct {
	Create apiKeyCreate `cmd:"" help:"Create a key and print it, this once."`
	List   apiKeyList   `cmd:"" help:"List a customer's keys, newest first."`
	Rotate apiKeyRotate `cmd:"" help:"Replace a key and print the new one, this once."`
	Revoke apiKeyRevoke `cmd:"" help:"End a key at once."`
}

// keyOwner is the flag every command about keys has.
type keyOwner struct {
	Customer string `required:"" help:"Slug of the customer." placeholder:"SLUG"`
}

// open runs fn for the operator acting for the customer.
func (o keyOwner) open(ctx context.Context, a *app, fn func(*store.Store, models.Viewer) error) error {
	return a.openStore(ctx, commandConns, false, func(st *store.Store, _ *database) error {
		customer, err := customerBySlug(ctx, st, o.Customer)
		if err != nil {
			return err
		}
		return fn(st, models.SystemViewer(customer.ID))
	})
}

type apiKeyCreate struct {
	keyOwner

	Name      string         `arg:"" help:"What people call the key."`
	Scopes    []models.Scope `required:"" help:"What it may do, such as claims:read,claims:write." placeholder:"SCOPE,..."`
	Allow     []string       `help:"Networks or addresses it may be used from; any unless given." placeholder:"CIDR,..."`
	ExpiresIn time.Duration  `help:"How long it works, such as 2160h; until it is revoked unless given." placeholder:"DURATION"`
}

// Run creates the key.
func (c apiKeyCreate) Run(ctx context.Context, a *app) error {
	in := models.NewAPIKey{Name: c.Name, Scopes: c.Scopes, AllowedCIDRs: c.Allow}
	if c.ExpiresIn != 0 {
		in.ExpiresAt = new(time.Now().Add(c.ExpiresIn))
	}
	return c.open(ctx, a, func(st *store.Store, v models.Viewer) error {
		issued, err := st.CreateAPIKey(ctx, v, in)
		if err != nil {
			return err
		}
		return a.printIssued(issued)
	})
}

type apiKeyRotate struct {
	keyOwner

	ID           string `arg:"" help:"Identifier of the key, key_…."`
	OverlapHours *int   `help:"Hours the replaced key goes on working, 0 to 168; 24 unless given." placeholder:"N"`
}

// Run replaces the key.
func (c apiKeyRotate) Run(ctx context.Context, a *app) error {
	id, err := keyID(c.ID)
	if err != nil {
		return err
	}
	return c.open(ctx, a, func(st *store.Store, v models.Viewer) error {
		issued, err := st.RotateAPIKey(ctx, v, id, models.APIKeyRotation{OverlapHours: c.OverlapHours}, nil)
		if err != nil {
			return err
		}
		return a.printIssued(issued)
	})
}

type apiKeyRevoke struct {
	keyOwner

	ID string `arg:"" help:"Identifier of the key, key_…."`
}

// Run ends the key.
func (c apiKeyRevoke) Run(ctx context.Context, a *app) error {
	id, err := keyID(c.ID)
	if err != nil {
		return err
	}
	return c.open(ctx, a, func(st *store.Store, v models.Viewer) error {
		key, err := st.RevokeAPIKey(ctx, v, id, nil)
		if err != nil {
			return err
		}
		return a.print(newKeyResult(key), func(w *tabwriter.Writer) {
			_, _ = fmt.Fprintf(w, "%s\t%s\trevoked %s\n", key.ID, key.Name, key.RevokedAt.UTC().Format(time.RFC3339))
		})
	})
}

func keyID(text string) (models.APIKeyID, error) {
	var id models.APIKeyID
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return id, models.InvalidField("id", "invalid", "%s", err.Error())
	}
	return id, nil
}

type apiKeyList struct {
	keyOwner
}

// Run lists the keys.
func (c apiKeyList) Run(ctx context.Context, a *app) error {
	return c.open(ctx, a, func(st *store.Store, v models.Viewer) error {
		keys, err := allKeys(ctx, st, v, models.APIKeyFilter{})
		if err != nil {
			return err
		}
		results := make([]keyResult, 0, len(keys))
		for _, key := range keys {
			results = append(results, newKeyResult(key))
		}
		return a.print(results, func(w *tabwriter.Writer) { printKeys(w, results) })
	})
}

// allKeys reads every page of a list of keys.
func allKeys(ctx context.Context, st *store.Store, v models.Viewer, f models.APIKeyFilter) ([]*models.APIKey, error) {
	var keys []*models.APIKey
	page := models.Page{Limit: models.MaxPageSize}
	for {
		rows, err := st.APIKeys(ctx, v, f, models.List[models.APIKeyOrderField]{Page: page})
		if err != nil {
			return nil, err
		}
		keys = append(keys, rows.Items...)
		if !rows.HasNext {
			return keys, nil
		}
		page.After = rows.Cursors[len(rows.Cursors)-1]
	}
}

// keyResult is a key as the command line prints it; Key is there once.
type keyResult struct {
	ID           string         `json:"id"`
	Name         string         `json:"name"`
	Prefix       string         `json:"prefix"`
	Scopes       []models.Scope `json:"scopes"`
	AllowedCIDRs []string       `json:"allowed_cidrs"`
	ExpiresAt    *time.Time     `json:"expires_at"`
	LastUsedAt   *time.Time     `json:"last_used_at"`
	RevokedAt    *time.Time     `json:"revoked_at"`
	Key          string         `json:"key,omitempty"`
}

func newKeyResult(k *models.APIKey) keyResult {
	return keyResult{
		ID: k.ID.String(), Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes, AllowedCIDRs: k.AllowedCIDRs,
		ExpiresAt: k.ExpiresAt, LastUsedAt: k.LastUsedAt, RevokedAt: k.RevokedAt,
	}
}

func (a *app) printIssued(issued *models.IssuedAPIKey) error {
	result := newKeyResult(issued.APIKey)
	result.Key = string(issued.Text)
	return a.print(result, func(w *tabwriter.Writer) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n\n%s\n\nKeep it now: it is not shown again.\n", result.ID, result.Name, result.Key)
	})
}

func printKeys(w *tabwriter.Writer, keys []keyResult) {
	_, _ = fmt.Fprintln(w, "ID\tNAME\tKEY\tSCOPES\tEXPIRES\tLAST USED\tREVOKED")
	for _, k := range keys {
		scopes := make([]string, 0, len(k.Scopes))
		for _, scope := range k.Scopes {
			scopes = append(scopes, string(scope))
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s…\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Prefix, strings.Join(scopes, ","),
			formatInstant(k.ExpiresAt), formatInstant(k.LastUsedAt), formatInstant(k.RevokedAt))
	}
}

func formatInstant(t *time.Time) string {
	if t == nil {
		return noValue
	}
	return t.UTC().Format(time.RFC3339)
}
