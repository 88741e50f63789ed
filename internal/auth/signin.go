package auth

import (
	"context"
	"strings"
	"unicode/utf8"

	"upstream/models"
)

// errWrongCredentials is the one answer to an unknown address, a wrong password
// and an inactive account: it must not tell which addresses have accounts.
func errWrongCredentials() *models.Error {
	return models.NewError(models.CodeUnauthenticated, "The e-mail address or the password is wrong.")
}

// SignIn checks a password and issues tokens for one customer: the named one
// (slug or identifier) or, when customer is empty, that of the account's
// oldest membership. Superusers get tokens without a customer.
//
// Wrong credentials are UNAUTHENTICATED, always with the same sentence and
// after the same work. Only who knows the password can learn that the named
// customer is not theirs (VALIDATION) or that they have none (FORBIDDEN).
func (s *Service) SignIn(ctx context.Context, email, password, customer string) (Tokens, error) {
	account, err := s.checkPassword(ctx, email, password)
	if err != nil {
		return Tokens{}, err
	}
	acting, err := s.chooseCustomer(ctx, account, customer)
	if err != nil {
		return Tokens{}, err
	}
	p := principal{user: account.User.ID, customer: acting}
	viewer, err := viewerOf(ctx, account, p)
	if err != nil {
		return Tokens{}, err
	}
	tokens, err := s.issue(p)
	if err != nil {
		return Tokens{}, err
	}
	return tokens, s.store.RecordSignIn(ctx, viewer)
}

// checkPassword is the active account with this address and password.
func (s *Service) checkPassword(ctx context.Context, email, password string) (*models.Account, error) {
	account, err := found(email, func() (*models.Account, error) { return s.store.AccountByEmail(ctx, email) })
	if err != nil {
		return nil, err
	}
	if account == nil {
		account = &models.Account{}
	}
	hash := account.User.PasswordHash
	if len(password) > MaxPasswordBytes {
		password, hash = "", "" // no account has such a password, and hashing it would be slow
	}
	same, err := s.verifier.matches(ctx, password, hash)
	if err != nil {
		return nil, err
	}
	if !same || !account.User.IsActive {
		return nil, errWrongCredentials()
	}
	return account, nil
}

// chooseCustomer is the customer that the tokens of a sign-in act for.
func (s *Service) chooseCustomer(ctx context.Context, account *models.Account, named string) (models.CustomerID, error) {
	named = strings.TrimSpace(named)
	if account.User.IsSuperuser {
		if named != "" {
			return models.CustomerID{}, models.InvalidField("customer", "invalid",
				"must be left out: a superuser names the customer of each request in the header %s", CustomerHeader)
		}
		return models.CustomerID{}, nil
	}
	if len(account.Memberships) == 0 {
		return models.CustomerID{}, models.NewError(models.CodeForbidden, "This account belongs to no customer.")
	}
	if named == "" {
		return account.Memberships[0].CustomerID, nil
	}
	id, err := s.customerID(ctx, named)
	if err != nil {
		return models.CustomerID{}, err
	}
	if _, member := membership(account, id); !member {
		return models.CustomerID{}, models.InvalidField("customer", "invalid", "names no customer of this account")
	}
	return id, nil
}

// customerID reads a slug or an identifier; zero when it names no customer.
func (s *Service) customerID(ctx context.Context, named string) (models.CustomerID, error) {
	var id models.CustomerID
	if err := id.UnmarshalText([]byte(named)); err == nil {
		return id, nil
	}
	customer, err := found(named, func() (*models.Customer, error) { return s.store.CustomerBySlug(ctx, named) })
	if err != nil || customer == nil {
		return models.CustomerID{}, err
	}
	return customer.ID, nil
}

// found looks a row up by a name from outside; nil when there is none. Text the
// database cannot hold names nothing, and is not sent there.
func found[T any](name string, lookup func() (*T, error)) (*T, error) {
	if !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
		return nil, nil
	}
	row, err := lookup()
	if err != nil && models.CodeOf(err) == models.CodeNotFound {
		return nil, nil
	}
	return row, err
}

// Refresh exchanges a refresh token for a new pair, provided that the account
// may still act for the token's customer.
func (s *Service) Refresh(ctx context.Context, token string) (Tokens, error) {
	p, err := s.verify(token, refreshToken)
	if err != nil {
		return Tokens{}, err
	}
	if _, err := s.viewer(ctx, p); err != nil {
		return Tokens{}, err
	}
	return s.issue(p)
}
