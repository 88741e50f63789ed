package seed

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"upstream/models"
	"upstream/store"
)

// Facts are what a client has to know of a customer to make requests, and to
// tell whether the answers are right.
type Facts struct {
	ID    models.CustomerID `json:"id"`
	Slug  string            `json:"slug"`
	Today models.Date       `json:"today"`
	// Claims is how many the customer has, as the roll-ups count them.
	Claims int64                  `json:"claims"`
	Users  map[models.Role]string `json:"users"`
	APIKey string                 `json:"api_key"`
	// Payers are in the order of how many claims they have, and so are Codes.
	Payers []string `json:"payers"`
	Codes  []string `json:"codes"`
	// The newest claims, uploads and drift events, a page of each at most.
	ClaimIDs  []models.ClaimID      `json:"claim_ids"`
	UploadIDs []models.UploadID     `json:"upload_ids"`
	EventIDs  []models.DriftEventID `json:"event_ids"`
}

// factsPage is how many identifiers of a kind are told.
const factsPage = 50

// look reads what is known once the customer is stored.
func (f *Facts) look(ctx context.Context, st *store.Store) error {
	v, page := models.SystemViewer(f.ID), models.Page{Limit: factsPage}
	dashboard, err := st.Dashboard(ctx, v)
	if err != nil {
		return err
	}
	f.Claims = dashboard.TotalClaims
	claims, err := st.Claims(ctx, v, models.ClaimFilter{}, models.List[models.ClaimOrderField]{Page: page})
	if err != nil {
		return err
	}
	for _, claim := range claims.Items {
		f.ClaimIDs = append(f.ClaimIDs, claim.ID)
	}
	uploads, err := st.Uploads(ctx, v, models.UploadFilter{}, models.List[models.UploadOrderField]{Page: page})
	if err != nil {
		return err
	}
	for _, upload := range uploads.Items {
		f.UploadIDs = append(f.UploadIDs, upload.ID)
	}
	events, err := st.DriftEvents(ctx, v, models.DriftEventFilter{}, models.List[models.DriftEventOrderField]{Page: page})
	if err != nil {
		return err
	}
	for _, event := range events.Items {
		f.EventIDs = append(f.EventIDs, event.ID)
	}
	return nil
}

// World is what all customers of one seed have in common, and each of them. It
// holds a password and keys.
type World struct {
	// Password is that of all users.
	Password  string   `json:"password"`
	Seed      uint64   `json:"seed"`
	Customers []*Facts `json:"customers"`
}

// FactsFile is the name of the file that a World is kept in.
const FactsFile = "seed.json"

// Claims is how many all customers have together.
func (w *World) Claims() int64 {
	var total int64
	for _, c := range w.Customers {
		total += c.Claims
	}
	return total
}

// Keep writes the file whole or not at all; only the owner may read it.
func (w *World) Keep(dir string) error {
	text, err := json.MarshalIndent(w, "", " ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".seed-*") // only the owner may read it
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(dir, FactsFile))
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// Read is the World of a folder; fs.ErrNotExist when there is none.
func Read(dir string) (*World, error) {
	text, err := os.ReadFile(filepath.Join(dir, FactsFile)) //nolint:gosec // the caller's own folder
	if err != nil {
		return nil, err
	}
	w := &World{}
	return w, json.Unmarshal(text, w)
}
