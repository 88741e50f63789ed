package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"upstream/internal/webhook"
	"upstream/models"
)

func alert() webhook.SlackMessage {
	return webhook.SlackMessage{
		Customer: "Cedar Clinic", Rule: "Denials", Payer: "Aetna", DriftType: "Denial rate", Delta: "+15.0 points", Severity: "HIGH",
		Summary: "Aetna denied 25.0% of claims.", Link: "https://upstream.example.com/alerts/alert_01", AlertID: "alert_01", At: noon,
	}
}

func TestSendSlack(t *testing.T) {
	t.Parallel()
	got := make(chan []byte, 1)
	server := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Webhook-Signature") != "" {
			w.WriteHeader(http.StatusBadRequest)
		}
		got <- body
		_, _ = io.WriteString(w, "ok")
	})
	result, err := sender(t).SendSlack(t.Context(), server.URL, alert())
	if err != nil || !result.Delivered() || result.Body != "ok" {
		t.Fatalf("%+v, %v", result, err)
	}
	text := string(<-got)
	for _, want := range []string{
		"Cedar Clinic", "Denials", "Aetna", "Denial rate", "+15.0 points", "HIGH", "25.0%", "alert_01", "2026-03-02 12:00 UTC",
		"<https://upstream.example.com/alerts/alert_01|Open the alert>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
}

// Slack says ok by 200 and by nothing else.
func TestSendSlack_Statuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]models.AttemptOutcome{
		200: models.AttemptDelivered, 201: models.AttemptRejected, 204: models.AttemptRejected, 302: models.AttemptRedirected,
		404: models.AttemptRejected, 410: models.AttemptGone, 429: models.AttemptRejected,
	} {
		result, err := sender(t).SendSlack(t.Context(), receiver(t, answers(status, "")).URL, alert())
		if err != nil || result.Outcome != want || (result.Error == "") != (status == 200) {
			t.Errorf("%d: %+v, %v", status, result, err)
		}
	}
	result, err := sender(t).SendSlack(t.Context(), "https://169.254.169.254/", alert())
	if err != nil || result.Outcome != models.AttemptBlocked {
		t.Errorf("a blocked target: %+v, %v", result, err)
	}
}

type slackText struct{ Type, Text string }

type slackBody struct {
	Text   string
	Blocks []struct {
		Type     string
		Text     *slackText
		Fields   []slackText
		Elements []slackText
	}
}

// Whatever stands in a name: the message is within Slack's bounds, has no empty
// text, and no sign of it is read as a mention, a link or a format.
func TestSlackMessage_AnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.OneOf(rapid.StringN(0, 4000, -1), rapid.SampledFrom([]string{"<!channel>", "<@U1>", "<https://evil.test|here>", "*bold* _it_ ~no~ `x`", "&lt;!here&gt;"}))
		m := webhook.SlackMessage{
			Customer: words.Draw(t, "customer"), Rule: words.Draw(t, "rule"), Payer: words.Draw(t, "payer"), DriftType: words.Draw(t, "type"),
			Delta: words.Draw(t, "delta"), Severity: words.Draw(t, "severity"), Summary: words.Draw(t, "summary"), AlertID: "alert_01", At: noon,
		}
		raw, err := m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		var body slackBody
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Fatal(err)
		}
		check := func(x slackText, longest int) {
			if x.Text == "" || utf8.RuneCountInString(x.Text) > longest {
				t.Fatalf("a text of %d characters", utf8.RuneCountInString(x.Text))
			}
			if x.Type == "mrkdwn" && strings.ContainsAny(strings.TrimPrefix(x.Text, "*"), "<>") {
				t.Fatalf("a control character of Slack's in %q", x.Text)
			}
		}
		if strings.ContainsAny(body.Text, "<>") || body.Text == "" {
			t.Fatalf("the notification %q", body.Text)
		}
		for _, b := range body.Blocks {
			switch {
			case b.Type == "header":
				check(*b.Text, 150)
			case b.Text != nil:
				check(*b.Text, 3000)
			}
			for _, f := range append(b.Fields, b.Elements...) {
				check(f, 2000)
			}
		}
	})
}

func TestSlackMessage_Markup(t *testing.T) {
	t.Parallel()
	m := alert()
	m.Payer, m.Link = "<!channel> *A* & Co", "https://upstream.example.com/a|b>c"
	raw, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"&lt;!channel&gt; *\u200bA*\u200b &amp; Co", "<https://upstream.example.com/a%7Cb%3Ec|Open the alert>"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%q is missing in %s", want, raw)
		}
	}
	m.Link = ""
	if raw, err = m.Bytes(); err != nil || strings.Contains(string(raw), "Open the alert") {
		t.Errorf("%s, %v", raw, err)
	}
}
