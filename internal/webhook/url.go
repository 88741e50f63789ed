package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"upstream/models"
)

// The rules of URLs. Each completes "<field> ...".
var (
	errLength     = fmt.Errorf("must have 1 to %d characters", models.MaxWebhookURL)
	errCharacters = errors.New("must not contain spaces, control characters or backslashes, nor letters beyond ASCII: write international names as xn--…")
	errForm       = errors.New("must be a URL such as https://hooks.example.com/upstream")
	errUserinfo   = errors.New("must not contain a user name or password")
	errFragment   = errors.New("must not have a fragment (#…): it is never sent")
	errScheme     = errors.New("must begin with https://")
	errAddress    = errors.New("must not lead to an address that is not public")
	errMapped     = errors.New("must not write an IPv4 address as IPv6")
	errZone       = errors.New("must not name a network interface (%…)")
	errNumbers    = errors.New("must write an IPv4 address as four decimal numbers without leading zeros")
	errDot        = errors.New("must not have a host that ends in a dot")
	errName       = errors.New("must have a valid host name")
	errLocal      = errors.New("must have a host name that is public: not localhost, a single word or one of .local, .internal and the like")
)

// CheckURL checks a URL by everything that can be known without asking DNS. Its
// error names the rule and completes "<field> ...".
func (g *Guard) CheckURL(text string) error {
	u, err := parseURL(text)
	if err != nil {
		return err
	}
	local, err := g.checkHost(u.Hostname())
	if err != nil {
		return err
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !local && !g.targets.PlainHTTP) {
		return errScheme
	}
	return g.checkPort(u, local)
}

func parseURL(text string) (*url.URL, error) {
	if text == "" || len(text) > models.MaxWebhookURL {
		return nil, errLength
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return nil, errCharacters
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "":
		return nil, errForm
	case u.User != nil:
		return nil, errUserinfo
	case strings.Contains(text, "#"):
		return nil, errFragment
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errScheme
	case u.Hostname() == "":
		return nil, errForm
	}
	return u, nil
}

// checkHost checks the host and reports whether it is one of the allow list: an
// address in it, or localhost where there is one.
func (g *Guard) checkHost(host string) (local bool, err error) {
	if strings.Contains(host, "%") {
		return false, errZone
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return g.checkAddress(addr)
	}
	return g.checkName(strings.ToLower(host))
}

func (g *Guard) checkAddress(addr netip.Addr) (local bool, err error) {
	switch {
	case addr.Is4In6():
		return false, errMapped
	case g.allowed(addr):
		return true, nil
	case g.public.SafeAddr(addr) != nil:
		return false, errAddress
	}
	return false, nil
}

func (g *Guard) checkName(name string) (local bool, err error) {
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	switch {
	case last == "":
		return false, errDot
	case isNumber(last):
		return false, errNumbers
	case len(name) > 253 || slices.ContainsFunc(labels, func(l string) bool { return !isLabel(l) }):
		return false, errName
	case len(g.targets.Allow) > 0:
		// Names of an inner network may be meant. Where they lead is checked when
		// they are connected to.
		return last == "localhost", nil
	case len(labels) == 1 || slices.Contains(localDomains, last) || strings.HasSuffix(name, ".home.arpa"):
		return false, errLocal
	}
	return false, nil
}

// localDomains are the top-level domains that are never public.
var localDomains = []string{"localhost", "local", "localdomain", "internal", "intranet", "lan", "private", "corp", "home", "invalid", "onion"}

// isNumber reports whether the last label of a host makes the whole of it an
// IPv4 address in one of the forms that some resolvers read: decimal, octal or
// hexadecimal, of one to four parts.
func isNumber(label string) bool {
	if hex, found := strings.CutPrefix(label, "0x"); found {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

func isLabel(label string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	return label != "" && len(label) <= 63 && strings.Trim(label, letters) == "" &&
		!strings.HasPrefix(label, "-") && !strings.HasSuffix(label, "-")
}

func (g *Guard) checkPort(u *url.URL, local bool) error {
	port := u.Port()
	if port == "" {
		if strings.HasSuffix(u.Host, ":") {
			return errForm
		}
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return errors.New("must have a port from 1 to 65535")
	}
	if !local && !slices.Contains(g.targets.Ports, uint16(number)) {
		return fmt.Errorf("must use port %s", strings.Trim(strings.ReplaceAll(fmt.Sprint(g.targets.Ports), " ", " or "), "[]"))
	}
	return nil
}
