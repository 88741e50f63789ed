package models

// Happening is something that partners hear of.
type Happening struct {
	Data WebhookData
	// Subject is the identifier of the object, as the APIs show it.
	Subject string
	// Key names what happened: the same thing never happens twice.
	Key string
	// Revision is the version of the object when it happened.
	Revision int64
}
