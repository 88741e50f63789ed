package auth

import (
	"context"
	"crypto/sha256"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"upstream/models"
)

// errWrongCredentials is the one answer to an unknown address, a wrong password
// and an inactive account: it must not tell which addresses have accounts.
func errWrongCredentials() *models.Error {
	return models.NewError(models.CodeUnauthenticated, "The e-mail address or the password is wrong.")
}

// SignIn checks a password and starts a session for one customer: the named one
// (slug or identifier) or, when customer is empty, that of the account's
// oldest membership. Superusers get tokens without a customer.
//
// Wrong credentials are UNAUTHENTICATED, always with the same sentence and
// after the same work; so is everything else while the account is locked for
// the address the request comes from, without a hint that it is. Only who knows
// the password can learn that the named customer is not theirs (VALIDATION) or
// that they have none (FORBIDDEN).
func (s *Service) SignIn(ctx context.Context, email, password, customer string) (Tokens, error) {
	attempt, err := s.attempt(ctx, email)
	if err != nil {
		return Tokens{}, err
	}
	same, err := s.compare(ctx, attempt, password)
	if err != nil {
		return Tokens{}, err
	}
	if !same {
		return Tokens{}, s.refuse(ctx, attempt, errWrongCredentials())
	}
	account := attempt.account
	acting, err := s.chooseCustomer(ctx, account, customer)
	if err != nil {
		return Tokens{}, s.unlessLocked(ctx, attempt, err)
	}
	p := principalOf(account, acting, newSessionID())
	viewer, err := viewerOf(ctx, account, p)
	if err != nil {
		return Tokens{}, err
	}
	pair, err := s.issue(p)
	if err != nil {
		return Tokens{}, err
	}
	started, err := s.store.StartSession(ctx, viewer, attempt.key, p.newSession(pair.refresh))
	switch {
	case err != nil:
		return Tokens{}, err
	case !started:
		return Tokens{}, errWrongCredentials()
	}
	return pair.Tokens, nil
}

func newSessionID() models.SessionID { return models.SessionID{}.From(uuid.New()) }

// newSession is what the store keeps of a session whose tokens say p.
func (p principal) newSession(refresh models.NewRefreshToken) models.NewSession {
	return models.NewSession{
		ID: p.session, UserID: p.user, CustomerID: p.customer, TokenVersion: p.version, Refresh: refresh,
	}
}

// attempt is one comparison of a password with an account.
type attempt struct {
	// account is empty when there is none with the address.
	account *models.Account
	// email is the address as stored, or as typed when there is no account.
	email string
	key   models.SignInKey
}

// attempt looks up the account of an address.
func (s *Service) attempt(ctx context.Context, email string) (attempt, error) {
	account, err := found(email, func() (*models.Account, error) { return s.store.AccountByEmail(ctx, email) })
	if err != nil {
		return attempt{}, err
	}
	a := attempt{account: account, email: email}
	if account == nil {
		a.account = &models.Account{}
	} else {
		a.email = account.User.Email // every spelling of an address counts for one
	}
	a.key = signInKey(a.email, requestFrom(ctx).remoteAddr)
	return a, nil
}

// compare reports whether this is the password of an active account. It does
// the same work when it is not, or when there is no account.
func (s *Service) compare(ctx context.Context, a attempt, password string) (bool, error) {
	hash := a.account.User.PasswordHash
	if len(password) > MaxPasswordBytes {
		password, hash = "", "" // no account has such a password, and hashing it would be slow
	}
	same, err := s.verifier.matches(ctx, password, hash)
	return same && a.account.User.IsActive, err
}

// unlessLocked is an error that only who knows the password may read: while the
// attempt is locked, its answer is that of a wrong password.
func (s *Service) unlessLocked(ctx context.Context, a attempt, err error) error {
	locked, lookupErr := s.store.SignInLocked(ctx, a.key)
	switch {
	case lookupErr != nil:
		return lookupErr
	case locked:
		return s.refuse(ctx, a, errWrongCredentials())
	}
	return err
}

// refuse counts and audits a failed attempt, and answers with the refusal.
func (s *Service) refuse(ctx context.Context, a attempt, refusal *models.Error) error {
	if err := s.store.RecordSignInFailure(ctx, a.viewer(ctx), a.key); err != nil {
		return err
	}
	return refusal
}

// viewer is whom the audit log names: the account, or the address that was
// given when there is none.
func (a attempt) viewer(ctx context.Context) models.Viewer {
	v := anonymous(ctx)
	v.UserID, v.Email = a.account.User.ID, auditName(a.email)
	if len(a.account.Memberships) > 0 {
		v.CustomerID = a.account.Memberships[0].CustomerID
	}
	return v
}

// signInKey is the key that failures are counted by.
func signInKey(email, remoteAddr string) models.SignInKey {
	return sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(email)) + "\n" + models.Network(remoteAddr)))
}

// auditName is the actor that the audit log names for a failed sign-in. What is
// no address may be a password typed into the wrong field, and is left out.
func auditName(email string) string {
	const longest = 254 // characters of the log's column, and of any address
	email = strings.TrimSpace(email)
	if !strings.Contains(email, "@") || !utf8.ValidString(email) || strings.ContainsRune(email, 0) || len(email) > longest {
		return "unknown"
	}
	return email
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
