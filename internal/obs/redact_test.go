package obs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		// tokens and keys
		"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln": "Authorization: [REDACTED_SECRET]",
		"got bearer abcdefgh12345678":                                "got bearer [REDACTED_TOKEN]",
		"basic dXNlcjpwYXNz was sent":                                "basic [REDACTED_TOKEN] was sent",
		"the token eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln ends":        "the token [REDACTED_TOKEN] ends",
		"key up_live_4fGh7_kLmN-9 used":                              "key [REDACTED_KEY] used",
		"key up_test_4fGh7 used":                                     "key [REDACTED_KEY] used",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw":                     "[REDACTED_SECRET]",
		"$argon2id$v=19$m=64,t=1,p=1$MDEy$/ur5":                      "[REDACTED_HASH]",
		"postgres://app:p%40ss@db:5432/x":                            "postgres://[REDACTED_SECRET]@db:5432/x",
		`dial postgres://u:pass@127.0.0.1:5432/x: refused`:           `dial postgres://[REDACTED_SECRET]@127.0.0.1:5432/x: refused`,
		// labelled
		`password=hunter2 next`:              `password=[REDACTED_SECRET] next`,
		`PASSWORD: "hunter 2" next`:          `PASSWORD: [REDACTED_SECRET] next`,
		`{"old_password":"hunter2","a":1}`:   `{"old_password":[REDACTED_SECRET],"a":1}`,
		`{\"password\":\"hunter2\"}`:         `{\"password\":[REDACTED_SECRET]}`,
		`{"refresh": "abc", "access":"def"}`: `{"refresh": [REDACTED_SECRET], "access":[REDACTED_SECRET]}`,
		`/reset-password#token=abc123&x=1`:   `/reset-password#token=[REDACTED_SECRET]&x=1`,
		`Cookie: a=b`:                        `Cookie: [REDACTED_SECRET]`,
		`api_key=abc; api-key: def`:          `api_key=[REDACTED_SECRET]; api-key: [REDACTED_SECRET]`,
		// people
		"mail to jane.o'neil+x@clinic.example.org now": "mail to [REDACTED_EMAIL] now",
		"jörg@bücher.example":                          "[REDACTED_EMAIL]",
		"ssn 123-45-6789.":                             "ssn [REDACTED_SSN].",
		"SSN: 123456789":                               "SSN: [REDACTED_SSN]",
		"Social Security Number 123 45 6789":           "Social Security Number [REDACTED_SSN]",
		"it is 123-45-6789":                            "it is [REDACTED_SSN]",
		"MRN: A1234567":                                "MRN: [REDACTED_MRN]",
		"mrn#0012345":                                  "mrn#[REDACTED_MRN]",
		"medical record number 4455-66":                "medical record number [REDACTED_MRN]",
		"DOB: 01/02/1980":                              "DOB: [REDACTED_DOB]",
		"date of birth 1980-01-02":                     "date of birth [REDACTED_DOB]",
		"born on March 3, 1975":                        "born on [REDACTED_DOB]",
		`{"dob":"1980-01-02"}`:                         `{"dob":"[REDACTED_DOB]"}`,
		"call (555) 123-4567":                          "call [REDACTED_PHONE]",
		"call 555-123-4567, or 555.123.4567":           "call [REDACTED_PHONE], or [REDACTED_PHONE]",
		"call +1 555 123 4567":                         "call [REDACTED_PHONE]",
		"12 555-123-4567":                              "12 [REDACTED_PHONE]",
		"+15551234567":                                 "[REDACTED_PHONE]",
		"card 4111 1111 1111 1111!":                    "card [REDACTED_CARD]!",
		"card 4111111111111111":                        "card [REDACTED_CARD]",
		"5500-0000-0000-0004":                          "[REDACTED_CARD]",
		"378282246310005":                              "[REDACTED_CARD]",
		"3782 822463 10005":                            "[REDACTED_CARD]",
		"patient: John Smith denied":                   "patient: [REDACTED_NAME] denied",
		`"patient_name":"Mary Ann Jones"`:              `"patient_name":"[REDACTED_NAME]"`,
		"lives at 123 North Main Street, Springfield":  "lives at [REDACTED_ADDRESS], Springfield",
		"at 9 Elm Ave.":                                "at [REDACTED_ADDRESS]",
		// what PostgreSQL repeats
		`duplicate key: Key (lower(email))=(no address) already exists.`:         `duplicate key: Key (lower(email))=[REDACTED_VALUE] already exists.`,
		`Failing row contains (1, null, Jane Doe).`:                              `Failing row contains [REDACTED_VALUE].`,
		`ERROR: invalid input syntax for type uuid: "Jane Doe" (SQLSTATE 22P02)`: `ERROR: invalid input syntax for type uuid: [REDACTED_VALUE] (SQLSTATE 22P02)`,
	} {
		got := Redact(text)
		if got != want {
			t.Errorf("%s\n is %s\nnot %s", text, got, want)
		}
		if again := Redact(got); again != got {
			t.Errorf("%s\n at last %s", got, again)
		}
	}
}

// What our logs are for must be left: names of requests and rows, addresses of
// machines, paths, times, counts.
func TestRedact_LeavesWhatLogsAreFor(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "request", "draining", "migrations applied", "health check failed", "a recurring job found work",
		"0d8f2a52-9a35-4ef6-b0a3-ef2b4f2c9d0e", "01234567-1234-1234-1234-123456789012", "41111111-1111-4111-8111-111111111111",
		"upl_01jz8k6v3pe9ktyh5wmcqa2x7d", "cust_01jd0000000000000000000000", "key_01jd0000000000000000000000", "run_01234567890123456789012345",
		"/api/v1/claims/clm_01jz8k6v3pe9ktyh5wmcqa2x7d/", "/api/v1/auth/token/refresh/", "/api/v1/auth/password/", "/debug/pprof/",
		"192.0.2.1:1234", "[2001:db8::1]:443", "127.0.0.1", "255.255.255.255", "http://127.0.0.1:8080/path?x=1", "10.0.0.0/8",
		"2026-05-01", "2026-05-01T09:30:00.123456789Z", "05/01/2026", "09:30:00.123456", "1.234567890123s", "15m0s", "1714555800", "1714555800123",
		"1714555800123456789", "go1.26.0", "v0.0.0-20200823014737-9f7001d12a5f", "1.2.3-rc.1", "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
		"req-123-45-6789-x", "req_4111111111111111", "123-45-67890", "4111111111111112", "0.4111111111111111", "123456789", "id=123456789",
		"PostgreSQL 15.4", "SQLSTATE 23505", "0xc000123456", "goroutine 17 [running]:", "store.(*Store).Claims(0xc0001a2b3c, {0x1234567, 0xc000})",
		"/root/go/pkg/mod/github.com/danielgtaylor/huma/v2@v2.37.2/huma.go:1024 +0x1a2b", "golang.org/x/sync@v0.24.0/errgroup/errgroup.go:93",
		"token_version=3", "tokens: 5", "ERROR: duplicate key value violates unique constraint \"users_email_key\" (SQLSTATE 23505)",
		"NOT_FOUND: There is no such claim.", "CO-97", "99213", "$1,287.62", "50% of 1024 rows", "12 Claims were read", "the member left", "born to run",
		"permission denied for table audit_events", "UNAUTHENTICATED: Sign in first: send a bearer token.", "6011 rows of 5105", "Ж 日本 👍",
	} {
		if got := Redact(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestRedact_Numbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[3-6][0-9]{11,17}`).Draw(t, "digits")
		for c := byte('0'); c <= '9'; c++ { // one of ten check digits fits
			whole := digits + string(c)
			valid := false
			if n := len(whole); n >= shortestCard {
				numbers := make([]byte, n)
				for i := range numbers {
					numbers[i] = whole[i] - '0'
				}
				valid = luhn(numbers)
			}
			if got := Redact("x " + whole + " y"); (got == "x [REDACTED_CARD] y") != valid {
				t.Fatalf("%s (%v) became %s", whole, valid, got)
			}
		}
	})
}

// Nothing that is taken out comes back, and whatever comes in, nothing breaks.
func TestRedact_IsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{
			"a@b.example", "555-123-4567", "password=", "Bearer ", "eyJhbGciOi.x.y", "(", ")", "+1 ", "4111 1111 1111 1111", "123-45-6789",
			" ", "-", ".", "DOB: ", "1980-01-02", "Key (a)=", "up_live_x", "12 Elm St", "://u:p@", "\xff", "é",
		})
		text := strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "")
		once := Redact(text)
		for _, whole := range []string{"a@b.example ", " 123-45-6789 ", " 4111 1111 1111 1111 "} {
			if strings.Contains(" "+once+" ", whole) {
				t.Fatalf("%q became %q", text, once)
			}
		}
	})
}

// secretive is a value that says of itself what may be written.
type secretive string

func (secretive) LogValue() slog.Value { return slog.StringValue("[hidden]") }

type login struct {
	Email    string
	Password string
	Nested   *login
	Notes    []string
	Count    int
	hidden   string
}

// written are the lines of both formats.
func written(log func(*slog.Logger)) string {
	var out bytes.Buffer
	for _, format := range []string{FormatJSON, FormatText} {
		log(NewLogger(&out, format, "debug"))
	}
	return out.String()
}

const canary = "Canary7f3a9c"

func TestLogger_HidesByKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"password", "Password", "old_password", "newPassword", "token", "access_token", "accessToken", "secret", "client-secret",
		"authorization", "Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "key", "api_key", "APIKey", "access", "refresh",
		"credentials", "http.request.header.authorization", "email", "user.email", "ssn", "mrn", "dob", "phone", "jwt", "dsn",
	} {
		got := written(func(log *slog.Logger) {
			log.Info("a", key, canary)
			log.Info("b", key, 123456)
			log.Info("c", key, []byte(canary))
			log.Info("d", slog.Group("outer", slog.Group("inner", key, canary)))
			log.Info("e", slog.Group(key, "x", canary, slog.Group("y", "z", canary)))
			log.With(key, canary).Info("f")
			log.WithGroup("outer").With(key, canary).Info("g")
			log.WithGroup(key).With("x", canary).WithGroup("y").Info("h", "z", canary)
			log.Info("i", "map", map[string]any{"deep": []any{map[string]string{key: canary}}})
		})
		if strings.Contains(got, canary) || strings.Contains(got, "123456") || strings.Count(got, "\n") != 18 {
			t.Errorf("%s:\n%s", key, got)
		}
	}
	for _, key := range []string{"key_id", "token_count", "request_id", "path", "error", "status", "names", "rows", "passwords_changed", "accessible"} {
		if got := written(func(log *slog.Logger) { log.Info("a", key, canary) }); strings.Count(got, canary) != 2 {
			t.Errorf("%s is hidden: %s", key, got)
		}
	}
}

func TestLogger_HidesInEveryShape(t *testing.T) {
	t.Parallel()
	const mail = "canary7f3a9c@clinic.example"
	text := "from " + mail
	value := login{Email: mail, Password: canary, Notes: []string{text}, Nested: &login{Password: canary, Notes: []string{text}}, Count: 7, hidden: text}
	got := written(func(log *slog.Logger) {
		log.Info(text) //nolint:sloglint // the message is what is looked at
		for _, v := range []any{
			text, errors.New(text), fmt.Errorf("wrapped: %w", errors.New(text)), []byte(text), json.RawMessage(`{"a":"` + mail + `"}`), value, &value,
			[]string{text},
			map[string]string{"a": text},
			[]error{errors.New(text)},
			slog.StringValue(text), slog.GroupValue(slog.String("a", text)),
			&url.URL{Scheme: "https", Host: "x", Path: "/" + mail, User: url.UserPassword("u", canary)}, slog.AnyValue(value),
		} {
			log.Info("x", "value", v)
			log.With("value", v).Warn("y")
		}
	})
	if strings.Contains(got, mail) || strings.Contains(got, canary) || !strings.Contains(got, "[REDACTED_EMAIL]") || !strings.Contains(got, "wrapped: from [REDACTED_EMAIL]") {
		t.Errorf("wrote\n%s", got)
	}
}

func TestLogger_HidesByType(t *testing.T) {
	t.Parallel()
	got := written(func(log *slog.Logger) { log.Info("x", "value", secretive(canary)) })
	if strings.Contains(got, canary) || strings.Count(got, "[hidden]") != 2 {
		t.Errorf("wrote %s", got)
	}
}

func TestLogger_KeepsWhatItNeedNotHide(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var none *url.URL
	NewLogger(&out, FormatJSON, "info").Info("line", "n", 7, "f", 1.5, "b", true, "d", time.Second, "t", time.Unix(0, 0).UTC(), "nil", nil,
		"addr", netip.MustParseAddr("192.0.2.1"), "level", slog.LevelWarn, "bytes", []byte{0xff, 0xfe}, "func", func() {}, "none", none,
		"struct", struct{ A int }{5}, "weekday", time.Monday, "g", slog.GroupValue(slog.String("a", "b")))
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	delete(line, "time")
	got, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"addr":"192.0.2.1","b":true,"bytes":"[2 bytes]","d":1000000000,"f":1.5,"func":"[unprintable func()]","g":{"a":"b"},` +
		`"level":"WARN","msg":"line","n":7,"nil":null,"none":"","struct":{"A":5},"t":"1970-01-01T00:00:00Z","weekday":"Monday"}`
	if string(got) != want {
		t.Errorf("wrote\n%s, want\n%s", got, want)
	}
}

func TestLogger_ThroughTheLibraryOfTheServer(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	std := slog.NewLogLogger(NewLogger(&out, FormatText, "info").Handler(), slog.LevelWarn)
	std.Printf("http: panic serving 192.0.2.1:99: password=%s", canary)
	if got := out.String(); strings.Contains(got, canary) || !strings.Contains(got, "192.0.2.1:99") {
		t.Errorf("wrote %s", got)
	}
}

// BenchmarkLogger is what one line of the access log costs, plain and through
// the redaction.
func BenchmarkLogger(b *testing.B) {
	plain := slog.New(slog.NewJSONHandler(discard{}, nil))
	for name, log := range map[string]*slog.Logger{"plain": plain, "redacting": NewLogger(discard{}, FormatJSON, "info")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				log.LogAttrs(b.Context(), slog.LevelInfo, "request", slog.String("request_id", "0d8f2a52-9a35-4ef6-b0a3-ef2b4f2c9d0e"),
					slog.String("method", "GET"), slog.String("path", "/api/v1/claims/clm_01jz8k6v3pe9ktyh5wmcqa2x7d/"), slog.Int("status", 200),
					slog.Float64("duration_ms", 1.25), slog.Int64("response_bytes", 5120), slog.String("remote_addr", "192.0.2.1:51234"))
			}
		})
	}
}

// discard is not io.Discard, which slog would notice.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkRedact is the cost of one text with nothing to hide, and with something.
func BenchmarkRedact(b *testing.B) {
	for name, text := range map[string]string{
		"uuid": "0d8f2a52-9a35-4ef6-b0a3-ef2b4f2c9d0e", "email": "mail to someone@clinic.example failed",
		"stack": strings.Repeat("/root/go/pkg/mod/github.com/danielgtaylor/huma/v2@v2.37.2/huma.go:1024 +0x1a2b\n", 40),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = Redact(text)
			}
		})
	}
}
