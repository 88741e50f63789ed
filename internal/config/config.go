// Package config holds the typed settings of the program. Every one is a flag
// and an environment variable; the command line wins. It imports nothing of ours.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Common are the settings every command knows.
type Common struct {
	DatabaseURL  string `name:"database-url" env:"DATABASE_URL" help:"PostgreSQL to use, 15 or later. Unset: an embedded one in the data directory." placeholder:"URL"`
	MigrationURL string `name:"migration-url" env:"UPSTREAM_MIGRATION_URL" help:"Login that may change the schema, when DATABASE_URL's may not." placeholder:"URL"`
	DataDir      string `name:"data-dir" env:"UPSTREAM_DATA_DIR" help:"Where the embedded database and generated secrets live." type:"path" placeholder:"DIR"`
	PGBin        string `name:"pg-bin" env:"UPSTREAM_PG_BIN" help:"Folder with the binaries of the embedded PostgreSQL." type:"path" placeholder:"DIR"`
	LogFormat    string `name:"log-format" env:"LOG_FORMAT" enum:"text,json" default:"text" help:"Format of the log on standard error: text or json."`
	LogLevel     string `name:"log-level" env:"LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least severe level that is logged: debug, info, warn or error."`
	JSON         bool   `name:"json" env:"UPSTREAM_JSON" help:"Print results and errors as JSON."`
}

// Serve are the settings of a serving process.
type Serve struct {
	Addr           string        `name:"addr" env:"UPSTREAM_ADDR" default:"127.0.0.1:8080" help:"Address the APIs listen on."`
	AdminAddr      string        `name:"admin-addr" env:"UPSTREAM_ADMIN_ADDR" default:"127.0.0.1:8081" help:"Address of the admin listener (metrics, profiles); empty switches it off."`
	PublicURL      string        `name:"public-url" env:"UPSTREAM_PUBLIC_URL" help:"Address clients use, for links in answers. Unset: taken from each request." placeholder:"URL"`
	SecretKey      string        `name:"secret-key" env:"UPSTREAM_SECRET_KEY" help:"Key that signs tokens, 32 characters or more. Required with DATABASE_URL, else generated into the data directory." placeholder:"KEY"`
	RetiredKeys    []string      `name:"retired-secret-keys" env:"UPSTREAM_RETIRED_SECRET_KEYS" help:"Former values of the secret key, separated by commas: tokens signed with them stay good until they expire." placeholder:"KEY,..."`
	Migrate        bool          `name:"migrate" env:"UPSTREAM_MIGRATE" help:"Apply pending migrations at start (always so with the embedded database)."`
	MaxUploadBytes int64         `name:"max-upload-bytes" env:"UPSTREAM_MAX_UPLOAD_BYTES" default:"1073741824" help:"Largest claims file accepted."`
	AsyncBytes     int64         `name:"async-upload-bytes" env:"UPSTREAM_ASYNC_UPLOAD_BYTES" default:"10485760" help:"Largest claims file that is read while the client waits; larger ones are read in the background."`
	MaxConns       int32         `name:"max-conns" env:"UPSTREAM_MAX_CONNS" default:"20" help:"Database connections at most."`
	CORSOrigins    []string      `name:"cors-origins" env:"UPSTREAM_CORS_ORIGINS" help:"Origins whose pages may call the APIs from a browser, separated by commas: https://host[:port]. Unset: none." placeholder:"ORIGIN,..."`
	Introspection  bool          `name:"introspection" env:"UPSTREAM_INTROSPECTION" default:"true" negatable:"" help:"Let signed-in users read the GraphQL schema."`
	GraphQLLimits  []string      `name:"graphql-limits" env:"UPSTREAM_GRAPHQL_LIMITS" help:"Limits of GraphQL that differ from the defaults, such as key.budget=20000,all.depth=12." placeholder:"AUDIENCE.LIMIT=VALUE,..."`
	TrustedDocs    string        `name:"trusted-documents" env:"UPSTREAM_TRUSTED_DOCUMENTS" type:"path" help:"JSON file of GraphQL documents by hash, as relay-compiler persists them: no others are run. Unset: any are." placeholder:"FILE"`
	Throttle       string        `name:"throttle" env:"UPSTREAM_THROTTLE" enum:"on,off" default:"on" help:"Limit how much each caller may ask for: on or off."`
	ThrottleRates  []string      `name:"throttle-rates" env:"UPSTREAM_THROTTLE_RATES" help:"Rates that differ from the defaults, such as report_generation=100/h,sign_in=20/15m,burst=off." placeholder:"CLASS=RATE,..."`
	RedisURL       string        `name:"redis-url" env:"REDIS_URL" help:"Redis in which replicas count requests together. Unset: each counts for itself." placeholder:"URL"`
	TrustedProxies []string      `name:"trusted-proxies" env:"UPSTREAM_TRUSTED_PROXIES" help:"Networks of the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8." placeholder:"CIDR,..."`
	DrainTimeout   time.Duration `name:"drain-timeout" env:"UPSTREAM_DRAIN_TIMEOUT" default:"30s" help:"How long running requests and jobs may take after SIGTERM."`
	DrainDelay     time.Duration `name:"drain-delay" env:"UPSTREAM_DRAIN_DELAY" default:"0s" help:"How long requests are still taken after SIGTERM, while /readyz answers 503, for load balancers to notice; a part of the drain timeout."`
	Workers        bool          `name:"workers" env:"UPSTREAM_WORKERS" default:"true" negatable:"" help:"Work on background jobs, too; without, run \"upstream work\" beside."`

	Mail     Mail     `embed:""`
	Webhooks Webhooks `embed:""`
	Observe  Observe  `embed:""`
}

// Validate names every setting that cannot work.
func (s Serve) Validate() error {
	return errors.Join(
		checkAddr("--addr", s.Addr),
		s.checkAdminAddr(),
		s.checkPublicURL(),
		s.checkSecretKey(),
		s.checkCORSOrigins(),
		s.checkProxies(),
		positive("--max-upload-bytes", s.MaxUploadBytes),
		positive("--async-upload-bytes", s.AsyncBytes),
		positive("--max-conns", s.MaxConns),
		positive("--drain-timeout", s.DrainTimeout),
		s.checkDrainDelay(),
		s.Mail.Validate(),
		s.Webhooks.Validate(),
		s.Observe.Validate(),
	)
}

func checkAddr(flag, addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("%s must be HOST:PORT or :PORT, not %q", flag, addr)
	}
	return nil
}

func (s Serve) checkAdminAddr() error {
	if s.AdminAddr == "" {
		return nil
	}
	return checkAddr("--admin-addr", s.AdminAddr)
}

func (s Serve) checkDrainDelay() error {
	if s.DrainDelay < 0 || s.DrainDelay > 0 && s.DrainDelay >= s.DrainTimeout {
		return errors.New("--drain-delay must be 0 or more, and less than --drain-timeout")
	}
	return nil
}

func (s Serve) checkPublicURL() error {
	if s.PublicURL == "" {
		return nil
	}
	parsed, err := url.Parse(s.PublicURL)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") ||
		parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
		return errors.New("--public-url must look like https://host or https://host/prefix")
	}
	return nil
}

func (s Serve) checkProxies() error {
	_, err := s.ProxyNetworks()
	return err
}

// ProxyNetworks are the networks of the proxies in front of the server. An
// address without a length is that one address.
func (s Serve) ProxyNetworks() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range s.TrustedProxies {
		network, err := parseNetwork(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies must be networks such as 10.0.0.0/8, or addresses, not %q", text)
		}
		if network.Bits() == 0 {
			return nil, fmt.Errorf("--trusted-proxies must not be every address, as %q is: clients could name any as theirs", text)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

func positive[N int32 | int64 | time.Duration](flag string, value N) error {
	if value <= 0 {
		return fmt.Errorf("%s must be more than 0", flag)
	}
	return nil
}
