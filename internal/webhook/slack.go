package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// SlackMessage is an alert as a Slack channel shows it. Its texts are written as
// they are: nothing in them is read as markup or as a mention.
type SlackMessage struct {
	Customer string
	Rule     string
	Payer    string
	// DriftType, Delta and Severity are as people read them: "Denial rate",
	// "+15.0 points", "HIGH".
	DriftType string
	Delta     string
	Severity  string
	// Summary says in a sentence or two what happened.
	Summary string
	// Link opens the alert; "" leaves it out.
	Link    string
	AlertID string
	At      time.Time
}

// Bounds of Slack's, in characters, some of them ours and lower.
const (
	maxSlackHeader  = 150
	maxSlackField   = 300
	maxSlackSummary = 2000
)

// text is a text object of Slack's Block Kit.
type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// block is a block of it.
type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text,omitempty"`
	Fields   []text `json:"fields,omitempty"`
	Elements []text `json:"elements,omitempty"`
}

// Bytes is the body that is posted.
func (m SlackMessage) Bytes() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	title := cut(m.Severity+": "+m.Rule, maxSlackHeader)
	err := encoder.Encode(struct {
		Text   string  `json:"text"`
		Blocks []block `json:"blocks"`
	}{escape(title + " – " + cut(m.Payer, maxSlackField)), m.blocks(title)})
	if err != nil {
		return nil, fmt.Errorf("webhook: a message to Slack: %w", err)
	}
	return out.Bytes(), nil
}

func (m SlackMessage) blocks(title string) []block {
	fields := []text{
		field("Customer", m.Customer), field("Payer", m.Payer), field("Drift", m.DriftType),
		field("Change", m.Delta), field("Severity", m.Severity), field("Rule", m.Rule),
	}
	blocks := []block{
		{Type: "header", Text: &text{"plain_text", title}},
		{Type: "section", Text: &text{"mrkdwn", literal(cut(m.Summary, maxSlackSummary))}},
		{Type: "section", Fields: fields},
	}
	if m.Link != "" {
		link := strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C").Replace(m.Link)
		blocks = append(blocks, block{Type: "section", Text: &text{"mrkdwn", "<" + link + "|Open the alert>"}})
	}
	when := m.At.UTC().Format("2006-01-02 15:04 UTC")
	return append(blocks, block{Type: "context", Elements: []text{{"plain_text", m.AlertID + " · " + when}}})
}

func field(name, value string) text {
	return text{"mrkdwn", "*" + name + "*\n" + literal(cut(value, maxSlackField))}
}

// escape writes the three characters that Slack reads as control characters.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// literal also keeps what would be bold, italic, struck or code as it is, by a
// space of no width after each sign.
func literal(s string) string {
	if s == "" {
		return "–" // Slack refuses empty texts
	}
	return strings.NewReplacer("*", "*\u200b", "_", "_\u200b", "~", "~\u200b", "`", "`\u200b").Replace(escape(s))
}

func cut(s string, longest int) string {
	runes := []rune(s)
	if len(runes) <= longest {
		return s
	}
	return string(runes[:longest-1]) + "…"
}
