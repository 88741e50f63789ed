package await

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// patient is a test that may fail, with a context of its own.
type patient struct {
	testing.TB

	ctx    context.Context //nolint:containedctx // a test has one
	failed string
}

func (p *patient) Context() context.Context { return p.ctx }

func (p *patient) Fatalf(format string, args ...any) { p.failed = fmt.Sprintf(format, args...) }

func TestUntil(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, begun := 0, time.Now()
		Until(t, "the third answer", func() bool { asked++; return asked == 3 })
		if took := time.Since(begun); asked != 3 || took != 2*between {
			t.Errorf("asked %d times in %s", asked, took)
		}
	})
}

func TestUntil_GivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		never := func() bool { return false }
		begun := time.Now()
		p := &patient{TB: t, ctx: t.Context()}
		Until(p, "the end of the world", never)
		if took := time.Since(begun); took != Patience || !strings.Contains(p.failed, "waited 1m0s for the end of the world: context deadline exceeded") {
			t.Errorf("%q after %s", p.failed, took)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		p = &patient{TB: t, ctx: ended}
		Until(p, "anything", never)
		if !strings.Contains(p.failed, context.Canceled.Error()) {
			t.Errorf("a test that ended: %q", p.failed)
		}
	})
}

func TestPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		Pass(24 * time.Hour)
		if took := time.Since(begun); took != 24*time.Hour {
			t.Errorf("a day took %s", took)
		}
	})
	defer func() {
		if recover() == nil {
			t.Error("it slept outside of a bubble")
		}
	}()
	Pass(time.Nanosecond)
}
