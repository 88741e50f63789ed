package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// texts are the faults so far.
func texts(f *faults) (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.list {
		_, text, _ := strings.Cut(fault, ": ")
		all = append(all, text)
	}
	return all
}

// What is lost, there twice or there without anybody having written it is told.
func TestCompare(t *testing.T) {
	t.Parallel()
	acknowledged := map[string]bool{"a": true, "b": true, "c": true}
	for name, tt := range map[string]struct {
		stored map[string]int
		want   []string
	}{
		"all is well": {map[string]int{"a": 1, "b": 1, "c": 1}, nil},
		"lost":        {map[string]int{"a": 1}, []string{"2 claims were acknowledged and are lost, such as b"}},
		"twice":       {map[string]int{"a": 1, "b": 2, "c": 1}, []string{"1 claims are there more than once, such as b"}},
		"foreign":     {map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}, []string{"1 claims were never acknowledged, such as d"}},
	} {
		var f faults
		compareKeys(&f, "claims", acknowledged, tt.stored)
		if diff := cmp.Diff(tt.want, texts(&f)); diff != "" {
			t.Errorf("%s (+):\n%s", name, diff)
		}
	}
	var f faults
	compareValues(&f, "rules", map[string]string{"a": "1", "b": "2"}, map[string]string{"a": "1", "b": "1", "c": "3"})
	want := []string{`rules b is "1", and was acknowledged as "2"`, "3 rules are stored and 2 acknowledged"}
	if diff := cmp.Diff(want, texts(&f)); diff != "" {
		t.Errorf("values (+):\n%s", diff)
	}
	if err := f.verdict(io.Discard); err == nil || err.Error() != "2 faults" {
		t.Errorf("the verdict is %v", err)
	}
}

func TestReceiver(t *testing.T) {
	t.Parallel()
	var f faults
	r := &receiver{faults: &f, heard: map[int64]string{}}
	for _, body := range []string{`{"id":"a","sequence":1}`, `{"id":"a","sequence":1}`, `{"id":"c","sequence":3}`, `{"id":"d","sequence":3}`, `nothing`} {
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)))
	}
	r.check(3)
	want := []string{"webhooks c and d are both number 3", "a webhook that cannot be read: nothing", "2 webhooks came of 3", "webhook number 2 of 2 never came"}
	if diff := cmp.Diff(want, texts(&f)); diff != "" {
		t.Errorf("faults (+):\n%s", diff)
	}
}

// backendOf is a server that is ready until it is told not to be.
func backendOf(t *testing.T, name string, ready *atomic.Bool) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" && !ready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = fmt.Fprint(w, name)
	}))
	t.Cleanup(s.Close)
	return s
}

// A server that says it is to end gets no more requests, and one that ends
// without having said so is a fault, as is a request that nobody takes.
func TestBalancer(t *testing.T) {
	t.Parallel()
	var f faults
	b := newBalancer(&f)
	ask := func() string {
		w := httptest.NewRecorder()
		b.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://balancer/x", nil))
		return fmt.Sprint(w.Code, " ", w.Body)
	}
	var first, second atomic.Bool
	first.Store(true)
	second.Store(true)
	one, other := backendOf(t, "one", &first), backendOf(t, "other", &second)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	backends := make([]*backend, 2)
	for i, url := range []string{one.URL, other.URL} {
		var err error
		if backends[i], err = b.add(ctx, url); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	for range 10 {
		seen[ask()]++
	}
	if diff := cmp.Diff(map[string]int{"200 one": 5, "200 other": 5}, seen); diff != "" {
		t.Errorf("answers (+):\n%s", diff)
	}
	backends[0].asked.Store(true)
	first.Store(false)
	<-backends[0].left
	one.Close()
	b.remove(backends[0])
	for range 5 {
		if got := ask(); got != "200 other" {
			t.Errorf("answers %s", got)
		}
	}
	if faults := texts(&f); len(faults) > 0 {
		t.Errorf("faults: %v", faults)
	}
	other.Close()
	<-backends[1].gone
	b.remove(backends[1])
	if got := ask(); !strings.HasPrefix(got, "503") {
		t.Errorf("answers %s", got)
	}
	want := []string{"a server ended without answering /readyz with 503 before", "GET /x: no server is ready"}
	if diff := cmp.Diff(want, texts(&f)); diff != "" {
		t.Errorf("faults (+):\n%s", diff)
	}
	if _, err := b.add(ctx, other.URL); err == nil {
		t.Error("a server that nobody can ask was taken in")
	}
}

// A client sends once: any other answer than the one that is due is a fault.
func TestClient(t *testing.T) {
	t.Parallel()
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/graphql":
			_, _ = fmt.Fprint(w, `{"data":{"n":1},"errors":[{"message":"no"}]}`)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			_, _ = fmt.Fprint(w, `{"n":1}`)
		}
	}))
	t.Cleanup(answers.Close)
	var f faults
	c := &client{http: answers.Client(), url: answers.URL, faults: &f}
	if got, ok := get[map[string]int](t.Context(), c, "/"); !ok || got["n"] != 1 {
		t.Errorf("%v, %v", got, ok)
	}
	if _, ok := get[map[string]int](t.Context(), c, "/broken"); ok {
		t.Error("500 is as good as 200")
	}
	if _, ok := query[map[string]int](t.Context(), c, "{ n }", nil); ok {
		t.Error("errors of GraphQL are as good as none")
	}
	answers.Close()
	if _, ok := get[map[string]int](t.Context(), c, "/"); ok {
		t.Error("no answer is as good as any")
	}
	if n := len(texts(&f)); n != 3 {
		t.Errorf("%d faults: %v", n, texts(&f))
	}
}
