package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// loadVariable makes this program a client instead: it holds a load in JSON.
// The client is a process of its own, so that what it takes is not counted with
// what the server takes.
const loadVariable = "UPSTREAM_BENCH_LOAD"

// load is one request, made over and over on one connection.
type load struct {
	URL, Bearer string
	// Body is posted as JSON; without one the request is a GET.
	Body string
	For  time.Duration
}

// loaded is what a client did.
type loaded struct {
	Requests int
	Took     time.Duration
}

// by runs the client.
func (l load) by(ctx context.Context, program string) (loaded, error) {
	spec, err := json.Marshal(l)
	if err != nil {
		return loaded{}, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), loadVariable+"="+string(spec))
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return loaded{}, fmt.Errorf("%w: %s", err, said.Bytes())
	}
	var done loaded
	return done, json.Unmarshal(out.Bytes(), &done)
}

// client is what the process is when loadVariable is set; it answers its exit
// code.
func client(spec string) int {
	var l load
	err := json.Unmarshal([]byte(spec), &l)
	if err == nil {
		var done loaded
		if done, err = l.run(context.Background()); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(done)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (l load) run(ctx context.Context) (loaded, error) {
	var done loaded
	start := time.Now()
	for done.Took < l.For {
		if _, err := l.once(ctx); err != nil {
			return done, err
		}
		done.Requests++
		done.Took = time.Since(start)
	}
	return done, nil
}

// once makes the request and answers the body of the answer, which has to be
// one without errors.
func (l load) once(ctx context.Context) ([]byte, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if l.Body != "" {
		method, body = http.MethodPost, bytes.NewReader([]byte(l.Body))
	}
	r, err := http.NewRequestWithContext(ctx, method, l.URL, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+l.Bearer)
	r.Header.Set("Content-Type", "application/json")
	// What Go's client adds by itself would have the answer compressed.
	r.Header.Set("Accept-Encoding", "identity")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK || bytes.HasPrefix(text, []byte(`{"errors"`)) {
		return nil, fmt.Errorf("%s: %d %.500s", l.URL, answer.StatusCode, text)
	}
	return text, nil
}
