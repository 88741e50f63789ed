package graph

import (
	"io/fs"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"upstream/graph/schema"
	"upstream/models"
)

// loadSchema reads the embedded schema. It panics when that is broken, which
// the tests of this package would have shown.
func loadSchema() *ast.Schema {
	names, err := fs.Glob(schema.Files, "*.graphqls")
	if err != nil {
		panic(err)
	}
	sources := make([]*ast.Source, len(names))
	for i, name := range names {
		text, err := schema.Files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		sources[i] = &ast.Source{Name: name, Input: string(text)}
	}
	s := gqlparser.MustLoadSchema(sources...)
	// The parser's prelude offers @defer, whose later parts have no way to a
	// client here: an answer is one JSON document.
	delete(s.Directives, "defer")
	tellNeeds(s)
	return s
}

// directiveRequires declares the permission of a field or a type.
const directiveRequires = "requires"

// tellNeeds adds to the description of whatever needs a permission which one it
// is, and which scope it means for an API key: introspection shows descriptions
// and no directives.
func tellNeeds(s *ast.Schema) {
	for _, def := range s.Types {
		def.Description += needs(def.Directives)
		for _, f := range def.Fields {
			f.Description += needs(f.Directives)
		}
	}
}

func needs(declared ast.DirectiveList) string {
	d := declared.ForName(directiveRequires)
	if d == nil {
		return ""
	}
	var p models.Permission
	name := d.Arguments.ForName("permission").Value.Raw
	if err := p.UnmarshalGQL(name); err != nil {
		panic(err) // the schema names a permission that the policy does not have
	}
	return " " + p.NeedsSentence(name)
}

// SDL is the whole schema in the schema definition language, types in
// alphabetical order, the same text on every call.
func SDL() string {
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(loadSchema())
	return b.String()
}
