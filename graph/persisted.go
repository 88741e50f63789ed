package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"upstream/models"
)

// Automatic persisted queries, in Apollo's protocol: a client sends the SHA-256
// of a query in place of the query; if it is not known here, it sends both once.
// docs/graphql.md says who shares what.
const extensionPersisted = "persistedQuery"

const (
	// codePersistedQueryNotFound and its message are what clients look for.
	codePersistedQueryNotFound    models.Code = "PERSISTED_QUERY_NOT_FOUND"
	messagePersistedQueryNotFound string      = "PersistedQueryNotFound"
)

// persistedQueries puts the query in the place of its hash.
type persistedQueries struct{ kept *persistedCache }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
} = persistedQueries{}

// ExtensionName implements graphql.HandlerExtension.
func (persistedQueries) ExtensionName() string { return "PersistedQueries" }

// Validate implements graphql.HandlerExtension.
func (persistedQueries) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (p persistedQueries) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	r := requestFrom(ctx)
	if r.document != "" && params.Query == "" {
		return refuse(models.NewError(models.CodeValidation, "The request has no query: this server keeps no list of documents."))
	}
	hash, given, err := persistedHash(params.Extensions)
	if err != nil || !given {
		return err
	}
	if params.Query == "" {
		text, known := p.kept.get(ownerOf(r), hash)
		if !known {
			return refuse(models.NewError(codePersistedQueryNotFound, messagePersistedQueryNotFound))
		}
		params.Query = text
		return nil
	}
	if hashOf(params.Query) != hash {
		return refuse(models.NewError(models.CodeValidation, "The sha256Hash is not that of the query."))
	}
	r.persist = hash
	return nil
}

// ownerOf is who shares the queries that a request makes known, and false for
// who may make none known.
func ownerOf(r *request) persistedOwner {
	return persistedOwner{customer: r.viewer.CustomerID, none: r.audience == AudienceAnonymous}
}

// persistedHash reads the extension; false when the request has none.
func persistedHash(extensions map[string]any) (hash string, given bool, refused *gqlerror.Error) {
	value := extensions[extensionPersisted]
	if value == nil {
		return "", false, nil
	}
	object, _ := value.(map[string]any)
	hash, _ = object["sha256Hash"].(string)
	version, _ := wholeNumber(object["version"])
	if raw, err := hex.DecodeString(hash); err != nil || len(raw) != sha256.Size || hash != hex.EncodeToString(raw) || version != 1 {
		return "", true, refuse(models.NewError(models.CodeValidation,
			"The extension persistedQuery must have the version 1 and a sha256Hash of 64 hexadecimal digits in lower case."))
	}
	return hash, true, nil
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// keepPersisted keeps a query that came with its hash and passed every check.
type keepPersisted struct{ kept *persistedCache }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = keepPersisted{}

// ExtensionName implements graphql.HandlerExtension.
func (keepPersisted) ExtensionName() string { return "KeepPersisted" }

// Validate implements graphql.HandlerExtension.
func (keepPersisted) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (k keepPersisted) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if r := requestFrom(ctx); r.persist != "" {
		k.kept.add(ownerOf(r), r.persist, op.RawQuery)
	}
	return nil
}
