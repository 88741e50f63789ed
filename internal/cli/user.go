package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"upstream/internal/auth"
	"upstream/models"
	"upstream/store"
)

type userCommand struct {
	Create userCreate `cmd:"" help:"Create a user. The password is UPSTREAM_USER_PASSWORD, or asked for, or the first line of standard input."`
}

type userCreate struct {
	Email     string `arg:"" help:"Address the user signs in with."`
	Customer  string `help:"Slug of the customer the user belongs to." placeholder:"SLUG" xor:"who" required:""`
	Role      string `default:"viewer" help:"owner, admin, analyst or viewer."`
	Superuser bool   `help:"Create an operator who belongs to no customer and may act for every one." xor:"who" required:""`
	Password  string `hidden:"" env:"UPSTREAM_USER_PASSWORD"`
}

// Run creates the user.
func (c userCreate) Run(ctx context.Context, a *app) error {
	password, err := a.password(ctx, c.Password)
	if err != nil {
		return err
	}
	if err := auth.CheckPassword(password, c.Email); err != nil {
		return err
	}
	hash, err := auth.HashPassword(password)
	if err != nil {
		return err
	}
	return a.openStore(ctx, commandConns, false, func(st *store.Store, _ *database) error {
		in := models.NewUser{Email: c.Email, PasswordHash: hash, Role: models.Role(c.Role), Superuser: c.Superuser}
		var customer models.CustomerID
		if !c.Superuser {
			found, err := customerBySlug(ctx, st, c.Customer)
			if err != nil {
				return err
			}
			customer = found.ID
		}
		user, err := st.CreateUser(ctx, customer, in)
		if err != nil {
			return err
		}
		return a.print(map[string]string{"id": user.ID.String(), "email": user.Email}, func(w *tabwriter.Writer) {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", user.ID, user.Email)
		})
	})
}
