package webhook_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upstream/internal/webhook"
)

func guard(t *testing.T, allow ...string) *webhook.Guard {
	t.Helper()
	networks, err := webhook.ParseAllow(allow)
	if err != nil {
		t.Fatal(err)
	}
	return webhook.NewGuard(webhook.Targets{Allow: networks})
}

// What the error of a refused URL must say.
const (
	saysLength    = "1 to 2048 characters"
	saysASCII     = "spaces"
	saysForm      = "must be a URL"
	saysUserinfo  = "user name"
	saysFragment  = "fragment"
	saysScheme    = "https://"
	saysPort      = "port"
	saysAddress   = "not public"
	saysMapped    = "IPv4 address as IPv6"
	saysZone      = "network interface"
	saysNumbers   = "four decimal numbers"
	saysDot       = "ends in a dot"
	saysName      = "valid host name"
	saysLocal     = "not localhost"
	saysNoProblem = ""
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	long := "https://example.com/" + strings.Repeat("x", 2048-len("https://example.com/"))
	for text, want := range map[string]string{
		"https://hooks.example.com/upstream?x=1":               saysNoProblem,
		"https://example.com":                                  saysNoProblem,
		"https://EXAMPLE.com:443/":                             saysNoProblem,
		"https://xn--bcher-kva.example.com/":                   saysNoProblem,
		"https://under_score.example.com/":                     saysNoProblem,
		"https://8.8.8.8/":                                     saysNoProblem,
		"https://[2606:4700:4700::1111]/":                      saysNoProblem,
		"https://1.1.1.1.example.com/":                         saysNoProblem,
		long:                                                   saysNoProblem,
		long + "x":                                             saysLength,
		"":                                                     saysLength,
		"https://exa mple.com/":                                saysASCII,
		"https://example.com/\n":                               saysASCII,
		"https://example.com/\x00":                             saysASCII,
		"https://bücher.example/":                              saysASCII,
		"https://１２７.0.0.1/":                                   saysASCII,
		`https://example.com\@127.0.0.1/`:                      saysASCII,
		"example.com":                                          saysScheme,
		"//example.com/":                                       saysScheme,
		"https:example.com":                                    saysForm,
		"https://":                                             saysForm,
		"https:///path":                                        saysForm,
		"https://example.com:":                                 saysForm,
		"https://%31%32%37.0.0.1/":                             saysForm,
		"https://[::1/":                                        saysForm,
		"https://user@example.com/":                            saysUserinfo,
		"https://user:word@example.com/":                       saysUserinfo,
		"https://@example.com/":                                saysUserinfo,
		"https://example.com@127.0.0.1/":                       saysUserinfo,
		"https://example.com/#part":                            saysFragment,
		"https://example.com/#":                                saysFragment,
		"https://127.0.0.1#@example.com/":                      saysFragment,
		"http://example.com/":                                  saysScheme,
		"ftp://example.com/":                                   saysScheme,
		"file:///etc/passwd":                                   saysScheme,
		"gopher://example.com/":                                saysScheme,
		"javascript:alert(1)":                                  saysForm,
		"https://example.com:80/":                              saysPort,
		"https://example.com:8443/":                            saysPort,
		"https://example.com:0/":                               saysPort,
		"https://example.com:65979/":                           saysPort,
		"https://127.0.0.1/":                                   saysAddress,
		"https://127.9.9.9/":                                   saysAddress,
		"https://0.0.0.0/":                                     saysAddress,
		"https://10.0.0.1/":                                    saysAddress,
		"https://172.16.0.1/":                                  saysAddress,
		"https://192.168.1.1/":                                 saysAddress,
		"https://100.64.0.1/":                                  saysAddress,
		"https://169.254.169.254/latest/meta-data":             saysAddress,
		"https://168.63.129.16/":                               saysAddress,
		"https://192.0.2.1/":                                   saysAddress,
		"https://224.0.0.1/":                                   saysAddress,
		"https://255.255.255.255/":                             saysAddress,
		"https://[::1]/":                                       saysAddress,
		"https://[::]/":                                        saysAddress,
		"https://[fe80::1]/":                                   saysAddress,
		"https://[fd00:ec2::254]/":                             saysAddress,
		"https://[64:ff9b::7f00:1]/":                           saysAddress,
		"https://[64:ff9b:1::7f00:1]/":                         saysAddress,
		"https://[2002:7f00:1::]/":                             saysAddress,
		"https://[2001:0:4136:e378::]/":                        saysAddress,
		"https://[::127.0.0.1]/":                               saysAddress,
		"https://[::ffff:127.0.0.1]/":                          saysMapped,
		"https://[::ffff:8.8.8.8]/":                            saysMapped,
		"https://[::ffff:7f00:1]/":                             saysMapped,
		"https://[fe80::1%25eth0]/":                            saysZone,
		"https://0177.0.0.1/":                                  saysNumbers,
		"https://127.0.0.01/":                                  saysNumbers,
		"https://2130706433/":                                  saysNumbers,
		"https://017700000001/":                                saysNumbers,
		"https://0x7f000001/":                                  saysNumbers,
		"https://0X7F.0.0.0x1/":                                saysNumbers,
		"https://127.1/":                                       saysNumbers,
		"https://1.2.3.4.5/":                                   saysNumbers,
		"https://example.com.0x/":                              saysNumbers,
		"https://localhost./":                                  saysDot,
		"https://example.com./":                                saysDot,
		"https://127.0.0.1./":                                  saysDot,
		"https://exa..mple.com/":                               saysName,
		"https://-a.example.com/":                              saysName,
		"https://exa$mple.com/":                                saysName,
		"https://" + strings.Repeat("a", 64) + ".example.com/": saysName,
		"https://" + strings.Repeat("aaaaaaa.", 40) + "com/":   saysName,
		"https://localhost/":                                   saysLocal,
		"https://LOCALHOST/":                                   saysLocal,
		"https://a.localhost/":                                 saysLocal,
		"https://intranet/":                                    saysLocal,
		"https://metadata.google.internal/":                    saysLocal,
		"https://printer.local/":                               saysLocal,
		"https://router.home.arpa/":                            saysLocal,
	} {
		err := guard(t).CheckURL(text)
		switch {
		case (err == nil) != (want == ""):
			t.Errorf("%q: %v, want %q", text, err, want)
		case err != nil && (!strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "must ")):
			t.Errorf("%q: %q, want something about %q", text, err, want)
		}
	}
}

func TestCheckURL_AllowList(t *testing.T) {
	t.Parallel()
	g := guard(t, "127.0.0.1/32", "fd00::/8")
	for text, want := range map[string]string{
		"http://127.0.0.1:9000/":       saysNoProblem,
		"https://127.0.0.1/":           saysNoProblem,
		"http://[fd00::1]:8080/":       saysNoProblem,
		"http://localhost:9000/":       saysNoProblem,
		"https://intranet/":            saysNoProblem,
		"https://8.8.8.8/":             saysNoProblem,
		"http://127.0.0.2:9000/":       saysAddress,
		"https://10.0.0.1/":            saysAddress,
		"https://[::1]/":               saysAddress,
		"http://[::ffff:127.0.0.1]/":   saysMapped,
		"http://8.8.8.8/":              saysScheme,
		"http://example.com/":          saysScheme,
		"https://example.com:8443/":    saysPort,
		"http://127.0.0.1:0/":          saysPort,
		"http://user@127.0.0.1:9000/":  saysUserinfo,
		"http://0177.0.0.1:9000/":      saysNumbers,
		"ftp://127.0.0.1:21/":          saysScheme,
		"http://127.0.0.1:9000/#start": saysFragment,
	} {
		if err := g.CheckURL(text); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestCheckURL_Configured(t *testing.T) {
	t.Parallel()
	g := webhook.NewGuard(webhook.Targets{Ports: []uint16{80, 8443}, PlainHTTP: true})
	for text, want := range map[string]string{
		"http://example.com/":       saysNoProblem,
		"https://example.com:8443/": saysNoProblem,
		"https://example.com/":      "must use port 80 or 8443",
		"http://10.0.0.1/":          saysAddress,
	} {
		if err := g.CheckURL(text); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestParseAllow(t *testing.T) {
	t.Parallel()
	got, err := webhook.ParseAllow([]string{"127.0.0.1/32", "fd00::/8"})
	if err != nil || len(got) != 2 || got[0] != netip.MustParsePrefix("127.0.0.1/32") {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "127.0.0.1", "127.0.0.1/8", "::ffff:127.0.0.1/128", "localhost", "10.0.0.0/33"} {
		if got, err := webhook.ParseAllow([]string{text}); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// Of an address nothing counts but what it is: whatever is not public is refused
// both when it is written and when it is connected to.
func TestGuard_Addresses(t *testing.T) {
	t.Parallel()
	g := guard(t)
	rapid.Check(t, func(t *rapid.T) {
		addr := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "IPv4")))
		if rapid.Bool().Draw(t, "IPv6") {
			addr = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")))
		}
		network := map[bool]string{true: "tcp4", false: "tcp6"}[addr.Is4()]
		target := netip.AddrPortFrom(addr, 443).String()
		dialled, written := g.Control(network, target, nil), g.CheckURL("https://"+target+"/")
		if (dialled == nil) != (written == nil) {
			t.Fatalf("%s: connecting says %v, writing %v", addr, dialled, written)
		}
		if inside := addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() || addr.Is4In6(); inside && dialled == nil {
			t.Fatalf("%s may be sent to", addr)
		}
	})
}

func TestGuard_Control(t *testing.T) {
	t.Parallel()
	g := guard(t, "127.0.0.1/32")
	for target, ok := range map[string]bool{
		"8.8.8.8:443": true, "8.8.8.8:80": false, "127.0.0.1:9000": true, "127.0.0.2:9000": false, "127.0.0.2:443": false,
		"10.1.2.3:443": false, "169.254.169.254:443": false, "168.63.129.16:443": false, "nonsense": false,
	} {
		if err := g.Control("tcp4", target, nil); (err == nil) != ok {
			t.Errorf("%s: %v", target, err)
		}
	}
	for _, target := range []string{"[::1]:443", "[64:ff9b::a00:1]:443", "[::ffff:10.0.0.1]:443", "[fe80::1%lo]:443", "[fd00:ec2::254]:443"} {
		if err := g.Control("tcp6", target, nil); err == nil {
			t.Errorf("%s may be connected to", target)
		}
	}
	if err := g.Control("udp4", "8.8.8.8:443", nil); err == nil {
		t.Error("UDP is allowed")
	}
}

// No text makes the check panic, and what passes is read the same by who sends.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://example.com/", "https://[::1]:443/", "http://0x7f.1/", "https://a@b#c", "https://[fe80::1%25lo]/"} {
		f.Add(seed)
	}
	g := webhook.NewGuard(webhook.Targets{})
	f.Fuzz(func(t *testing.T, text string) {
		if g.CheckURL(text) != nil {
			return
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, text, nil)
		if err != nil {
			t.Fatalf("%q passes and cannot be sent to: %v", text, err)
		}
		if u := request.URL; u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Port() != "" && u.Port() != "443" || !strings.Contains(u.Hostname(), ".") && !strings.Contains(u.Hostname(), ":") {
			t.Fatalf("%q passes", text)
		}
	})
}
