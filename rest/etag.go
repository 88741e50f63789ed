package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/danielgtaylor/huma/v2"
)

// representation counts changes to the shape of our JSON; raising it makes
// every client fetch anew after such a change.
const representation = "1"

// etag is the strong entity tag of a version of a row.
func etag(version int64) string {
	return `"` + representation + "-" + strconv.FormatInt(version, 10) + `"`
}

// etagWith is the entity tag of a row whose answer also shows figures that change
// without its version, which counts what people change.
func etagWith(version int64, figures any) string {
	text, _ := json.Marshal(figures) // numbers, words and instants, which cannot fail
	sum := sha256.Sum256(text)
	return strings.TrimSuffix(etag(version), `"`) + "." + hex.EncodeToString(sum[:8]) + `"`
}

// withoutFigures is the tag of the version that such a tag names.
func withoutFigures(tag string) string {
	version, figures, found := strings.Cut(tag, ".")
	if !found || !strings.HasSuffix(figures, `"`) {
		return tag
	}
	return version + `"`
}

// contentTag is an entity tag of bytes.
func contentTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// listTag is a weak entity tag of the bytes of a list: the same rows may come
// with other links. It only has to differ where lists of one address do, which
// needs no hash that withstands attacks, and one of those takes ten times as
// long.
func listTag(body []byte) string {
	return `W/"` + strconv.FormatUint(xxhash.Sum64(body), 16) + "." + strconv.FormatInt(int64(len(body)), 36) + `"`
}

// anyMatch compares weakly, as RFC 9110 §13.1.2 has it for If-None-Match. It
// answers with the tag as the client has it, coding included: that is the one
// the whole answer would have had.
func anyMatch(header, tag string) (string, bool) {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" {
			return tag, true
		}
		if opaque(withoutCoding(candidate)) == opaque(tag) {
			return tag[:len(tag)-len(opaque(tag))] + opaque(candidate), true
		}
	}
	return "", false
}

// opaque is a tag without the mark of weakness.
func opaque(tag string) string { return strings.TrimPrefix(tag, "W/") }

// weaklyTagged answers 304 to a list that has not changed.
func (a *api) weaklyTagged(ctx huma.Context, next func(huma.Context)) {
	body := a.buffer()
	defer a.answers.Put(body)
	kept := &keptAnswer{humaContext: ctx, body: body}
	next(kept)
	if kept.status == 0 {
		return // answered past us
	}
	if kept.status == http.StatusOK {
		tag := listTag(kept.body.Bytes())
		if theirs, match := anyMatch(ctx.Header("If-None-Match"), tag); match {
			ctx.SetHeader("ETag", theirs)
			ctx.SetStatus(http.StatusNotModified)
			return
		}
		ctx.SetHeader("ETag", tag)
	}
	ctx.SetStatus(kept.status)
	if _, err := ctx.BodyWriter().Write(kept.body.Bytes()); err != nil {
		a.log.InfoContext(ctx.Context(), "answer not sent", "error", err)
	}
}

// humaContext is huma.Context under a name that its own method does not have.
type humaContext huma.Context

// keptAnswer holds an answer back until it is whole.
type keptAnswer struct {
	humaContext

	status int
	body   *bytes.Buffer
}

// buffer is an empty one, as large as a page was that is no longer needed.
func (a *api) buffer() *bytes.Buffer {
	if b, ok := a.answers.Get().(*bytes.Buffer); ok {
		b.Reset()
		return b
	}
	return &bytes.Buffer{}
}

// Unwrap lets the adapter find its own context.
func (k *keptAnswer) Unwrap() huma.Context { return k.humaContext }

// SetStatus implements huma.Context.
func (k *keptAnswer) SetStatus(status int) { k.status = status }

// Status implements huma.Context.
func (k *keptAnswer) Status() int { return k.status }

// BodyWriter implements huma.Context.
func (k *keptAnswer) BodyWriter() io.Writer { return k.body }

const ifNoneMatchDoc = "Entity tags the client has; when one is current the answer is 304 without a body."

// ifNoneMatch documents the header where no input has it as a field.
func ifNoneMatch() *huma.Param {
	return &huma.Param{Name: "If-None-Match", In: "header", Description: ifNoneMatchDoc, Schema: &huma.Schema{Type: huma.TypeString}}
}
