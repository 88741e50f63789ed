package models_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"upstream/models"
)

func TestNewInvitation_Validate(t *testing.T) {
	t.Parallel()
	for email, good := range map[string]bool{
		"grace@cedar.test": true, " grace@cedar.test ": true, "GRACE+1@cedar.test": true, "renée@cedar.test": true,
		"": false, "grace": false, "@cedar.test": false, "Grace <grace@cedar.test>": false, "a@b.test, c@d.test": false,
		"a\r\nBcc: b@cedar.test": false, "a\u200bb@cedar.test": false, "a\x00@cedar.test": false, strings.Repeat("a", 250) + "@b.test": false,
	} {
		err := models.NewInvitation{Email: email, Role: models.RoleViewer}.Validate()
		if (err == nil) != good || !good && models.AsError(err).Fields[0].Path != "email" {
			t.Errorf("%q: %v", email, err)
		}
	}
	if err := (models.NewInvitation{Email: "nonsense", Role: "emperor"}).Validate(); len(models.AsError(err).Fields) != 2 {
		t.Errorf("both wrong: %v", err)
	}
}

func TestInvitation_StatusAt(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, time.June, 22, 12, 0, 0, 0, time.UTC)
	before := end.Add(-time.Microsecond)
	for want, row := range map[models.InvitationStatus]models.Invitation{
		models.InvitationExpired:  {},
		models.InvitationAccepted: {AcceptedAt: &before},
		models.InvitationRevoked:  {RevokedAt: &before},
	} {
		row.ExpiresAt = end
		if got := row.StatusAt(end); got != want {
			t.Errorf("at the end %s, want %s", got, want)
		}
	}
	if got := (&models.Invitation{ExpiresAt: end}).StatusAt(before); got != models.InvitationPending {
		t.Errorf("before the end %s", got)
	}
}

func TestNewInvitationToken(t *testing.T) {
	t.Parallel()
	token, hash := models.NewInvitationToken()
	other, _ := models.NewInvitationToken()
	if len(string(token)) != 43 || token == other || hash != sha256.Sum256([]byte(token)) || token.String() == string(token) {
		t.Errorf("%d characters, printed as %s", len(string(token)), token)
	}
}
