package store

import (
	queue "container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/maphash"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A statement that comes again is kept prepared by its connection: PostgreSQL
// then neither parses nor plans it. What is kept is its whole text, values
// included, so that it is planned for those values and only runs for them: a
// text in which a customer is named is only ever made for that customer, and
// row-level security compares with the setting of each execution, as always.
//
// Nothing is prepared on a connection that a pooler may lend out by the
// transaction, where names prepared by one client would be missing, or met by
// another. Names are made of the text, so that no name ever stands for another
// text than the one meant.

const (
	// statementsKept is how many statements a connection keeps prepared. Each
	// takes some 50 to 100 KiB of PostgreSQL's memory.
	statementsKept = 64
	// statementsSeen is how many texts it remembers to have run once.
	statementsSeen = 1024
)

// session is what we know of one connection to PostgreSQL, for as long as it
// lasts. Whoever has the connection has the session, nobody else.
type session struct {
	// direct says that nobody stands between us and one process of the server.
	direct bool
	tracer pgx.BatchTracer
	// kept are prepared; recent orders them, the last one used in front.
	kept   map[string]*queue.Element
	recent *queue.List
	// seen are the hashes of texts that ran once.
	seen map[uint64]struct{}
	seed maphash.Seed
}

// statement is one that a session keeps prepared.
type statement struct {
	text        string
	description *pgconn.StatementDescription
	// fills is how its rows fill a struct, once that is known.
	fills *filling
}

const sessionKey = "upstream.session"

// sessionOf is the session of a connection.
func sessionOf(ctx context.Context, conn *pgx.Conn) (*session, error) {
	data := conn.PgConn().CustomData()
	if known, ok := data[sessionKey].(*session); ok {
		return known, nil
	}
	direct, err := isDirect(ctx, conn.PgConn())
	if err != nil {
		return nil, err
	}
	s := &session{direct: direct, seed: maphash.MakeSeed()}
	s.tracer, _ = conn.Config().Tracer.(pgx.BatchTracer)
	s.forget()
	data[sessionKey] = s
	return s, nil
}

// isDirect asks the process that answers for its number: a pooler that lends
// connections by the transaction gives its clients numbers of its own, since the
// process behind them changes.
func isDirect(ctx context.Context, conn *pgconn.PgConn) (bool, error) {
	answer := conn.ExecParams(ctx, `SELECT pg_backend_pid()`, nil, nil, nil, []int16{pgx.BinaryFormatCode}).Read()
	if answer.Err != nil {
		return false, answer.Err
	}
	if len(answer.Rows) != 1 || len(answer.Rows[0]) != 1 || len(answer.Rows[0][0]) != 4 {
		return false, errors.New("store: the server does not tell its process")
	}
	return uint32(int4(answer.Rows[0][0])) == conn.PID(), nil //nolint:gosec // the same four bytes
}

// forget starts anew: what was prepared is prepared no longer, or in doubt.
func (s *session) forget() {
	s.kept, s.recent, s.seen = map[string]*queue.Element{}, queue.New(), map[uint64]struct{}{}
}

// find is the prepared statement of a text, if there is one.
func (s *session) find(text string) *statement {
	element, ok := s.kept[text]
	if !ok {
		return nil
	}
	s.recent.MoveToFront(element)
	return element.Value.(*statement) //nolint:forcetypeassert // the list holds nothing else
}

// again reports whether a text was seen before, and remembers it.
func (s *session) again(text string) bool {
	hash := maphash.String(s.seed, text)
	if _, seen := s.seen[hash]; seen {
		return true
	}
	if len(s.seen) >= statementsSeen {
		clear(s.seen)
	}
	s.seen[hash] = struct{}{}
	return false
}

// keep remembers a prepared statement.
func (s *session) keep(text string, description *pgconn.StatementDescription) *statement {
	kept := &statement{text: text, description: description}
	s.kept[text] = s.recent.PushFront(kept)
	return kept
}

// oldest is the statement to give up, if there is one too many; it is forgotten.
func (s *session) oldest() *statement {
	if s.recent.Len() < statementsKept {
		return nil
	}
	last := s.recent.Back()
	given, _ := s.recent.Remove(last).(*statement)
	delete(s.kept, given.text)
	return given
}

// nameOf is the name that a text is prepared under.
func nameOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "upstream_" + hex.EncodeToString(sum[:16])
}

// request is one statement to be sent.
type request struct {
	text string
	// args are the values of its parameters, as text.
	args [][]byte
	// formats are those of the columns of its answer.
	formats []int16
	// often says that it is worth preparing the first time it is met.
	often bool
	// known is the prepared statement, once there is one.
	known *statement
}

// batchOf is how a tracer is shown requests.
func batchOf(requests []request) *pgx.Batch {
	batch := &pgx.Batch{}
	for _, r := range requests {
		var args []any
		for _, arg := range r.args {
			args = append(args, string(arg))
		}
		batch.Queue(r.text, args...)
	}
	return batch
}

// send puts a statement into a pipeline: prepared if it is, to be prepared if
// it is worth it, and else just to be run.
func (s *session) send(p *pgconn.Pipeline, r *request) {
	r.known = s.find(r.text)
	switch {
	case r.known != nil:
		p.SendQueryStatement(r.known.description, r.args, nil, r.formats)
	case !s.direct || !r.often && !s.again(r.text):
		p.SendQueryParams(r.text, r.args, nil, nil, r.formats)
	default:
		if given := s.oldest(); given != nil {
			p.SendDeallocate(given.description.Name)
		}
		name := nameOf(r.text)
		p.SendPrepare(name, r.text, nil)
		p.SendQueryPrepared(name, r.args, nil, r.formats)
	}
}

// rows are those of a statement that was sent. They have to be closed before
// the next one's are asked for.
func (s *session) rows(p *pgconn.Pipeline, r *request) (*pgconn.ResultReader, error) {
	for {
		result, err := p.GetResults()
		if err != nil {
			return nil, err
		}
		switch result := result.(type) {
		case *pgconn.StatementDescription:
			result.Name, result.SQL = nameOf(r.text), r.text
			r.known = s.keep(r.text, result)
		case *pgconn.ResultReader:
			return result, nil
		case *pgconn.CloseComplete:
		default:
			return nil, errors.New("store: the server answers something else than rows")
		}
	}
}

// renounce gives up what is prepared, after an error that outdated reports.
func (s *session) renounce(ctx context.Context, conn *pgconn.PgConn, err error) error {
	s.forget()
	if changed(err) {
		return conn.Exec(ctx, `DEALLOCATE ALL`).Close()
	}
	s.direct = false // or it would be there
	return nil
}

// outdated reports whether an error means that a statement which was prepared is
// not there any more, or not as it was.
func outdated(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	// There is none of this name, or one already.
	return ok && (refused.Code == "26000" || refused.Code == "42P05") || changed(err)
}

// changed reports whether an error means that a table is not what it was when a
// statement was prepared.
func changed(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "0A000" && refused.Routine == "RevalidateCachedQuery"
}
