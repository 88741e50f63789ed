package models_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"upstream/models"
)

func TestID_RoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var raw uuid.UUID
		copy(raw[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		id := models.ClaimID{}.From(raw)
		var fromText, fromJSON, fromGraphQL, fromDatabase models.ClaimID
		if err := fromText.UnmarshalText([]byte(id.String())); err != nil || fromText != id {
			t.Fatalf("text: %v, %v", fromText, err)
		}
		body, err := json.Marshal(id)
		if err != nil || json.Unmarshal(body, &fromJSON) != nil || fromJSON != id {
			t.Fatalf("JSON: %s, %v", body, err)
		}
		var out strings.Builder
		id.MarshalGQL(&out)
		if err := fromGraphQL.UnmarshalGQL(strings.Trim(out.String(), `"`)); err != nil || fromGraphQL != id {
			t.Fatalf("GraphQL: %s, %v", out.String(), err)
		}
		stored, err := id.Value()
		if err != nil || fromDatabase.Scan(stored) != nil || fromDatabase != id {
			t.Fatalf("database: %v, %v", stored, err)
		}
		if id.UUID() != raw {
			t.Fatalf("UUID %v, want %v", id.UUID(), raw)
		}
	})
}

func TestID_RefusesOtherText(t *testing.T) {
	t.Parallel()
	upload := models.UploadID{}.From(uuid.Must(uuid.NewV7())).String()
	for _, text := range []string{
		"", "clm", "clm_", "clm_123", upload, strings.Replace(upload, "upl_", "", 1), "CLM" + upload[3:],
		"clm_" + strings.Repeat("z", 26), "clm_" + strings.Repeat("!", 26), uuid.NewString(),
	} {
		if id, err := models.ParseID[kind](text); err == nil {
			t.Errorf("%q was read as %v", text, id)
		}
		var id models.ClaimID
		if err := id.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as a claim's %v", text, id)
		}
	}
	var id models.ClaimID
	if err := id.UnmarshalGQL(7); err == nil {
		t.Error("a number was read as an identifier")
	}
}

type kind struct{}

func (kind) Prefix() string { return "clm" }

func TestID_Zero(t *testing.T) {
	t.Parallel()
	if !(models.UserID{}).IsZero() {
		t.Error("the zero identifier is not zero")
	}
	if (models.UserID{}).From(uuid.New()).IsZero() {
		t.Error("a random identifier is zero")
	}
}

func TestIDPrefix(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"clm_01": "clm", "": "", "clm": "", "_x": "", "a_b_c": "a"} {
		if got := models.IDPrefix(text); got != want {
			t.Errorf("IDPrefix(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestID_PrefixesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, id := range []string{
		models.CustomerID{}.String(), models.UserID{}.String(), models.MembershipID{}.String(), models.UploadID{}.String(),
		models.ClaimID{}.String(), models.PayerMappingID{}.String(), models.CPTGroupMappingID{}.String(),
		models.ReportRunID{}.String(), models.DriftEventID{}.String(), models.AuditEventID{}.String(),
		models.SessionID{}.String(), models.APIKeyID{}.String(), models.InvitationID{}.String(),
		models.PasswordResetID{}.String(), models.AlertRuleID{}.String(), models.NotificationChannelID{}.String(),
		models.AlertEventID{}.String(), models.OperatorJudgmentID{}.String(), models.WebhookEndpointID{}.String(),
		models.WebhookDeliveryID{}.String(),
	} {
		prefix := models.IDPrefix(id)
		if prefix == "" || seen[prefix] {
			t.Errorf("the prefix of %s is empty or taken", id)
		}
		seen[prefix] = true
	}
}
