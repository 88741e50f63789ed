package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

// Customers whose rows share index pages meet conflicts for nothing. None runs
// out of attempts: the later ones are made alone.
func TestDetect_ManyCustomersAtOnce(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	var log buffer
	stores := []*store.Store{
		w.StoreWith(w.DB.App, store.Options{Logger: log.logger()}), w.StoreWith(w.DB.App, store.Options{Logger: log.logger()}),
	}
	const customers, rounds = 8, 6
	var wg sync.WaitGroup
	for i := range customers {
		tenant := w.Tenant(fmt.Sprintf("clinic-%d", i))
		tenant.Drifting()
		wg.Go(func() {
			for range rounds {
				if _, err := stores[i%2].DetectDrift(t.Context(), tenant.System(), models.DetectInput{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for attempt := 1; attempt < store.MaxAttempts; attempt++ {
		t.Logf("attempt %d was repeated %d times", attempt, strings.Count(log.String(), fmt.Sprintf("attempt=%d", attempt)))
	}
	// What is made alone meets nobody.
	if n := strings.Count(log.String(), "attempt=3"); n > 0 {
		t.Errorf("%d attempts that were made alone met conflicts", n)
	}
}
