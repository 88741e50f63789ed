package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Origins are the configured CORS origins as browsers write them: lower case,
// without a default port. The error names every entry that is no origin.
func (s Serve) Origins() ([]string, error) {
	origins := make([]string, 0, len(s.CORSOrigins))
	var errs []error
	for _, text := range s.CORSOrigins {
		origin, err := parseOrigin(strings.TrimSpace(text))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		origins = append(origins, origin)
	}
	return origins, errors.Join(errs...)
}

func (s Serve) checkCORSOrigins() error {
	_, err := s.Origins()
	return err
}

func parseOrigin(text string) (string, error) {
	if strings.Contains(text, "*") {
		return "", fmt.Errorf("--cors-origins lists origins one by one; %q would let pages in that nobody named", text)
	}
	refusal := fmt.Errorf("--cors-origins must look like https://host or https://host:port, not %q", text)
	parsed, err := url.Parse(strings.ToLower(text))
	if err != nil || (parsed.Scheme != "https" && parsed.Scheme != "http") || parsed.Hostname() == "" || !isASCII(text) {
		return "", refusal
	}
	// What is more than scheme, host and port would make the two differ.
	if parsed.Scheme+"://"+parsed.Host != strings.ToLower(text) || strings.HasSuffix(parsed.Host, ":") {
		return "", refusal
	}
	defaultPort := map[string]string{"http": ":80", "https": ":443"}[parsed.Scheme]
	return parsed.Scheme + "://" + strings.TrimSuffix(parsed.Host, defaultPort), nil
}

// isASCII is false for a host that a browser would write otherwise.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
