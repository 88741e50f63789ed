// Package auth answers one question for both APIs: who is asking? It checks
// passwords, issues and verifies tokens, knows API keys, and puts the viewer into the context
// of a request. What the viewer may then do is the store's business.
//
// It may import models and store, and nothing else of ours. It knows nothing of
// problem details or GraphQL errors: an edge that wants a refused token shown
// in its own shape passes the Middleware a function that writes it.
package auth
