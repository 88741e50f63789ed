package postgres

import (
	"fmt"
	"regexp"
	"strconv"
)

// versionPattern finds the version in "15.18 (Debian 15.18-0+deb12u1)", in
// "postgres (PostgreSQL) 17beta1" and in the "16" of a PG_VERSION file.
var versionPattern = regexp.MustCompile(`(?:^|\s)(\d+)(\.\d+|[a-z]+\d+)*`)

// shortVersion is the bare number of a version text, such as "15.18".
func shortVersion(text string) string {
	match := versionPattern.FindString(text)
	if match == "" {
		return text
	}
	if match[0] < '0' || match[0] > '9' {
		return match[1:]
	}
	return match
}

// majorOf is the major version in a version text.
func majorOf(text string) (int, error) {
	match := versionPattern.FindStringSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("no version number in %q", text)
	}
	return strconv.Atoi(match[1])
}
