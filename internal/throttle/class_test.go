package throttle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"upstream/internal/throttle"
)

func TestParseRates(t *testing.T) {
	t.Parallel()
	with := func(change func(throttle.Rates)) throttle.Rates {
		rates := throttle.DefaultRates()
		change(rates)
		return rates
	}
	for name, tt := range map[string]struct {
		settings []string
		want     throttle.Rates
	}{
		"none": {nil, throttle.DefaultRates()},
		"units": {[]string{"user=1/s", "read_only=2/m", "anonymous=3/min", "burst=4/d", "sustained=5/day"}, with(func(r throttle.Rates) {
			r[throttle.User], r[throttle.ReadOnly] = throttle.Rate{1, time.Second}, throttle.Rate{2, time.Minute}
			r[throttle.Anonymous], r[throttle.Burst] = throttle.Rate{3, time.Minute}, throttle.Rate{4, 24 * time.Hour}
			r[throttle.Sustained] = throttle.Rate{5, 24 * time.Hour}
		})},
		"several units": {[]string{" sign_in = 1000000/90s "}, with(func(r throttle.Rates) {
			r[throttle.SignIn] = throttle.Rate{throttle.MaxLimit, 90 * time.Second}
		})},
		"off": {[]string{"sign_in=off"}, with(func(r throttle.Rates) { delete(r, throttle.SignIn) })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := throttle.ParseRates(tt.settings)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestParseRates_Refused(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"":                             "must look like read_only=2000/h",
		"read_only":                    "must look like read_only=2000/h",
		"reading=1/h":                  "the classes are anonymous, user, read_only",
		"user=":                        "the limit must be a whole number from 1 to 1000000",
		"user=0/h":                     "the limit must be",
		"user=-1/h":                    "the limit must be",
		"user=1000001/h":               "the limit must be",
		"user=99999999999999999/h":     "the limit must be",
		"user=1.5/h":                   "the limit must be",
		"user=5":                       "the window must be s, m, h or d",
		"user=5/":                      "the window must be",
		"user=5/w":                     "the window must be",
		"user=5/0h":                    "the window must be",
		"user=5/25h":                   "the window must be",
		"user=5/2d":                    "the window must be",
		"user=5/9223372036854775807h":  "the window must be",
		"user=5/99999999999999999999h": "the window must be",
		"user=5/h2":                    "the window must be",
		"user=5/-1h":                   "the window must be",
		"user=5/h/h":                   "the window must be",
		"user=Off":                     "the limit must be",
	} {
		_, err := throttle.ParseRates([]string{setting})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+setting+`"`) {
			t.Errorf("%q: %v, want it quoted and %q", setting, err, want)
		}
	}
	if _, err := throttle.ParseRates([]string{"user=1/h", "user=off"}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a class that is set twice: %v", err)
	}
}

func TestRateIsWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := throttle.Rate{
			Limit:  rapid.IntRange(1, throttle.MaxLimit).Draw(t, "limit"),
			Window: time.Duration(rapid.IntRange(1, 86400).Draw(t, "seconds")) * time.Second,
		}
		rates, err := throttle.ParseRates([]string{"user=" + rate.String()})
		if err != nil || rates[throttle.User] != rate {
			t.Fatalf("%s is read as %v: %v", rate, rates[throttle.User], err)
		}
	})
	if got := (throttle.Rate{}).String(); got != "off" {
		t.Errorf("no rate is %q", got)
	}
}

func TestEveryClassIsLimitedUnlessItComesOnTop(t *testing.T) {
	t.Parallel()
	rates := throttle.DefaultRates()
	for _, class := range throttle.Classes() {
		_, limited := rates[class]
		if onTop := class == throttle.Burst || class == throttle.Sustained; limited == onTop {
			t.Errorf("%s: limited is %v", class, limited)
		}
	}
}
