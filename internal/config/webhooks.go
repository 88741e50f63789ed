package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Webhooks are the settings of deliveries to partners. All processes on a
// database should have the same.
type Webhooks struct {
	Allow       []string      `name:"webhook-allow" env:"UPSTREAM_WEBHOOK_ALLOW" help:"Networks that webhooks may be sent to although they are not public, on any port and without TLS, such as 127.0.0.1/32 for development. Unset: none." placeholder:"CIDR,..."`
	Ports       []uint16      `name:"webhook-ports" env:"UPSTREAM_WEBHOOK_PORTS" default:"443" help:"Ports at public addresses that webhooks may be sent to." placeholder:"PORT,..."`
	HTTP        bool          `name:"webhook-http" env:"UPSTREAM_WEBHOOK_HTTP" help:"Let webhooks be sent without TLS: name port 80, too."`
	Retries     Retries       `embed:""`
	Timeout     time.Duration `name:"webhook-timeout" env:"UPSTREAM_WEBHOOK_TIMEOUT" default:"10s" help:"How long one attempt to deliver may take, 25s at most."`
	Pause       time.Duration `name:"webhook-pause" env:"UPSTREAM_WEBHOOK_PAUSE" default:"30s" help:"How long an endpoint is left alone after five failures in a row; doubles as long as it fails, up to sixty times that."`
	Concurrency int           `name:"webhook-concurrency" env:"UPSTREAM_WEBHOOK_CONCURRENCY" default:"8" help:"Deliveries to one endpoint at a time, by all processes together, 64 at most."`
}

// Retries are the waits between the attempts of a delivery. A delivery is given
// up after them, which is decided when it is made: so every command that makes
// deliveries has the setting, not only those that send them.
type Retries struct {
	Waits []time.Duration `name:"webhook-retries" env:"UPSTREAM_WEBHOOK_RETRIES" default:"5s,1m,5m,30m,2h" help:"Waits after the first, second, ... failed attempt to deliver, give or take a fifth; after the last retry it is given up." placeholder:"DURATION,..."`
}

// Bounds of the settings.
const (
	maxWebhookTimeout     = 25 * time.Second
	maxWebhookRetry       = 7 * 24 * time.Hour
	maxWebhookRetries     = 20
	maxWebhookConcurrency = 64
)

// Validate names every setting that cannot work.
func (w Webhooks) Validate() error {
	_, allowErr := w.Networks()
	var all []error
	if slices.Contains(w.Ports, 0) || len(w.Ports) == 0 {
		all = append(all, errors.New("--webhook-ports must be ports from 1 to 65535"))
	}
	if w.Timeout <= 0 || w.Timeout > maxWebhookTimeout {
		all = append(all, fmt.Errorf("--webhook-timeout must be more than 0 and at most %s", maxWebhookTimeout))
	}
	if w.Concurrency < 1 || w.Concurrency > maxWebhookConcurrency {
		all = append(all, fmt.Errorf("--webhook-concurrency must be from 1 to %d", maxWebhookConcurrency))
	}
	return errors.Join(append(all, w.Retries.Validate(), allowErr, positive("--webhook-pause", w.Pause))...)
}

// Validate says what is wrong with the waits.
func (r Retries) Validate() error {
	wrong := func(d time.Duration) bool { return d <= 0 || d > maxWebhookRetry }
	if len(r.Waits) > maxWebhookRetries || slices.ContainsFunc(r.Waits, wrong) {
		return fmt.Errorf("--webhook-retries must be at most %d waits, each more than 0 and at most 7 days", maxWebhookRetries)
	}
	return nil
}

// Networks reads Allow.
func (w Webhooks) Networks() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range w.Allow {
		network, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil || network.Addr().Is4In6() || network != network.Masked() {
			return nil, fmt.Errorf("--webhook-allow must be networks such as 127.0.0.1/32 or fd00::/8, not %q", text)
		}
		networks = append(networks, network)
	}
	return networks, nil
}
