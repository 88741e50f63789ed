package config

import (
	"errors"
	"time"
)

// Observe are the settings of what a process tells of itself. Where traces are
// sent, the standard variables of OpenTelemetry say.
type Observe struct {
	SlowStatement time.Duration `name:"slow-statement" env:"UPSTREAM_SLOW_STATEMENT" default:"500ms" help:"How long a statement may take before it is logged, without its values; 0 logs none."`
}

// Validate names every setting that cannot work.
func (o Observe) Validate() error {
	if o.SlowStatement < 0 {
		return errors.New("--slow-statement must not be negative")
	}
	return nil
}
