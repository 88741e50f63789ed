package jobs

import (
	"context"

	"github.com/riverqueue/river"

	"upstream/internal/mail"
	"upstream/models"
)

// invitationMail mails the link of an invitation.
type invitationMail struct {
	river.WorkerDefaults[models.InvitationMailJob]

	opts Options
}

// Work implements river.Worker. An invitation that is over by now, or whose
// link another job has mailed, is done.
func (w *invitationMail) Work(ctx context.Context, job *river.Job[models.InvitationMailJob]) error {
	letter, err := w.opts.Store.InvitationLetter(ctx, job.Args)
	if err != nil {
		return unlessGone(err)
	}
	m, err := mail.Write(mail.Invitation, letter.Email, mail.Facts{
		Link: w.opts.link("accept-invitation", string(letter.Token)), Customer: letter.Customer, Role: string(letter.Role),
		Inviter: letter.Inviter, Until: letter.ExpiresAt,
	})
	if err != nil {
		return err
	}
	if err := w.opts.Mail.Send(ctx, m); err != nil {
		return err
	}
	return w.opts.Store.InvitationMailed(ctx, job.Args, letter.Token)
}
