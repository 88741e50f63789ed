package store_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upstream/internal/factory"
	"upstream/models"
)

// A search finds the claims that have each of its words in one of three columns,
// as a plain look at every claim does.
func TestClaimSearch_FindsWhatALookAtEveryClaimFinds(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := w.Tenant("cedar")
	upload := cedar.UploadRow()
	random := rand.New(rand.NewPCG(21, 22))
	rows := scattered(cedar, upload.ID, random, 300)
	for i, row := range rows {
		row.CPT = []string{"99213", "99214", "70450", `X_%\`, "e45"}[random.IntN(5)]
		if i < 260 { // more codes than are named one by one
			row.CPT = "Z" + strings.Repeat("z", i%4) + string(rune('a'+i%26)) + string(rune('a'+i/26))
		}
	}
	cedar.Insert(upload, &rows)
	words := []string{"aet", "CIGNA", "dica", "9921", "70450", "e45", "co-45", "co-", "z", "zz", "%", `\`, "_", "nothing", `a'`, "m"}
	found, none := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		asked := rapid.SliceOfN(rapid.SampledFrom(words), 1, 10).Draw(t, "words")
		var want []string
		for _, row := range rows {
			if !slices.ContainsFunc(asked, func(word string) bool { return !mentions(row, word) }) {
				want = append(want, row.ID.String())
			}
		}
		list := models.List[models.ClaimOrderField]{Search: strings.Join(asked, ", "), Page: models.Page{Limit: 1000, WantTotal: true}}
		got := must(w.Store.Claims(context.Background(), cedar.System(), models.ClaimFilter{}, list))(t)
		equal(t, "claims", slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(ids(got.Items))))
		equal(t, "total", int64(len(want)), *got.Total)
		if len(want) > 0 {
			found++
		} else {
			none++
		}
	})
	if found < 5 || none < 5 {
		t.Errorf("%d searches found something, %d nothing", found, none)
	}
}

func mentions(c *models.Claim, word string) bool {
	for _, text := range []string{c.Payer, c.CPT, text(c.DenialReasonCode)} {
		if text != "nothing" && strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
			return true
		}
	}
	return false
}

// A search for what nothing has reads an entry of each value and no claims.
func TestExplain_SearchReadsValues(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar := crowded(w)
	r := traced(w)
	list := models.List[models.ClaimOrderField]{Search: "zzzz", Page: models.Page{Limit: 50, WantTotal: true}}
	equal(t, "rows", 0, len(must(w.Store.Claims(t.Context(), cedar.System(), models.ClaimFilter{}, list))(t).Items))
	hops := 0
	for _, sent := range r.take() {
		if !strings.Contains(sent.sql, "claims") {
			continue
		}
		for _, scan := range explain(t, cedar, sent) {
			if strings.HasPrefix(scan, "Index") {
				hops++
			} else if strings.Contains(scan, "claims") {
				t.Errorf("%s\n%s", scan, sent.sql[max(0, len(sent.sql)-700):])
			}
		}
	}
	if hops < 3 {
		t.Errorf("indexes are entered at %d places, fewer than there are columns", hops)
	}
}
