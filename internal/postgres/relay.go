//go:build linux || darwin || freebsd

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// headerTimeout is how long the repository may take to begin an answer.
const headerTimeout = 30 * time.Second

// relay stands between the fetching library and the repository, on a loopback
// port, because the library downloads without a context, silently, and reports
// every failure as a missing version. Through the relay a download ends with
// its context, shows its progress, and fails with its real reason.
type relay struct {
	url      string
	upstream string
	client   *http.Client
	server   *http.Server
	progress io.Writer
	ctx      context.Context //nolint:containedctx // the context of one download, which is all a relay lives for
	cancel   context.CancelFunc
	served   sync.WaitGroup

	mu  sync.Mutex
	err error
}

func startRelay(ctx context.Context, upstream string, progress io.Writer) (*relay, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("prepare the download: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &relay{
		url:      "http://" + listener.Addr().String(),
		upstream: strings.TrimSuffix(upstream, "/"),
		client: &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: headerTimeout, DisableKeepAlives: true,
		}},
		progress: progress,
		ctx:      ctx,
		cancel:   cancel,
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: headerTimeout}
	r.server.SetKeepAlivesEnabled(false)
	r.served.Go(func() { _ = r.server.Serve(listener) }) // ends with close
	return r, nil
}

// ServeHTTP passes one file on.
func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	file := req.URL.Path
	res, err := r.get(r.upstream + file)
	if err != nil {
		r.fail(err)
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or given up
	if err := r.pass(w, res, path.Base(file)); err != nil {
		r.fail(err)
	}
}

// close ends the relay, once what it is passing on has arrived, and gives the
// first failure it met.
func (r *relay) close(ctx context.Context) error {
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), killPatience)
	defer cancel()
	_ = r.server.Shutdown(patience)
	r.cancel()
	_ = r.server.Close()
	r.served.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *relay) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

func (r *relay) pass(w http.ResponseWriter, res *http.Response, name string) error {
	if res.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(res.ContentLength, 10))
	}
	w.WriteHeader(res.StatusCode)
	body := io.Reader(res.Body)
	if path.Ext(name) == ".jar" {
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answered %s for %s", hostOf(r.upstream), res.Status, name)
		}
		body = &progressReader{from: res.Body, to: r.progress, total: res.ContentLength}
	}
	if _, err := io.Copy(w, body); err != nil {
		return r.reason(err)
	}
	return nil
}

func (r *relay) get(url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, r.reason(err)
	}
	return res, nil
}

// reason prefers the end of the context over the confusion it caused.
func (r *relay) reason(err error) error {
	if r.ctx.Err() != nil {
		return fmt.Errorf("the download was given up: %w", context.Cause(r.ctx))
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return fmt.Errorf("%s cannot be reached: %w", hostOf(r.upstream), innermost(op))
	}
	return fmt.Errorf("the download from %s broke off: %w", hostOf(r.upstream), err)
}

// progressReader writes a line for every tenth of the bytes read.
type progressReader struct {
	from        io.Reader
	to          io.Writer
	total, read int64
	tenths      int64
}

// progressStep is how often progress shows when the size is not known, in bytes.
const progressStep = 1 << 20

// Read implements io.Reader.
func (p *progressReader) Read(buf []byte) (int, error) {
	n, err := p.from.Read(buf)
	p.read += int64(n)
	if p.total > 0 {
		if tenths := p.read * 10 / p.total; tenths > p.tenths {
			p.tenths = tenths
			_, _ = fmt.Fprintf(p.to, "  %3d %% of %s\n", tenths*10, megabytes(p.total))
		}
	} else if steps := p.read / progressStep; steps > p.tenths {
		p.tenths = steps
		_, _ = fmt.Fprintf(p.to, "  %s\n", megabytes(p.read))
	}
	return n, err
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
