// Package schema holds the GraphQL schema of Upstream, one file per noun. It
// imports nothing of ours; gqlgen reads the files when generating, and package
// graph prints them.
package schema

import "embed"

// Files are the schema's *.graphqls files.
//
//go:embed *.graphqls
var Files embed.FS
