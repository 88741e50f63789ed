package graph

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"upstream/models"
)

// Audience is who asks, as far as limits go: one of the four roles, or who has
// none.
type Audience string

// The audiences.
const (
	AudienceAnonymous Audience = "anonymous"
	AudienceKey       Audience = "key"
	AudienceViewer    Audience = "viewer"
	AudienceAnalyst   Audience = "analyst"
	AudienceAdmin     Audience = "admin"
	AudienceOwner     Audience = "owner"
	AudienceSuperuser Audience = "superuser"
)

// Audiences lists them, those with the least rights first.
func Audiences() []Audience {
	return []Audience{
		AudienceAnonymous, AudienceKey, AudienceViewer, AudienceAnalyst, AudienceAdmin, AudienceOwner, AudienceSuperuser,
	}
}

// audienceOf is the audience of a viewer. Who belongs to no customer has no
// role, and as much as the least of them.
func audienceOf(v models.Viewer) Audience {
	switch {
	case !v.Authenticated():
		return AudienceAnonymous
	case !v.KeyID.IsZero():
		return AudienceKey
	case v.Superuser, v.System:
		return AudienceSuperuser
	case v.Role == "":
		return AudienceViewer
	default:
		return Audience(v.Role)
	}
}

// everyAudience stands for all of them in a setting.
const everyAudience = "all"

// setting is one limit by its name in settings and in the documentation.
type setting struct {
	name  string
	field func(*Limits) any
}

// settings are all limits.
func settings() []setting {
	return []setting{
		{"body", func(l *Limits) any { return &l.Body }},
		{"arrival", func(l *Limits) any { return &l.Arrival }},
		{"values", func(l *Limits) any { return &l.Values }},
		{"tokens", func(l *Limits) any { return &l.Tokens }},
		{"depth", func(l *Limits) any { return &l.Depth }},
		{"fields", func(l *Limits) any { return &l.Fields }},
		{"aliases", func(l *Limits) any { return &l.Aliases }},
		{"directives", func(l *Limits) any { return &l.Directives }},
		{"fragments", func(l *Limits) any { return &l.Fragments }},
		{"root_fields", func(l *Limits) any { return &l.RootFields }},
		{"budget", func(l *Limits) any { return &l.Budget }},
		{"errors", func(l *Limits) any { return &l.Errors }},
		{"query", func(l *Limits) any { return &l.Query }},
		{"mutation", func(l *Limits) any { return &l.Mutation }},
	}
}

// LimitNames are the names of the limits in settings and in the documentation.
func LimitNames() []string {
	known := settings()
	names := make([]string, len(known))
	for i, s := range known {
		names[i] = s.name
	}
	return names
}

// Text is the named limit as a setting would write it; empty for no name of one.
func (l Limits) Text(name string) string {
	for _, s := range settings() {
		if s.name == name {
			return fmt.Sprint(reflect.ValueOf(s.field(&l)).Elem().Interface())
		}
	}
	return ""
}

// ParseLimits reads limits that differ from the defaults, each written as
// AUDIENCE.LIMIT=VALUE: "key.budget=20000", "all.depth=12", "viewer.query=5s".
// What is said of one audience wins over what is said of all. The error names
// the setting that makes no sense.
func ParseLimits(texts []string) (map[Audience]Limits, error) {
	var all Limits
	some := map[Audience]Limits{}
	for _, text := range texts {
		name, value, ok := strings.Cut(strings.TrimSpace(text), "=")
		audience, limit, dotted := strings.Cut(name, ".")
		if !ok || !dotted {
			return nil, fmt.Errorf("a limit is written as AUDIENCE.LIMIT=VALUE, such as key.budget=20000, not %q", text)
		}
		if audience == everyAudience {
			if err := all.set(limit, value); err != nil {
				return nil, err
			}
			continue
		}
		if !slices.Contains(Audiences(), Audience(audience)) {
			return nil, fmt.Errorf("there is no audience %q: name one of %v, or %s", audience, Audiences(), everyAudience)
		}
		own := some[Audience(audience)]
		if err := own.set(limit, value); err != nil {
			return nil, err
		}
		some[Audience(audience)] = own
	}
	for _, a := range Audiences() {
		some[a] = some[a].or(all)
	}
	return some, nil
}

// set gives the named limit a value, which must be above zero.
func (l *Limits) set(name, text string) error {
	known := settings()
	i := slices.IndexFunc(known, func(s setting) bool { return s.name == name })
	if i < 0 {
		return fmt.Errorf("there is no limit %q: name one of %s", name, strings.Join(LimitNames(), ", "))
	}
	positive := false
	var err error
	switch field := known[i].field(l).(type) {
	case *int:
		*field, err = strconv.Atoi(text)
		positive = *field > 0
	case *int64:
		*field, err = strconv.ParseInt(text, 10, 64)
		positive = *field > 0
	case *time.Duration:
		*field, err = time.ParseDuration(text)
		positive = *field > 0
	}
	if err != nil || !positive {
		return fmt.Errorf("the limit %s must be a whole number above 0, or for times a duration such as 15s, not %q", name, text)
	}
	return nil
}
