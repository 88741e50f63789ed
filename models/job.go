package models

// JobArgs are the arguments of a background job, stored as JSON until it is
// done. They name rows by identifier and never hold a secret, an address or
// anything about a patient: the job asks the store for what it needs.
type JobArgs interface {
	// Kind names the job: lower-case words joined by underscores. It must not
	// change while jobs of it are waiting.
	Kind() string
}

// HousekeepingJob deletes what has expired.
type HousekeepingJob struct{}

// Kind implements [JobArgs].
func (HousekeepingJob) Kind() string { return "housekeeping" }
