package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pollInterval is how often a server is asked whether it is ready; the servers'
// drain delay is some of these.
const pollInterval = 100 * time.Millisecond

// balancer spreads requests over the servers that say they are ready, as any in
// production does. It never repeats a request.
type balancer struct {
	faults *faults
	proxy  *httputil.ReverseProxy
	poller *http.Client
	// turn picks the next server; requests counts all.
	turn, requests atomic.Int64

	mu    sync.Mutex
	ready []*backend
}

// backend is a server behind a balancer.
type backend struct {
	url *url.URL
	// left is closed when it was ready and says that it is not any more; gone when
	// it cannot be asked.
	left, gone chan struct{}
	// asked says that it was told to end.
	asked  atomic.Bool
	stop   context.CancelFunc
	polled sync.WaitGroup
}

type backendKey struct{}

func newBalancer(f *faults) *balancer {
	b := &balancer{faults: f, poller: &http.Client{Timeout: 10 * time.Second}}
	b.proxy = &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
		Rewrite: func(r *httputil.ProxyRequest) {
			chosen, _ := r.In.Context().Value(backendKey{}).(*backend)
			r.SetURL(chosen.url)
			r.Out.Host = r.In.Host
			connections := 0
			r.Out = r.Out.WithContext(httptrace.WithClientTrace(r.Out.Context(), &httptrace.ClientTrace{
				GotConn: func(httptrace.GotConnInfo) {
					// Go's transport repeats what it takes for harmless to repeat.
					if connections++; connections > 1 {
						f.addf("%s %s: the connection was cut, and the request sent again", r.In.Method, r.In.URL.Path)
					}
				},
			}))
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			f.addf("%s %s: %v", r.Method, r.URL.Path, err)
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	return b
}

// ServeHTTP implements [http.Handler].
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	chosen := b.choose()
	if chosen == nil {
		b.faults.addf("%s %s: no server is ready", r.Method, r.URL.Path)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	b.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), backendKey{}, chosen)))
}

func (b *balancer) choose() *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 {
		return nil
	}
	return b.ready[int(b.turn.Add(1))%len(b.ready)]
}

var errNotReady = errors.New("the server was never ready")

// add takes a server in once it is ready.
func (b *balancer) add(ctx context.Context, address string) (*backend, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	added := &backend{url: at, left: make(chan struct{}), gone: make(chan struct{})}
	ctx, added.stop = context.WithCancel(ctx)
	in := make(chan struct{})
	added.polled.Go(func() { b.watch(ctx, added, in) })
	select {
	case <-in:
		return added, nil
	case <-added.gone:
		return nil, errNotReady
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// watch asks a server again and again whether it is ready until it is gone.
func (b *balancer) watch(ctx context.Context, s *backend, in chan struct{}) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for was := false; ; {
		is, err := b.isReady(ctx, s)
		switch {
		case err != nil:
			b.set(s, false)
			close(s.gone)
			return
		case is && !was:
			b.set(s, true)
			close(in)
		case was && !is:
			b.set(s, false)
			if !s.asked.Load() {
				b.faults.addf("a server was not ready any more although nobody had asked it to end")
			}
			close(s.left)
		}
		// Who has left does not come back: a server that wavers is not ready twice.
		if was && !is {
			return
		}
		was = is
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (b *balancer) isReady(ctx context.Context, s *backend) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.JoinPath("/readyz").String(), nil)
	if err != nil {
		return false, err
	}
	answer, err := b.poller.Do(request)
	if err != nil {
		return false, err
	}
	return answer.StatusCode == http.StatusOK, answer.Body.Close()
}

func (b *balancer) set(s *backend, ready bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = slices.DeleteFunc(b.ready, func(other *backend) bool { return other == s })
	if ready {
		b.ready = append(b.ready, s)
	}
}

// remove forgets a server that has ended. One that was gone before it said that
// it was about to go has cut off whoever came between.
func (b *balancer) remove(s *backend) {
	select {
	case <-s.left:
	default:
		b.faults.addf("a server ended without answering /readyz with 503 before")
	}
	s.stop()
	s.polled.Wait()
	b.set(s, false)
}
