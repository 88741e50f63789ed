package store_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"upstream/internal/factory"
	"upstream/internal/postgres"
	"upstream/models"
	"upstream/store"
)

var (
	// literal is what differs between two runs of one statement.
	literal = regexp.MustCompile(`'[^']*'|NULL|DEFAULT|\\x[0-9a-f]+|\b\d+\b`)
	// absent is what bun writes otherwise for a value that is not there.
	absent = regexp.MustCompile(` IS \?| RETURNING [^)]*`)
)

// shapes are the statements without their values.
func shapes(seen []statement) []string {
	var all []string
	for _, s := range seen {
		all = append(all, absent.ReplaceAllStringFunc(literal.ReplaceAllString(s.sql, "?"), func(text string) string {
			if text == " IS ?" {
				return " = ?"
			}
			return ""
		}))
	}
	return all
}

// Statement by statement, asking for somebody's link is asking for nobody's.
func TestRequestPasswordReset_SendsTheSameStatementsForNobody(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	ann := w.Tenant("cedar").User(models.RoleOwner)
	r := &tracer{}
	s := w.StoreWith(w.Pool(postgres.PoolOptions{Tracer: r}), store.Options{})
	n := byte(0)
	request := func(v models.Viewer) []string {
		n++
		if err := s.RequestPasswordReset(t.Context(), v, models.NewPasswordReset{UserID: v.UserID, Token: []byte("x"), Hash: models.SecretHash{n}}); err != nil {
			t.Fatal(err)
		}
		return shapes(r.take())
	}
	request(ann) // the first insertion of a job also asks which server it is
	somebody, nobody := request(ann), request(models.Viewer{Email: "nobody@cedar.test"})
	if diff := cmp.Diff(somebody, nobody); diff != "" {
		t.Errorf("statements for somebody (-) and for nobody (+):\n%s", diff)
	}
	if len(somebody) < 6 {
		t.Errorf("only %d statements were seen", len(somebody))
	}
}

// A link whose audit line or job cannot be written does not exist.
func TestRequestPasswordReset_IsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	ann := w.Tenant("cedar").User(models.RoleOwner)
	if _, err := w.DB.Owner.Exec(t.Context(), `REVOKE INSERT ON river.river_job FROM upstream_app`); err != nil {
		t.Fatal(err)
	}
	in := models.NewPasswordReset{UserID: ann.UserID, Token: []byte("x"), Hash: models.SecretHash{1}}
	err := w.Store.RequestPasswordReset(t.Context(), ann, in)
	wantCode(t, err, models.CodeInternal)
	_, err = w.Store.PasswordResetAccount(t.Context(), in.Hash)
	wantCode(t, err, models.CodeNotFound)
}

func TestPasswordResetLetter_OpensOnlyWithItsKey(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	ann := w.Tenant("cedar").User(models.RoleOwner)
	in := models.NewPasswordReset{UserID: ann.UserID, Token: []byte("the token"), Hash: models.SecretHash{1}}
	old := w.StoreWith(w.DB.App, store.Options{Sealer: stamp{key: "old"}})
	if err := old.RequestPasswordReset(t.Context(), ann, in); err != nil {
		t.Fatal(err)
	}
	var reset models.PasswordResetID
	jobs := storedJobs(t, w)
	if err := reset.UnmarshalText([]byte(regexp.MustCompile(`rst_\w+`).FindString(jobs[0].Args))); err != nil {
		t.Fatal(err)
	}
	fresh := w.StoreWith(w.DB.App, store.Options{Sealer: stamp{key: "new"}})
	if _, err := fresh.PasswordResetLetter(t.Context(), reset); err == nil || models.CodeOf(err) == models.CodeNotFound {
		t.Errorf("with another key: %v", err)
	}
	both := w.StoreWith(w.DB.App, store.Options{Sealer: stamp{key: "new", retired: []string{"old"}}})
	want := []models.RotatedSecrets{{Table: "password_resets", Column: "token_sealed", Secrets: 1, Resealed: 1}}
	rotated := slices.DeleteFunc(must(both.RotateSecrets(t.Context()))(t), func(r models.RotatedSecrets) bool { return r.Table != want[0].Table })
	equal(t, "rotation", want, rotated)
	if letter := must(fresh.PasswordResetLetter(t.Context(), reset))(t); string(letter.Token) != "the token" {
		t.Errorf("token %q", letter.Token)
	}
}
