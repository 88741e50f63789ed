package rest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestCarriesSecret(t *testing.T) {
	t.Parallel()
	type named string
	type loop struct {
		Next *loop  `json:"next"`
		Name string `json:"name"`
	}
	for name, tt := range map[string]struct {
		value any
		want  bool
	}{
		"tokens":    {tokenOutput{}, true},
		"in a list": {struct{ Body []*tokens }{}, true},
		"in a map":  {struct{ Body map[string]tokens }{}, true},
		"a named string": {struct {
			Secret named `json:"secret,omitempty"`
		}{}, true},
		"a number": {struct {
			Key int `json:"key"`
		}{}, false},
		"a claim":   {detailOutput[claim]{}, false},
		"no answer": {noOutput{}, false},
		"round":     {loop{}, false},
	} {
		if got := carriesSecret(reflect.TypeOf(tt.value)); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// deadlines is a writer that remembers the read deadlines set on it.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return nil
}

// The deadline of a body must not end an operation that has read it: the server
// would take its passing for the client's leaving.
func TestRegister_LiftsTheDeadlineOfTheBody(t *testing.T) {
	t.Parallel()
	a := newAPI(nil, nil, Options{Logger: slog.New(slog.DiscardHandler)})
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	type in struct{ Body struct{ Name string } }
	register(a, operation{id: "long", method: http.MethodPost, path: "/long", hasBody: true}, func(context.Context, *in) (*noOutput, error) {
		if len(w.set) != 2 || w.set[0].IsZero() || !w.set[1].IsZero() {
			t.Errorf("deadlines are %v", w.set)
		}
		return nil, nil
	})
	r := httptest.NewRequest(http.MethodPost, "/long", strings.NewReader(`{"Name":"x"}`))
	r.Header.Set("Content-Type", "application/json")
	a.withCall(a.frame(a.routable(a.router))).ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || len(w.set) != 2 {
		t.Errorf("answers %d, %d deadlines", w.Code, len(w.set))
	}
}
