package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecret_PrintsNowhere(t *testing.T) {
	t.Parallel()
	const text = "canary-7f3a"
	type nested struct {
		Password Secret            `json:"password"`
		Pointer  *Secret           `json:"pointer"`
		List     []Secret          `json:"list"`
		Map      map[string]Secret `json:"map"`
	}
	secret := Secret(text)
	value := nested{Password: secret, Pointer: &secret, List: []Secret{secret}, Map: map[string]Secret{"a": secret}}
	asJSON, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{string(asJSON), fmt.Sprint(secret), errors.Join(fmt.Errorf("wrong: %v", secret)).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
		printed = append(printed, fmt.Sprintf(verb, secret), fmt.Sprintf(verb, value))
	}
	var log strings.Builder
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("x", "secret", secret, "pointer", &secret, "nested", value)
	}
	for _, p := range append(printed, log.String()) {
		if strings.Contains(p, text) || strings.Contains(p, fmt.Sprintf("%x", text)) || strings.Contains(p, fmt.Sprintf("%X", text)) {
			t.Errorf("printed: %s", p)
		}
	}
}

func TestSecret_ReadsAsItself(t *testing.T) {
	t.Parallel()
	var in struct{ Password Secret }
	if err := json.Unmarshal([]byte(`{"Password":"correct horse"}`), &in); err != nil || string(in.Password) != "correct horse" {
		t.Errorf("%q, %v", string(in.Password), err)
	}
}
