package auth

import (
	"crypto/sha256"
	"sync"
)

// verified remembers what is in tokens whose signature was found good, so that
// a client's next requests need not have it computed and parsed again. It
// vouches for nothing that can change: the lifetime is compared with the clock,
// and the session, the user and the membership are read, at every request.
type verified struct {
	mu     sync.Mutex
	byHash map[[sha256.Size]byte]claims
}

// mostVerified bounds the memory, at some 300 bytes each.
const mostVerified = 4096

func (v *verified) get(hash [sha256.Size]byte) (claims, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.byHash[hash]
	return c, ok
}

// put keeps the contents of a token. When there are too many it starts anew:
// whoever is still there soon is in it again.
func (v *verified) put(hash [sha256.Size]byte, c claims) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.byHash == nil || len(v.byHash) >= mostVerified {
		v.byHash = make(map[[sha256.Size]byte]claims)
	}
	v.byHash[hash] = c
}
