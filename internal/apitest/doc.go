// Package apitest is the suite that runs one case through both APIs. A Case
// puts the same question to REST and to GraphQL and demands the same values,
// the same error codes about the same fields and, after a write, the same rows
// in the database. Whoever adds a list, a filter, an operation or a field to
// either API adds it here: the tests of coverage fail until then.
//
// It is for tests only, all of it in test files, and may import everything it
// tests. Nothing imports it.
package apitest
