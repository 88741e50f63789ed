//go:build !linux && !darwin

package rest

// diskSpace cannot look on this system.
func diskSpace(string) (checkResult, bool) { return checkResult{}, false }
