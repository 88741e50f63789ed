package models

import (
	"encoding/json"

	"github.com/google/uuid"
)

// SealedAs says which value of which row a sealed secret is. It is bound to the
// secret, which opens nowhere else: not in another row, column or table, and not
// for another customer.
type SealedAs struct {
	Table, Column string
	Row           uuid.UUID
	// Customer is whose row it is; zero for rows of no customer.
	Customer CustomerID
}

// AssociatedData is the text that seals bind: different for different values,
// and the same in every release.
func (a SealedAs) AssociatedData() []byte {
	// Marshalling strings cannot fail, and quotes keep the parts apart.
	text, _ := json.Marshal([]string{"upstream.sealed.v1", a.Table, a.Column, a.Row.String(), a.Customer.UUID().String()})
	return text
}

// RotatedSecrets is what a rotation did to one column of sealed secrets.
type RotatedSecrets struct {
	Table  string
	Column string
	// Secrets is how many there were, Resealed how many of them were sealed with
	// a retired key and now are with the current one.
	Secrets  int64
	Resealed int64
	// Unreadable is how many no known key opens; they are left as they were.
	Unreadable int64
}
