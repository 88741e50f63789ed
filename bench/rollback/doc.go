// Command rollback proves that a version of the program can be deployed, and
// taken back, while it is used: go run ./bench/rollback -from OLD -to NEW, with
// the programs of the last release and of this checkout. `make test/rollback`
// builds both.
//
// Servers of the old version stand behind a load balancer of its own, and people
// and programs work with them by both APIs all the time. The new version's
// migrations go up, its servers replace the old ones one by one, and everything
// goes back again. No request may fail and nothing that was acknowledged may be
// lost or be there twice, in the claims, their roll-ups, the audit log, the
// queue or at those who are told by webhooks; and the schema is what it was.
//
// It may import everything.
package main
