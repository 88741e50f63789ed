package claimfile

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"

	"upstream/models"
)

//go:embed rbcs/hcpcs_rbcs_2024.csv
var rbcsTable string

// Groups gives a procedure code the CPT group it has when the customer's own
// mapping does not name one. The zero value knows no code.
type Groups struct{ byCode map[string]string }

// DefaultGroups reads the embedded table of RBCS categories (Restructured BETOS
// Classification System of the Centers for Medicare and Medicaid Services,
// 2024). Groups are the categories in upper case: ANESTHESIA, DME, E&M, IMAGING,
// OTHER, PROCEDURE, TEST and TREATMENT. It is meant to be called once, at
// start-up; the result may be shared. The error tells of a damaged table.
func DefaultGroups() (Groups, error) { return parseGroups(rbcsTable) }

func parseGroups(table string) (Groups, error) {
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		return Groups{}, fmt.Errorf("claimfile: RBCS table: %w", err)
	}
	if len(rows) == 0 || len(rows[0]) < 2 || rows[0][0] != "hcpcs_code" || rows[0][1] != "rbcs_category" {
		return Groups{}, errors.New("claimfile: RBCS table: wrong header")
	}
	names := map[string]string{} // one copy of each name
	byCode := make(map[string]string, len(rows))
	for i, row := range rows[1:] {
		code, group := row[0], strings.ToUpper(row[1])
		if code == "" || group == "" || group == models.CPTGroupAll {
			return Groups{}, fmt.Errorf("claimfile: RBCS table: row %d has no usable code and category", i+2)
		}
		if names[group] == "" {
			names[group] = strings.Clone(group)
		}
		byCode[strings.Clone(code)] = names[group]
	}
	return Groups{byCode: byCode}, nil
}

// Of is the group of a code, models.CPTGroupOther for an unknown one. Letters
// of the code may be in either case.
func (g Groups) Of(code string) string {
	if group, ok := g.byCode[code]; ok {
		return group
	}
	if group, ok := g.byCode[strings.ToUpper(code)]; ok {
		return group
	}
	return models.CPTGroupOther
}
