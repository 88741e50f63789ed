package store

import (
	"context"
	"sync"
)

// gates let one goroutine of this process at a time past each name. A lock of
// the database decides between processes; but who waits for that one holds a
// connection, and the detections of one customer could hold them all.
type gates struct {
	mu    sync.Mutex
	named map[string]*gate
}

type gate struct {
	// turn holds one token while somebody is inside.
	turn chan struct{}
	// users counts who is inside or waits; the last one removes the gate.
	users int
}

// enter waits for the turn, at most as long as ctx lives, and returns how to
// give it back.
func (g *gates) enter(ctx context.Context, name string) (leave func(), err error) {
	g.mu.Lock()
	at := g.named[name]
	if at == nil {
		at = &gate{turn: make(chan struct{}, 1)}
		if g.named == nil {
			g.named = map[string]*gate{}
		}
		g.named[name] = at
	}
	at.users++
	g.mu.Unlock()
	select {
	case at.turn <- struct{}{}:
		return func() { <-at.turn; g.forget(name, at) }, nil
	case <-ctx.Done():
		g.forget(name, at)
		return nil, ctx.Err()
	}
}

func (g *gates) forget(name string, at *gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at.users--; at.users == 0 {
		delete(g.named, name)
	}
}
