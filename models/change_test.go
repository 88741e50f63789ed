package models_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upstream/models"
)

// document is what a merge patch is read into.
type document struct {
	Text models.Change[string] `json:"text"`
	Flag models.Change[bool]   `json:"flag"`
}

func TestChange_ReadsThreeStates(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]document{
		`{}`:                           {},
		`{"text": null}`:               {Text: models.Cleared[string]()},
		`{"text": ""}`:                 {Text: models.To("")},
		`{"text": "a", "flag": false}`: {Text: models.To("a"), Flag: models.To(false)},
	} {
		var got document
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if got.Text.Set != want.Text.Set || got.Flag.Set != want.Flag.Set || !same(got.Text.Value, want.Text.Value) || !same(got.Flag.Value, want.Flag.Value) {
			t.Errorf("%s reads as %+v", body, got)
		}
	}
	var got document
	if err := json.Unmarshal([]byte(`{"text": 17}`), &got); err == nil {
		t.Errorf("a number reads as %+v", got)
	}
}

func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func TestPerhaps(t *testing.T) {
	t.Parallel()
	if c := models.Perhaps[string](nil); c.Set {
		t.Errorf("nil is a change: %+v", c)
	}
	if c := models.Perhaps(new("a")); !c.Set || *c.Value != "a" {
		t.Errorf("a is %+v", c)
	}
}

func TestMappingPatches_Validate(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("é", n) }
	for name, tt := range map[string]struct {
		in   interface{ Validate() error }
		want []string
	}{
		"nothing":          {models.PayerMappingPatch{}, nil},
		"two names":        {models.NewPayerMapping{RawName: long(255), NormalizedName: " a "}, nil},
		"no names":         {models.NewPayerMapping{}, []string{"raw_name invalid", "normalized_name invalid"}},
		"blank and long":   {models.NewPayerMapping{RawName: " \t", NormalizedName: long(256)}, []string{"raw_name invalid", "normalized_name invalid"}},
		"NUL":              {models.NewPayerMapping{RawName: "a\x00", NormalizedName: "a"}, []string{"raw_name invalid"}},
		"cleared":          {models.PayerMappingPatch{RawName: models.Cleared[string]()}, []string{"raw_name required"}},
		"a code":           {models.NewCPTGroupMapping{CPTCode: long(20), CPTGroup: long(50)}, nil},
		"long code":        {models.NewCPTGroupMapping{CPTCode: long(21), CPTGroup: long(51)}, []string{"cpt_code invalid", "cpt_group invalid"}},
		"the group of all": {models.NewCPTGroupMapping{CPTCode: "1", CPTGroup: " aLL "}, []string{"cpt_group invalid"}},
		"cleared group":    {models.CPTGroupMappingPatch{CPTGroup: models.Cleared[string]()}, []string{"cpt_group required"}},
		"a file":           {models.UploadPatch{Filename: models.To("a.csv")}, nil},
		"no file name":     {models.UploadPatch{Filename: models.To("")}, []string{"filename invalid"}},
		"cleared file":     {models.UploadPatch{Filename: models.Cleared[string]()}, []string{"filename required"}},
	} {
		if got := faults(tt.in.Validate()); !slices.Equal(tt.want, got) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// Whatever a valid patch says is what the row then has, without the white space
// around it, and what it does not say stays.
func TestPayerMappingPatch_Apply(t *testing.T) {
	t.Parallel()
	texts := rapid.SampledFrom([]string{"a", " b", "c ", "\td\n", "e f"})
	rapid.Check(t, func(t *rapid.T) {
		row := models.PayerMapping{RawName: "raw", NormalizedName: "normalised"}
		var in models.PayerMappingPatch
		want := row
		if rapid.Bool().Draw(t, "raw") {
			in.RawName = models.To(texts.Draw(t, "raw name"))
			want.RawName = strings.TrimSpace(*in.RawName.Value)
		}
		if rapid.Bool().Draw(t, "normalised") {
			in.NormalizedName = models.To(texts.Draw(t, "normalised name"))
			want.NormalizedName = strings.TrimSpace(*in.NormalizedName.Value)
		}
		if in.Apply(&row); row != want {
			t.Fatalf("%+v, want %+v", row, want)
		}
	})
}
