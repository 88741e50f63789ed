package throttle

import (
	"context"

	"upstream/models"
)

// Rejections limits credentials that do not hold; it is what authentication
// asks before it reads an account.
type Rejections struct{ throttle *Throttle }

// Rejections are those that t counts; without t they are not limited.
func (t *Throttle) Rejections() Rejections { return Rejections{t} }

// Admit is RATE_LIMITED while the budget of a source is used up: of a network,
// or of whatever else names what was rejected.
//
// It precedes every authenticated request, so it asks Redis only about sources
// that this process has rejected something of. The price is one read of an
// account per source and process.
func (r Rejections) Admit(ctx context.Context, source string) error {
	budgets := r.budgets(0)
	if len(budgets) == 0 {
		return nil
	}
	c := rejectedCaller(source)
	seen := r.throttle.local.take(r.throttle.now(), c.id, budgets)
	if budgets[0].rate.used(seen.each[0]) == 0 {
		return nil
	}
	return r.throttle.Look(ctx, c, RejectedCredentials).Err()
}

// Reject counts one credential that did not hold.
func (r Rejections) Reject(ctx context.Context, source string) {
	budgets := r.budgets(1)
	if len(budgets) == 0 {
		return
	}
	c, now := rejectedCaller(source), r.throttle.now()
	r.throttle.local.take(now, c.id, budgets)
	if r.throttle.shared != nil {
		r.throttle.shared.take(ctx, now, c.id, budgets)
	}
}

func (r Rejections) budgets(cost int) []budget {
	if r.throttle == nil {
		return nil
	}
	return r.throttle.budgets([]Draw{{Class: RejectedCredentials, Cost: cost}})
}

func rejectedCaller(source string) Caller { return Caller{id: "rejected:" + models.Network(source)} }
