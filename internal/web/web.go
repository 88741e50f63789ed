package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-chi/chi/v5"
)

// assetPrefix begins the address of every script and style sheet. The content
// hash in the rest of it makes the address good for ever.
const assetPrefix = "/assets/"

// alertsPrefix begins the addresses of alerts, /alerts/alert_…: one page for all
// of them, which asks for the alert that its own address names.
const alertsPrefix = "/alerts/"

var alertID = regexp.MustCompile("^(alert_[0-7][0-9a-hjkmnp-tv-z]{25}/?)?$")

// find is the file behind a path.
func (p *Pages) find(path string) (*file, bool) {
	if id, below := strings.CutPrefix(path, alertsPrefix); below {
		return p.files[alertsPrefix], alertID.MatchString(id)
	}
	f, ok := p.files[path]
	return f, ok
}

// Options adjusts Pages. The zero value is ready to use.
type Options struct {
	// RenderError writes the answer to a request that no page serves: status is
	// 404, 405 (the Allow header is set by then) or 500. Nil means plain text.
	RenderError func(w http.ResponseWriter, r *http.Request, status int)
}

// Pages serves the embedded pages and what they load. It is safe for
// concurrent use.
type Pages struct {
	// files maps a path to what it answers; it never changes after New.
	files       map[string]*file
	renderError func(w http.ResponseWriter, r *http.Request, status int)
}

// New prepares the pages. It fails only when an embedded file is missing or
// broken, so a program that starts serves them all.
func New(options Options) (*Pages, error) {
	pages := &Pages{files: make(map[string]*file), renderError: options.RenderError}
	if pages.renderError == nil {
		pages.renderError = plainError
	}
	if err := pages.load(); err != nil {
		return nil, fmt.Errorf("embedded pages: %w", err)
	}
	return pages, nil
}

// Routes registers every path that Pages serves, for all methods: it answers
// 405 itself.
func (p *Pages) Routes(r chi.Router) {
	for path := range p.files {
		if !strings.HasPrefix(path, assetPrefix) {
			r.Handle(path, p)
		}
	}
	r.Handle(assetPrefix+"*", p)
	r.Handle(alertsPrefix+"*", p)
}

// allowed are the methods of every path.
const allowed = "GET, HEAD, OPTIONS"

// ServeHTTP answers GET, HEAD and OPTIONS of a page or a file of one; any other
// method is 405, any other path 404.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := p.find(r.URL.Path)
	if !ok {
		p.renderError(w, r, http.StatusNotFound)
		return
	}
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", allowed)
		p.renderError(w, r, http.StatusMethodNotAllowed)
		return
	}
	if err := f.serve(w, r); err != nil {
		p.renderError(w, r, http.StatusInternalServerError)
	}
}

func plainError(w http.ResponseWriter, _ *http.Request, status int) {
	http.Error(w, http.StatusText(status), status)
}
