package alerting_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"upstream/models"
	"upstream/models/alerting"
)

func channelID(n byte) models.NotificationChannelID {
	return models.NotificationChannelID{}.From(uuid.UUID{15: n})
}

func TestRoute(t *testing.T) {
	t.Parallel()
	channels := []models.NotificationChannel{
		{ID: channelID(1), Name: "mail", Enabled: true}, {ID: channelID(2), Name: "slack", Enabled: true}, {ID: channelID(3), Name: "off"},
	}
	for name, tt := range map[string]struct {
		rule, done []byte
		want       string
	}{
		"all enabled":                  {nil, nil, "mail slack"},
		"the rule's own":               {[]byte{2}, nil, "slack"},
		"the rule's own are off":       {[]byte{3}, nil, ""},
		"the rule's own are gone":      {[]byte{9}, nil, ""},
		"those that took it stay away": {nil, []byte{1}, "slack"},
		"all took it":                  {[]byte{2}, []byte{1, 2}, ""},
	} {
		r, done := rule(), []models.NotificationChannelID(nil)
		for _, n := range tt.rule {
			r.RoutingChannels = append(r.RoutingChannels, channelID(n))
		}
		for _, n := range tt.done {
			done = append(done, channelID(n))
		}
		var got []string
		for _, c := range alerting.Route(&r, channels, done) {
			got = append(got, c.Name)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestFallback(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		customer     *string
		installation string
		want         string
	}{
		"the customer's": {new("billing@cedar.test"), "ops@upstream.test", "billing@cedar.test"},
		"ours":           {nil, "ops@upstream.test", "ops@upstream.test"},
		"an empty one":   {new(""), "ops@upstream.test", "ops@upstream.test"},
		"nobody's":       {nil, "", ""},
	} {
		if got := alerting.Fallback(&models.Customer{ToEmail: tt.customer}, tt.installation); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	ok, down, full := alerting.Result{Channel: channelID(1)}, alerting.Result{Channel: channelID(2), Error: "down"}, alerting.Result{Channel: channelID(3), Error: "full"}
	for name, tt := range map[string]struct {
		results []alerting.Result
		action  models.AlertAction
		failure string
	}{
		"all took it":            {[]alerting.Result{ok}, models.ActionSend, ""},
		"the last one failed":    {[]alerting.Result{ok, down}, models.ActionSend, ""},
		"the first one failed":   {[]alerting.Result{down, ok}, models.ActionSend, ""},
		"all failed":             {[]alerting.Result{down, full}, models.ActionFail, "down"},
		"nobody there to ask it": {nil, models.ActionFail, "there is no channel and no address to tell"},
	} {
		if action, failure := alerting.Settle(tt.results); action != tt.action || failure != tt.failure {
			t.Errorf("%s: %s, %q", name, action, failure)
		}
	}
}
