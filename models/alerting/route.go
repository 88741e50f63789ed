package alerting

import (
	"slices"

	"upstream/models"
)

// Route is where the alerts of a rule go: the rule's own channels if it names
// any, else all of the customer's; of those the enabled ones. done are channels
// that took this alert before and do not get it again. Nothing left to send to
// while nothing is done means that the fall-back address has to be told.
func Route(rule *models.AlertRule, channels []models.NotificationChannel, done []models.NotificationChannelID) []models.NotificationChannel {
	var chosen []models.NotificationChannel
	for i := range channels {
		c := &channels[i]
		named := len(rule.RoutingChannels) == 0 || slices.Contains(rule.RoutingChannels, c.ID)
		if named && c.Enabled && !slices.Contains(done, c.ID) {
			chosen = append(chosen, *c)
		}
	}
	return chosen
}

// Fallback is whom to tell when no channel is left: the customer's own address,
// or the operator's of this installation; "" when there is neither.
func Fallback(customer *models.Customer, installation string) string {
	if customer.ToEmail != nil && *customer.ToEmail != "" {
		return *customer.ToEmail
	}
	return installation
}

// Result is how one channel took an alert.
type Result struct {
	// Channel is zero for the fall-back address.
	Channel models.NotificationChannelID
	// Error is a short sentence without addresses; "" when it was taken.
	Error string
}

// Settle is what the results of all channels, those of earlier tries included,
// make of an alert: sent when any took it, failed with the first failure's words
// otherwise. An alert that was tried nowhere failed, too.
func Settle(results []Result) (action models.AlertAction, failure string) {
	failure = "there is no channel and no address to tell"
	for i, r := range results {
		if r.Error == "" {
			return models.ActionSend, ""
		}
		if i == 0 {
			failure = r.Error
		}
	}
	return models.ActionFail, failure
}
