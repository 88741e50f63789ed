package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"upstream/graph"
	"upstream/internal/auth"
	"upstream/internal/factory"
	"upstream/models"
)

// Marks of what is planted: a value that a client sends, and one that it sends
// in confidence.
const (
	ordinary = "canary"
	secret   = "sesame"
)

// planting sends requests that are full of marked values, and gathers what they
// leave behind.
type planting struct {
	*testing.T
	handler http.Handler
	token   string
	count   int
	// sent counts requests, answered those by their status.
	sent     int
	answered map[int]int
}

// mark is a value that occurs nowhere else.
func (p *planting) mark(kind string) string {
	p.count++
	return fmt.Sprintf("%s%05dq", kind, p.count)
}

// markOf is a mark that suits a field.
func (p *planting) markOf(name, format string) string {
	kind := ordinary
	for _, word := range []string{"password", "token", "refresh", "access", "secret", "key"} {
		if format == "password" || strings.Contains(strings.ToLower(name), word) {
			kind = secret
		}
	}
	return p.mark(kind)
}

// send makes a request. Its answer may repeat what is ordinary to who sent it,
// but nothing confidential.
func (p *planting) send(method, target string, body []byte, header http.Header) *httptest.ResponseRecorder {
	p.Helper()
	r := httptest.NewRequestWithContext(p.Context(), method, "/", bytes.NewReader(body))
	path, query, _ := strings.Cut(target, "?")
	r.URL = &url.URL{Path: path, RawQuery: query}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.token)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	p.sent++
	p.answered[w.Code]++
	if text := w.Body.String() + fmt.Sprint(w.Header()); strings.Contains(text, secret) {
		p.Errorf("%s %s repeats a secret: %s", method, path, text)
	}
	return w
}

// headers are one after the other planted in every request.
func (p *planting) headers() []http.Header {
	one := func(name, value string) http.Header {
		return http.Header{textproto.CanonicalMIMEHeaderKey(name): {value}}
	}
	all := []http.Header{
		one("Authorization", "Bearer "+p.mark(secret)), one("Authorization", "Basic "+p.mark(secret)), one("Authorization", p.mark(secret)),
		one("Authorization", "Bearer up_live_"+p.mark(secret)), one("Authorization", "Bearer eyJhbGciOiJIUzI1NiJ9."+p.mark(secret)+".x"),
		{"Authorization": {"Bearer " + p.mark(secret), "Bearer " + p.mark(secret)}},
		one("Cookie", "session="+p.mark(secret)),
		one("X-Api-Key", p.mark(secret)), one("X-Request-Id", p.mark(ordinary)+" is not one"),
		one("X-Request-Id", strings.Repeat(p.mark(ordinary), 9)), one("Content-Type", p.mark(ordinary)+"/"+p.mark(ordinary)),
	}
	for _, name := range []string{
		auth.CustomerHeader, "If-None-Match", "If-Match", "Idempotency-Key", "Referer", "User-Agent", "X-Forwarded-For", "Forwarded", "Origin",
		"Accept", "Accept-Language", "X-Anything", "Range", "Expect",
	} {
		all = append(all, one(name, p.mark(ordinary)))
	}
	return all
}

// value is something for a schema: with wrong, text where there should be none.
func (p *planting) value(name string, s *openapi3.Schema, wrong bool) any {
	switch {
	case s == nil:
		return p.markOf(name, "")
	case len(s.OneOf) > 0:
		return p.value(name, s.OneOf[0].Value, wrong)
	case s.Type.Includes("object"):
		object := map[string]any{}
		for property, schema := range s.Properties {
			object[property] = p.value(property, schema.Value, wrong)
		}
		return object
	case s.Type.Includes("array"):
		return []any{p.value(name, s.Items.Value, wrong)}
	case wrong, len(s.Enum) == 0 && s.Format != "date" && s.Type.Includes("string"):
		return p.markOf(name, s.Format)
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type.Includes("string"):
		return "2026-05-01"
	default:
		return 1
	}
}

// bodies are JSON bodies for a schema, right and wrong.
func (p *planting) bodies(s *openapi3.Schema) [][]byte {
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			p.Fatal(err)
		}
		return b
	}
	unknown, _ := p.value("", s, false).(map[string]any)
	unknown[p.mark(ordinary)] = map[string]any{p.mark(ordinary): []any{p.mark(ordinary)}}
	fields := slices.Sorted(maps.Keys(s.Properties))
	bodies := [][]byte{
		text(p.value("", s, false)), text(p.value("", s, true)), text(unknown), text(p.mark(secret)), text([]any{p.mark(secret)}),
		[]byte(`{"` + fields[0] + `": "` + p.mark(secret)), []byte(`{"` + fields[0] + `": ` + p.mark(secret) + `}`),
		append(text(p.value("", s, false)), p.mark(secret)...), []byte("password=" + p.mark(secret)), []byte("\xff" + p.mark(secret)),
	}
	for _, name := range fields {
		one, _ := p.value("", s, false).(map[string]any)
		one[name] = map[string]any{p.markOf(name, ""): p.markOf(name, "")}
		bodies = append(bodies, text(one))
		for _, padding := range []int{1 << 10, 20 << 10} { // longer than columns, longer than bodies
			one[name] = p.markOf(name, "") + strings.Repeat("x", padding)
			bodies = append(bodies, text(one))
		}
	}
	return bodies
}

// operation plants in everything that an operation of REST reads.
func (p *planting) operation(method, path string, op *openapi3.Operation) {
	for _, h := range p.headers() {
		p.send(method, path, []byte("{}"), h)
	}
	for _, parameter := range op.Parameters {
		if name := parameter.Value.Name; parameter.Value.In == "query" {
			p.send(method, path+"?"+url.Values{name: {p.mark(ordinary)}}.Encode(), nil, nil)
			p.send(method, path+"?"+url.Values{name: {p.mark(ordinary), p.mark(ordinary)}}.Encode(), nil, nil)
			p.send(method, path+"?"+url.Values{name: {p.mark(ordinary) + "\x00\xff'"}}.Encode(), nil, nil)
		}
	}
	p.send(method, path+"?"+p.mark(ordinary)+"="+p.mark(ordinary), nil, nil)
	p.send(method, path+"?token="+p.mark(ordinary)+"&password=%zz"+p.mark(ordinary), nil, nil)
	if op.RequestBody == nil {
		p.send(method, path, []byte(`{"password":"`+p.mark(secret)+`"}`), nil)
		return
	}
	if media := op.RequestBody.Value.Content.Get("application/json"); media != nil {
		schema, list := media.Schema.Value, media.Schema.Value.Type.Includes("array")
		if list {
			schema = schema.Items.Value
		}
		for _, body := range p.bodies(schema) {
			if list {
				p.send(method, path, body, nil)
				body = slices.Concat([]byte("["), body, []byte("]"))
			}
			p.send(method, path, body, nil)
			p.send(method, path, body, http.Header{"Authorization": nil})
		}
	}
}

const csvHeader = "payer,cpt,submitted_date,decided_date,outcome,billed_amount,denial_reason_code,denial_reason_text,claim_number,authorization_number," +
	"modifier_codes,diagnosis_codes,procedure_count"

// uploads plants in claims files: in rows that are kept, in every column of rows
// that are not, in what is no claims file, and in the form around it.
func (p *planting) uploads() {
	row := strings.Split("payer,99213,2026-04-01,2026-05-01,DENIED,100,CO-1,reason,number,auth,25,J06.9,1", ",")
	for i := range row {
		row[i] = strings.NewReplacer("payer", p.mark(ordinary), "reason", p.mark(ordinary)+" Jane Doe 123-45-6789", "number", p.mark(ordinary),
			"auth", p.mark(ordinary)).Replace(row[i])
	}
	lines := []string{csvHeader, strings.Join(row, ",")}
	for i := range row {
		bad := slices.Clone(row)
		bad[i] = p.mark(ordinary)
		lines = append(lines, strings.Join(bad, ","))
	}
	text := strings.Join(lines, "\n") + "\n"
	for _, content := range []string{
		text, text + "\"" + p.mark(ordinary) + "\"x\n", p.mark(ordinary) + "," + p.mark(ordinary) + "\n" + p.mark(ordinary), "\x00" + p.mark(ordinary),
		csvHeader + "\n" + "John " + p.mark(ordinary) + ",99213,2026-04-01,2026-05-01,PAID" + strings.Repeat(",", 8) + "\n", "",
	} {
		for _, field := range []string{"file", p.mark(ordinary)} {
			var form bytes.Buffer
			w := multipart.NewWriter(&form)
			part, err := w.CreateFormFile(field, p.mark(ordinary)+".csv")
			if err != nil {
				p.Fatal(err)
			}
			_, _ = part.Write([]byte(content))
			_ = w.Close()
			for _, body := range [][]byte{form.Bytes(), form.Bytes()[:form.Len()/2]} {
				p.send(http.MethodPost, "/api/v1/uploads/", body, http.Header{"Content-Type": {w.FormDataContentType()}})
			}
		}
	}
}

// argument is something for a type of GraphQL; with wrong, text where there
// should be none.
func (p *planting) argument(schema *ast.Schema, t *ast.Type, wrong bool, depth int) any {
	if t.Elem != nil {
		return []any{p.argument(schema, t.Elem, wrong, depth)}
	}
	def := schema.Types[t.NamedType]
	switch {
	case def.Kind == ast.InputObject && depth < 4:
		object := map[string]any{}
		for _, f := range def.Fields {
			object[f.Name] = p.argument(schema, f.Type, wrong, depth+1)
		}
		return object
	case wrong || t.NamedType == "String" || t.NamedType == "ID":
		return p.mark(ordinary)
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case t.NamedType == "Int" || t.NamedType == "Float":
		return 1
	default:
		return nil
	}
}

// field plants in the arguments of a root field of GraphQL.
func (p *planting) field(schema *ast.Schema, operation string, f *ast.FieldDefinition) {
	var declared, given []string
	for _, a := range f.Arguments {
		declared = append(declared, "$"+a.Name+": "+a.Type.String())
		given = append(given, a.Name+": $"+a.Name)
	}
	document, call := operation, f.Name
	if len(given) > 0 {
		document += "(" + strings.Join(declared, ", ") + ")"
		call += "(" + strings.Join(given, ", ") + ")"
	}
	document += " { " + p.mark(ordinary) + ": " + call
	if kind := schema.Types[f.Type.Name()].Kind; kind == ast.Object || kind == ast.Interface || kind == ast.Union {
		document += " { __typename }"
	}
	document += " } # " + p.mark(ordinary)
	p.graphql(document, map[string]any{}, nil)
	for _, wrong := range []bool{false, true} {
		variables := map[string]any{p.mark(ordinary): p.mark(ordinary)}
		for _, a := range f.Arguments {
			variables[a.Name] = p.argument(schema, a.Type, wrong, 0)
		}
		p.graphql(document, variables, nil)
		for _, a := range f.Arguments { // one at a time: the first that is wrong hides the others
			p.graphql(document, map[string]any{a.Name: p.argument(schema, a.Type, wrong, 0)}, nil)
			p.graphql(operation+" { "+f.Name+"("+a.Name+": \""+p.mark(ordinary)+"\") { "+p.mark(ordinary)+" } }", nil, nil)
		}
	}
}

func (p *planting) graphql(document string, variables map[string]any, header http.Header) {
	body, err := json.Marshal(map[string]any{
		"query": document, "variables": variables, "operationName": nil, "extensions": map[string]any{p.mark(ordinary): p.mark(ordinary)},
	})
	if err != nil {
		p.Fatal(err)
	}
	p.send(http.MethodPost, "/graphql", body, header)
}

// edges plants in what all of GraphQL has in common.
func (p *planting) edges() {
	for _, h := range p.headers() {
		p.graphql("{ viewer { email } }", nil, h)
	}
	m := func() string { return p.mark(ordinary) }
	for _, document := range []string{
		m(), "{ " + m() + " }", "query " + m() + " { __typename } query " + m() + " { __typename }", "{ viewer @" + m() + " { id } }",
		"{ ..." + m() + " }", "\"\"\"" + m(), "{ viewer { " + m() + "(a: \"" + m() + "\") } }", "{ __type(name: \"" + m() + "\") { name } }",
		"{ " + strings.Repeat(m()+": __typename ", 60) + "}", "subscription { " + m() + " }", "{ node(id: \"" + m() + "\") { id } } #" + m(),
	} {
		p.graphql(document, nil, nil)
		p.send(http.MethodGet, "/graphql?"+url.Values{"query": {document}, "variables": {`{"` + m() + `": "` + m() + `"`}, m(): {m()}}.Encode(), nil, nil)
	}
	for _, body := range []string{
		`{"query": "` + m(), m(), `{"query": {"` + m() + `": 1}}`, `{"query": "{__typename}", "operationName": "` + m() + `"}`,
		`{"query": "{__typename}", "variables": "` + m() + `"}`, `[{"query": "` + m() + `"}]`,
	} {
		p.send(http.MethodPost, "/graphql", []byte(body), nil)
	}
}

// signIns plants in sign-in what the schema alone does not tell: a right address
// with a wrong password, a password in place of the address, a new password that
// is accepted.
func (p *planting) signIns(email string) {
	post := func(path string, token string, body map[string]string) map[string]string {
		text, err := json.Marshal(body)
		if err != nil {
			p.Fatal(err)
		}
		header := http.Header{"Authorization": nil}
		if token != "" {
			header.Set("Authorization", "Bearer "+token)
		}
		answer := map[string]string{}
		_ = json.Unmarshal(p.send(http.MethodPost, "/api/v1/auth/"+path, text, header).Body.Bytes(), &answer) // an error is none of those
		return answer
	}
	post("token/", "", map[string]string{"email": email, "password": p.mark(secret)})
	post("token/", "", map[string]string{"email": p.mark(secret), "password": p.mark(secret)})
	post("token/", "", map[string]string{"email": p.mark(ordinary) + "@clinic.example", "password": p.mark(secret)})
	tokens := post("token/", "", map[string]string{"email": email, "password": password, "customer": p.mark(ordinary)})
	if tokens["access"] != "" {
		p.Error("a customer that does not exist was accepted")
	}
	tokens = post("token/", "", map[string]string{"email": email, "password": password})
	post("password/", tokens["access"], map[string]string{"old_password": p.mark(secret), "new_password": p.mark(secret) + " long enough"})
	post("password/", tokens["access"], map[string]string{"old_password": password, "new_password": p.mark(secret)[:8]}) // too short
	chosen := p.mark(secret) + " violet tugboat"
	if tokens = post("password/", tokens["access"], map[string]string{"old_password": password, "new_password": chosen}); tokens["access"] == "" {
		p.Errorf("the new password was not accepted: %v", tokens)
	}
	if again := post("token/", "", map[string]string{"email": email, "password": chosen}); again["access"] == "" {
		p.Error("the new password does not sign in")
	}
	post("logout/", "", map[string]string{"refresh": tokens["refresh"]})
	post("token/refresh/", "", map[string]string{"refresh": tokens["refresh"]})
}

// member adds a user of a customer who signs in with the password of all tests.
func member(t *testing.T, tenant *factory.Tenant, email string) {
	t.Helper()
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	in := models.NewUser{Email: email, PasswordHash: hash, Role: models.RoleOwner}
	if _, err := tenant.Store.CreateUser(t.Context(), tenant.Customer.ID, in); err != nil {
		t.Fatal(err)
	}
}

// TestCanaries plants a marked value in every input of every operation of both
// APIs, right and wrong, and looks where it comes out: not in the log, not in an
// answer to anybody else, and in the database only where it belongs; what was
// sent in confidence nowhere at all.
func TestCanaries(t *testing.T) {
	t.Parallel()
	handler, tenant, log := serverOn(t)
	other := tenant.World.Tenant("harbor")
	member(t, tenant, "second@lakeside.test")
	member(t, other, "owner@harbor.test")
	p := &planting{T: t, handler: handler, token: tokenOf(t, handler, "owner@lakeside.test"), answered: map[int]int{}}
	for template, item := range description(t).Paths.Map() {
		for method, op := range item.Operations() {
			p.operation(method, pathParameter.ReplaceAllString(template, "clm_01jz8k6v3pe9ktyh5wmcqa2x7d"), op)
		}
	}
	p.uploads()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: graph.SDL()})
	for _, f := range schema.Query.Fields {
		p.field(schema, "query", f)
	}
	for _, f := range schema.Mutation.Fields {
		p.field(schema, "mutation", f)
	}
	p.edges()
	p.signIns("second@lakeside.test")
	if p.sent < 800 || p.answered[http.StatusOK] < 50 || p.answered[http.StatusCreated] < 1 || p.answered[http.StatusInternalServerError] > 0 {
		t.Errorf("%d requests were answered with %v", p.sent, p.answered)
	}
	checkCanariesInLog(t, log.String())
	checkCanariesElsewhere(t, p, tokenOf(t, handler, "owner@harbor.test"))
	checkCanariesInDatabase(t, tenant)
}

func checkCanariesInLog(t *testing.T, log string) {
	t.Helper()
	if lines := strings.Count(log, "\n"); lines < 800 {
		t.Errorf("only %d lines", lines)
	}
	for line := range strings.SplitSeq(log, "\n") {
		for _, mark := range []string{ordinary, secret, "eyJ", "@lakeside", password} {
			if strings.Contains(line, mark) {
				t.Errorf("%s is in the log: %s", mark, line)
			}
		}
	}
}

// checkCanariesElsewhere asks for everything as another customer, and as nobody.
func checkCanariesElsewhere(t *testing.T, p *planting, token string) {
	t.Helper()
	for template, item := range description(t).Paths.Map() {
		path := pathParameter.ReplaceAllString(template, "clm_01jz8k6v3pe9ktyh5wmcqa2x7d")
		for method := range item.Operations() {
			for _, credentials := range [][]string{{"Bearer " + token}, nil} {
				w := p.send(method, path, nil, http.Header{"Authorization": credentials})
				if text := w.Body.String() + fmt.Sprint(w.Header()); strings.Contains(text, ordinary) {
					t.Errorf("%s %s tells another: %s", method, path, text)
				}
			}
		}
	}
}

// mayHold are the columns that marked values belong in.
func mayHold() []string {
	return []string{
		"payer_mappings.raw_name", "payer_mappings.normalized_name", "cpt_group_mappings.cpt_code", "cpt_group_mappings.cpt_group",
		"claim_payer_days.payer", "claim_months.payer", // as in claims
		"claims.payer", "claims.payer_raw", "claims.denial_reason_code", "claims.denial_reason_text", "claims.claim_number",
		"claims.authorization_number", "claims.cpt", "claims.modifier_codes", "claims.diagnosis_codes", "uploads.filename",
		"audit_events.actor", "audit_events.actor_name", "audit_events.after", // addresses that failed to sign in, names of files
	}
}

func checkCanariesInDatabase(t *testing.T, tenant *factory.Tenant) {
	t.Helper()
	tx, err := tenant.DB.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	_, err = tx.Exec(t.Context(), `SELECT set_config('app.customer_id', $1, true), set_config('app.system', 'on', true)`, tenant.Customer.ID.UUID().String())
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	err = tx.QueryRow(t.Context(), `SELECT array_agg(quote_ident(table_name) || '.' || quote_ident(column_name)) FROM information_schema.columns
		JOIN information_schema.tables USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`).Scan(&columns)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, column := range columns {
		table, _, _ := strings.Cut(column, ".")
		for _, mark := range []string{ordinary, secret, password, "eyJ"} {
			var rows int
			if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE `+column+`::text LIKE '%' || $1 || '%'`, mark).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			if rows > 0 && (mark != ordinary || !slices.Contains(mayHold(), column)) {
				t.Errorf("%s is in %d rows of %s", mark, rows, column)
			}
			found[column] = found[column] || rows > 0
		}
	}
	if !found["claims.payer"] || !found["uploads.filename"] || len(columns) < 100 {
		t.Errorf("of %d columns those with marks are %v", len(columns), found)
	}
}

// PostgreSQL repeats values in what it says about a violated constraint. One
// that the program does not know is an internal error, logged with its cause.
func TestCanaries_InErrorsOfTheDatabase(t *testing.T) {
	t.Parallel()
	handler, tenant, log := serverOn(t)
	for _, statement := range []string{
		`ALTER TABLE uploads ADD CONSTRAINT odd_check CHECK (filename NOT LIKE 'canary1%')`,
		`CREATE UNIQUE INDEX odd_key ON uploads (customer_id, filename)`,
		`CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM NEW.filename::uuid; RETURN NEW; END $$`,
		`CREATE TRIGGER odd BEFORE INSERT ON uploads FOR EACH ROW WHEN (NEW.filename LIKE 'canary3%') EXECUTE FUNCTION odd()`,
	} {
		if _, err := tenant.DB.Owner.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	token := tokenOf(t, handler, "owner@lakeside.test")
	for i, name := range []string{"canary1", "canary2", "canary2", "canary3"} {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, err := w.CreateFormFile("file", name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(part, "payer,cpt,submitted_date,decided_date,outcome\nPayer %d,99213,2026-04-01,2026-05-01,PAID\n", i)
		_ = w.Close()
		ask(t, handler, http.MethodPost, "/api/v1/uploads/", form.String(), "Authorization", "Bearer "+token, "Content-Type", w.FormDataContentType())
	}
	if text := log.String(); !strings.Contains(text, "odd_check") || !strings.Contains(text, "odd_key") || strings.Contains(text, ordinary) {
		t.Errorf("the log says %s", text)
	}
}
