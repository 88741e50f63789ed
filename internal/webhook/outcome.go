package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"unicode"

	"upstream/models"
)

// failure says why no answer came. The error's own text stays out of it: it may
// tell what a name resolves to inside.
func (s *Sender) failure(err error) Result {
	outcome := outcomeOf(err)
	result := Result{Outcome: outcome}
	switch outcome {
	case models.AttemptTimedOut:
		result.Error = fmt.Sprintf("did not answer within %s", s.timeout)
	case models.AttemptUnresolved:
		result.Error = "the host name could not be resolved"
	case models.AttemptBlocked:
		result.Error = "the host name leads to an address that may not be sent to"
	case models.AttemptTLSFailed:
		result.Error = tlsProblem(err)
	case models.AttemptUnreachable:
		result.Error = connectionProblem(err)
	default:
		result.Error = "did not answer in HTTP, or with too many headers"
	}
	return result
}

func outcomeOf(err error) models.AttemptOutcome {
	var name *net.DNSError
	var timeout net.Error
	var operation *net.OpError
	switch {
	case errors.Is(err, errBlocked):
		return models.AttemptBlocked
	case errors.Is(err, context.DeadlineExceeded):
		return models.AttemptTimedOut
	case errors.As(err, &name):
		return models.AttemptUnresolved
	case errors.As(err, &timeout) && timeout.Timeout():
		return models.AttemptTimedOut
	case isTLS(err):
		return models.AttemptTLSFailed
	case errors.As(err, &operation), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return models.AttemptUnreachable
	}
	return models.AttemptInvalidAnswer
}

func isTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var operation *net.OpError
	switch {
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert):
		return true
	case errors.As(err, &operation):
		return operation.Op == "remote error" || operation.Op == "local error"
	}
	// The library has no type for a handshake that finds no common version, nor
	// for http answered where TLS was spoken.
	return strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

func tlsProblem(err error) string {
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		return "the certificate is for another host"
	case errors.As(err, &authority):
		return "the certificate is signed by an unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet"
	case errors.As(err, &invalid):
		return "the certificate is not valid"
	}
	return "TLS failed; version 1.2 or later is needed"
}

func connectionProblem(err error) string {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "refused the connection"
	}
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		return "could not be connected to"
	}
	return "ended the connection without an answer"
}

// clean makes an answer fit to be kept and shown: valid UTF-8, no control or
// format characters, white space as single spaces, 1,000 characters at most.
func clean(text []byte) string {
	var kept strings.Builder
	runes := 0
	for _, r := range strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "\uFFFD")), " ") {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) {
			continue
		}
		if runes == maxAnswerRunes {
			break
		}
		kept.WriteRune(r)
		runes++
	}
	return kept.String()
}
