package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
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

// Bounds in characters as they are written: those of Slack's, or lower.
const (
	maxSlackHeader  = 150
	maxSlackField   = 500
	maxSlackSummary = 3000
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
	}{literal(title+" – "+m.Payer, maxSlackField), m.blocks(title)})
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
		{Type: "section", Text: &text{"mrkdwn", literal(m.Summary, maxSlackSummary)}},
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
	return text{"mrkdwn", "*" + name + "*\n" + literal(value, maxSlackField)}
}

// written is how signs that Slack reads as control or format characters are
// written to be read as themselves: a space of no width ends a format.
var written = map[rune]string{
	'&': "&amp;", '<': "&lt;", '>': "&gt;", '*': "*\u200b", '_': "_\u200b", '~': "~\u200b", '`': "`\u200b",
}

// literal is a text as Slack has to read it to show it as it is, cut where what
// is written would be longer than so many characters. Slack refuses empty texts.
func literal(s string, longest int) string {
	if s == "" {
		return "–"
	}
	var out strings.Builder
	length := 0
	for _, r := range s {
		sign, special := written[r]
		if !special {
			sign = string(r)
		}
		if length += utf8.RuneCountInString(sign); length >= longest {
			return out.String() + "…"
		}
		out.WriteString(sign)
	}
	return out.String()
}

func cut(s string, longest int) string {
	runes := []rune(s)
	if len(runes) <= longest {
		return s
	}
	return string(runes[:longest-1]) + "…"
}
