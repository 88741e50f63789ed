//go:build linux || darwin

package rest

import "syscall"

// diskSpace looks at the disk that holds a folder; false when it cannot.
func diskSpace(folder string) (checkResult, bool) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return checkResult{}, false
	}
	size := uint64(disk.Bsize) //nolint:gosec // a size, whose type differs by system
	return diskResult(disk.Bavail*size, disk.Blocks*size), true
}
