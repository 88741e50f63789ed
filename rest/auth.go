package rest

import (
	"context"
	"net/http"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
)

// maxCredentialBytes bounds the bodies that anybody may send without signing in.
const maxCredentialBytes = 16 << 10

// credentials are the body of a sign-in.
type credentials struct {
	Email    string        `json:"email" doc:"The address of the account, in any case." example:"analyst@cedar.test"`
	Password models.Secret `json:"password" format:"password" writeOnly:"true" doc:"The password of the account." example:"correct horse battery"`
	Customer *string       `json:"customer,omitempty" doc:"For members of several customers: which one to act for, by slug or identifier; the oldest membership unless given." example:"cedar"`
}

// refreshing is the body of a refresh.
type refreshing struct {
	Refresh models.Secret `json:"refresh" doc:"The refresh token of the last answer." example:"eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"`
}

// tokens is the representation of a token pair.
type tokens struct {
	Access  string `json:"access" doc:"Authorises requests for 30 minutes, as Authorization: Bearer." example:"eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"`
	Refresh string `json:"refresh" doc:"Buys the next pair, for one day." example:"eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"`
}

// verifying is the body of a verification.
type verifying struct {
	Token models.Secret `json:"token" doc:"An access or a refresh token." example:"eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"`
}

// passwordChange is the body of a change of password.
type passwordChange struct {
	Old models.Secret `json:"old_password" format:"password" writeOnly:"true" doc:"The present password." example:"correct horse battery"`
	New models.Secret `json:"new_password" format:"password" writeOnly:"true" doc:"The password from now on: 12 characters or more, none of the common ones, not digits alone, and unlike the address and name of the account." example:"staple of the bright heron"`
}

// resetRequest is the body of a request for a link to a new password.
type resetRequest struct {
	Email string `json:"email" doc:"The address of the account, in any case." example:"analyst@cedar.test"`
}

// resetConfirmation is the body that uses such a link up.
type resetConfirmation struct {
	Token models.Secret `json:"token" doc:"The secret of the mailed link: what follows #token= in it." example:"k4sXo1u0mB3n6cYwq9fT2hZ8vR5eJ7dLaPgUiOxWtNs"`
	New   models.Secret `json:"new_password" format:"password" writeOnly:"true" doc:"The password from now on: 12 characters or more, none of the common ones, not digits alone, and unlike the address and name of the account." example:"staple of the bright heron"`
}

type (
	resetInput   struct{ Body resetRequest }
	confirmInput struct{ Body resetConfirmation }
	signInInput  struct{ Body credentials }
	refreshInput struct{ Body refreshing }
	verifyInput  struct{ Body verifying }
	changeInput  struct{ Body passwordChange }
	tokenOutput  struct{ Body tokens }
	// verified is an empty object: the status is the answer.
	verified struct{ Body struct{} }
	noOutput struct{}
)

func (a *api) registerAuth() {
	signIn := tokenOperation("createToken", "auth/token", "Sign in",
		"Exchanges an e-mail address and a password for an access and a refresh token. The answer to an unknown address, "+
			"a wrong password and a deactivated account is the same. After five failures in a row for one account and from one "+
			"network address, the same answer is given for 15 minutes to everything from there. A sign-in that succeeds does "+
			"not use up `sign_in`.")
	signIn.throttle = []throttle.Class{throttle.SignIn, throttle.Authentication}
	signIn.refundable = []throttle.Class{throttle.SignIn}
	register(a, signIn,
		func(ctx context.Context, in *signInInput) (*tokenOutput, error) {
			named := ""
			if in.Body.Customer != nil {
				named = *in.Body.Customer
			}
			return showTokens(a.auth.SignIn(ctx, in.Body.Email, string(in.Body.Password), named))
		})
	register(a, tokenOperation("refreshToken", "auth/token/refresh", "Refresh the tokens",
		"Exchanges a refresh token for a new pair, provided that the account may still act for its customer. A refresh token "+
			"can be used once: a second use ends the session it belongs to, because the token is then in two hands."),
		func(ctx context.Context, in *refreshInput) (*tokenOutput, error) {
			return showTokens(a.auth.Refresh(ctx, string(in.Body.Refresh)))
		})
	a.registerSession()
}

// registerSession adds what is done with tokens once one has them.
func (a *api) registerSession() {
	register(a, tokenOperation("verifyToken", "auth/token/verify", "Verify a token",
		"Answers 200 when the access or refresh token would be accepted now, and 401 otherwise. It uses nothing up."),
		func(ctx context.Context, in *verifyInput) (*verified, error) {
			if err := a.auth.Verify(ctx, string(in.Body.Token)); err != nil {
				return nil, err
			}
			return &verified{}, nil
		})
	logout := tokenOperation("logout", "auth/logout", "Sign out",
		"Ends the session of a refresh token: neither it nor the access tokens issued with it are accepted afterwards. "+
			"To end a session twice is no error.")
	logout.status = http.StatusNoContent
	register(a, logout, func(ctx context.Context, in *refreshInput) (*noOutput, error) {
		return nil, a.auth.Logout(ctx, string(in.Body.Refresh))
	})
	change := tokenOperation("changePassword", "auth/password", "Change the password",
		"Replaces the password of the account that asks, ends all its sessions, and answers with the tokens of a new one. "+
			"A wrong old password counts like a failed sign-in.")
	change.signedIn, change.throttle = true, []throttle.Class{throttle.WriteOperation}
	change.codes = append(change.codes, models.CodeStale)
	register(a, change, func(ctx context.Context, in *changeInput) (*tokenOutput, error) {
		return showTokens(a.auth.ChangePassword(ctx, auth.ViewerFrom(ctx), string(in.Body.Old), string(in.Body.New)))
	})
	a.registerReset()
}

// registerReset adds the way back in for who has forgotten the password.
func (a *api) registerReset() {
	request := tokenOperation("requestPasswordReset", "auth/password-reset", "Ask for a new password",
		"Mails a link to choose a new password to the account with this address. The link works once, for 24 hours, and takes "+
			"the place of an older one. The answer is the same whether or not there is such an account.")
	request.status, request.codes = http.StatusAccepted, nil
	request.throttle = []throttle.Class{throttle.PasswordReset}
	register(a, request, func(ctx context.Context, in *resetInput) (*verified, error) {
		if err := a.auth.RequestPasswordReset(ctx, in.Body.Email); err != nil {
			return nil, err
		}
		return &verified{}, nil
	})
	confirm := tokenOperation("confirmPasswordReset", "auth/password-reset/confirm", "Choose a new password",
		"Uses up a mailed link: sets the password of its account and ends all sessions of it. A link that is unknown, was used "+
			"or replaced, or has expired gets one and the same answer.")
	confirm.status, confirm.codes = http.StatusNoContent, nil
	confirm.throttle = []throttle.Class{throttle.PasswordReset}
	register(a, confirm, func(ctx context.Context, in *confirmInput) (*noOutput, error) {
		return nil, a.auth.ConfirmPasswordReset(ctx, string(in.Body.Token), string(in.Body.New))
	})
	a.registerAcceptance()
}

func tokenOperation(id, path, summary, description string) operation {
	return operation{
		id: id, method: http.MethodPost, path: resourcePath(path), tag: tagAuth, summary: summary, description: description,
		codes: []models.Code{models.CodeUnauthenticated, models.CodeForbidden}, maxBody: maxCredentialBytes, hasBody: true,
		throttle: []throttle.Class{throttle.TokenRefresh},
	}
}

func showTokens(t auth.Tokens, err error) (*tokenOutput, error) {
	if err != nil {
		return nil, err
	}
	return &tokenOutput{Body: tokens(t)}, nil
}
