package models_test

import (
	"testing"

	"github.com/google/uuid"

	"upstream/models"
)

func TestSealedAs_EveryPartCounts(t *testing.T) {
	t.Parallel()
	row, customer := uuid.New(), models.CustomerID{}.From(uuid.New())
	base := models.SealedAs{Table: "a", Column: "bc", Row: row, Customer: customer}
	if again := base; string(again.AssociatedData()) != string(base.AssociatedData()) {
		t.Error("the same value gives different texts")
	}
	for name, other := range map[string]models.SealedAs{
		"table":    {Table: "x", Column: "bc", Row: row, Customer: customer},
		"column":   {Table: "a", Column: "x", Row: row, Customer: customer},
		"row":      {Table: "a", Column: "bc", Row: uuid.New(), Customer: customer},
		"customer": {Table: "a", Column: "bc", Row: row, Customer: models.CustomerID{}.From(uuid.New())},
		"nobody":   {Table: "a", Column: "bc", Row: row},
		"boundary": {Table: "ab", Column: "c", Row: row, Customer: customer},
		"quotes":   {Table: `a","bc`, Row: row, Customer: customer},
	} {
		if string(other.AssociatedData()) == string(base.AssociatedData()) {
			t.Errorf("another %s gives the same text", name)
		}
	}
}
