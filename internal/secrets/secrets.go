package secrets

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xchacha20poly1305"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"

	"upstream/models"
)

// Sizes in bytes.
const (
	keySize   = 32
	idSize    = 4
	minMaster = 32
)

// purpose keeps a key derived here from being one derived for another use of
// the same secret.
const purpose = "upstream secrets at rest v1"

// Sealer seals with one key and opens with several. It is safe for concurrent
// use.
type Sealer struct {
	aead   tink.AEAD
	prefix []byte
}

// New makes a Sealer of the program's secret key and those it replaced. Each
// needs at least 32 bytes, and none may come twice.
func New(current []byte, retired ...[]byte) (*Sealer, error) {
	keys := keyset.NewManager()
	primary, err := derive(current)
	if err != nil {
		return nil, err
	}
	id, err := keys.AddKey(primary)
	if err != nil {
		return nil, fmt.Errorf("add the key for secrets: %w", err)
	}
	for _, master := range retired {
		key, err := derive(master)
		if err != nil {
			return nil, err
		}
		if _, err := keys.AddKey(key); err != nil {
			return nil, fmt.Errorf("add a retired key for secrets (is one given twice?): %w", err)
		}
	}
	if err := keys.SetPrimary(id); err != nil {
		return nil, err
	}
	handle, err := keys.Handle()
	if err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead: primitive, prefix: primary.OutputPrefix()}, nil
}

// derive makes the key of a master secret (HKDF, RFC 5869) and the number by
// which Tink finds it again: the first bytes of what it seals.
func derive(master []byte) (*xchacha20poly1305.Key, error) {
	if len(master) < minMaster {
		return nil, fmt.Errorf("a key for secrets must have at least %d bytes", minMaster)
	}
	material, err := hkdf.Key(sha256.New, master, nil, purpose, keySize+idSize)
	if err != nil {
		return nil, fmt.Errorf("derive the key for secrets: %w", err)
	}
	parameters, err := xchacha20poly1305.NewParameters(xchacha20poly1305.VariantTink)
	if err != nil {
		return nil, err
	}
	// Tink has no key 0.
	id := max(binary.BigEndian.Uint32(material[keySize:]), 1)
	return xchacha20poly1305.NewKey(secretdata.NewBytesFromData(material[:keySize], insecuresecretdataaccess.Token{}), id, parameters)
}

// errSealed says no more: why a secret does not open helps only an attacker.
var errSealed = errors.New("the secret does not open: another key or another row sealed it, or it was changed")

// Seal implements store.Sealer.
func (s *Sealer) Seal(plaintext []byte, as models.SealedAs) ([]byte, error) {
	return s.aead.Encrypt(plaintext, as.AssociatedData())
}

// Open implements store.Sealer.
func (s *Sealer) Open(sealed []byte, as models.SealedAs) ([]byte, error) {
	plaintext, err := s.aead.Decrypt(sealed, as.AssociatedData())
	if err != nil {
		return nil, errSealed
	}
	return plaintext, nil
}

// Current implements store.Sealer.
func (s *Sealer) Current(sealed []byte) bool { return bytes.HasPrefix(sealed, s.prefix) }
