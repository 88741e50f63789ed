package models

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// PayerMapping turns a raw payer name, compared without case, into the name
// claims are stored under. It applies to files read after it was written.
type PayerMapping struct {
	bun.BaseModel `bun:"table:payer_mappings,alias:pm"`

	CustomerID     CustomerID     `bun:"customer_id,pk,type:uuid"`
	ID             PayerMappingID `bun:"id,pk,type:uuid"`
	RawName        string         `bun:"raw_name"`
	NormalizedName string         `bun:"normalized_name"`
	Version        int64          `bun:"version"`
	CreatedAt      time.Time      `bun:"created_at"`
	UpdatedAt      time.Time      `bun:"updated_at"`
}

// NewPayerMapping is the input that creates a payer mapping.
type NewPayerMapping struct {
	RawName        string
	NormalizedName string
}

// Validate lists what is wrong with the input.
func (in NewPayerMapping) Validate() error {
	var fields []FieldError
	for _, f := range []struct{ path, value string }{{"raw_name", in.RawName}, {"normalized_name", in.NormalizedName}} {
		if strings.TrimSpace(f.value) == "" || utf8.RuneCountInString(f.value) > 255 || strings.ContainsRune(f.value, 0) {
			fields = append(fields, FieldError{f.path, "invalid", "must have 1 to 255 characters, not all blank"})
		}
	}
	return Invalid(fields...)
}

// CPTGroupMapping puts a procedure code into the customer's own group instead
// of its RBCS category.
type CPTGroupMapping struct {
	bun.BaseModel `bun:"table:cpt_group_mappings,alias:cm"`

	CustomerID CustomerID        `bun:"customer_id,pk,type:uuid"`
	ID         CPTGroupMappingID `bun:"id,pk,type:uuid"`
	CPTCode    string            `bun:"cpt_code"`
	CPTGroup   string            `bun:"cpt_group"`
	Version    int64             `bun:"version"`
	CreatedAt  time.Time         `bun:"created_at"`
	UpdatedAt  time.Time         `bun:"updated_at"`
}
