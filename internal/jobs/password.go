package jobs

import (
	"context"

	"github.com/riverqueue/river"

	"upstream/internal/mail"
	"upstream/models"
)

// passwordResetMail mails the link to choose a new password.
type passwordResetMail struct {
	river.WorkerDefaults[models.PasswordResetMailJob]

	opts Options
}

// Work implements river.Worker. A reset that is over by now, or was for nobody,
// is done.
func (w *passwordResetMail) Work(ctx context.Context, job *river.Job[models.PasswordResetMailJob]) error {
	id := job.Args.ResetID
	letter, err := w.opts.Store.PasswordResetLetter(ctx, id)
	if err != nil {
		return unlessGone(err)
	}
	m, err := mail.Write(mail.PasswordReset, letter.Email, mail.Facts{
		Name: letter.FirstName, Link: w.opts.link("reset-password", string(letter.Token)), Until: letter.ExpiresAt,
	})
	if err != nil {
		return err
	}
	if err := w.opts.Mail.Send(ctx, m); err != nil {
		return err
	}
	return w.opts.Store.PasswordResetMailed(ctx, id)
}

// passwordChangedMail tells a user that the password was changed.
type passwordChangedMail struct {
	river.WorkerDefaults[models.PasswordChangedMailJob]

	opts Options
}

// Work implements river.Worker.
func (w *passwordChangedMail) Work(ctx context.Context, job *river.Job[models.PasswordChangedMailJob]) error {
	account, err := w.opts.Store.AccountByID(ctx, job.Args.UserID)
	if err != nil {
		return unlessGone(err)
	}
	m, err := mail.Write(mail.PasswordChanged, account.User.Email, mail.Facts{
		Name: account.User.FirstName, Link: w.opts.link("reset-password", ""), At: job.Args.At,
	})
	if err != nil {
		return err
	}
	return w.opts.Mail.Send(ctx, m)
}

// unlessGone drops the error that there is nothing to write about any more.
func unlessGone(err error) error {
	if models.CodeOf(err) == models.CodeNotFound {
		return nil
	}
	return err
}
