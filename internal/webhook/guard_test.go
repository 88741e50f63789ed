package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"upstream/internal/webhook"
	"upstream/models"
)

func hosts(name string, addrs ...string) map[string][]netip.Addr {
	found := map[string][]netip.Addr{}
	for _, addr := range addrs {
		found[name] = append(found[name], netip.MustParseAddr(addr))
	}
	return found
}

// anyPort allows the server's port by name, too, and 127.0.0.1.
func anyPort(t *testing.T, server *httptest.Server) func(*webhook.Options) {
	t.Helper()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *webhook.Options) {
		o.Guard = webhook.NewGuard(webhook.Targets{
			Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Ports: []uint16{uint16(port)}, PlainHTTP: true,
		})
	}
}

// A name that led to a good address leads to a bad one the next time: each
// attempt asks anew, and the bad one is never connected to.
func TestSend_Rebinding(t *testing.T) {
	t.Parallel()
	for name, inner := range map[string]string{
		"loopback": "127.0.0.2", "private": "10.0.0.1", "link-local": "169.254.1.1", "metadata": "169.254.169.254",
		"shared": "100.64.0.1", "this network": "0.0.0.0", "broadcast": "255.255.255.255", "metadata of Azure": "168.63.129.16",
	} {
		var asked atomic.Int64
		server := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Connection", "close") // or the good connection is used again
		})
		dns := &names{answers: hosts("rebind.test", "127.0.0.1", inner)}
		s := sender(t, anyPort(t, server), dns.resolver(t))
		target := strings.Replace(server.URL, "127.0.0.1", "rebind.test", 1)
		if result := send(t, s, target); !result.Delivered() {
			t.Fatalf("%s: the first attempt: %+v", name, result)
		}
		result := send(t, s, target)
		if result.Outcome != models.AttemptBlocked || asked.Load() != 1 || dns.lookups() != 2 {
			t.Errorf("%s: %+v, %d requests, %d look-ups", name, result, asked.Load(), dns.lookups())
		}
		if strings.Contains(result.Error, inner) {
			t.Errorf("%s: the error tells the address: %s", name, result.Error)
		}
	}
}

// Without an allow list loopback is out of reach however it is spelled.
func TestSend_Blocked(t *testing.T) {
	t.Parallel()
	var asked atomic.Bool
	server := receiver(t, func(http.ResponseWriter, *http.Request) { asked.Store(true) })
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	dns := &names{answers: hosts("inner.example.com", "127.0.0.1")}
	number, err := strconv.ParseUint(port[1:], 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	s := sender(t, dns.resolver(t), func(o *webhook.Options) {
		o.Guard = webhook.NewGuard(webhook.Targets{Ports: []uint16{uint16(number)}, PlainHTTP: true})
	})
	for _, host := range []string{
		"127.0.0.1", "localhost", "0177.0.0.1", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]",
		"[64:ff9b::7f00:1]", "0.0.0.0", "user@127.0.0.1", "inner.example.com",
	} {
		if result := send(t, s, "http://"+host+port+"/"); result.Outcome != models.AttemptBlocked || result.Error == "" {
			t.Errorf("%s: %+v", host, result)
		}
	}
	if asked.Load() {
		t.Error("the server was reached")
	}
}

func TestSend_UnknownName(t *testing.T) {
	t.Parallel()
	dns := &names{}
	result := send(t, sender(t, dns.resolver(t)), "https://nowhere.test/")
	if result.Outcome != models.AttemptUnresolved || result.Error != "the host name could not be resolved" {
		t.Errorf("%+v", result)
	}
}

// A proxy of the environment would connect where no guard looks.
func TestSend_IgnoresProxies(t *testing.T) { //nolint:paralleltest // sets the environment
	var proxied atomic.Bool
	proxy := receiver(t, func(http.ResponseWriter, *http.Request) { proxied.Store(true) })
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	dns := &names{answers: hosts("proxied.test", "127.0.0.1")}
	server := receiver(t, answers(200, "straight"))
	result := send(t, sender(t, anyPort(t, server), dns.resolver(t)), strings.Replace(server.URL, "127.0.0.1", "proxied.test", 1))
	if result.Body != "straight" || proxied.Load() {
		t.Errorf("%+v, by the proxy: %v", result, proxied.Load())
	}
}
