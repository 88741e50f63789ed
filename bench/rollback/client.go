package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// client sends requests, each once: whatever is not answered as it should be is
// a fault.
type client struct {
	http   *http.Client
	url    string
	faults *faults
	// token is that of a signed-in user, or an API key.
	token string
}

// request is what is sent, and the status that it must be answered with.
type request struct {
	method, path string
	want         int
	body         []byte
	// headers are pairs; the body is JSON unless one says otherwise.
	headers []string
}

// send answers with the body of the response; ok says that it was as it should
// be.
func (c *client) send(ctx context.Context, r request) (body []byte, ok bool) {
	status, body, err := c.exchange(ctx, r)
	switch {
	case err != nil:
		c.faults.addf("%s %s: %v", r.method, r.path, err)
	case status != r.want:
		c.faults.addf("%s %s: answered with %d instead of %d: %.300s", r.method, r.path, status, r.want, body)
	}
	return body, err == nil && status == r.want
}

func (c *client) exchange(ctx context.Context, r request) (status int, body []byte, err error) {
	out, err := http.NewRequestWithContext(ctx, r.method, c.url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return 0, nil, err
	}
	if r.body != nil {
		out.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		out.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(r.headers); i += 2 {
		out.Header.Set(r.headers[i], r.headers[i+1])
	}
	answer, err := c.http.Do(out)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end
	body, err = io.ReadAll(answer.Body)
	return answer.StatusCode, body, err
}

// get is send of a GET that must be answered with 200, whose answer it reads.
func get[T any](ctx context.Context, c *client, path string) (value T, ok bool) {
	return read[T](c, path)(c.send(ctx, request{method: http.MethodGet, path: path, want: http.StatusOK}))
}

// post is send of JSON, whose answer it reads.
func post[T any](ctx context.Context, c *client, want int, path string, in any, headers ...string) (value T, ok bool) {
	return change[T](ctx, c, request{method: http.MethodPost, path: path, want: want, headers: headers}, in)
}

func change[T any](ctx context.Context, c *client, r request, in any) (value T, ok bool) {
	body, err := json.Marshal(in)
	if err != nil {
		c.faults.addf("%s: %v", r.path, err)
		return value, false
	}
	r.body = body
	return read[T](c, r.path)(c.send(ctx, r))
}

func read[T any](c *client, what string) func([]byte, bool) (T, bool) {
	return func(body []byte, ok bool) (value T, _ bool) {
		if !ok {
			return value, false
		}
		if err := json.Unmarshal(body, &value); err != nil {
			c.faults.addf("%s: %v in %.300s", what, err, body)
			return value, false
		}
		return value, true
	}
}

// query is a GraphQL operation, which must have no errors.
func query[T any](ctx context.Context, c *client, text string, variables map[string]any) (value T, ok bool) {
	answer, ok := post[struct {
		Data   T               `json:"data"`
		Errors json.RawMessage `json:"errors"`
	}](ctx, c, http.StatusOK, "/graphql", map[string]any{"query": text, "variables": variables})
	if ok && answer.Errors != nil {
		c.faults.addf("/graphql: %.300s for %s", answer.Errors, text)
		return value, false
	}
	return answer.Data, ok
}

// expectf adds a fault unless something is as it must be.
func (c *client) expectf(holds bool, format string, args ...any) {
	if !holds {
		c.faults.addf("wrong answer: %s", fmt.Sprintf(format, args...))
	}
}
