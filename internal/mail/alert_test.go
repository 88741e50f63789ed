package mail

import (
	"strings"
	"testing"
	"time"
)

func alertFacts() AlertFacts {
	return AlertFacts{
		Customer: "Cedar & Sons", Rule: "Denials at Aetna", Urgency: "high", Label: "Investigate today", Payer: "Aetna",
		DriftType: "Denial rate", CPTGroup: "SURGERY", Baseline: "10.0%", Current: "25.0%", Delta: "+15.0 points", Severity: "0.30",
		Period:  "2026-02-16 to 2026-03-01",
		Meaning: "Aetna denied 25.0% of SURGERY claims, up 15.0 points from 10.0% before.", History: "It was found 3 runs in a row.",
		Steps: []string{"Open the evidence today.", "Ask the payer's representative."},
		Evidence: []EvidenceRow{
			{"Denial rate", "SURGERY", "10.0%", "25.0%", "+15.0 points", "0.30"},
			{"Time to decision", "", "14 days", "21 days", "+7 days", "0.23"},
		},
		More: 3, Link: "https://upstream.example/alerts/alert_01", AlertID: "alert_01", RequestID: "req-77",
		At: time.Date(2026, 3, 2, 13, 5, 0, 0, time.FixedZone("", 3600)),
	}
}

// Both parts of a mail say all that its reader has to know.
func TestWriteAlert(t *testing.T) {
	t.Parallel()
	m, err := WriteAlert("ada@cedar.test", alertFacts())
	if err != nil {
		t.Fatal(err)
	}
	if m.To != "ada@cedar.test" || m.Subject != "Upstream alert for Cedar & Sons (high urgency): Aetna, Denial rate +15.0 points" {
		t.Errorf("%q to %q", m.Subject, m.To)
	}
	html := strings.NewReplacer("&amp;", "&", "&#39;", "'", "&#43;", "+").Replace(m.HTML)
	for _, want := range []string{
		"Cedar & Sons", "Denials at Aetna", "Investigate today", "Aetna denied 25.0% of SURGERY claims", "It was found 3 runs in a row.",
		"2026-02-16 to 2026-03-01", "Open the evidence today.", "Ask the payer's representative.",
		"Time to decision", "14 days", "+7 days", "0.23", "https://upstream.example/alerts/alert_01", "alert_01", "req-77", "2 March 2026, 12:05 UTC",
	} {
		for part, body := range map[string]string{"text": m.Text, "HTML": html} {
			if !strings.Contains(body, want) {
				t.Errorf("the %s lacks %q:\n%s", part, want, body)
			}
		}
	}
	for _, want := range []string{"\n  1. Open the evidence today.\n  2. Ask", "\n  - and 3 more\n", "\nhttps://upstream.example/alerts/alert_01\n"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the text lacks %q:\n%s", want, m.Text)
		}
	}
	if strings.Contains(m.Text, "\n\n\n") || strings.Contains(m.Text, "<") || strings.Contains(m.Text, "noise") {
		t.Errorf("the text is odd:\n%s", m.Text)
	}
	for _, foreign := range []string{"<img", "<script", "src=", "something done with this address"} {
		if strings.Contains(m.HTML, foreign) {
			t.Errorf("the HTML contains %s", foreign)
		}
	}
}

func TestWriteAlert_WhatMayBeMissing(t *testing.T) {
	t.Parallel()
	facts := alertFacts()
	facts.CPTGroup, facts.Evidence, facts.More, facts.RequestID, facts.LikelyNoise = "", nil, 0, "", true
	m, err := WriteAlert("ada@cedar.test", facts)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{m.Text, m.HTML} {
		if strings.Contains(body, "()") || strings.Contains(body, "request") || strings.Contains(body, "What this run found") ||
			!strings.Contains(body, "there may be nothing behind it") {
			t.Errorf("%s", body)
		}
	}
}

// Names come from people and files: they end no header and are no markup.
func TestWriteAlert_NamesAreText(t *testing.T) {
	t.Parallel()
	facts := alertFacts()
	facts.Payer, facts.Customer, facts.Rule, facts.Link = "<b>A</b>\r\nBcc: all@b.example", "<script>1</script>", "<i>", "javascript:alert(1)"
	m, err := WriteAlert("ada@cedar.test", facts)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(m.Subject, "\r\n") {
		t.Errorf("subject %q", m.Subject)
	}
	for _, bad := range []string{"<b>A", "<script>", "<i>", `href="javascript:`} {
		if strings.Contains(m.HTML, bad) {
			t.Errorf("the HTML contains %s", bad)
		}
	}
}

func TestWriteChannelTest(t *testing.T) {
	t.Parallel()
	m, err := WriteChannelTest("ada@cedar.test", ChannelTestFacts{
		Customer: "Cedar", Channel: "Billing", Link: "https://upstream.example/", At: time.Date(2026, 3, 2, 13, 5, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{m.Text, m.HTML} {
		for _, want := range []string{"Cedar", "Billing", "https://upstream.example/", "2 March 2026, 13:05 UTC"} {
			if !strings.Contains(body, want) {
				t.Errorf("it lacks %q:\n%s", want, body)
			}
		}
	}
	if m.Subject != "A test of the channel Billing" {
		t.Errorf("subject %q", m.Subject)
	}
}
