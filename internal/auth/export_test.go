package auth

import "sync/atomic"

// CountComparisons counts how often the service compares a password with a
// hash from now on. Call it before anybody signs in.
func CountComparisons(s *Service) func() int64 {
	var n atomic.Int64
	compare := s.verifier.compare
	s.verifier.compare = func(password, hash string) (bool, error) {
		n.Add(1)
		return compare(password, hash)
	}
	return n.Load
}

// Distance is the Levenshtein distance.
func Distance(a, b string) int { return distance([]rune(a), []rune(b)) }

// AuditName is what the log calls who failed to sign in.
func AuditName(email string) string { return auditName(email) }
