package obs

import (
	"io"
	"log/slog"
)

// Formats of a log.
const (
	FormatText = "text"
	FormatJSON = "json"
)

// NewLogger writes records of a level ("debug", "info", "warn", "error") and
// above to w, one a line: as JSON, or as key=value pairs in any other format.
// An unknown level counts as info. Every line passes Redact first, and values
// under a key that names a secret ("password", "refresh_token") are not written
// at all.
func NewLogger(w io.Writer, format, level string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: least}
	if format == FormatJSON {
		return slog.New(redacting{next: slog.NewJSONHandler(w, options)})
	}
	return slog.New(redacting{next: slog.NewTextHandler(w, options)})
}
