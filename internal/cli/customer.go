package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"upstream/models"
	"upstream/store"
)

type customerCommand struct {
	Create   customerCreate   `cmd:"" help:"Create a customer."`
	Schedule customerSchedule `cmd:"" help:"Show or change when a customer's runs are made by themselves."`
}

type customerCreate struct {
	Slug string `arg:"" help:"Short name used in commands: lower-case letters, digits, hyphens."`
	Name string `required:"" help:"Full name of the organisation."`
}

// Run creates the customer.
func (c customerCreate) Run(ctx context.Context, a *app) error {
	return a.openStore(ctx, commandConns, false, func(st *store.Store, _ *database) error {
		customer, err := st.CreateCustomer(ctx, models.NewCustomer{Slug: c.Slug, Name: c.Name})
		if err != nil {
			return err
		}
		result := map[string]string{"id": customer.ID.String(), "slug": customer.Slug, "name": customer.Name}
		return a.print(result, func(w *tabwriter.Writer) {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", customer.ID, customer.Slug, customer.Name)
		})
	})
}

// customerBySlug names the customer that does not exist, which the store leaves
// to those who know what they asked for.
func customerBySlug(ctx context.Context, st *store.Store, slug string) (*models.Customer, error) {
	customer, err := st.CustomerBySlug(ctx, slug)
	if err != nil && models.CodeOf(err) == models.CodeNotFound {
		return nil, models.NewError(models.CodeNotFound,
			"There is no customer %q; `upstream customer create` makes one.", slug).WithCause(err)
	}
	return customer, err
}
