package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// load is people and programs that use the service, each of whom does one thing
// after another until they are told to stop.
type load struct {
	actors []*actor
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// actor is one of them.
type actor struct {
	name  string
	round func(ctx context.Context, n int)
	// rounds counts those that ended.
	rounds atomic.Int64
}

// start lets all of them begin; pause is the time between two rounds of one.
func (l *load) start(ctx context.Context, pause time.Duration) {
	stopping, stop := context.WithCancel(ctx)
	l.stop = stop
	for _, a := range l.actors {
		l.done.Go(func() {
			ticker := time.NewTicker(pause)
			defer ticker.Stop()
			for n := 0; stopping.Err() == nil; n++ {
				a.round(ctx, n) // to its end: nobody hangs up
				a.rounds.Add(1)
				select {
				case <-ticker.C:
				case <-stopping.Done():
				}
			}
		})
	}
}

// end tells them to stop and waits until they have.
func (l *load) end() {
	l.stop()
	l.done.Wait()
}

// goOn waits until some time is over and everybody has done something in it.
func (l *load) goOn(ctx context.Context, d time.Duration) error {
	before := make([]int64, len(l.actors))
	for i, a := range l.actors {
		before[i] = a.rounds.Load()
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for begun := time.Now(); ; {
		busy := time.Since(begun) < d
		for i, a := range l.actors {
			busy = busy || a.rounds.Load() < before[i]+2 // the first may have begun earlier
		}
		if !busy {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// clinic is whom they work for.
type clinic struct {
	ledger *ledger
	// base is a client that is nobody yet; key is one with an API key.
	base, key client
	// endpoint hears of webhooks.
	endpoint string
}

func (c *clinic) load() *load {
	return &load{actors: []*actor{
		{name: "reader", round: (&reader{clinic: c, client: c.base}).round},
		{name: "developer", round: (&developer{clinic: c}).round},
		{name: "partner", round: (&partner{clinic: c, source: "B"}).round},
		{name: "uploader", round: c.upload},
		{name: "clerk", round: c.rename},
		{name: "analyst", round: c.detect},
		{name: "operator", round: c.operate},
	}}
}

type tokens struct {
	Access  string `json:"access"`
	Refresh string `json:"refresh"`
}

// signIn makes a client a signed-in user's.
func (c *client) signIn(ctx context.Context) (tokens, bool) {
	c.token = ""
	t, ok := post[tokens](ctx, c, http.StatusOK, "/api/v1/auth/token/", map[string]string{"email": userEmail, "password": userPassword})
	c.token = t.Access
	return t, ok
}

// signInEvery is how many rounds a session lasts; between, it is refreshed.
const signInEvery = 8

// reader is a person who signs in and looks around by REST.
type reader struct {
	*clinic
	client

	refresh string
}

func (r *reader) round(ctx context.Context, n int) {
	if n%signInEvery == 0 {
		t, ok := r.signIn(ctx)
		if r.refresh = t.Refresh; !ok {
			return
		}
	} else if t, ok := post[tokens](ctx, &r.client, http.StatusOK, "/api/v1/auth/token/refresh/", map[string]string{"refresh": r.refresh}); ok {
		r.token, r.refresh = t.Access, t.Refresh
	} else {
		return
	}
	page, ok := get[struct {
		Results []struct {
			ID    string `json:"id"`
			Payer string `json:"payer"`
		} `json:"results"`
	}](ctx, &r.client, "/api/v1/claims/?page_size=20&outcome=DENIED&ordering=-decided_date")
	if ok && len(page.Results) > 0 {
		first := page.Results[0]
		detail, ok := get[struct {
			ID      string `json:"id"`
			Outcome string `json:"outcome"`
		}](ctx, &r.client, "/api/v1/claims/"+first.ID+"/")
		r.expectf(!ok || detail.ID == first.ID && detail.Outcome == "DENIED", "claim %s is %+v", first.ID, detail)
	}
	for _, path := range []string{"dashboard/", "claims/payer_summary/", "reports/", "uploads/?page_size=5", "alerts/", "webhook-deliveries/?page_size=5"} {
		_, _ = get[map[string]any](ctx, &r.client, "/api/v1/"+path)
	}
}

// developer reads by GraphQL and counts.
type developer struct {
	*clinic

	counted int
}

func (d *developer) round(ctx context.Context, _ int) {
	data, ok := query[struct {
		Claims struct{ TotalCount int }
	}](ctx, &d.key, `{ claims(first: 20, orderBy: {field: DECIDED_DATE, direction: DESC}) { totalCount nodes { id payer outcome upload { filename } } }
		dashboard { __typename } activeDriftEvents(first: 5) { totalCount nodes { payer severity } } }`, nil)
	if !ok {
		return
	}
	d.key.expectf(data.Claims.TotalCount >= d.counted, "there were %d claims, and now %d", d.counted, data.Claims.TotalCount)
	d.counted = data.Claims.TotalCount
}

// newClaim is a claim as the batch takes it.
type newClaim struct {
	ClaimNumber   string `json:"claim_number"`
	Payer         string `json:"payer"`
	CPT           string `json:"cpt"`
	SubmittedDate string `json:"submitted_date"`
	DecidedDate   string `json:"decided_date"`
	Outcome       string `json:"outcome"`
	BilledAmount  string `json:"billed_amount"`
}

// made is the i-th claim of a source.
func made(source string, i int) newClaim {
	outcome := "PAID"
	if i%7 == 0 {
		outcome = "DENIED"
	}
	decided := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i%60)
	return newClaim{
		ClaimNumber: fmt.Sprintf("%s-%d", source, i), Payer: fmt.Sprintf("Payer %d", i%5), CPT: "99213",
		SubmittedDate: decided.AddDate(0, 0, -9-i%4).Format(time.DateOnly), DecidedDate: decided.Format(time.DateOnly),
		Outcome: outcome, BilledAmount: "125.00",
	}
}
