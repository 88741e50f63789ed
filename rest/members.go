package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"upstream/models"
)

// members is a JSON object whose members are looked at one by one, so that
// everything that is wrong with any of them is told at once.
type members map[string]json.RawMessage

// Schema implements huma.SchemaProvider. It is what the library checks; what is
// documented is that of membersReader.
func (members) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// membersReader reads a body into P, a struct of models.Change fields, by the
// tags of P: a field added there is a member here, read, documented and
// suggested, without another line.
type membersReader[P patch] struct {
	// whole says that a member that is left out is null.
	whole bool
	// names are the members, and readOnly those that only answers have.
	names    []string
	readOnly []string
}

// newMembersReader looks at P once; R is the representation of the row.
func newMembersReader[P patch, R any](whole bool) membersReader[P] {
	r := membersReader[P]{whole: whole, names: memberNames(reflect.TypeFor[P]())}
	for _, name := range memberNames(reflect.TypeFor[R]()) {
		if !slices.Contains(r.names, name) {
			r.readOnly = append(r.readOnly, name)
		}
	}
	return r
}

func memberNames(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name := memberName(f); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func memberName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// read answers with what the body says, or with everything that is wrong with
// it.
func (r membersReader[P]) read(body members) (P, error) {
	var p P
	v := reflect.ValueOf(&p).Elem()
	fields := r.refuseOthers(body)
	for i := range v.NumField() {
		name := memberName(v.Type().Field(i))
		raw, given := body[name]
		if !given && r.whole {
			raw, given = json.RawMessage("null"), true
		}
		if !given {
			continue
		}
		faults := unreadable(name, raw, v.Field(i))
		if fields = append(fields, faults...); len(faults) > 0 {
			v.Field(i).SetZero()
		}
	}
	if len(fields) == 0 {
		return p, nil // the store finds the rest
	}
	if err := p.Validate(); err != nil {
		fields = append(fields, models.AsError(err).Fields...)
	}
	return p, models.Invalid(fields...)
}

// unreadable reads one member into a models.Change and lists why it cannot be:
// what it holds is of another type or, where it is an object, unknown.
func unreadable(name string, raw json.RawMessage, into reflect.Value) []models.FieldError {
	err := json.Unmarshal(raw, into.Addr().Interface())
	if mismatch := (*json.UnmarshalTypeError)(nil); errors.As(err, &mismatch) && mismatch.Field != "" {
		name += "." + mismatch.Field
	}
	if err != nil {
		return []models.FieldError{{Path: name, Code: "invalid", Message: mistyped(err)}}
	}
	value, _ := into.Type().FieldByName("Value")
	known := value.Type.Elem()
	if known.Kind() != reflect.Struct {
		return nil
	}
	var below members
	if json.Unmarshal(raw, &below) != nil {
		return nil // a value that is written as a text, such as a date
	}
	var fields []models.FieldError
	for _, field := range (membersReader[patch]{names: memberNames(known)}).refuseOthers(below) {
		field.Path = name + "." + field.Path
		fields = append(fields, field)
	}
	return fields
}

// rules are the same for a request that is refused before the handler reads it.
func (r membersReader[P]) rules(raw []byte, _ time.Time) []models.FieldError {
	var body members
	if json.Unmarshal(raw, &body) != nil {
		return nil // which the schema says
	}
	p, err := r.read(body)
	if err == nil {
		err = p.Validate()
	}
	if err == nil {
		return nil
	}
	return models.AsError(err).Fields
}

// refuseOthers lists members that cannot be written.
func (r membersReader[P]) refuseOthers(body members) []models.FieldError {
	var fields []models.FieldError
	for _, name := range sortedKeys(body) {
		switch {
		case slices.Contains(r.names, name) || len(fields) == maxReported:
		case slices.Contains(r.readOnly, name):
			fields = append(fields, models.FieldError{Path: name, Code: "read_only", Message: "cannot be changed"})
		default:
			fields = append(fields, models.FieldError{
				Path: name, Code: "unknown", Message: "is not a field of this operation" + didYouMean(name, r.names),
			})
		}
	}
	return fields
}

// mistyped says what type a member must have.
func mistyped(err error) string {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return "cannot be read as a value of its type"
	}
	switch mismatch.Type.Kind() {
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Slice:
		return "must be an array"
	case reflect.Int, reflect.Int64:
		return "must be a whole number"
	case reflect.Float64:
		return "must be a number"
	default:
		return "must be an object"
	}
}

// schema documents the body, as a component of its own.
func (r membersReader[P]) schema(registry huma.Registry) *huma.Schema {
	t := reflect.TypeFor[P]()
	name := t.Name()
	if r.whole {
		name = strings.TrimSuffix(name, "Patch") + "Replacement"
	}
	ref := &huma.Schema{Ref: schemaPrefix + name}
	if _, known := registry.Map()[name]; known {
		return ref
	}
	var fields []reflect.StructField
	for f := range t.Fields() {
		value, _ := f.Type.FieldByName("Value")
		tag := strings.Replace(string(f.Tag), ` nullable:"true"`, "", 1)
		if !r.whole || mayBeNull(f) {
			tag = strings.Replace(tag, `json:"`+memberName(f)+`"`, `json:"`+memberName(f)+`,omitempty"`, 1)
		}
		fields = append(fields, reflect.StructField{Name: f.Name, Type: value.Type.Elem(), Tag: reflect.StructTag(tag)})
	}
	s := huma.SchemaFromType(registry, reflect.StructOf(fields))
	for f := range t.Fields() {
		if mayBeNull(f) {
			s.Properties[memberName(f)] = nullable(s.Properties[memberName(f)])
		}
	}
	registry.Map()[name] = s
	return ref
}

func mayBeNull(f reflect.StructField) bool { return f.Tag.Get("nullable") == "true" }

// documentMembers replaces what the library has made of the body of an
// operation. A patch may come as either of two media types.
func (a *api) documentMembers(op operation, s *huma.Schema) {
	item := a.huma.OpenAPI().Paths[op.path]
	content := map[string]*huma.MediaType{jsonType: {Schema: s}}
	documented := item.Put
	if op.method == http.MethodPatch {
		documented = item.Patch
		content[mergePatchType] = &huma.MediaType{Schema: s}
	}
	if documented == nil {
		panic(fmt.Sprintf("rest: %s %s takes no members", op.method, op.path)) // a mistake of ours that start-up shows
	}
	documented.RequestBody = &huma.RequestBody{Required: true, Content: content}
}
