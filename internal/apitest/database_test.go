package apitest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"upstream/internal/factory"
)

// query answers with the JSON value that one statement says, under the
// clinic's row-level security. It fails the test that asks and no other.
func query[T any](t tester, clinic *factory.Tenant, statement string) T {
	t.Helper()
	var text string
	err := pgx.BeginFunc(context.Background(), clinic.DB.App, func(tx pgx.Tx) error {
		if _, err := tx.Exec(context.Background(), `SELECT set_config('app.customer_id', $1, true)`, clinic.Customer.ID.UUID().String()); err != nil {
			return err
		}
		return tx.QueryRow(context.Background(), "SELECT ("+statement+")::text").Scan(&text)
	})
	if err != nil {
		t.Fatalf("%v in %s", err, statement)
	}
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}

// queryAll is query for texts of every customer, as sign-in sees them.
func (s *Server) queryAll(t tester, statement string) (values []string) {
	t.Helper()
	err := pgx.BeginFunc(context.Background(), s.DB.App, func(tx pgx.Tx) error {
		if _, err := tx.Exec(context.Background(), `SELECT set_config('app.system', 'on', true)`); err != nil {
			return err
		}
		return tx.QueryRow(context.Background(), statement).Scan(&values)
	})
	if err != nil {
		t.Fatalf("%v in %s", err, statement)
	}
	return values
}

// volatile are the columns, by table, that differ between two servers to which
// the same happened. Requests without an X-Request-Id are given a random one,
// the hash of an audit line covers it, and every later hash of the chain covers
// that one. The chain is the store's to test; here its numbers are compared.
// A key and its beginning, which the log repeats, are random too.
// What sign-in draws at random (sessions, refresh_tokens, sign_in_failures) is
// in tables of no one customer, which state does not read: GraphQL never
// writes them.
var volatile = map[string][]string{
	"api_keys":     {"key_hash", "prefix"},
	"audit_events": {"request_id", "prev_hash", "hash"},
	"audit_heads":  {"hash"},
	"invitations":  {"token_hash", "token_sealed"},

	"notification_channels": {"config_sealed"},
	"webhook_endpoints":     {"secret_sealed", "previous_secret_sealed"},
}

// state is everything the database holds of a clinic: rows as JSON, by table.
func state(t tester, clinic *factory.Tenant) map[string][]string {
	t.Helper()
	tables := query[[]string](t, clinic, `SELECT jsonb_agg(table_name ORDER BY table_name) FROM information_schema.columns
		WHERE table_schema = 'public' AND column_name = 'customer_id'`)
	rows := map[string][]string{}
	for _, table := range append(tables, "customers") {
		rows[table] = query[[]string](t, clinic, fmt.Sprintf(
			`SELECT coalesce(jsonb_agg(row ORDER BY row), '[]') FROM (SELECT (to_jsonb(r) - '{%s}'::text[] #- '{after,prefix}')::text AS row FROM %s r) rows`,
			strings.Join(volatile[table], ","), table))
	}
	return rows
}
