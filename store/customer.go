package store

import (
	"context"
	"database/sql"
	"errors"

	"upstream/models"
)

// Customer is the viewer's own customer.
func (s *Store) Customer(ctx context.Context, v models.Viewer) (*models.Customer, error) {
	return read(ctx, s, v, models.PermissionViewCustomer, func(tx *tenantTx) (*models.Customer, error) {
		customer := new(models.Customer)
		err := tx.tx.NewSelect().Model(customer).Where("id = ?", tx.customer).Scan(ctx)
		return customer, orNotFound(err, "customer")
	})
}

// CustomerBySlug finds a customer for the operator; NOT_FOUND when there is none.
func (s *Store) CustomerBySlug(ctx context.Context, slug string) (*models.Customer, error) {
	return system(ctx, s, func(tx *systemTx) (*models.Customer, error) {
		customer := new(models.Customer)
		err := tx.tx.NewSelect().Model(customer).Where("slug = ?", slug).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, models.NewError(models.CodeNotFound, "There is no customer %q.", slug)
		}
		return customer, err
	})
}

// CreateCustomer stores a customer. It answers VALIDATION for bad input and
// CONFLICT when the slug or the name is taken.
func (s *Store) CreateCustomer(ctx context.Context, in models.NewCustomer) (*models.Customer, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	return system(ctx, s, func(tx *systemTx) (*models.Customer, error) {
		customer := &models.Customer{
			ID: models.CustomerID{}.From(tx.newUUID()), Slug: in.Slug, Name: in.Name, AttachPDF: true,
			TimeZone: "UTC", Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
		}
		if _, err := tx.tx.NewInsert().Model(customer).Exec(ctx); err != nil {
			return nil, err
		}
		return customer, tx.auditIn(ctx, models.CustomerID{}, models.Viewer{}, auditCustomerCreated, "customer",
			customer.ID.String(), diff(nil, customer))
	})
}

// orNotFound names the noun that a single-row query did not find.
func orNotFound(err error, noun string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return models.NotFound(noun)
	}
	return err
}
