package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"upstream/models"
)

// codeNotTrusted answers documents that are not on the list of those that may
// be run. It is not the code for a persisted query that is not known: to that,
// clients would send the whole query.
const codeNotTrusted models.Code = "DOCUMENT_NOT_TRUSTED"

// sha256Prefix may come before an identifier that is a hash, as the draft of
// the GraphQL-over-HTTP specification writes it.
const sha256Prefix = "sha256:"

// TrustedDocuments are documents that may be run, by identifier.
type TrustedDocuments struct {
	byID  map[string]string
	texts map[string]bool
}

// ReadTrustedDocuments reads a JSON object of document texts by identifier, the
// form in which relay-compiler persists queries; the identifiers are hashes of
// any kind. Each document must be valid, and one whose identifier is as long as
// a SHA-256 must have it. The error names every one that is not so.
func ReadTrustedDocuments(text []byte) (*TrustedDocuments, error) {
	t := &TrustedDocuments{texts: map[string]bool{}}
	if err := json.Unmarshal(text, &t.byID); err != nil {
		return nil, fmt.Errorf("trusted documents must be a JSON object of texts by hash: %w", err)
	}
	if len(t.byID) == 0 {
		return nil, errors.New("trusted documents: the file holds none, so nothing could be run")
	}
	schema := loadSchema()
	var problems []error
	for _, id := range slices.Sorted(maps.Keys(t.byID)) {
		document := t.byID[id]
		if _, errs := gqlparser.LoadQueryWithRules(schema, document, rules.NewDefaultRules()); errs != nil {
			problems = append(problems, fmt.Errorf("trusted document %q is not valid: %w", id, errs))
		}
		if len(id) == len(hashOf("")) && id != hashOf(document) {
			problems = append(problems, fmt.Errorf("trusted document %q: its SHA-256 is %s", id, hashOf(document)))
		}
		t.texts[document] = true
	}
	return t, errors.Join(problems...)
}

// trustedOnly refuses whatever is not on the list.
type trustedOnly struct{ documents *TrustedDocuments }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
} = trustedOnly{}

// ExtensionName implements graphql.HandlerExtension.
func (trustedOnly) ExtensionName() string { return "TrustedOnly" }

// Validate implements graphql.HandlerExtension.
func (trustedOnly) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (t trustedOnly) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	id := requestFrom(ctx).document
	if id == "" && params.Query == "" {
		hash, _, err := persistedHash(params.Extensions)
		if err != nil {
			return err
		}
		id = hash
	}
	if id != "" {
		text, known := t.documents.byID[strings.TrimPrefix(id, sha256Prefix)]
		if params.Query = text; known {
			return nil
		}
	}
	if t.documents.texts[params.Query] {
		return nil
	}
	return refuse(models.NewError(codeNotTrusted, "This server runs only the documents on its list, and this is none of them."))
}
