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
	Create      userCreate      `cmd:"" help:"Create a user. The password is UPSTREAM_USER_PASSWORD, or asked for, or the first line of standard input."`
	SetPassword userSetPassword `cmd:"" name:"set-password" help:"Replace a user's password and end all their sessions; the password comes as for create."`
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

type userSetPassword struct {
	Email    string `arg:"" help:"Address the user signs in with."`
	Password string `hidden:"" env:"UPSTREAM_USER_PASSWORD"`
}

// Run replaces the password.
func (c userSetPassword) Run(ctx context.Context, a *app) error {
	password, err := a.password(ctx, c.Password)
	if err != nil {
		return err
	}
	return a.openStore(ctx, commandConns, false, func(st *store.Store, _ *database) error {
		account, err := st.AccountByEmail(ctx, c.Email)
		if err != nil {
			return err
		}
		user := account.User
		if err := auth.CheckPassword(password, user.Email, user.FirstName, user.LastName); err != nil {
			return err
		}
		hash, err := auth.HashPassword(password)
		if err != nil {
			return err
		}
		if err := st.SetPassword(ctx, user.ID, hash); err != nil {
			return err
		}
		return a.print(map[string]string{"id": user.ID.String(), "email": user.Email}, func(w *tabwriter.Writer) {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", user.ID, user.Email)
		})
	})
}
