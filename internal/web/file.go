package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// source is where the bytes of a file come from.
type source struct {
	open func() (io.ReadSeekCloser, error)
	// packed says that the bytes are stored compressed by gzip.
	packed bool
}

// file is one address: its bytes in one or two encodings, and its headers.
type file struct {
	source
	contentType string
	// policy is the Content-Security-Policy.
	policy       string
	cacheControl string
	// hash identifies the content: the beginning of a SHA-256, in hexadecimal.
	hash string
	// pack compresses the file at its first use. Nil when compression would not
	// pay, or when the source is packed already.
	pack func() ([]byte, error)
}

// newFile reads the source once, for its hash.
func newFile(src source, contentType string) (*file, error) {
	content, err := src.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }()
	digest := sha256.New()
	if _, err := io.Copy(digest, content); err != nil {
		return nil, err
	}
	f := &file{source: src, contentType: contentType, hash: hex.EncodeToString(digest.Sum(nil)[:8])}
	if !src.packed && compressible(contentType) {
		f.pack = sync.OnceValues(f.compress)
	}
	return f, nil
}

// serve answers a GET or a HEAD, conditional ones and ranges included. An error
// means that nothing has been written.
func (f *file) serve(w http.ResponseWriter, r *http.Request) error {
	zipped := (f.packed || f.pack != nil) && acceptsGzip(r.Header.Values("Accept-Encoding"))
	content, err := f.content(zipped)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	f.writeHeader(w.Header(), zipped)
	http.ServeContent(w, r, "", time.Time{}, content)
	return nil
}

func (f *file) writeHeader(h http.Header, zipped bool) {
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Security-Policy", f.policy)
	h.Set("Cache-Control", f.cacheControl)
	if f.packed || f.pack != nil {
		h.Add("Vary", "Accept-Encoding")
	}
	tag := f.hash
	if zipped {
		h.Set("Content-Encoding", "gzip")
		tag += "-gzip"
	}
	h.Set("ETag", strconv.Quote(tag))
}

// content opens the bytes in the encoding asked for.
func (f *file) content(zipped bool) (io.ReadSeekCloser, error) {
	switch {
	case zipped && !f.packed:
		packed, err := f.pack()
		if err != nil {
			return nil, err
		}
		return inMemory(packed), nil
	case !zipped && f.packed:
		return f.unpack()
	default:
		return f.open()
	}
}

// unpack is for the rare client that does not take gzip, so nothing is kept.
func (f *file) unpack() (io.ReadSeekCloser, error) {
	packed, err := f.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = packed.Close() }()
	reader, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return inMemory(plain), nil
}

func (f *file) compress() ([]byte, error) {
	plain, err := f.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = plain.Close() }()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := io.Copy(writer, plain); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// compressible leaves out what is compressed by its own format.
func compressible(contentType string) bool {
	return strings.HasPrefix(contentType, "text/") || strings.HasPrefix(contentType, "image/svg")
}

// acceptsGzip reads Accept-Encoding as RFC 9110 §12.5.3 has it: a weight of 0
// refuses a coding, and naming gzip outweighs the asterisk.
func acceptsGzip(values []string) bool {
	accepted := false
	for member := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, parameters, _ := strings.Cut(member, ";")
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return weighs(parameters)
		case "*":
			accepted = weighs(parameters)
		}
	}
	return accepted
}

// weighs reports whether the parameters of a coding leave it a weight above 0.
func weighs(parameters string) bool {
	name, value, ok := strings.Cut(parameters, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return true
	}
	weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err == nil && weight > 0
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func inMemory(content []byte) io.ReadSeekCloser { return memoryFile{bytes.NewReader(content)} }
