package throttle

import (
	"context"
	"log/slog"
	"time"

	"upstream/models"
)

// Options are what a Throttle takes from outside; zero fields have defaults.
type Options struct {
	// Rates are those of the classes; defaults to DefaultRates.
	Rates Rates
	// RedisURL names the Redis that replicas count in together, such as
	// redis://:password@host:6379/0 or rediss:// for TLS. Empty: each process
	// counts for itself.
	RedisURL string
	// Logger hears when Redis is lost and when it is back; defaults to
	// slog.Default.
	Logger *slog.Logger
	// Refused hears the class of each request that is refused; may be nil.
	Refused func(Class)
	// Now is the clock; defaults to the system's.
	Now func() time.Time
}

// Throttle counts what callers draw. It is safe for concurrent use. A nil
// Throttle limits nothing.
type Throttle struct {
	rates  Rates
	now    func() time.Time
	local  *local
	shared *shared
	// refused is never nil.
	refused func(Class)
}

// New builds a Throttle. It does not wait for Redis: one that cannot be reached
// yet is treated like one that was lost. It fails on a RedisURL that is none.
func New(opts Options) (*Throttle, error) {
	if opts.Rates == nil {
		opts.Rates = DefaultRates()
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Refused == nil {
		opts.Refused = func(Class) {}
	}
	t := &Throttle{rates: opts.Rates, now: opts.Now, local: newLocal(opts.Rates), refused: opts.Refused}
	if opts.RedisURL != "" {
		var err error
		if t.shared, err = newShared(opts.RedisURL, opts.Logger); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Close gives the connections to Redis back.
func (t *Throttle) Close() error {
	if t == nil || t.shared == nil {
		return nil
	}
	return t.shared.client.Close()
}

// Ping answers whether Redis can be reached; there is nothing to ask where
// counting is done in process.
func (t *Throttle) Ping() func(context.Context) error {
	if t == nil || t.shared == nil {
		return nil
	}
	return func(ctx context.Context) error { return t.shared.client.Ping(ctx).Err() }
}

// Caller is whose budgets a request draws on.
type Caller struct {
	id       string
	signedIn bool
}

// CallerOf is the API key or the user that asks, and for anybody else the
// network they ask from.
func CallerOf(v models.Viewer) Caller {
	switch {
	case !v.KeyID.IsZero():
		return Caller{id: "key:" + v.KeyID.String(), signedIn: true}
	case !v.UserID.IsZero():
		return Caller{id: "user:" + v.UserID.String(), signedIn: true}
	default:
		return CallerAt(v.RemoteAddr)
	}
}

// CallerAt is the network of a client's address, whoever asks from there.
func CallerAt(remoteAddr string) Caller { return Caller{id: "net:" + models.Network(remoteAddr)} }

// Draw is what a request takes from one class.
type Draw struct {
	Class Class
	// Cost is in units of the class's rate, 1 or more. What exceeds the limit
	// counts as the limit, so that it is admitted once the budget is whole.
	Cost int
}

// budget is a draw that a rate limits.
type budget struct {
	class Class
	rate  Rate
	cost  int
}

// Take admits a request that makes these draws, and counts them, or refuses it
// and counts nothing: one that no class refuses is the only one that counts.
func (t *Throttle) Take(ctx context.Context, c Caller, draws ...Draw) Verdict {
	if t == nil {
		return Verdict{}
	}
	if c.signedIn {
		draws = append(draws[:len(draws):len(draws)], Draw{Burst, 1}, Draw{Sustained, 1})
	}
	verdict := t.take(ctx, c, t.budgets(draws))
	if verdict.Refused() {
		t.refused(verdict.exhausted.class)
	}
	return verdict
}

// GiveBack undoes draws that Take admitted.
func (t *Throttle) GiveBack(ctx context.Context, c Caller, draws ...Draw) {
	if t == nil {
		return
	}
	budgets := t.budgets(draws)
	for i := range budgets {
		budgets[i].cost = -budgets[i].cost
	}
	t.take(ctx, c, budgets)
}

// Look is the verdict on the next unit of a class, without drawing it.
func (t *Throttle) Look(ctx context.Context, c Caller, class Class) Verdict {
	if t == nil {
		return Verdict{}
	}
	verdict := t.take(ctx, c, t.budgets([]Draw{{Class: class}}))
	for _, s := range verdict.states {
		if s.remaining == 0 {
			verdict.wait = max(verdict.wait, s.next)
			verdict.exhausted = s
		}
	}
	return verdict
}

// budgets are the draws that rates limit, one per class.
func (t *Throttle) budgets(draws []Draw) []budget {
	budgets := make([]budget, 0, len(draws))
	for _, d := range draws {
		rate, limited := t.rates[d.Class]
		if !limited {
			continue
		}
		i := 0
		for i < len(budgets) && budgets[i].class != d.Class {
			i++
		}
		if i == len(budgets) {
			budgets = append(budgets, budget{class: d.Class, rate: rate})
		}
		budgets[i].cost = min(budgets[i].cost+d.Cost, rate.Limit)
	}
	return budgets
}

func (t *Throttle) take(ctx context.Context, c Caller, budgets []budget) Verdict {
	if len(budgets) == 0 {
		return Verdict{}
	}
	now := t.now()
	if t.shared != nil {
		if counts, ok := t.shared.take(ctx, now, c.id, budgets); ok {
			return verdictOn(budgets, counts)
		}
	}
	return verdictOn(budgets, t.local.take(now, c.id, budgets))
}

// counts are those of the budgets, before the draws when they were refused and
// after them otherwise.
type counts struct {
	admitted bool
	each     []count
}
