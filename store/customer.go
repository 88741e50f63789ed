package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

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

// auditCustomersViewed is a superuser looking customers up, which the
// platform's log says. Entering the data of one is a line in that one's own.
const auditCustomersViewed auditAction = "customers_viewed"

func customerSpec() listSpec[models.Customer] {
	type customer = models.Customer
	return listSpec[customer]{
		noun: "customer", alias: "cu", search: []string{"slug", "name"},
		order: []term{{column: "name"}, {column: "id"}},
		columns: map[string]column[customer]{
			"id":         {cast: "uuid", value: func(c *customer) any { return c.ID }},
			"name":       {cast: "text", value: func(c *customer) any { return c.Name }},
			"slug":       {cast: "text", value: func(c *customer) any { return c.Slug }},
			"created_at": {cast: "timestamptz", value: func(c *customer) any { return c.CreatedAt }},
		},
	}
}

// customerRows are the customers a viewer may look up: the viewer's own, or all
// of them for a superuser, when own is zero.
type customerRows struct {
	tx  bun.IDB
	own models.CustomerID
}

func (r customerRows) selectFrom(model any) *bun.SelectQuery {
	q := r.tx.NewSelect().Model(model)
	if !r.own.IsZero() {
		q = q.Where("cu.id = ?", r.own)
	}
	return q
}

func (r customerRows) owner() models.CustomerID { return r.own }

// lookUp runs fn on the customers that the viewer may look up. asked is what
// the platform's log says that a superuser asked for.
func lookUp[T any](ctx context.Context, s *Store, v models.Viewer, asked map[string]any, fn func(customerRows) (T, error)) (T, error) {
	if err := v.AuthorizeAcross(models.PermissionViewCustomer); err != nil {
		var zero T
		return zero, err
	}
	if !v.Superuser {
		return read(ctx, s, v, models.PermissionViewCustomer, func(tx *tenantTx) (T, error) {
			return fn(customerRows{tx: tx.tx, own: tx.customer})
		})
	}
	return system(ctx, s, func(tx *systemTx) (T, error) {
		found, err := fn(customerRows{tx: tx.tx})
		if err != nil {
			return found, err
		}
		return found, tx.auditIn(ctx, models.CustomerID{}, v, auditCustomersViewed, "customer", "", change{metadata: asked})
	})
}

// updateOf starts an update of the one customer.
func (r customerRows) updateOf(model any) *bun.UpdateQuery {
	return r.tx.NewUpdate().Model(model).Where("cu.id = ?", r.own)
}

// Customers lists the customers that the viewer may act for: all of them for a
// superuser, the own one for everybody else.
func (s *Store) Customers(ctx context.Context, v models.Viewer, f models.CustomerFilter, l models.List[models.CustomerOrderField]) (*models.Rows[*models.Customer], error) {
	return lookUp(ctx, s, v, nil, func(rows customerRows) (*models.Rows[*models.Customer], error) {
		return list(ctx, rows, customerSpec(), "", everything, f, l)
	})
}

// CustomerByID is one of the customers that the viewer may act for; NOT_FOUND
// when it is none of them.
func (s *Store) CustomerByID(ctx context.Context, v models.Viewer, id models.CustomerID) (*models.Customer, error) {
	found, err := s.CustomersByID(ctx, v, []models.CustomerID{id})
	if err != nil {
		return nil, err
	}
	if found[id] == nil {
		return nil, models.NotFound("customer")
	}
	return found[id], nil
}

// CustomersByID are those of the customers that the viewer may act for.
func (s *Store) CustomersByID(ctx context.Context, v models.Viewer, ids []models.CustomerID) (map[models.CustomerID]*models.Customer, error) {
	asked := map[string]any{"ids": ids}
	return lookUp(ctx, s, v, asked, func(rows customerRows) (map[models.CustomerID]*models.Customer, error) {
		return rowsOf(ctx, rows, everything, ids, func(c *models.Customer) models.CustomerID { return c.ID })
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

// EveryCustomer lists all customers for the operator, by slug.
func (s *Store) EveryCustomer(ctx context.Context) ([]*models.Customer, error) {
	return system(ctx, s, func(tx *systemTx) (customers []*models.Customer, err error) {
		err = tx.tx.NewSelect().Model(&customers).Order("slug").Scan(ctx)
		return customers, err
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
			Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
		}
		if err := customer.SetSchedule(models.DefaultSchedule(), tx.now); err != nil {
			return nil, err
		}
		customer.SetAlertSettings(models.DefaultAlertSettings())
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
