package apitest

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"upstream/internal/factory"
	"upstream/models"
	"upstream/store"
)

var (
	payerMapping = resource{typ: "PayerMapping", path: "payer-mappings/", table: "payer_mappings"}
	cptMapping   = resource{typ: "CptGroupMapping", path: "cpt-mappings/", table: "cpt_group_mappings"}
)

// mappings gives Cedar mappings that lists can tell apart, two and two of the
// same instant, and Harbor one of each kind.
func (s *Server) mappings() {
	var ticks atomic.Int64
	before := s.StoreWith(s.DB.App, store.Options{Now: func() time.Time {
		return time.Date(2026, time.June, 6, 8, 30, 0, int(ticks.Load()/2)*1000, time.UTC)
	}, Logger: slog.New(slog.DiscardHandler)})
	for i := range 16 {
		raw := []string{"AETNA ", "aetna better_", "Médica 50% ", `Back\slash "Q" `}[i%4] + strconv.Itoa(i)
		payer := must(before.CreatePayerMapping(s.Context(), s.Cedar.System(), models.NewPayerMapping{
			RawName: raw, NormalizedName: []string{"Aetna", "Médica", "100%"}[i%3],
		}))(s)
		cpt := must(before.CreateCPTGroupMapping(s.Context(), s.Cedar.System(), models.NewCPTGroupMapping{
			CPTCode: strconv.Itoa(99201+i*7) + []string{"", "_A", "%b"}[i%3], CPTGroup: []string{"OFFICE", "office visits", "50%", "E&M"}[i%4],
		}))(s)
		ticks.Add(1)
		s.known("payer.mapping", payer.ID.String(), payer.ID.UUID())
		s.known("cpt.mapping", cpt.ID.String(), cpt.ID.UUID())
	}
	s.mapped("harbor.", s.Harbor, "AETNA 3", "99201")
}

// mapped makes a mapping of each kind and names it.
func (s *Server) mapped(prefix string, clinic *factory.Tenant, raw, code string) {
	payer := must(s.Store.CreatePayerMapping(s.Context(), clinic.System(), models.NewPayerMapping{RawName: raw, NormalizedName: "Aetna"}))(s)
	cpt := must(s.Store.CreateCPTGroupMapping(s.Context(), clinic.System(), models.NewCPTGroupMapping{CPTCode: code, CPTGroup: "OFFICE"}))(s)
	s.known(prefix+"payer.mapping", payer.ID.String(), payer.ID.UUID())
	s.known(prefix+"cpt.mapping", cpt.ID.String(), cpt.ID.UUID())
}

func payerMappingList() list {
	return list{
		name: "payer mappings", path: "payer-mappings/", parent: "Query", field: "payerMappings", from: "payer_mappings", key: "id", prefix: "pmap",
		order: []string{"raw_name", "id"}, tie: []string{"raw_name", "id"}, search: []string{"raw_name", "normalized_name"},
		words: []string{"aetna", "BETTER médica", "50%", "_", `back\slash`, "nothing like it"},
		filters: []probe{
			holds("raw_name", "raw_name", "AETNA"), holds("raw_name", "raw_name", "_"), holds("raw_name", "raw_name", `\`),
			holds("normalized_name", "normalized_name", "médi"), holds("normalized_name", "normalized_name", "%"),
		},
	}
}

func cptMappingList() list {
	return list{
		name: "CPT group mappings", path: "cpt-mappings/", parent: "Query", field: "cptGroupMappings", from: "cpt_group_mappings", key: "id", prefix: "cmap",
		order: []string{"cpt_code", "id"}, tie: []string{"cpt_code", "id"}, search: []string{"cpt_code", "cpt_group"},
		words: []string{"office", "992 VISITS", "50%", "_a", "nothing like it"},
		filters: []probe{
			equals("cpt_code", "cpt_code", "99201"), equals("cpt_group", "cpt_group", "OFFICE"), equals("cpt_group", "cpt_group", "E&M"),
		},
	}
}

// seedMappings gives each of twins mappings to change.
func seedMappings(s *Server) {
	s.mapped("first.", s.Cedar, "AETNA INC", "99213")
	s.mapped("second.", s.Cedar, "Cigna Corp", "99214")
	s.mapped("harbor.", s.Harbor, "AETNA INC", "99213")
	s.keyFor(models.ScopeMappingsWrite)
}

// object is a JSON object from names and values in turn.
func object(pairs ...any) map[string]any {
	o := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

// mappingChanges succeed one after another.
func mappingChanges() []write {
	p, c := payerMapping, cptMapping
	byRoot := p.changing("a superuser changes one", "root", "{second.payer.mapping}", 0, object("normalized_name", "Cigna Health"))
	byRoot.As.Customer = "{cedar}"
	byKey := c.changing("a key changes one", "", "{second.cpt.mapping}", 2, object("cpt_code", "99217"))
	byKey.As = Asker{Key: "mappings:write"}
	return []write{
		p.creating("an analyst maps a payer", "cedar.analyst", object("raw_name", " UHC ", "normalized_name", "UnitedHealthcare\n")),
		p.creating("what another customer has mapped", "cedar.owner", object("raw_name", "Humana", "normalized_name", "Humana")),
		p.changing("one name of two", "cedar.analyst", "{first.payer.mapping}", 0, object("normalized_name", "Aetna Health")),
		p.changing("both names, at a version", "cedar.admin", "{first.payer.mapping}", 2, object("raw_name", "Aetna, Inc.", "normalized_name", "Aetna")),
		p.changing("a raw name in another case", "cedar.admin", "{first.payer.mapping}", 3, object("raw_name", "AETNA, INC.")),
		idle(p.changing("what is so already", "cedar.admin", "{first.payer.mapping}", 4, object("raw_name", "AETNA, INC. ", "normalized_name", "Aetna"))),
		idle(p.changing("nothing", "cedar.analyst", "{first.payer.mapping}", 0, object())),
		p.replacing("a mapping as a whole", "cedar.analyst", "{first.payer.mapping}", 4, object("raw_name", "AETNA INC", "normalized_name", "Aetna 2")),
		idle(p.replacing("with the same", "cedar.analyst", "{first.payer.mapping}", 5, object("raw_name", "AETNA INC", "normalized_name", "Aetna 2"))),
		byRoot,
		p.deleting("an analyst deletes one", "cedar.analyst", "{second.payer.mapping}", 2),
		p.deleting("any version", "cedar.owner", "{first.payer.mapping}", 0),
		p.creating("a name that is free again", "cedar.analyst", object("raw_name", "aetna inc", "normalized_name", "Aetna")),

		c.creating("an analyst groups a code", "cedar.analyst", object("cpt_code", " J1100 ", "cpt_group", "INJECTIONS")),
		c.creating("a code of twenty characters", "cedar.analyst", object("cpt_code", strings.Repeat("9", 20), "cpt_group", strings.Repeat("é", 50))),
		c.changing("a group", "cedar.analyst", "{second.cpt.mapping}", 1, object("cpt_group", "VISITS")),
		byKey,
		c.replacing("code and group", "cedar.analyst", "{first.cpt.mapping}", 0, object("cpt_code", "99214", "cpt_group", "E&M")),
		c.deleting("a group", "cedar.admin", "{second.cpt.mapping}", 3),
	}
}

// mappingRefusals leave everything as it is.
func mappingRefusals() []write {
	p, c := payerMapping, cptMapping
	long := strings.Repeat("é", 256)
	own, theirs, none := "{first.payer.mapping}", "{harbor.payer.mapping}", "pmap"+nowhere
	name := object("normalized_name", "Aetna 2")
	return []write{
		refusing(p.creating("nobody", "", object("raw_name", "a", "normalized_name", "b")), models.CodeUnauthenticated),
		refusing(p.creating("a viewer", "cedar.viewer", object("raw_name", "a", "normalized_name", "b")), models.CodeForbidden),
		refusing(p.creating("two blanks", "cedar.analyst", object("raw_name", " ", "normalized_name", "")), models.CodeValidation, "normalized_name invalid", "raw_name invalid"),
		refusing(p.creating("two long names", "cedar.analyst", object("raw_name", long, "normalized_name", long)), models.CodeValidation, "normalized_name invalid", "raw_name invalid"),
		inWords(refusing(p.creating("half a mapping", "cedar.analyst", object("raw_name", "a")), models.CodeValidation, "normalized_name required")),
		inWords(refusing(p.creating("something else", "cedar.analyst", object("raw_name", "a", "normalized_name", "b", "color", "red")), models.CodeValidation, "color unknown")),
		refusing(p.creating("what is mapped, in another case", "cedar.analyst", object("raw_name", " aetna inc", "normalized_name", "b")), models.CodeConflict, "raw_name taken"),
		refusing(p.changing("to what is mapped", "cedar.analyst", "{second.payer.mapping}", 1, object("raw_name", "AETNA inc")), models.CodeConflict, "raw_name taken"),
		refusing(p.replacing("by what is mapped", "cedar.analyst", "{second.payer.mapping}", 0, object("raw_name", "AETNA inc", "normalized_name", "x")), models.CodeConflict, "raw_name taken"),
		refusing(p.changing("a viewer changes", "cedar.viewer", own, 0, name), models.CodeForbidden),
		refusing(p.changing("null", "cedar.analyst", own, 0, object("raw_name", nil, "normalized_name", " ")), models.CodeValidation, "normalized_name invalid", "raw_name required"),
		inWords(refusing(p.changing("a list", "cedar.analyst", own, 0, object("raw_name", []any{})), models.CodeValidation, "raw_name invalid")),
		inWords(refusing(p.changing("an unknown member", "cedar.analyst", own, 0, object("rawname", "a")), models.CodeValidation, "rawname unknown")),
		inWords(refusing(p.changing("a member to be read only", "cedar.analyst", own, 0, object("created_at", "2026-06-01T00:00:00Z")), models.CodeValidation, "created_at read_only")),
		refusing(p.changing("a version that was", "cedar.analyst", own, 7, name), models.CodeStale),
		refusing(p.changing("nothing, at a version that was", "cedar.analyst", own, 7, object()), models.CodeStale),
		refusing(p.replacing("as a whole, at a version that was", "cedar.analyst", own, 2, object("raw_name", "a", "normalized_name", "b")), models.CodeStale),
		refusing(p.changing("another customer's", "cedar.owner", theirs, 0, name), models.CodeNotFound),
		refusing(p.changing("none", "cedar.owner", none, 1, name), models.CodeNotFound),
		refusing(p.changing("of another kind", "cedar.owner", "{first.cpt.mapping}", 0, name), models.CodeValidation, "id invalid"),
		refusing(p.deleting("a viewer deletes", "cedar.viewer", own, 0), models.CodeForbidden),
		refusing(p.deleting("a version that was not", "cedar.analyst", own, 2), models.CodeStale),
		refusing(p.deleting("another customer's mapping", "cedar.owner", theirs, 1), models.CodeNotFound),
		refusing(p.deleting("no mapping", "cedar.owner", none, 0), models.CodeNotFound),

		refusing(c.creating("a viewer groups", "cedar.viewer", object("cpt_code", "1", "cpt_group", "A")), models.CodeForbidden),
		refusing(c.creating("a code too long, all", "cedar.analyst", object("cpt_code", strings.Repeat("1", 21), "cpt_group", "all ")), models.CodeValidation, "cpt_code invalid", "cpt_group invalid"),
		refusing(c.creating("a code that has a group", "cedar.analyst", object("cpt_code", "99213 ", "cpt_group", "A")), models.CodeConflict, "cpt_code taken"),
		refusing(c.changing("to a code that has a group", "cedar.analyst", "{second.cpt.mapping}", 1, object("cpt_code", "99213")), models.CodeConflict, "cpt_code taken"),
		refusing(c.changing("no code and no group", "cedar.analyst", "{second.cpt.mapping}", 1, object("cpt_code", nil, "cpt_group", nil)), models.CodeValidation, "cpt_code required", "cpt_group required"),
		refusing(c.replacing("a code at a version that was", "cedar.analyst", "{second.cpt.mapping}", 3, object("cpt_code", "1", "cpt_group", "A")), models.CodeStale),
		refusing(c.changing("another customer's group", "cedar.owner", "{harbor.cpt.mapping}", 0, object("cpt_group", "A")), models.CodeNotFound),
		refusing(c.deleting("another customer's code", "cedar.owner", "{harbor.cpt.mapping}", 0), models.CodeNotFound),
		refusing(c.deleting("a code at a version that was not", "cedar.analyst", "{second.cpt.mapping}", 2), models.CodeStale),
	}
}

func TestMappingChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedMappings)
	for _, c := range mappingChanges() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}

func TestRefusedMappingChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedMappings)
	for _, c := range mappingRefusals() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}

// TestMappingConflictNamesTheMapping finds the identifier of the mapping that is
// in the way in both APIs.
func TestMappingConflictNamesTheMapping(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedMappings)
	for name, c := range map[string]write{
		"{first.payer.mapping}": payerMapping.creating("", "cedar.analyst", object("raw_name", "Aetna Inc", "normalized_name", "b")),
		"{first.cpt.mapping}":   cptMapping.changing("", "cedar.analyst", "{second.cpt.mapping}", 0, object("cpt_code", "99213")),
	} {
		rest, graphql := w.ask(t, c.Case)
		same(t, "in REST", w.rest.expand(t, name), rest.Existing)
		same(t, "in GraphQL", w.graphql.expand(t, name), graphql.Existing)
	}
}

// TestMappingsTakeEffectAtOnce reads a file after each change of a mapping, by
// either API: no reader remembers how names were read before.
func TestMappingsTakeEffectAtOnce(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedMappings)
	for i, tt := range []struct {
		change       write
		payer, group string
	}{
		{payerMapping.changing("renamed", "cedar.analyst", "{first.payer.mapping}", 0, object("normalized_name", "Aetna Two")), "Aetna Two", "OFFICE"},
		{cptMapping.changing("regrouped", "cedar.analyst", "{first.cpt.mapping}", 0, object("cpt_group", "VISITS")), "Aetna Two", "VISITS"},
		{cptMapping.deleting("ungrouped", "cedar.analyst", "{first.cpt.mapping}", 0), "Aetna Two", "E&M"},
		{payerMapping.deleting("forgotten", "cedar.analyst", "{first.payer.mapping}", 0), "Aetna Inc", "E&M"},
		{payerMapping.creating("mapped again", "cedar.analyst", object("raw_name", "aetna inc", "normalized_name", "Aetna Three")), "Aetna Three", "E&M"},
	} {
		tt.change.run(t, w)
		for _, s := range []*Server{w.rest, w.graphql} {
			file := fmt.Sprintf("claim_number,payer,cpt,submitted_date,decided_date,outcome\nM-%d,Aetna Inc,99213,2026-05-01,2026-05-09,PAID\n", i)
			_ = must(s.Cedar.IngestText(file))(t)
			got := query[[]string](t, s.Cedar, fmt.Sprintf(`SELECT jsonb_build_array(payer, cpt_group) FROM claims WHERE claim_number = 'M-%d'`, i))
			same(t, tt.change.Name, []string{tt.payer, tt.group}, got)
		}
	}
}
