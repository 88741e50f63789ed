package rest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"time"

	"upstream/models"
)

// fileField is the form field that holds the claims file.
const fileField = "file"

// answerTime is how long an answer may take once an upload's time is over.
const answerTime = 30 * time.Second

// formOverhead is what the boundaries and headers of a form may add to a file.
const formOverhead = 64 << 10

// receivedFile is a claims file on disk. It has no name there any more (where
// the system allows that), so it is gone when the process is.
type receivedFile struct {
	*os.File
	// name is what the client calls the file.
	name string
	// linked says that the file still has its name on disk.
	linked bool
	// size is how many bytes it has.
	size int64
}

func (f *receivedFile) discard() {
	_ = f.Close()
	if f.linked {
		_ = os.Remove(f.Name())
	}
}

// receive streams the claims file of a multipart request to disk: whatever its
// size, memory holds one buffer of it.
func (a *api) receive(w http.ResponseWriter, r *http.Request) (*receivedFile, error) {
	a.extendDeadlines(w)
	form, err := a.openForm(w, r)
	if err != nil {
		return nil, err
	}
	file, err := a.onlyFile(form)
	if err != nil {
		return nil, a.formFault(err)
	}
	return file, nil
}

// extendDeadlines lets an upload take longer than the server's timeouts, which
// are meant for small requests.
func (a *api) extendDeadlines(w http.ResponseWriter) {
	control, deadline := http.NewResponseController(w), time.Now().Add(a.opts.UploadTimeout)
	// Not every writer has deadlines; without them nothing needs extending. Who
	// is too slow is still told so.
	_, _ = control.SetReadDeadline(deadline), control.SetWriteDeadline(deadline.Add(answerTime))
}

func (a *api) openForm(w http.ResponseWriter, r *http.Request) (*multipart.Reader, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "multipart/form-data" {
		return nil, models.NewError(codeUnsupportedMediaType, "Send the file as multipart/form-data, in the field %s.", fileField)
	}
	if r.ContentLength > a.opts.MaxUploadBytes+formOverhead {
		return nil, a.tooLarge()
	}
	r.Body = http.MaxBytesReader(w, r.Body, a.opts.MaxUploadBytes+formOverhead)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, malformed("The form cannot be read: its Content-Type names no boundary.")
	}
	return form, nil
}

func (a *api) tooLarge() error {
	return models.NewError(models.CodePayloadTooLarge, "The file is larger than %d bytes, the most this server takes.", a.opts.MaxUploadBytes)
}

// onlyFile reads a form that consists of one file.
func (a *api) onlyFile(form *multipart.Reader) (file *receivedFile, err error) {
	defer func() {
		if err != nil && file != nil {
			file.discard()
			file = nil
		}
	}()
	for {
		part, err := form.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && file == nil:
			return file, models.InvalidField(fileField, "required", "must be given")
		case errors.Is(err, io.EOF):
			return file, nil
		case err != nil:
			return file, err
		case part.FormName() != fileField:
			return file, models.InvalidField(part.FormName(), "unknown", "is not a field of this form; the file goes into %q", fileField)
		case file != nil:
			return file, models.InvalidField(fileField, "repeated", "must be given once")
		case part.FileName() == "":
			return file, models.InvalidField(fileField, "invalid", "must be a file with a name")
		}
		if file, err = a.spool(part); err != nil {
			return file, err
		}
	}
}

// spool copies one part to a temporary file and rewinds it.
func (a *api) spool(part *multipart.Part) (*receivedFile, error) {
	temp, err := os.CreateTemp(a.opts.TempDir, "upstream-upload-*")
	if err != nil {
		return nil, models.Internal(fmt.Errorf("make room for an upload: %w", err))
	}
	// Unlinked at once, so that a crash leaves nothing; a system that refuses
	// that removes it in discard.
	file := &receivedFile{File: temp, name: part.FileName(), linked: os.Remove(temp.Name()) != nil}
	written, err := io.Copy(temp, io.LimitReader(part, a.opts.MaxUploadBytes+1))
	if err != nil {
		return file, err
	}
	if written > a.opts.MaxUploadBytes {
		return file, a.tooLarge()
	}
	file.size = written
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return file, models.Internal(err)
	}
	return file, nil
}

// formFault tells apart why reading a form ended early.
func (a *api) formFault(err error) error {
	var coded *models.Error
	var tooLarge *http.MaxBytesError
	var pathError *os.PathError
	switch {
	case errors.As(err, &coded):
		return err
	case errors.As(err, &tooLarge):
		return a.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return models.NewError(codeRequestTimeout, "The file did not arrive in time.")
	case errors.As(err, &pathError): // our disk, not their form
		return models.Internal(err)
	default:
		return malformed("The form is malformed or ends too early.")
	}
}
