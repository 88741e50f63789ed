package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"upstream/bench/program"
	"upstream/bench/seed"
	"upstream/models"
)

// server is the program, built and run as a user does.
type server struct {
	*program.Server

	adminURL string
}

// startServer builds the program, unless one is given, and starts it on the
// database. Its log is among the reports.
func (on *site) startServer(ctx context.Context) (_ *server, err error) {
	path := on.program
	if path == "" {
		if path, err = program.Build(ctx, on.scratch); err != nil {
			return nil, err
		}
	}
	admin, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(on.report("server.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the program has it open itself
	env := append(os.Environ(),
		// Clients share one machine and few accounts: budgets per caller would be
		// measured, and not the program.
		"UPSTREAM_THROTTLE=off",
		"UPSTREAM_ADDR=127.0.0.1:0", "UPSTREAM_ADMIN_ADDR="+admin, "UPSTREAM_DATA_DIR="+on.from.DataDir, "DATABASE_URL="+on.from.URL,
		"LOG_FORMAT=json")
	if on.from.URL != "" && os.Getenv("UPSTREAM_SECRET_KEY") == "" {
		env = append(env, "UPSTREAM_SECRET_KEY="+rand.Text()+rand.Text())
	}
	s := &server{adminURL: "http://" + admin}
	if s.Server, err = program.Serve(ctx, path, env, log); err != nil {
		return nil, fmt.Errorf("start the program: %w; see %s", err, log.Name())
	}
	return s, nil
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// signedIn signs an analyst of each customer in, for those of the clients who
// have been at it for a while, and keeps the tokens in a file.
func (on *site) signedIn(ctx context.Context, fn func(*site) error) error {
	tokens := map[string]string{}
	for _, customer := range on.world.Customers {
		token, err := signIn(ctx, on.url, customer, on.world.Password)
		if err != nil {
			return err
		}
		tokens[customer.Slug] = token
	}
	text, err := json.Marshal(tokens)
	if err != nil {
		return err
	}
	on.tokens = filepath.Join(on.scratch, "tokens.json")
	if err := os.WriteFile(on.tokens, text, 0o600); err != nil {
		return err
	}
	return fn(on)
}

func signIn(ctx context.Context, url string, customer *seed.Facts, password string) (string, error) {
	body, err := json.Marshal(map[string]string{"email": customer.Users[models.RoleAnalyst], "password": password})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/auth/token/", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	var tokens struct {
		Access string `json:"access"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("sign in to %s at %s: %s %w", customer.Slug, url, answer.Status, err)
	}
	return tokens.Access, nil
}
