package throttle

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Class names a budget. It is shown to clients as the name of a policy.
type Class string

// The classes. Unless noted otherwise a budget belongs to a user or an API key.
const (
	// Anonymous is for requests without credentials, by network.
	Anonymous Class = "anonymous"
	// User is for operations without a class of their own.
	User Class = "user"
	// ReadOnly is for reading the customer's data, in both APIs.
	ReadOnly Class = "read_only"
	// WriteOperation is for changing it.
	WriteOperation Class = "write_operation"
	// ReportGeneration is for detection runs.
	ReportGeneration Class = "report_generation"
	// BulkOperation is for uploads.
	BulkOperation Class = "bulk_operation"
	// SignIn is for sign-ins that fail, by network: one that succeeds gives
	// back what it took.
	SignIn Class = "sign_in"
	// Authentication is for all sign-ins, by network.
	Authentication Class = "authentication"
	// TokenRefresh is for refreshing, verifying and revoking tokens, and for
	// accepting invitations, by network.
	TokenRefresh Class = "token_refresh"
	// PasswordReset is for asking for and using links that reset a password,
	// by network.
	PasswordReset Class = "password_reset"
	// RejectedCredentials is for bearer tokens that do not hold, by network, or
	// by session when the token is one that we signed.
	RejectedCredentials Class = "rejected_credentials"
	// Burst and Sustained come on top of the class of every request that is
	// signed in, when they have a rate. Unless configured they have none.
	Burst     Class = "burst"
	Sustained Class = "sustained"
)

// Classes lists every class.
func Classes() []Class {
	return []Class{
		Anonymous, User, ReadOnly, WriteOperation, ReportGeneration, BulkOperation, SignIn, Authentication,
		TokenRefresh, PasswordReset, RejectedCredentials, Burst, Sustained,
	}
}

// Rate is how much of a class one caller has: Limit units in any Window. The
// zero Rate is no limit at all.
type Rate struct {
	// Limit is 1 to MaxLimit.
	Limit int
	// Window is a second to a day, in whole seconds.
	Window time.Duration
}

// MaxLimit is the highest limit a class may have.
const MaxLimit = 1_000_000

const day = 24 * time.Hour

// String writes the rate as ParseRates reads it.
func (r Rate) String() string {
	if r.Limit == 0 {
		return "off"
	}
	return strconv.Itoa(r.Limit) + "/" + r.span()
}

// span writes the window as a count of its largest unit: h, 15m.
func (r Rate) span() string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		switch n := r.Window / unit.length; {
		case r.Window%unit.length != 0:
		case n == 1:
			return unit.name
		default:
			return strconv.Itoa(int(n)) + unit.name
		}
	}
	return r.Window.String()
}

// Rates are the rates of classes; a class that is missing has no limit.
type Rates map[Class]Rate

// DefaultRates are the rates unless the operator sets others.
func DefaultRates() Rates {
	const quarter = 15 * time.Minute
	return Rates{
		Anonymous: {100, time.Hour}, User: {1000, time.Hour}, ReadOnly: {2000, time.Hour},
		WriteOperation: {500, time.Hour}, ReportGeneration: {10, time.Hour}, BulkOperation: {20, time.Hour},
		SignIn: {5, quarter}, Authentication: {100, time.Hour}, TokenRefresh: {120, quarter}, PasswordReset: {5, time.Hour},
		RejectedCredentials: {100, time.Hour},
	}
}

// ParseRates reads settings such as "report_generation=100/h", "sign_in=5/15m"
// or "burst=off" over the defaults. An error names the setting and the rule.
func ParseRates(settings []string) (Rates, error) {
	rates := DefaultRates()
	seen := map[Class]bool{}
	for _, setting := range settings {
		name, text, found := strings.Cut(strings.TrimSpace(setting), "=")
		class := Class(strings.TrimSpace(name))
		switch {
		case !found:
			return nil, fmt.Errorf("rate %q must look like read_only=2000/h", setting)
		case !slices.Contains(Classes(), class):
			return nil, fmt.Errorf("rate %q names no class; the classes are %s", setting, classNames())
		case seen[class]:
			return nil, fmt.Errorf("rate %q: the class %s is set twice", setting, class)
		}
		seen[class] = true
		rate, err := parseRate(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("rate %q: %w", setting, err)
		}
		rates[class] = rate
	}
	maps.DeleteFunc(rates, func(_ Class, r Rate) bool { return r.Limit == 0 })
	return rates, nil
}

func classNames() string {
	var names []string
	for _, class := range Classes() {
		names = append(names, string(class))
	}
	return strings.Join(names, ", ")
}

// parseRate reads "off", "100/h" or "5/15m".
func parseRate(text string) (Rate, error) {
	if text == "off" {
		return Rate{}, nil
	}
	count, span, _ := strings.Cut(text, "/")
	limit, err := strconv.Atoi(count)
	if err != nil || limit < 1 || limit > MaxLimit {
		return Rate{}, fmt.Errorf("the limit must be a whole number from 1 to %d, or the rate off", MaxLimit)
	}
	window, ok := parseSpan(span)
	if !ok {
		return Rate{}, fmt.Errorf("the window must be s, m, h or d, or so many of them up to a day, as in %d/15m", limit)
	}
	return Rate{Limit: limit, Window: window}, nil
}

// parseSpan reads h, min, 15m, 1d.
func parseSpan(text string) (time.Duration, bool) {
	unit := strings.TrimLeft(text, "0123456789")
	digits := strings.TrimSuffix(text, unit)
	length, known := map[string]time.Duration{
		"s": time.Second, "m": time.Minute, "min": time.Minute, "h": time.Hour, "d": day, "day": day,
	}[unit]
	n := 1
	if digits != "" {
		var err error
		if n, err = strconv.Atoi(digits); err != nil {
			return 0, false
		}
	}
	if !known || n < 1 || n > int(day/length) {
		return 0, false
	}
	return time.Duration(n) * length, true
}
