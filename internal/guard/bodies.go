package guard

import (
	"net/http"
	"time"
)

// Bodies gives every body d to arrive, from the time the headers have. It is
// for bodies that nobody reads (of a request that is refused before, or that
// should have none): the server waits for them before it answers. Who reads a
// body sets a deadline of its own.
func Bodies(d time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// Without a body the server reads on to notice when the client leaves,
			// and a deadline would look like that.
			if r.ContentLength != 0 {
				_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d)) // a writer without a connection has none
			}
			next.ServeHTTP(w, r)
		})
	}
}
