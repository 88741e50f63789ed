package auth

import (
	"context"
	"net/http"
	"strings"

	"upstream/models"
)

// CustomerHeader names the customer a superuser acts for in one request. Others
// may send it too, but only with their own customer in it.
const CustomerHeader = "X-Customer-Id"

// Authenticate tells who an access token or an API key speaks for. What is
// behind it is read anew each time: from the next request on a token is dead
// whose session has ended, or whose user was deactivated, changed the password,
// or lost the membership or the role it was issued for; and so is a key that
// was revoked. Every refusal is UNAUTHENTICATED, except that of a key used from
// outside its networks, which is FORBIDDEN, and that too many from one source
// are RATE_LIMITED before anything is read.
func (s *Service) Authenticate(ctx context.Context, bearer string) (models.Viewer, error) {
	if strings.HasPrefix(bearer, models.APIKeyPrefix) {
		return s.unlessFlooding(ctx, requestFrom(ctx).remoteAddr, func() (models.Viewer, error) {
			return s.keyViewer(ctx, models.APIKeyText(bearer))
		})
	}
	p, err := s.verify(bearer, accessToken)
	source := requestFrom(ctx).remoteAddr
	if err == nil {
		// We signed it, so it is counted by itself: an outdated token in one
		// program must not keep out its neighbours behind the same address.
		source = "session " + p.session.String()
	}
	return s.unlessFlooding(ctx, source, func() (models.Viewer, error) {
		if err != nil {
			return models.Viewer{}, err
		}
		return s.viewer(ctx, p)
	})
}

// unlessFlooding runs a check of credentials from a source and counts it when
// they are rejected. A source that had too many rejected is not checked.
func (s *Service) unlessFlooding(ctx context.Context, source string, check func() (models.Viewer, error)) (models.Viewer, error) {
	limit := s.opts.Rejected
	if limit == nil {
		return check()
	}
	if err := limit.Admit(ctx, source); err != nil {
		return models.Viewer{}, err
	}
	v, err := check()
	if err != nil && models.CodeOf(err) == models.CodeUnauthenticated {
		limit.Reject(ctx, source)
	}
	return v, err
}

// keyViewer is who an API key speaks for. A mistyped one costs no database
// read; that it is mistyped anybody could have computed.
func (s *Service) keyViewer(ctx context.Context, text models.APIKeyText) (models.Viewer, error) {
	if !text.Valid() {
		return models.Viewer{}, models.NewError(models.CodeUnauthenticated,
			"This is no whole API key: its checksum does not match.")
	}
	v := anonymous(ctx)
	key, err := s.store.UseAPIKey(ctx, v, text.Hash())
	if err != nil {
		return models.Viewer{}, err
	}
	v.KeyID, v.Email, v.Scopes, v.CustomerID = key.ID, key.Name, key.Scopes, key.CustomerID
	return v, nil
}

// viewer reads the account behind a verified token.
func (s *Service) viewer(ctx context.Context, p principal) (models.Viewer, error) {
	account, err := s.store.SessionAccount(ctx, p.user, p.session)
	if err != nil {
		if models.CodeOf(err) == models.CodeNotFound {
			return models.Viewer{}, errNoLongerValid()
		}
		return models.Viewer{}, err
	}
	return viewerOf(ctx, account, p)
}

// errNoLongerValid does not say whether the session, the user, the membership
// or the rank is gone: the bearer of an old token need not know.
func errNoLongerValid() *models.Error {
	return models.NewError(models.CodeUnauthenticated, "The account behind the token may no longer use it. Sign in again.")
}

// viewerOf is the viewer an account becomes when it acts for the principal's
// customer, provided that nothing the token was issued for has changed. A
// token without a customer is a superuser's: it dies with the rank.
func viewerOf(ctx context.Context, account *models.Account, p principal) (models.Viewer, error) {
	if !account.User.IsActive || account.User.TokenVersion != p.version {
		return models.Viewer{}, errNoLongerValid()
	}
	v := anonymous(ctx)
	v.UserID, v.Email = account.User.ID, account.User.Email
	v.Superuser = account.User.IsSuperuser
	if v.Superuser {
		return v, nil
	}
	m, member := membership(account, p.customer)
	if !member || m.ID != p.membership || m.TokenVersion != p.membershipVersion {
		return models.Viewer{}, errNoLongerValid()
	}
	v.CustomerID, v.Role = m.CustomerID, m.Role
	return v, nil
}

// Anonymous is the viewer of a request without credentials: its identifier and
// its address, of a context that Identify made.
func Anonymous(ctx context.Context) models.Viewer { return anonymous(ctx) }

func anonymous(ctx context.Context) models.Viewer {
	info := requestFrom(ctx)
	return models.Viewer{RequestID: info.id, RemoteAddr: info.remoteAddr}
}

func membership(account *models.Account, customer models.CustomerID) (models.Membership, bool) {
	for _, m := range account.Memberships {
		if m.CustomerID == customer {
			return m, true
		}
	}
	return models.Membership{}, false
}

// ViewerOf tells who a request comes from: the anonymous viewer without an
// Authorization header, else the bearer of the access token or the API key in
// it. One that does not hold is UNAUTHENTICATED; so is any other scheme. A malformed
// X-Customer-Id is VALIDATION, a customer the bearer may not act for FORBIDDEN.
func (s *Service) ViewerOf(r *http.Request) (models.Viewer, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return anonymous(r.Context()), nil
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return models.Viewer{}, models.NewError(models.CodeUnauthenticated,
			"Send one Authorization header: Bearer, a space and an access token or an API key.")
	}
	v, err := s.Authenticate(r.Context(), strings.TrimSpace(token))
	if err != nil {
		return models.Viewer{}, err
	}
	return actFor(v, r.Header.Values(CustomerHeader))
}

// actFor applies the customer header to an authenticated viewer.
func actFor(v models.Viewer, named []string) (models.Viewer, error) {
	if len(named) == 0 {
		return v, nil
	}
	var id models.CustomerID
	if err := id.UnmarshalText([]byte(named[0])); err != nil {
		return models.Viewer{}, models.InvalidField(CustomerHeader, "invalid", "%s", err.Error())
	}
	if len(named) > 1 {
		return models.Viewer{}, models.InvalidField(CustomerHeader, "repeated", "must be given once")
	}
	if !v.Superuser && id != v.CustomerID {
		return models.Viewer{}, models.NewError(models.CodeForbidden,
			"The header %s may name another customer for superusers only.", CustomerHeader)
	}
	v.CustomerID = id
	return v, nil
}

// Middleware puts the viewer of each request into its context. A request whose
// credentials do not hold ends with refuse, which writes the error in the
// shape of its edge. It implies Identify.
func (s *Service) Middleware(refuse func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return Identify(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v, err := s.ViewerOf(r)
			if err != nil {
				refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(WithViewer(r.Context(), v)))
		}))
	}
}
