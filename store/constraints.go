package store

import (
	"maps"
	"slices"

	"upstream/models"
)

// rule is what one constraint of the schema means to a client.
type rule struct {
	code models.Code
	// field and message complete each other: "<field> <message>".
	field   string
	message string
	// inUse is the sentence for a delete that a foreign key forbids.
	inUse string
}

// sentence is the public message of the whole error.
func (r rule) sentence() string {
	if r.code == models.CodeConflict {
		return "The change conflicts with what is stored: " + r.field + " " + r.message + "."
	}
	return "The input is not valid."
}

func taken(field, message string) rule {
	return rule{code: models.CodeConflict, field: field, message: message}
}

func broken(field, message string) rule {
	return rule{code: models.CodeValidation, field: field, message: message}
}

func reference(field, message, inUse string) rule {
	return rule{code: models.CodeValidation, field: field, message: message, inUse: inUse}
}

// constraints maps every constraint of the schema to what it means. A test
// reads the catalogue and fails on one that is missing here or gone there. The
// names in invariants are kept by our own code: a violation is our mistake,
// and its error is internal.
func constraints() map[string]rule {
	all := map[string]rule{}
	for _, of := range []map[string]rule{accountConstraints(), claimConstraints(), driftConstraints(), alertConstraints(), webhookConstraints()} {
		maps.Copy(all, of)
	}
	return all
}

// invariants are the constraints no input can violate.
func invariants() []string {
	return slices.Concat(accountInvariants(), claimInvariants(), driftInvariants(), alertInvariants(), webhookInvariants())
}
