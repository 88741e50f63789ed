package models

// The identifiers of the objects that both APIs can fetch by identifier alone,
// as text. GraphQL binds its field id to these methods, because its code
// generator cannot name the instances of a generic type.

// GlobalID is the customer's TypeID.
func (c *Customer) GlobalID() string { return c.ID.String() }

// GlobalID is the upload's TypeID.
func (u *Upload) GlobalID() string { return u.ID.String() }

// GlobalID is the claim's TypeID.
func (c *Claim) GlobalID() string { return c.ID.String() }

// GlobalID is the run's TypeID.
func (r *ReportRun) GlobalID() string { return r.ID.String() }

// GlobalID is the event's TypeID.
func (e *DriftEvent) GlobalID() string { return e.ID.String() }
