// Package await is how tests wait: for something to become true, with a
// deadline, or inside a bubble of testing/synctest, where waiting takes no time.
// The linter refuses every other sleep and timer in a test, because a guess at
// how long something takes is too short on a busy machine and a waste on others.
// It is for tests only.
//
// It imports nothing of ours.
package await
