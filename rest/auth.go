package rest

import (
	"context"
	"net/http"

	"upstream/internal/auth"
	"upstream/models"
)

// maxCredentialBytes bounds the bodies that anybody may send without signing in.
const maxCredentialBytes = 64 << 10

// credentials are the body of a sign-in.
type credentials struct {
	Email    string  `json:"email" doc:"The address of the account, in any case." example:"analyst@cedar.test"`
	Password string  `json:"password" format:"password" writeOnly:"true" doc:"The password of the account." example:"correct horse battery"`
	Customer *string `json:"customer,omitempty" doc:"For members of several customers: which one to act for, by slug or identifier; the oldest membership unless given." example:"cedar"`
}

// refreshing is the body of a refresh.
type refreshing struct {
	Refresh string `json:"refresh" doc:"The refresh token of the last answer." example:"eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"`
}

// tokens is the representation of a token pair.
type tokens struct {
	Access  string `json:"access" doc:"Authorises requests for 30 minutes, as Authorization: Bearer." example:"eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"`
	Refresh string `json:"refresh" doc:"Buys the next pair, for one day." example:"eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"`
}

type (
	signInInput  struct{ Body credentials }
	refreshInput struct{ Body refreshing }
	tokenOutput  struct{ Body tokens }
)

func (a *api) registerAuth() {
	register(a, tokenOperation("createToken", "auth/token", "Sign in",
		"Exchanges an e-mail address and a password for an access and a refresh token. The answer to an unknown address, "+
			"a wrong password and a deactivated account is the same."),
		func(ctx context.Context, in *signInInput) (*tokenOutput, error) {
			named := ""
			if in.Body.Customer != nil {
				named = *in.Body.Customer
			}
			return showTokens(a.auth.SignIn(ctx, in.Body.Email, in.Body.Password, named))
		})
	register(a, tokenOperation("refreshToken", "auth/token/refresh", "Refresh the tokens",
		"Exchanges a refresh token for a new pair, provided that the account may still act for its customer."),
		func(ctx context.Context, in *refreshInput) (*tokenOutput, error) {
			return showTokens(a.auth.Refresh(ctx, in.Body.Refresh))
		})
}

func tokenOperation(id, path, summary, description string) operation {
	return operation{
		id: id, method: http.MethodPost, path: resourcePath(path), tag: tagAuth, summary: summary, description: description,
		codes: []models.Code{models.CodeUnauthenticated, models.CodeForbidden}, maxBody: maxCredentialBytes, hasBody: true,
	}
}

func showTokens(t auth.Tokens, err error) (*tokenOutput, error) {
	if err != nil {
		return nil, err
	}
	return &tokenOutput{Body: tokens(t)}, nil
}
