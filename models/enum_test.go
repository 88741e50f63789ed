package models_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"upstream/models"
)

// enum checks that a closed set reads and writes its members in each form.
func enum[E interface {
	models.Enum
	MarshalGQL(w io.Writer)
}, P interface {
	*E
	UnmarshalGQL(v any) error
}](t *testing.T) {
	t.Helper()
	var zero E
	seen := map[string]bool{}
	for _, word := range zero.Values() {
		if word == "" || seen[word] {
			t.Errorf("%T: %q is empty or listed twice", zero, word)
		}
		seen[word] = true
		if !models.ValidEnum(E(word)) {
			t.Errorf("%T: %q is not valid", zero, word)
		}
		for _, spelled := range []string{word, strings.ToUpper(word), strings.ToLower(word)} {
			if got, err := models.ParseEnum[E](spelled); err != nil || got != E(word) {
				t.Errorf("%T: %q was read as %q, %v", zero, spelled, got, err)
			}
		}
		var out strings.Builder
		E(word).MarshalGQL(&out)
		if want := fmt.Sprintf("%q", strings.ToUpper(word)); out.String() != want {
			t.Errorf("%T: GraphQL shows %s, want %s", zero, out.String(), want)
		}
		var back E
		if err := P(&back).UnmarshalGQL(strings.ToUpper(word)); err != nil || back != E(word) {
			t.Errorf("%T: GraphQL reads %q, %v", zero, back, err)
		}
	}
	var back E
	if models.ValidEnum(E("nonsense")) || P(&back).UnmarshalGQL("nonsense") == nil || P(&back).UnmarshalGQL(1) == nil {
		t.Errorf("%T: nonsense is a member", zero)
	}
	if _, err := models.ParseEnum[E]("nonsense"); err == nil || !strings.Contains(err.Error(), zero.Values()[0]) {
		t.Errorf("%T: the error does not name the members: %v", zero, err)
	}
}

func TestEnums(t *testing.T) {
	t.Parallel()
	enum[models.Role](t)
	enum[models.UploadStatus](t)
	enum[models.UploadSource](t)
	enum[models.RejectionCode](t)
	enum[models.Outcome](t)
	enum[models.SubmittedVia](t)
	enum[models.RunType](t)
	enum[models.RunStatus](t)
	enum[models.Method](t)
	enum[models.WindowBy](t)
	enum[models.DriftType](t)
	enum[models.TestMethod](t)
	enum[models.TrendDirection](t)
	enum[models.SeverityLabel](t)
	enum[models.Direction](t)
	enum[models.UploadOrderField](t)
	enum[models.RejectionOrderField](t)
	enum[models.ClaimOrderField](t)
	enum[models.ReportRunOrderField](t)
	enum[models.DriftTestOrderField](t)
	enum[models.DriftEventOrderField](t)
	enum[models.APIKeyOrderField](t)
	enum[models.InvitationStatus](t)
	enum[models.InvitationOrderField](t)
	enum[models.AlertMetric](t)
	enum[models.ThresholdType](t)
	enum[models.AlertSeverity](t)
	enum[models.AlertRuleOrderField](t)
	enum[models.ChannelType](t)
	enum[models.NotificationChannelOrderField](t)
	enum[models.AlertStatus](t)
	enum[models.SuppressionReason](t)
	enum[models.AlertResolution](t)
	enum[models.AlertEventOrderField](t)
	enum[models.AlertAction](t)
	enum[models.AlertHistoryOrderField](t)
	enum[models.Verdict](t)
	enum[models.OperatorJudgmentOrderField](t)
	enum[models.CircuitState](t)
	enum[models.DisabledReason](t)
	enum[models.WebhookEndpointOrderField](t)
	enum[models.DeliveryStatus](t)
	enum[models.WebhookDeliveryOrderField](t)
	enum[models.AttemptOutcome](t)
	enum[models.DeliveryAttemptOrderField](t)
}

func TestLabelOf(t *testing.T) {
	t.Parallel()
	for score, want := range map[float64]models.SeverityLabel{
		0: models.SeverityLow, 0.399: models.SeverityLow, 0.4: models.SeverityMedium, 0.599: models.SeverityMedium,
		0.6: models.SeverityHigh, 0.799: models.SeverityHigh, 0.8: models.SeverityCritical, 1: models.SeverityCritical,
	} {
		if got := models.LabelOf(score); got != want {
			t.Errorf("LabelOf(%v) = %s, want %s", score, got, want)
		}
	}
}
