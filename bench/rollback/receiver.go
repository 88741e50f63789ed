package main

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// receiver is a partner that hears of events by webhooks.
type receiver struct {
	faults *faults

	mu sync.Mutex
	// heard are the identifiers by their numbers.
	heard map[int64]string
}

// ServeHTTP implements [http.Handler]. What comes twice is the same.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest) // broken off: it comes again
		return
	}
	var said struct {
		ID       string `json:"id"`
		Sequence int64  `json:"sequence"`
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := json.Unmarshal(body, &said); err != nil || said.Sequence < 1 {
		r.faults.addf("a webhook that cannot be read: %.300s", body)
		return
	}
	if before, again := r.heard[said.Sequence]; again && before != said.ID {
		r.faults.addf("webhooks %s and %s are both number %d", before, said.ID, said.Sequence)
	}
	r.heard[said.Sequence] = said.ID
}

// check demands that there are deliveries without gaps, as many as were made.
func (r *receiver) check(made int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if made == 0 || len(r.heard) != made {
		r.faults.addf("%d webhooks came of %d", len(r.heard), made)
	}
	for n := range int64(len(r.heard)) {
		if _, ok := r.heard[n+1]; !ok {
			r.faults.addf("webhook number %d of %d never came", n+1, len(r.heard))
			return
		}
	}
}
