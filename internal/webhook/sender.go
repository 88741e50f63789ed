package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"upstream/models"
)

// Timeout bounds one attempt, from the look-up of the name to the last byte read.
const Timeout = 10 * time.Second

// Bounds of answers: bytes read, characters kept, bytes of headers.
const (
	maxAnswerBytes = 64 << 10
	maxAnswerRunes = 1000
	maxHeaderBytes = 32 << 10
)

// Bounds of connections that wait to be used again.
const (
	maxIdlePerHost = 8
	maxIdle        = 256
	idleTimeout    = 60 * time.Second
)

// Options of a sender.
type Options struct {
	// Guard decides what may be sent to; must be given.
	Guard *Guard
	// Timeout bounds one attempt; [Timeout] when zero.
	Timeout time.Duration
	// RootCAs are the authorities whose certificates are believed; those of the
	// system when nil.
	RootCAs *x509.CertPool
	// Resolver looks names up; that of the system when nil.
	Resolver *net.Resolver
}

// Sender makes attempts. It is safe for concurrent use. Connections are used
// again, at most eight idle ones for each host, and each was checked by the guard
// when it was made. How many attempts run at once is the caller's to bound.
type Sender struct {
	guard   *Guard
	timeout time.Duration
	client  *http.Client
}

// NewSender makes a sender. [Sender.Close] when it is no longer needed.
func NewSender(o Options) *Sender {
	timeout := o.Timeout
	if timeout == 0 {
		timeout = Timeout
	}
	// No proxy, whatever the environment says: a proxy would connect where the
	// guard cannot see.
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Resolver: o.Resolver, Control: o.Guard.Control}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // what is read is what was sent, and no bomb
	}
	return &Sender{guard: o.Guard, timeout: timeout, client: &http.Client{Transport: transport, CheckRedirect: stay}}
}

// stay answers with a redirect instead of following it.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close ends idle connections.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// Message is one delivery as it is sent.
type Message struct {
	// ID is the webhook-id, the same in every attempt.
	ID  string
	URL string
	// Body is sent and signed byte for byte.
	Body []byte
	// Keys sign, the newest first.
	Keys []Key
}

// Result is what came of one attempt.
type Result struct {
	Outcome models.AttemptOutcome
	// StatusCode is 0 when no answer came.
	StatusCode int
	// Error is a short sentence that may be shown; "" when it was delivered.
	Error string
	// Body is the beginning of the answer: at most 1,000 characters of valid UTF-8
	// without control characters.
	Body string
	// RetryAfter is how long the endpoint asked to be left alone; 0 if it did not.
	RetryAfter time.Duration
	StartedAt  time.Time
	Duration   time.Duration
}

// Delivered reports whether the endpoint took the message.
func (r Result) Delivered() bool { return r.Outcome == models.AttemptDelivered }

// Send makes one attempt to deliver a message; any 2xx status is success. What
// goes wrong at the other end is in the result. The error is about a message
// that cannot be signed, or says that ctx ended first: then nothing is known, and
// it was no failure of the endpoint's.
func (s *Sender) Send(ctx context.Context, m Message) (Result, error) {
	header, err := Headers(m.ID, time.Now(), m.Body, m.Keys...)
	if err != nil {
		return Result{}, err
	}
	// A connection kept too long may break before anything was read: then the same
	// webhook-id may go out on another. An empty key says so and is not sent.
	header["Idempotency-Key"] = []string{}
	return s.post(ctx, m.URL, header, m.Body, func(status int) bool { return status >= 200 && status <= 299 })
}

// SendSlack posts a message to the incoming webhook of a Slack channel; only
// status 200 is success. Its results and errors are those of [Sender.Send].
func (s *Sender) SendSlack(ctx context.Context, url string, m SlackMessage) (Result, error) {
	body, err := m.Bytes()
	if err != nil {
		return Result{}, err
	}
	return s.post(ctx, url, http.Header{}, body, func(status int) bool { return status == http.StatusOK })
}

func (s *Sender) post(ctx context.Context, url string, header http.Header, body []byte, ok func(int) bool) (Result, error) {
	start := time.Now()
	result, err := s.attempt(ctx, url, header, body, ok)
	result.StartedAt, result.Duration = start, time.Since(start)
	return result, err
}

func (s *Sender) attempt(ctx context.Context, url string, header http.Header, body []byte, ok func(int) bool) (Result, error) {
	if err := s.guard.CheckURL(url); err != nil {
		return Result{Outcome: models.AttemptBlocked, Error: "the URL " + err.Error()}, nil
	}
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(bounded, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Result{Outcome: models.AttemptBlocked, Error: "the URL " + errForm.Error()}, nil
	}
	request.Header = header
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Upstream-Webhooks/1")
	response, err := s.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return Result{}, fmt.Errorf("webhook: stopped before an answer came: %w", ctx.Err())
		}
		return s.failure(err), nil
	}
	defer func() { _ = response.Body.Close() }()
	// The status has been given: a body that breaks off or never ends takes
	// nothing back.
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	result := answer(response, ok(response.StatusCode))
	result.Body = clean(text)
	return result, nil
}

// answer says what a status means.
func answer(response *http.Response, ok bool) Result {
	status := response.StatusCode
	result := Result{StatusCode: status, Outcome: models.AttemptRejected, RetryAfter: RetryAfter(response.Header, time.Now())}
	switch {
	case ok:
		return Result{StatusCode: status, Outcome: models.AttemptDelivered}
	case status == http.StatusGone:
		result.Outcome = models.AttemptGone
	case status >= 300 && status <= 399:
		result.Outcome = models.AttemptRedirected
	}
	result.Error = fmt.Sprintf("answered with status %d", status)
	if result.Outcome == models.AttemptRedirected {
		result.Error += "; redirects are not followed"
	}
	return result
}
