package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/swaggest/swgui/v5/static"
)

//go:embed pages/*.html pages/*.css pages/*.js pages/*.svg pages/*.ico pages/*.txt
//go:embed dist/THIRD_PARTY_LICENSES dist/playground/*.js dist/playground/*.css dist/redoc/*.js dist/redoc/*.css
var embedded embed.FS

const (
	// forEver suits addresses that hold the hash of their content.
	forEver = "public, max-age=31536000, immutable"
	// forOneDay suits what has a fixed address and hardly ever changes.
	forOneDay = "public, max-age=86400"
	// revalidated pages are asked for each time, and mostly answered by 304.
	revalidated = "no-cache"
)

const (
	// pagePolicy lets a page load its own scripts and styles from this server and
	// talk to it; nothing inline, nothing from elsewhere, no framing. `data:` is
	// for icons within style sheets.
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
		"img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	// redocPolicy adds the worker that Redoc starts from a blob for its search.
	redocPolicy = pagePolicy + "; worker-src blob:"
	// landingPolicy is for a page without script.
	landingPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'"
	// accountPolicy is for the forms behind mailed links, which their script
	// sends to this server and nothing else may send anywhere.
	accountPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// filePolicy is for what is not a page, should a browser show it as one.
	filePolicy = "default-src 'none'; frame-ancestors 'none'"
)

// assets are the scripts and styles; pages name them by the last element.
var assets = []struct {
	fsys fs.FS
	name string
}{
	{embedded, "pages/site.css"},
	{embedded, "pages/account.js"},
	{embedded, "pages/alert.js"},
	{embedded, "pages/docs.js"},
	{embedded, "dist/playground/playground.css"},
	{embedded, "dist/playground/playground.js"},
	{embedded, "dist/redoc/redoc.css"},
	{embedded, "dist/redoc/redoc.js"},
	{static.FS, "swagger-ui.css.gz"},
	{static.FS, "swagger-ui-bundle.js.gz"},
}

// htmlPage is a page, the same for everybody, that a template makes of data.
type htmlPage struct {
	path, template, policy string
	data                   any
}

var htmlPages = []htmlPage{
	{"/", "landing.html", landingPolicy, nil},
	{"/playground", "playground.html", pagePolicy, nil},
	{"/api/docs", "docs.html", pagePolicy, nil},
	{"/api/redoc", "redoc.html", redocPolicy, nil},
	{"/reset-password", "reset-password.html", accountPolicy, nil},
	{"/accept-invitation", "accept-invitation.html", accountPolicy, nil},
	{alertsPrefix, "alert.html", accountPolicy, nil},
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".ico": "image/x-icon",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

// load fills p.files.
func (p *Pages) load() error {
	addresses, err := p.loadAssets()
	if err != nil {
		return err
	}
	if err := p.loadPages(addresses); err != nil {
		return err
	}
	return p.loadRest()
}

// loadAssets answers the address of each asset by its name.
func (p *Pages) loadAssets() (map[string]string, error) {
	addresses := make(map[string]string, len(assets))
	for _, asset := range assets {
		name, packed := strings.CutSuffix(path.Base(asset.name), ".gz")
		ext := path.Ext(name)
		f, err := newFile(stored(asset.fsys, asset.name, packed), contentTypes[ext])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", asset.name, err)
		}
		f.policy, f.cacheControl = filePolicy, forEver
		addresses[name] = assetPrefix + strings.TrimSuffix(name, ext) + "." + f.hash + ext
		p.files[addresses[name]] = f
	}
	return addresses, nil
}

// loadPages renders the pages, which are the same for everybody, once.
func (p *Pages) loadPages(addresses map[string]string) error {
	templates, err := template.New("").Funcs(template.FuncMap{
		"asset": func(name string) (string, error) {
			if address, ok := addresses[name]; ok {
				return address, nil
			}
			return "", fmt.Errorf("no asset %q", name)
		},
	}).ParseFS(embedded, "pages/*.html")
	if err != nil {
		return err
	}
	for _, page := range append(problemPages(), htmlPages...) {
		var html bytes.Buffer
		if err := templates.ExecuteTemplate(&html, page.template, page.data); err != nil {
			return err
		}
		f, err := newFile(held(html.Bytes()), "text/html; charset=utf-8")
		if err != nil {
			return err
		}
		f.policy, f.cacheControl = page.policy, revalidated
		p.files[page.path] = f
		if !strings.HasSuffix(page.path, "/") {
			p.files[page.path+"/"] = f
		}
	}
	return nil
}

// loadRest adds the files with well-known addresses.
func (p *Pages) loadRest() error {
	licences, err := readAll("pages/swagger-ui.txt", "dist/THIRD_PARTY_LICENSES")
	if err != nil {
		return err
	}
	rest := map[string]source{
		"/favicon.svg":  stored(embedded, "pages/favicon.svg", false),
		"/favicon.ico":  stored(embedded, "pages/favicon.ico", false),
		"/licenses.txt": held(licences),
	}
	for address, src := range rest {
		f, err := newFile(src, contentTypes[path.Ext(address)])
		if err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
		f.policy, f.cacheControl = filePolicy, forOneDay
		p.files[address] = f
	}
	return nil
}

func readAll(names ...string) ([]byte, error) {
	var all []byte
	for _, name := range names {
		content, err := embedded.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, content...)
	}
	return all, nil
}

// stored is a file within the program: reading it copies nothing to the heap.
func stored(fsys fs.FS, name string, packed bool) source {
	return source{packed: packed, open: func() (io.ReadSeekCloser, error) {
		opened, err := fsys.Open(name)
		if err != nil {
			return nil, err
		}
		seekable, ok := opened.(io.ReadSeekCloser)
		if !ok {
			return nil, fmt.Errorf("%s: %T cannot seek", name, opened)
		}
		return seekable, nil
	}}
}

func held(content []byte) source {
	return source{open: func() (io.ReadSeekCloser, error) { return inMemory(content), nil }}
}
