package doctor

import (
	"context"
	"fmt"
	"time"
)

const durabilitySQL = `
SELECT coalesce(string_agg(name, ', ' ORDER BY name), '') FROM pg_settings
 WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'`

// lookAtDurability wants what was answered with success to outlive a power cut.
func lookAtDurability(ctx context.Context, p *patient) ([]Finding, error) {
	off, err := one[string](ctx, p, durabilitySQL)
	if err != nil {
		return nil, err
	}
	if off != "" {
		return []Finding{failed("durability", off+" switched off: a crash loses claims that were said to be stored",
			"Switch it on in the server's configuration.")}, nil
	}
	return []Finding{fine("durability", "what is committed outlives a crash")}, nil
}

const encryptionSQL = `
SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)
       OR inet_server_addr() IS NULL OR inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1'`

func lookAtEncryption(ctx context.Context, p *patient) ([]Finding, error) {
	private, err := one[bool](ctx, p, encryptionSQL)
	if err != nil {
		return nil, err
	}
	if !private {
		return []Finding{warning("encryption", "claims travel to the database unencrypted", "Add sslmode=verify-full to DATABASE_URL.")}, nil
	}
	return []Finding{fine("encryption", "the connection is encrypted, or leaves no machine")}, nil
}

// The program writes values into its statements, so whatever logs statements
// logs claims.
const serverLogSQL = `
SELECT coalesce(string_agg(name || ' = ' || setting, ', ' ORDER BY name), '') FROM pg_settings
 WHERE name = 'log_statement' AND setting <> 'none'
    OR name IN ('log_min_duration_statement', 'log_min_duration_sample') AND setting <> '-1'
    OR name = 'log_min_error_statement' AND setting NOT IN ('log', 'fatal', 'panic')`

func lookAtServerLog(ctx context.Context, p *patient) ([]Finding, error) {
	loose, err := one[string](ctx, p, serverLogSQL)
	if err != nil {
		return nil, err
	}
	if loose != "" {
		return []Finding{warning("server log", "PostgreSQL logs statements, and with them values of claims: "+loose,
			"Set log_statement = none, log_min_duration_statement = -1 and log_min_error_statement = panic for this database.")}, nil
	}
	return []Finding{fine("server log", "PostgreSQL logs no statement")}, nil
}

const connectionsSQL = `
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())`

func lookAtConnections(ctx context.Context, p *patient) ([]Finding, error) {
	free, err := one[int32](ctx, p, connectionsSQL)
	if err != nil {
		return nil, err
	}
	// Beside its pool a process holds one connection that says that it lives.
	if need := p.MaxConns + 1; free < need {
		return []Finding{warning("connections", fmt.Sprintf("the server has %d to give, and a process may want %d", free, need),
			"Raise max_connections, or lower UPSTREAM_MAX_CONNS.")}, nil
	}
	return []Finding{fine("connections", "the server has %d to give", free)}, nil
}

// overlong is when a transaction is in the way of cleaning up.
const overlong = time.Hour

const transactionsSQL = `
SELECT coalesce(extract(epoch FROM max(now() - xact_start)), 0)::float8 FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend' AND backend_xmin IS NOT NULL`

func lookAtTransactions(ctx context.Context, p *patient) ([]Finding, error) {
	seconds, err := one[float64](ctx, p, transactionsSQL)
	if err != nil {
		return nil, err
	}
	if age := time.Duration(seconds * float64(time.Second)); age > overlong {
		return []Finding{warning("transactions", fmt.Sprintf("one has been open for %s: nothing deleted since can be cleaned up", age.Round(time.Minute)),
			"Find it in pg_stat_activity, and end it.")}, nil
	}
	return []Finding{fine("transactions", "none has been open for long")}, nil
}

// bigTable is the number of rows from which the planner's figures matter.
const bigTable = 10_000

const unanalyzedSQL = `
SELECT format('%I', relname) FROM pg_stat_user_tables
 WHERE schemaname IN ('public', 'river') AND n_live_tup > $1 AND greatest(last_analyze, last_autoanalyze) IS NULL
 ORDER BY 1`

// wraparound is the share of transaction numbers from which PostgreSQL is about
// to insist on cleaning up.
const wraparoundSQL = `SELECT age(datfrozenxid)::float8 / 2147483647 FROM pg_database WHERE datname = current_database()`

func lookAtUpkeep(ctx context.Context, p *patient) ([]Finding, error) {
	var found []Finding
	auto, err := one[string](ctx, p, `SHOW autovacuum`)
	if err != nil {
		return nil, err
	}
	if auto == "off" {
		found = append(found, warning("upkeep", "autovacuum is off: tables grow and plans age", "Switch autovacuum on."))
	}
	used, err := one[float64](ctx, p, wraparoundSQL)
	if err != nil {
		return nil, err
	}
	if used > 0.5 {
		found = append(found, warning("upkeep", fmt.Sprintf("%.0f %% of the transaction numbers are used", 100*used), "Run VACUUM FREEZE, and see why autovacuum did not."))
	}
	unknown, err := column(ctx, p, unanalyzedSQL, bigTable)
	if err != nil {
		return nil, err
	}
	if len(unknown) > 0 {
		found = append(found, warning("upkeep", "the planner knows no figures of "+list(unknown), "Run ANALYZE on them."))
	}
	if found == nil {
		found = []Finding{fine("upkeep", "autovacuum is on, and the planner has figures")}
	}
	return found, nil
}
