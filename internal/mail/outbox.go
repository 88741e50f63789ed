package mail

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"time"
)

// Outbox writes each message into a file that mail programs open (.eml). Only
// the account that runs the program may read it: the links inside sign people in.
type Outbox struct {
	// Dir is the directory, which is made when missing. Without a name, sending
	// fails.
	Dir string
	// From is the sender of every message.
	From *mail.Address
}

// Send implements [Sender]. The file has its name once it is whole; names sort
// by time.
func (o *Outbox) Send(_ context.Context, m Message) error {
	if o.Dir == "" {
		return errors.New("mail: neither a server nor a directory for messages is configured")
	}
	now := time.Now().UTC()
	message, err := format(o.From, m, now)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	file, err := os.CreateTemp(o.Dir, ".writing-*") // mode 600
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	_, err = message.WriteTo(file)
	if err = errors.Join(err, file.Close()); err == nil {
		name := now.Format("20060102T150405.000000Z") + "-" + rand.Text()[:8] + ".eml"
		err = os.Rename(file.Name(), filepath.Join(o.Dir, name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("mail: %w", err), os.Remove(file.Name()))
	}
	return nil
}
