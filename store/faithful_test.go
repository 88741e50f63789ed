package store_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"upstream/models"
	"upstream/store"
)

// kept are the types of results that use cases keep, and what else a model may
// have for a field.
func kept() []any {
	return []any{
		new(models.APIKey), new(models.IssuedAPIKey), new(models.Invitation), new(models.Member), new(models.ReportRun), new(models.Upload),
		new(models.AlertRule), new(models.NotificationChannel), new(models.ChannelTest), new(models.AlertEvent), new(models.FeedbackResult),
		new(models.IssuedWebhookEndpoint), new(models.WebhookEndpoint), new(models.WebhookDelivery), new(models.WebhookReplay),
		new(models.PayerMapping), new(models.Customer), new(models.DriftEvent), new(models.Claim),
		new(struct {
			Secret  models.Secret
			Text    models.APIKeyText
			Bytes   []byte
			Raw     json.RawMessage
			Array   [3]byte
			List    [2]int8
			Numbers map[string][]*float64
			Small   uint8
			Money   decimal.Decimal
			Hidden  string `json:"-"`
			Named   string `json:"another,omitempty"`
			Nested  []struct{ A, B *bool }
		}),
	}
}

// fill gives every field a drawn value, that of no value included.
func fill(t *rapid.T, v reflect.Value) {
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = time.Unix(0, rapid.Int64Range(0, 4e18).Draw(t, "instant")).UTC()
		return
	case *models.Date:
		*at = models.DateOf(time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "day"), 0).UTC())
		return
	case *decimal.Decimal:
		*at = decimal.New(rapid.Int64().Draw(t, "digits"), -2)
		return
	case *uuid.UUID:
		copy(at[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		return
	case interface {
		UnmarshalText(text []byte) error
		UUID() uuid.UUID
	}:
		v.Set(reflect.ValueOf(v.Interface()).MethodByName("From").Call([]reflect.Value{reflect.ValueOf(uuid.New())})[0])
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.String:
		v.SetString(string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int") >> (64 - v.Type().Bits()))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, "byte")))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(-1e300, 1e300).Draw(t, "float"))
	case reflect.Pointer:
		if v.SetZero(); rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		v.SetZero()
		if n := rapid.IntRange(-1, 3).Draw(t, "length"); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(t, v.Index(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 2).Draw(t, "entries") {
			value := reflect.New(v.Type().Elem()).Elem()
			fill(t, value)
			v.SetMapIndex(reflect.ValueOf(rapid.String().Draw(t, "name")), value)
		}
	case reflect.Struct:
		for _, value := range v.Fields() {
			fill(t, value)
		}
	default:
		t.Fatalf("the test does not know how to fill a %s", v.Type())
	}
}

func TestKeptResults_ComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for _, sample := range kept() {
		typ := reflect.TypeOf(sample).Elem()
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				before, after := reflect.New(typ), reflect.New(typ)
				fill(t, before.Elem())
				text := must(store.Freeze(before.Interface()))(t)
				if err := store.Thaw(text, after.Interface()); err != nil {
					t.Fatalf("%v in %s", err, text)
				}
				if !reflect.DeepEqual(before.Interface(), after.Interface()) {
					t.Fatalf("%+v came back as %+v", before, after)
				}
			})
		})
	}
}

// What could not be read back is refused when it is written.
func TestKeptResults_UnknownKindsAreRefused(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{
		"function": struct{ F func() }{}, "interface": struct{ V any }{V: 1}, "channel": make(chan int), "map by number": map[int]int{1: 1},
		"hidden state": struct{ n int }{n: 1}, "an error with its cause": models.Internal(nil), "not a number": struct{ F float64 }{F: nan()},
		"a list of them": []any{1}, "below a pointer": &struct{ P *struct{ n int } }{P: &struct{ n int }{n: 2}},
	} {
		if text, err := store.Freeze(value); err == nil {
			t.Errorf("%s is written as %s", name, text)
		}
	}
}

func nan() float64 {
	zero := 0.0
	return zero / zero
}

// A result that another version of the program wrote is read as far as the two
// agree; what is no result at all is an error.
func TestKeptResults_OfAnotherVersion(t *testing.T) {
	t.Parallel()
	type old struct {
		Name string
		Gone int
	}
	type present struct {
		Name string
		New  *int
	}
	text := must(store.Freeze(old{Name: "x", Gone: 3}))(t)
	var got present
	if err := store.Thaw(text, &got); err != nil || got != (present{Name: "x"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, broken := range []string{``, `[]`, `{"Name": 3}`, `{"Name": "%"}`, `{"New": "1"}`, `{"New": [`} {
		if err := store.Thaw([]byte(broken), new(present)); err == nil {
			t.Errorf("%s is read", broken)
		}
	}
}
