package rest

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/klauspost/compress/gzhttp"
)

// compressFrom is from how many bytes on an answer is compressed.
const compressFrom = 500

// compress sends answers as zstd or gzip to who takes them. An entity tag
// differs by the coding, as it must: "1-7" becomes "1-7-zstd".
func compress() (func(http.Handler) http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.SuffixETag("-gzip"))
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		compressed := wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				// The library compresses no HEAD, whose headers are to be those of
				// the GET. Routing does not tell the two apart either, and the
				// server sends no body to who asked by HEAD.
				get := *r
				get.Method = http.MethodGet
				r = &get
			}
			compressed(w, r)
		})
	}, nil
}

// uncompressed keeps the length of an answer from telling about a secret in it.
func uncompressed(ctx huma.Context) { ctx.SetHeader(gzhttp.HeaderNoCompression, "1") }

// withoutCoding is the entity tag of an answer before it was compressed.
func withoutCoding(tag string) string {
	for _, coding := range []string{"-gzip", "-zstd"} {
		if plain, ok := strings.CutSuffix(tag, coding+`"`); ok {
			return plain + `"`
		}
	}
	return tag
}
