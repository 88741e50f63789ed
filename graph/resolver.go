package graph

import "upstream/store"

// Resolver answers the fields of the schema by calling the store.
type Resolver struct{ store *store.Store }
