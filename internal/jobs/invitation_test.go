package jobs

import (
	"context"
	"strings"
	"testing"

	"upstream/internal/factory"
	"upstream/internal/mail"
	"upstream/models"
)

func TestInvitationMails(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	ann := cedar.User(models.RoleOwner)
	invite := func(email string) models.InvitationID {
		row, err := w.Store.InviteMember(t.Context(), ann, models.NewInvitation{Email: email, Role: models.RoleAnalyst})
		if err != nil {
			t.Fatal(err)
		}
		return row.ID
	}
	id := invite("grace@guests.test")
	if _, err := w.Store.RevokeInvitation(t.Context(), ann, invite("revoked@guests.test"), nil); err != nil {
		t.Fatal(err)
	}
	box := &post{}
	mails(t, w, box, "https://upstream.example/prefix/", 2)
	if len(box.sent) != 1 {
		t.Fatalf("%d mails: %+v", len(box.sent), box.sent)
	}
	m := box.sent[0]
	for _, part := range []string{
		"\nhttps://upstream.example/prefix/accept-invitation#token=", "22 June 2026, 12:00 UTC", cedar.Customer.Name, "as analyst", ann.Email,
	} {
		if !strings.Contains(m.Text, part) {
			t.Errorf("the mail lacks %q:\n%s", part, m.Text)
		}
	}
	if m.To != "grace@guests.test" {
		t.Errorf("to %s", m.To)
	}
	row, err := w.Store.Invitation(t.Context(), ann, id)
	if err != nil || row.MailedAt == nil {
		t.Errorf("after the mail: %+v, %v", row, err)
	}
}

// resending sends an invitation again while its mail is on the way.
type resending struct {
	post

	again func()
}

func (r *resending) Send(ctx context.Context, m mail.Message) error {
	if r.again != nil {
		r.again()
		r.again = nil
	}
	return r.post.Send(ctx, m)
}

// The mail of a new link is not taken for that of the link before.
func TestInvitationMails_SentAgainMeanwhile(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	ann := w.Tenant("cedar").User(models.RoleOwner)
	row, err := w.Store.InviteMember(t.Context(), ann, models.NewInvitation{Email: "grace@guests.test", Role: models.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	box := &resending{again: func() {
		if _, err := w.Store.ResendInvitation(t.Context(), ann, row.ID, nil); err != nil {
			t.Error(err)
		}
	}}
	mails(t, w, box, "https://upstream.example", 2)
	if len(box.sent) != 2 || box.sent[0].Text == box.sent[1].Text {
		t.Errorf("%d mails: %+v", len(box.sent), box.sent)
	}
}
