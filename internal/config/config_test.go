package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

const good = "0123456789abcdef0123456789abcdef"

// webhooks are the settings of webhooks unless told otherwise.
func webhooks() Webhooks {
	return Webhooks{
		Ports:   []uint16{443},
		Retries: Retries{Waits: []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}},
		Timeout: 10 * time.Second, Pause: 30 * time.Second, Concurrency: 8,
	}
}

// valid are settings that serve.
func valid() Serve {
	return Serve{
		Addr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081", MaxUploadBytes: 1, AsyncBytes: 1, MaxConns: 1, DrainTimeout: time.Second,
		Webhooks: webhooks(),
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Serve)
		want   string
	}{
		"all good":            {func(*Serve) {}, ""},
		"any interface":       {func(s *Serve) { s.Addr = ":80" }, ""},
		"IPv6":                {func(s *Serve) { s.Addr = "[::1]:80" }, ""},
		"no admin":            {func(s *Serve) { s.AdminAddr = "" }, ""},
		"a secret":            {func(s *Serve) { s.SecretKey = good }, ""},
		"public":              {func(s *Serve) { s.PublicURL = "https://upstream.example/prefix/" }, ""},
		"no port":             {func(s *Serve) { s.Addr = "localhost" }, `--addr must be HOST:PORT or :PORT, not "localhost"`},
		"no address":          {func(s *Serve) { s.Addr = "" }, `--addr must be`},
		"bare IPv6":           {func(s *Serve) { s.Addr = "::1:80" }, `--addr must be`},
		"admin without port":  {func(s *Serve) { s.AdminAddr = "x" }, `--admin-addr must be`},
		"short secret":        {func(s *Serve) { s.SecretKey = good[1:] }, "must have at least 32 characters; it has 31"},
		"public without host": {func(s *Serve) { s.PublicURL = "/prefix" }, "--public-url"},
		"public by FTP":       {func(s *Serve) { s.PublicURL = "ftp://upstream.example" }, "--public-url"},
		"public with a query": {func(s *Serve) { s.PublicURL = "https://upstream.example/?a=b" }, "--public-url"},
		"public with a login": {func(s *Serve) { s.PublicURL = "https://me:pw@upstream.example" }, "--public-url"},
		"public garbage":      {func(s *Serve) { s.PublicURL = "https://%zz" }, "--public-url"},
		"origins":             {func(s *Serve) { s.CORSOrigins = []string{"http://localhost:3000", " https://App.example "} }, ""},
		"origin at a path":    {func(s *Serve) { s.CORSOrigins = []string{"https://app.example/"} }, `--cors-origins must look like https://host or https://host:port, not "https://app.example/"`},
		"every origin":        {func(s *Serve) { s.CORSOrigins = []string{"*"} }, `--cors-origins lists origins one by one; "*"`},
		"proxies":             {func(s *Serve) { s.TrustedProxies = []string{"10.0.0.0/8", " 2001:db8::/32", "192.0.2.1"} }, ""},
		"a proxy's name":      {func(s *Serve) { s.TrustedProxies = []string{"10.0.0.0/8", "proxy"} }, `--trusted-proxies must be networks such as 10.0.0.0/8, or addresses, not "proxy"`},
		"a proxy too long":    {func(s *Serve) { s.TrustedProxies = []string{"10.0.0.0/33"} }, "--trusted-proxies"},
		"every proxy":         {func(s *Serve) { s.TrustedProxies = []string{"0.0.0.0/0"} }, "--trusted-proxies must not be every address"},
		"no bytes":            {func(s *Serve) { s.MaxUploadBytes = 0 }, "--max-upload-bytes must be more than 0"},
		"no bytes at once":    {func(s *Serve) { s.AsyncBytes = 0 }, "--async-upload-bytes must be more than 0"},
		"negative":            {func(s *Serve) { s.MaxConns = -1 }, "--max-conns must be more than 0"},
		"webhooks inside":     {func(s *Serve) { s.Webhooks.Allow = []string{" 10.0.0.0/8", "::1/128"} }, ""},
		"no network":          {func(s *Serve) { s.Webhooks.Allow = []string{"localhost"} }, `--webhook-allow must be networks such as 127.0.0.1/32 or fd00::/8, not "localhost"`},
		"a network too long":  {func(s *Serve) { s.Webhooks.Allow = []string{"10.1.0.0/8"} }, "--webhook-allow"},
		"a mapped network":    {func(s *Serve) { s.Webhooks.Allow = []string{"::ffff:127.0.0.1/128"} }, "--webhook-allow"},
		"no ports":            {func(s *Serve) { s.Webhooks.Ports = nil }, "--webhook-ports"},
		"no retries":          {func(s *Serve) { s.Webhooks.Retries.Waits = nil }, ""},
		"a retry at once":     {func(s *Serve) { s.Webhooks.Retries.Waits = []time.Duration{time.Second, 0} }, "--webhook-retries"},
		"webhooks too slow":   {func(s *Serve) { s.Webhooks.Timeout = time.Minute }, "--webhook-timeout must be more than 0 and at most 25s"},
		"no pause":            {func(s *Serve) { s.Webhooks.Pause = 0 }, "--webhook-pause must be more than 0"},
		"too many at a time":  {func(s *Serve) { s.Webhooks.Concurrency = 65 }, "--webhook-concurrency must be from 1 to 64"},
		"a delay":             {func(s *Serve) { s.DrainTimeout, s.DrainDelay = 30*time.Second, 5*time.Second }, ""},
		"a negative delay":    {func(s *Serve) { s.DrainDelay = -1 }, "--drain-delay must be 0 or more, and less than --drain-timeout"},
		"nothing but delay":   {func(s *Serve) { s.DrainDelay = s.DrainTimeout }, "--drain-delay must be 0 or more"},
		"no time":             {func(s *Serve) { s.DrainTimeout = 0 }, "--drain-timeout must be more than 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := valid()
			tt.change(&s)
			err := s.Validate()
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
			if err != nil && s.SecretKey != "" && strings.Contains(err.Error(), s.SecretKey) {
				t.Error("the secret is repeated")
			}
		})
	}
}

func TestValidate_NamesAll(t *testing.T) {
	t.Parallel()
	err := Serve{Addr: "x", AdminAddr: "y"}.Validate()
	for _, flag := range []string{"--addr", "--admin-addr", "--max-upload-bytes", "--max-conns", "--drain-timeout"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%v does not name %s", err, flag)
		}
	}
}

// settings is a command line of both structs, as the program's is.
type settings struct {
	Common

	Serve Serve `embed:""`
}

func parse(t *testing.T, args ...string) (settings, error) {
	t.Helper()
	var s settings
	parser, err := kong.New(&s, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return s, err
}

// variables are the environment variables of every setting.
func variables() []string {
	return []string{
		"DATABASE_URL", "UPSTREAM_MIGRATION_URL", "UPSTREAM_DATA_DIR", "UPSTREAM_PG_BIN", "LOG_FORMAT", "LOG_LEVEL", "UPSTREAM_JSON",
		"UPSTREAM_ADDR", "UPSTREAM_ADMIN_ADDR", "UPSTREAM_PUBLIC_URL", "UPSTREAM_SECRET_KEY", "UPSTREAM_MIGRATE",
		"UPSTREAM_MAX_UPLOAD_BYTES", "UPSTREAM_ASYNC_UPLOAD_BYTES", "UPSTREAM_MAX_CONNS", "UPSTREAM_INTROSPECTION", "UPSTREAM_GRAPHQL_LIMITS", "UPSTREAM_TRUSTED_DOCUMENTS", "UPSTREAM_DRAIN_TIMEOUT", "UPSTREAM_DRAIN_DELAY", "UPSTREAM_CORS_ORIGINS",
		"UPSTREAM_WORKERS", "SMTP_URL", "UPSTREAM_MAIL_FROM", "UPSTREAM_ALERT_EMAIL",
		"UPSTREAM_THROTTLE", "UPSTREAM_THROTTLE_RATES", "REDIS_URL", "UPSTREAM_TRUSTED_PROXIES", "UPSTREAM_SLOW_STATEMENT",
		"UPSTREAM_WEBHOOK_ALLOW", "UPSTREAM_WEBHOOK_PORTS", "UPSTREAM_WEBHOOK_HTTP", "UPSTREAM_WEBHOOK_RETRIES", "UPSTREAM_WEBHOOK_TIMEOUT",
		"UPSTREAM_WEBHOOK_PAUSE", "UPSTREAM_WEBHOOK_CONCURRENCY",
	}
}

func unset(t *testing.T) {
	t.Helper()
	for _, name := range variables() {
		t.Setenv(name, "") // puts the old value back at the end
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDefaults(t *testing.T) { //nolint:paralleltest // it changes the environment
	unset(t)
	got, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		Common: Common{LogFormat: "text", LogLevel: "info"},
		Serve: Serve{
			Addr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081", MaxUploadBytes: 1 << 30, AsyncBytes: 10 << 20, MaxConns: 20,
			Introspection: true, DrainTimeout: 30 * time.Second, Observe: Observe{SlowStatement: 500 * time.Millisecond}, Workers: true, Throttle: "on",
			Webhooks: webhooks(),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (+):\n%s", diff)
	}
}

func TestEnvironment(t *testing.T) { //nolint:paralleltest // it changes the environment
	unset(t)
	for i, value := range []string{
		"postgres://a", "postgres://b", "/data", "/bin", "json", "debug", "true",
		":1", "", "https://upstream.example", good, "true", "5", "4", "6", "false", "key.budget=7,all.depth=3", "/trusted.json", "7s", "3s", "https://app.example",
		"false", "smtp://mail.example", "Upstream <noreply@upstream.example>", "alerts@upstream.example",
		"off", "user=1/h,burst=off", "redis://r", "10.0.0.0/8,192.0.2.1", "2s",
		"127.0.0.1/32,fd00::/8", "443,8443", "true", "1s,2s", "3s", "4s", "5",
	} {
		t.Setenv(variables()[i], value)
	}
	got, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		Common: Common{
			DatabaseURL: "postgres://a", MigrationURL: "postgres://b", DataDir: "/data", PGBin: "/bin",
			LogFormat: "json", LogLevel: "debug", JSON: true,
		},
		Serve: Serve{
			Addr: ":1", PublicURL: "https://upstream.example", SecretKey: good, Migrate: true,
			MaxUploadBytes: 5, AsyncBytes: 4, MaxConns: 6, DrainTimeout: 7 * time.Second, DrainDelay: 3 * time.Second, CORSOrigins: []string{"https://app.example"},
			GraphQLLimits: []string{"key.budget=7", "all.depth=3"}, TrustedDocs: "/trusted.json",
			Mail:     Mail{SMTPURL: "smtp://mail.example", From: "Upstream <noreply@upstream.example>", AlertEmail: "alerts@upstream.example"},
			Throttle: "off", ThrottleRates: []string{"user=1/h", "burst=off"}, RedisURL: "redis://r",
			TrustedProxies: []string{"10.0.0.0/8", "192.0.2.1"}, Observe: Observe{SlowStatement: 2 * time.Second},
			Webhooks: Webhooks{
				Allow: []string{"127.0.0.1/32", "fd00::/8"}, Ports: []uint16{443, 8443}, HTTP: true,
				Retries: Retries{Waits: []time.Duration{time.Second, 2 * time.Second}}, Timeout: 3 * time.Second, Pause: 4 * time.Second, Concurrency: 5,
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (+):\n%s", diff)
	}
	got, err = parse(t, "--database-url=postgres://flag", "--introspection", "--addr=:2")
	if err != nil || got.DatabaseURL != "postgres://flag" || !got.Serve.Introspection || got.Serve.Addr != ":2" {
		t.Errorf("the command line does not win: %+v, %v", got, err)
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := (Serve{}).Secret(false, dir); !errors.Is(err, ErrNoSecret) {
		t.Errorf("without a key: %v", err)
	}
	if _, err := (Serve{SecretKey: "short"}).Secret(true, dir); err == nil || !strings.Contains(err.Error(), "at least 32") {
		t.Errorf("a short key: %v", err)
	}
	for _, embedded := range []bool{true, false} {
		if got, err := (Serve{SecretKey: good}).Secret(embedded, dir); err != nil || string(got) != good {
			t.Errorf("a configured key: %q, %v", got, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("a configured key left %v, %v", entries, err)
	}
	first, err := (Serve{}).Secret(true, dir)
	if err != nil || len(first) < minSecret {
		t.Fatalf("a generated key: %q, %v", first, err)
	}
	if again, err := (Serve{}).Secret(true, dir); err != nil || string(again) != string(first) {
		t.Errorf("the second time: %q, %v", again, err)
	}
	if other, err := (Serve{}).Secret(true, t.TempDir()); err != nil || string(other) == string(first) {
		t.Errorf("another directory: %q, %v", other, err)
	}
}

func TestKeepSecret_IsPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "secret")
	if _, err := KeepSecret(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

func TestKeepSecret_ManyAtOnceAgree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	var group sync.WaitGroup
	secrets := make([]string, 16)
	for i := range secrets {
		group.Go(func() {
			var err error
			if secrets[i], err = KeepSecret(path); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, secret := range secrets {
		if secret != secrets[0] {
			t.Fatalf("%q and %q", secret, secrets[0])
		}
	}
}

func TestKeepSecret_Failures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cut := filepath.Join(dir, "cut")
	if err := os.WriteFile(cut, []byte(good[:10]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Half of a secret must never sign anything.
	if _, err := KeepSecret(cut); err == nil || !strings.Contains(err.Error(), "shorter than 32") || strings.Contains(err.Error(), good[:10]) {
		t.Errorf("a cut file: %v", err)
	}
	if _, err := KeepSecret(dir); err == nil {
		t.Error("a directory is no secret")
	}
	if _, err := KeepSecret(filepath.Join(cut, "secret")); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("below a file: %v", err)
	}
}

func TestProxyNetworks(t *testing.T) {
	t.Parallel()
	got, err := Serve{TrustedProxies: []string{"10.1.2.3/8", "192.0.2.1", "::ffff:192.0.2.2", "2001:db8::1"}}.ProxyNetworks()
	if want := "[10.0.0.0/8 192.0.2.1/32 192.0.2.2/32 2001:db8::1/128]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
}
