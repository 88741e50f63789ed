package rest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/rest"
)

func goodCSV(f *fixture, rows int) []byte {
	return f.CSV(factory.Batch{
		Payer: "Aetna", CPT: "99213", Outcome: models.OutcomePaid, Count: rows, FirstDay: factory.Today().AddDays(-40), Days: 30, Wait: 7, Billed: 120,
	})
}

func TestUpload(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.cedar.UserWithHash(models.RoleAnalyst, passwordHash)
	token := f.signIn(t, user.Email).Access
	content := goodCSV(f, 25)
	out := f.upload(t, token, `C:\claims\May "2026".csv`, content)
	wantStatus(t, out, http.StatusCreated)
	got := out.object(t)
	hash := sha256.Sum256(content)
	for name, want := range map[string]any{
		"status": "success", "row_count": 25.0, "accepted_row_count": 25.0, "rejected_row_count": 0.0, "quality_score": 1.0,
		"file_hash": hex.EncodeToString(hash[:]), "file_size_bytes": float64(len(content)), "upload_source": "api",
		"uploaded_by": user.UserID.String(), "customer": f.cedar.Customer.ID.String(), "error_message": nil,
		"date_min": factory.Today().AddDays(-47).String(), "date_max": factory.Today().AddDays(-16).String(),
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if location := out.header.Get("Location"); location != fmt.Sprintf("%s/api/v1/uploads/%s/", f.server.URL, got["id"]) {
		t.Errorf("Location %s", location)
	}
	if out.header.Get("Cache-Control") != "no-store" || out.header.Get("Etag") == "" {
		t.Errorf("headers %v", out.header)
	}
	if l := f.list(t, token, fmt.Sprintf("/api/v1/claims/?upload=%s", got["id"])); *l.Count != 25 {
		t.Errorf("%d claims", *l.Count)
	}

	t.Run("the same bytes again", func(t *testing.T) {
		p := wantProblem(t, f.upload(t, token, "renamed.csv", content), http.StatusConflict, models.CodeConflict, "file:taken")
		if p.ExistingID != got["id"] {
			t.Errorf("existing_id %s, want %v", p.ExistingID, got["id"])
		}
		other := f.as(t, f.harbor, models.RoleAnalyst)
		wantStatus(t, f.upload(t, other, "renamed.csv", content), http.StatusCreated)
	})
}

func TestUploadsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.as(t, f.cedar, models.RoleAnalyst)
	for name, content := range map[string]string{
		"missing column": "payer,cpt,submitted_date,decided_date\nAetna,99213,2026-05-01,2026-05-02\n",
		"no row kept":    "payer,cpt,submitted_date,decided_date,outcome\nAetna,99213,2026-05-09,2026-05-02,PAID\n",
		"no CSV":         "\x89PNG\r\n\x1a\n\x00\x00",
		"empty":          "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := f.upload(t, token, "claims.csv", []byte(content))
			wantStatus(t, out, http.StatusUnprocessableEntity)
			var p problemBody
			out.decode(t, &p)
			if p.Code != models.CodeValidation || len(p.Errors) == 0 || !strings.HasPrefix(p.UploadID, "upl_") {
				t.Fatalf("%s", out.body)
			}
			record := f.get(t, token, "/api/v1/uploads/"+p.UploadID+"/").object(t)
			if record["status"] != "failed" || record["error_message"] == nil {
				t.Errorf("the upload that records it: %v", record)
			}
			if name == "missing column" && !strings.Contains(string(out.body), "outcome") {
				t.Errorf("the column is not named: %s", out.body)
			}
		})
	}
}

func TestUploadForms(t *testing.T) {
	t.Parallel()
	f := setupWith(t, rest.Options{MaxUploadBytes: 4096, TempDir: t.TempDir()})
	token := f.as(t, f.cedar, models.RoleOwner)
	post := func(header http.Header, body io.Reader) answer {
		return f.do(t, request{method: http.MethodPost, path: "/api/v1/uploads/", token: token, header: header, body: body})
	}
	multi := func(build func(*multipart.Writer)) (http.Header, io.Reader) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		build(w)
		_ = w.Close()
		return http.Header{"Content-Type": {w.FormDataContentType()}}, &b
	}
	file := func(w *multipart.Writer, field string, content []byte) {
		part, _ := w.CreateFormFile(field, "a.csv")
		_, _ = part.Write(content)
	}
	for name, c := range map[string]struct {
		build  func(*multipart.Writer)
		status int
		code   models.Code
		fields []string
	}{
		"no part":         {func(*multipart.Writer) {}, 422, models.CodeValidation, []string{"file:required"}},
		"other field":     {func(w *multipart.Writer) { file(w, "claims", goodCSV(f, 1)) }, 422, models.CodeValidation, []string{"claims:unknown"}},
		"no file name":    {func(w *multipart.Writer) { _ = w.WriteField("file", "a,b") }, 422, models.CodeValidation, []string{"file:invalid"}},
		"two files":       {func(w *multipart.Writer) { file(w, "file", goodCSV(f, 1)); file(w, "file", goodCSV(f, 1)) }, 422, models.CodeValidation, []string{"file:repeated"}},
		"another field":   {func(w *multipart.Writer) { file(w, "file", goodCSV(f, 1)); _ = w.WriteField("note", "x") }, 422, models.CodeValidation, []string{"note:unknown"}},
		"a byte too long": {func(w *multipart.Writer) { file(w, "file", bytes.Repeat([]byte("a"), 4097)) }, 413, models.CodePayloadTooLarge, nil},
		"much too long":   {func(w *multipart.Writer) { file(w, "file", bytes.Repeat([]byte("a"), 200_000)) }, 413, models.CodePayloadTooLarge, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, post(multi(c.build)), c.status, c.code, c.fields...)
		})
	}
	t.Run("much too long, of unannounced length", func(t *testing.T) {
		t.Parallel()
		header, body := multi(func(w *multipart.Writer) { file(w, "file", bytes.Repeat([]byte("a"), 200_000)) })
		wantProblem(t, post(header, io.MultiReader(body)), http.StatusRequestEntityTooLarge, models.CodePayloadTooLarge)
	})
	t.Run("cut off", func(t *testing.T) {
		t.Parallel()
		header, body := multi(func(w *multipart.Writer) { file(w, "file", goodCSV(f, 5)) })
		wantProblem(t, post(header, io.LimitReader(body, 300)), http.StatusBadRequest, models.CodeValidation)
	})
	t.Run("other media types", func(t *testing.T) {
		t.Parallel()
		for _, media := range []string{"text/csv", "application/json", "", "multipart/mixed; boundary=x", ";"} {
			out := post(http.Header{"Content-Type": {media}}, strings.NewReader("payer,cpt\n"))
			wantProblem(t, out, http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE")
		}
		wantProblem(t, post(http.Header{"Content-Type": {"multipart/form-data"}}, strings.NewReader("x")), http.StatusBadRequest, models.CodeValidation)
	})
	t.Run("exactly as long as allowed", func(t *testing.T) {
		t.Parallel()
		content := goodCSV(f, 5)
		content = append(content, bytes.Repeat([]byte("\n"), 4096-len(content))...)
		wantStatus(t, f.upload(t, token, "a.csv", content), http.StatusCreated)
	})
}

func TestUploadsLeaveNoFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := setupWith(t, rest.Options{TempDir: dir})
	token := f.as(t, f.cedar, models.RoleOwner)
	content := goodCSV(f, 3)
	f.upload(t, token, "a.csv", content)
	f.upload(t, token, "a.csv", content)
	f.upload(t, token, "b.csv", []byte("nonsense"))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	broken := setupWith(t, rest.Options{TempDir: dir + "/missing"})
	out := broken.upload(t, broken.as(t, broken.cedar, models.RoleOwner), "a.csv", content)
	wantProblem(t, out, http.StatusInternalServerError, models.CodeInternal)
	if strings.Contains(string(out.body), "missing") || !strings.Contains(broken.log.String(), "missing") {
		t.Errorf("cause in the answer or not in the log: %s", out.body)
	}
}

// repeating is a long CSV that exists nowhere as a whole.
type repeating struct {
	left int
	row  []byte
	rest []byte
}

func (r *repeating) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = r.row
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// A big file passes through: 64 MB of it may not raise the heap by half that.
// Its one column makes the store refuse it at the first row, so that only the
// edge is measured.
func TestUploadsAreStreamed(t *testing.T) { //nolint:paralleltest // measures the heap of the whole process
	f := setupWith(t, rest.Options{AsyncUploadBytes: 1 << 30})
	token := f.as(t, f.cedar, models.RoleOwner)
	// What answers are compared with is read once, and large by itself.
	f.do(t, request{path: "/api/v1/uploads/", token: token})
	const size = 64 << 20
	row := []byte(strings.Repeat("x", 1023) + "\n")
	file := &heapWatch{Reader: &repeating{left: size / len(row), row: row}}
	body, w := io.Pipe()
	form := multipart.NewWriter(w)
	written, before := make(chan struct{}), heap()
	go func() {
		part, err := form.CreateFormFile("file", "big.csv")
		if err == nil {
			_, err = io.Copy(part, file)
		}
		_ = w.CloseWithError(errorsFirst(err, form.Close()))
		close(written)
	}()
	out := f.do(t, request{
		method: http.MethodPost, path: "/api/v1/uploads/", token: token, body: body,
		header: http.Header{"Content-Type": {form.FormDataContentType()}},
	})
	<-written
	wantStatus(t, out, http.StatusUnprocessableEntity)
	if rise := int64(file.highest) - int64(before); rise > size/2 {
		t.Errorf("the heap rose by %d MB for a file of %d MB", rise>>20, size>>20)
	}
}

func errorsFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// heapWatch remembers the largest heap there was while something is read. Garbage
// waits for as long as there is room; what is held is asked about.
type heapWatch struct {
	io.Reader

	passed  int // bytes since it last looked
	highest uint64
}

func (w *heapWatch) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if w.passed += n; w.passed >= 2<<20 || err != nil {
		w.passed, w.highest = 0, max(w.highest, heap())
	}
	return n, err
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Whoever may not upload is refused before the file is received.
func TestUploadsAreRefusedEarly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for token, want := range map[string]int{"": 401, f.as(t, f.cedar, models.RoleViewer): 403} {
		body, w := io.Pipe()
		r := f.newRequest(t, request{
			method: http.MethodPost, path: "/api/v1/uploads/", token: token, body: body,
			header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}, "Expect": {"100-continue"}},
		})
		response, err := f.server.Client().Do(r) // answered though the body never ends
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		_ = w.Close()
		if response.StatusCode != want {
			t.Errorf("status %d, want %d", response.StatusCode, want)
		}
	}
}
