package models_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"upstream/models"
)

// auditLine is a line with every field set.
func auditLine() *models.AuditEvent {
	id := func(last byte) uuid.UUID { return uuid.UUID{0: 1, 6: 0x70, 8: 0x80, 15: last} }
	return &models.AuditEvent{
		ID: models.AuditEventID{}.From(id(1)), CustomerID: new(models.CustomerID{}.From(id(2))), Seq: 7,
		OccurredAt: time.Date(2026, time.May, 1, 9, 30, 0, 123456000, time.UTC), Action: "role_changed",
		EntityType: "membership", EntityID: new("memb_1"), ActorType: models.ActorUser, ActorID: new("user_1"),
		Actor: "ada@cedar.test", UserID: new(models.UserID{}.From(id(3))), RequestID: new("req-1"),
		RemoteAddr: new("192.0.2.7"), Before: json.RawMessage(`{"role":"viewer"}`), After: json.RawMessage(`{"role":"admin"}`),
		Metadata: json.RawMessage(`{"n":1.50,"é":"<\"\u0001>"}`),
	}
}

func digest(t interface{ Fatal(args ...any) }, e *models.AuditEvent, prev []byte) string {
	sum, err := e.Digest(prev)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum)
}

// The value was computed apart from this program: sha256sum over 32 zero bytes
// and the array that docs/audit.md shows. A change of it breaks every chain
// that was ever written.
func TestAuditEvent_DigestIsPinned(t *testing.T) {
	t.Parallel()
	const want = "bdab46eb1dab6f35a7a7fa89850c1fa90ea3e4039b7f79a0c78b3c38f8ed9af9"
	if got := digest(t, auditLine(), models.AuditGenesis()); got != want {
		t.Errorf("digest is %s, want %s", got, want)
	}
}

func TestAuditEvent_DigestCoversEveryField(t *testing.T) {
	t.Parallel()
	prev := models.AuditGenesis()
	whole := digest(t, auditLine(), prev)
	// The table's name is no field, and the two hashes are what is computed.
	skipped := []string{"BaseModel", "PrevHash", "Hash"}
	seen := map[string]string{whole: "nothing"}
	for field := range reflect.TypeFor[models.AuditEvent]().Fields() {
		if field.Name == skipped[0] || field.Name == skipped[1] || field.Name == skipped[2] {
			continue
		}
		line := auditLine()
		reflect.ValueOf(line).Elem().FieldByIndex(field.Index).SetZero()
		got := digest(t, line, prev)
		if other, known := seen[got]; known {
			t.Errorf("without %s the digest is that without %s", field.Name, other)
		}
		seen[got] = field.Name
	}
	other := bytes.Repeat([]byte{1}, 32)
	if digest(t, auditLine(), other) == whole {
		t.Error("the line before does not count")
	}
	// Text cannot move from one field to the next.
	a, b := auditLine(), auditLine()
	a.Action, a.EntityType = "role", "_changedmembership"
	b.Action, b.EntityType = "role_changed", "membership"
	if digest(t, a, prev) == digest(t, b, prev) {
		t.Error("two lines have one digest")
	}
}

func TestAuditEvent_DigestIgnoresHowJSONIsWritten(t *testing.T) {
	t.Parallel()
	for name, pair := range map[string][2]string{
		"white space": {`{"a":1,"b":[1,2]}`, " { \"a\" : 1 ,\n\"b\": [ 1, 2 ] }"},
		"order":       {`{"a":1,"bb":2,"B":3}`, `{"bb":2,"B":3,"a":1}`},
		"exponent":    {`{"a":1000}`, `{"a":1e3}`},
		"small":       {`{"a":0.0000001}`, `{"a":1E-7}`},
		"zeros":       {`{"a":1.5}`, `{"a":1.500}`},
		"minus zero":  {`{"a":0}`, `{"a":-0.0}`},
		"escapes":     {`{"a":"é/\n"}`, `{"a":"\u00e9\/\u000a"}`},
	} {
		one, two := auditLine(), auditLine()
		one.Metadata, two.Metadata = json.RawMessage(pair[0]), json.RawMessage(pair[1])
		if digest(t, one, models.AuditGenesis()) != digest(t, two, models.AuditGenesis()) {
			t.Errorf("%s: %s and %s differ", name, pair[0], pair[1])
		}
	}
	for name, pair := range map[string][2]string{
		"text and number": {`{"a":"1"}`, `{"a":1}`},
		"null and absent": {`{"a":null}`, `{}`},
		"list and value":  {`{"a":[1]}`, `{"a":1}`},
		"order of a list": {`{"a":[1,2]}`, `{"a":[2,1]}`},
		"digits":          {`{"a":0.30000000000000004}`, `{"a":0.3}`},
		"large numbers":   {`{"a":9007199254740993}`, `{"a":9007199254740992}`},
	} {
		one, two := auditLine(), auditLine()
		one.Metadata, two.Metadata = json.RawMessage(pair[0]), json.RawMessage(pair[1])
		if digest(t, one, models.AuditGenesis()) == digest(t, two, models.AuditGenesis()) {
			t.Errorf("%s: %s and %s are one", name, pair[0], pair[1])
		}
	}
	bad := auditLine()
	bad.Metadata = json.RawMessage(`{`)
	if _, err := bad.Digest(models.AuditGenesis()); err == nil {
		t.Error("broken JSON has a digest")
	}
}

func TestAuditEvent_DigestTellsLinesApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune(`ab",[]\`)), 0, 4, -1)
		one, two := auditLine(), auditLine()
		one.Action, one.EntityType, one.Actor = word.Draw(t, "action"), word.Draw(t, "type"), word.Draw(t, "actor")
		two.Action, two.EntityType, two.Actor = word.Draw(t, "action'"), word.Draw(t, "type'"), word.Draw(t, "actor'")
		same := one.Action == two.Action && one.EntityType == two.EntityType && one.Actor == two.Actor
		if (digest(t, one, models.AuditGenesis()) == digest(t, two, models.AuditGenesis())) != same {
			t.Fatalf("%+v and %+v", one, two)
		}
	})
}

func TestRoleMay_ViewAudit(t *testing.T) {
	t.Parallel()
	for role, want := range map[models.Role]bool{
		models.RoleOwner: true, models.RoleAdmin: true, models.RoleAnalyst: false, models.RoleViewer: false, "": false,
	} {
		if got := models.RoleMay(role, models.PermissionViewAudit); got != want {
			t.Errorf("%q: %v", role, got)
		}
	}
}
