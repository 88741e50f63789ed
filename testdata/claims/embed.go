// Package claims bundles the sample claims files of this folder, so that a
// program built from the repository carries them wherever it runs.
//
// It sits inside testdata because go:embed reaches only files beside or below
// the package, and the file is to exist once: tests read it from this folder,
// the demo from this package. Patterns such as ./... skip folders named
// testdata, yet an explicit import builds them like any other package. Imports
// nothing of ours.
package claims

import _ "embed" // fills RCM

// RCM is rcm-2024-2026.csv: 2,575 decided claims of a small practice; SOURCE.md
// says where they come from.
//
//go:embed rcm-2024-2026.csv
var RCM string
