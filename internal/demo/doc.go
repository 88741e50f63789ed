// Package demo supplies the two clinics that the demo command shows: who they
// are, who signs in, and their claims files.
//
// Cedar is a small practice with a bundled file. Harbor is a hospital group
// whose file is generated: deterministic, of any size, with changes of payer
// behaviour planted in its last two weeks. Truth says what was planted, so that
// a finding can be checked against what is known to be there.
//
// The package writes files and describes them; it stores nothing. It may
// import models and its sub-packages, and the bundled files in
// testdata/claims.
package demo
