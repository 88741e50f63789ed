package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// request is made over and over, on one connection.
type request struct {
	url, bearer string
	// body is posted as JSON; without one the request is a GET.
	body []byte
}

// repeat makes the request one after another until the time is over, and
// answers how often.
func (r request) repeat(ctx context.Context, lasting time.Duration) (int, error) {
	start := time.Now()
	for n := 1; ; n++ {
		if _, err := r.once(ctx); err != nil {
			return n, err
		}
		if time.Since(start) >= lasting {
			return n, nil
		}
	}
}

// once makes the request and answers the body of the answer, which has to be
// one without errors.
func (r request) once(ctx context.Context) ([]byte, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if r.body != nil {
		method, body = http.MethodPost, bytes.NewReader(r.body)
	}
	made, err := http.NewRequestWithContext(ctx, method, r.url, body)
	if err != nil {
		return nil, err
	}
	if r.bearer != "" {
		made.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	made.Header.Set("Content-Type", "application/json")
	// What Go's client adds by itself would have the answer compressed.
	made.Header.Set("Accept-Encoding", "identity")
	answer, err := http.DefaultClient.Do(made)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK || bytes.HasPrefix(text, []byte(`{"errors"`)) {
		return nil, fmt.Errorf("%s: %d %.500s", r.url, answer.StatusCode, text)
	}
	return text, nil
}

// signIn answers an access token.
func signIn(ctx context.Context, base, email, password string) (string, error) {
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		return "", err
	}
	text, err := request{url: base + "/api/v1/auth/token/", body: body}.once(ctx)
	if err != nil {
		return "", err
	}
	var tokens struct {
		Access string `json:"access"`
	}
	if err := json.Unmarshal(text, &tokens); err != nil || tokens.Access == "" {
		return "", fmt.Errorf("signing in answered no token: %w", err)
	}
	return tokens.Access, nil
}
