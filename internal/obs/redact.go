package obs

import (
	"context"
	"log/slog"
)

// redacting is a slog.Handler that takes out of every record what a log must
// not hold, before the handler behind it sees any of it: values under a key
// that names a secret, and whatever looks like a secret, like personal or like
// health data in a message or value, at any depth.
type redacting struct {
	next slog.Handler
	// hidden says that an enclosing group is a secret as a whole, and of which
	// kind.
	hidden string
}

// Enabled implements slog.Handler.
func (h redacting) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// inPlace is how many attributes a line has room for before memory is allocated.
const inPlace = 16

// Handle implements slog.Handler. A record with nothing to hide is passed on as
// it is.
func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	message := Redact(r.Message)
	changed := message != r.Message
	var room [inPlace]slog.Attr
	attrs := room[:0]
	r.Attrs(func(a slog.Attr) bool {
		clean, touched := h.attr(a)
		changed = changed || touched
		attrs = append(attrs, clean)
		return true
	})
	if !changed {
		return h.next.Handle(ctx, r)
	}
	line := slog.NewRecord(r.Time, r.Level, message, r.PC)
	line.AddAttrs(attrs...)
	return h.next.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i], _ = h.attr(a)
	}
	return redacting{next: h.next.WithAttrs(clean), hidden: h.hidden}
}

// WithGroup implements slog.Handler.
func (h redacting) WithGroup(name string) slog.Handler {
	if h.hidden == "" {
		h.hidden = hiddenBy(name)
	}
	h.next = h.next.WithGroup(name)
	return h
}

// attr is an attribute as it may be written, and whether that is another one.
func (h redacting) attr(a slog.Attr) (slog.Attr, bool) {
	hidden := h.hidden
	if hidden == "" {
		hidden = hiddenBy(a.Key)
	}
	if hidden != "" {
		return slog.String(a.Key, placeholder(hidden)), true
	}
	value, changed := h.value(a.Value)
	if !changed {
		return a, false
	}
	return slog.Attr{Key: a.Key, Value: value}, true
}

// value is a value as it may be written, and whether that is another one.
func (h redacting) value(v slog.Value) (slog.Value, bool) {
	switch v.Kind() {
	case slog.KindString:
		text := v.String()
		clean := Redact(text)
		return slog.StringValue(clean), clean != text
	case slog.KindGroup:
		return h.group(v.Group())
	case slog.KindLogValuer:
		clean, _ := h.value(v.Resolve())
		return clean, true
	case slog.KindAny:
		return cleanAny(v.Any()), true
	default: // numbers, times, durations
		return v, false
	}
}

func (h redacting) group(attrs []slog.Attr) (slog.Value, bool) {
	clean, changed := make([]slog.Attr, len(attrs)), false
	for i, a := range attrs {
		var touched bool
		clean[i], touched = h.attr(a)
		changed = changed || touched
	}
	return slog.GroupValue(clean...), changed
}
