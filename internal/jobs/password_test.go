package jobs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"upstream/internal/factory"
	"upstream/internal/mail"
	"upstream/models"
)

// mails runs the jobs of these transactions and answers with what was sent.
func mails(t *testing.T, w *factory.World, sender mail.Sender, publicURL string, jobs int) []*river.Event {
	t.Helper()
	workers, err := New(Options{
		Store: w.Store, Mail: sender, PublicURL: publicURL, PollInterval: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := workers.queue.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer cancel()
	if err := workers.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var events []*river.Event
	for len(events) < jobs {
		if event := <-done; strings.HasSuffix(event.Job.Kind, "_mail") { // others begin at the start
			events = append(events, event)
		}
	}
	if err := workers.Stop(); err != nil {
		t.Error(err)
	}
	return events
}

func TestPasswordMails(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	ann := w.Tenant("cedar").User(models.RoleOwner)
	ctx, hash := t.Context(), models.SecretHash{1}
	request := func(v models.Viewer, hash models.SecretHash) {
		if err := w.Store.RequestPasswordReset(ctx, v, models.NewPasswordReset{UserID: v.UserID, Token: []byte("the-token"), Hash: hash}); err != nil {
			t.Fatal(err)
		}
	}
	request(ann, models.SecretHash{2}) // replaced at once: its job finds nothing
	request(ann, hash)
	request(models.Viewer{Email: "nobody@cedar.test"}, models.SecretHash{3})
	box := &post{}
	mails(t, w, box, "https://upstream.example/prefix/", 3)
	if len(box.sent) != 1 {
		t.Fatalf("%d mails: %+v", len(box.sent), box.sent)
	}
	m := box.sent[0]
	if m.To != ann.Email || !strings.Contains(m.Text, "\nhttps://upstream.example/prefix/reset-password#token=the-token\n") ||
		!strings.Contains(m.Text, "16 June 2026, 12:00 UTC") {
		t.Errorf("to %s:\n%s", m.To, m.Text)
	}

	if err := w.Store.CompletePasswordReset(ctx, ann, models.PasswordResetDone{Token: hash, NewHash: "new"}); err != nil {
		t.Fatal(err)
	}
	box = &post{}
	mails(t, w, box, "https://upstream.example", 1)
	if len(box.sent) != 1 {
		t.Fatalf("%d mails", len(box.sent))
	}
	m = box.sent[0]
	if m.To != ann.Email || !strings.Contains(m.Text, "15 June 2026, 12:00 UTC") || !strings.Contains(m.Text, "\nhttps://upstream.example/reset-password\n") {
		t.Errorf("to %s:\n%s", m.To, m.Text)
	}
}

// broken is a way to send mail that fails the first time.
type broken struct {
	post

	failures int
}

func (b *broken) Send(ctx context.Context, m mail.Message) error {
	if b.failures > 0 {
		b.failures--
		return errors.New("the server is away")
	}
	return b.post.Send(ctx, m)
}

func TestPasswordMails_AreTriedAgain(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	ann := w.Tenant("cedar").User(models.RoleOwner)
	err := w.Store.RequestPasswordReset(t.Context(), ann, models.NewPasswordReset{UserID: ann.UserID, Token: []byte("the-token"), Hash: models.SecretHash{1}})
	if err != nil {
		t.Fatal(err)
	}
	box := &broken{failures: 1}
	events := mails(t, w, box, "https://upstream.example", 2)
	if events[0].Kind != river.EventKindJobFailed || events[1].Kind != river.EventKindJobCompleted || len(box.sent) != 1 {
		t.Errorf("%s, %s, %d mails", events[0].Kind, events[1].Kind, len(box.sent))
	}
	if strings.Contains(string(events[1].Job.EncodedArgs), "the-token") {
		t.Errorf("arguments %s", events[1].Job.EncodedArgs)
	}
}
