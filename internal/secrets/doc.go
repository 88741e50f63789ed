// Package secrets encrypts what must be kept secret in the database and yet be
// read again. It implements store.Sealer by Tink's AEAD under keys derived from
// the program's secret key. It may import models.
package secrets
