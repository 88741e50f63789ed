package graph

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The numbers in the text of the guide are those of the code.
func TestNumbersAreDocumented(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/graphql.md")
	if err != nil {
		t.Fatal(err)
	}
	thousands := func(n int) string {
		if n < 1000 {
			return strconv.Itoa(n)
		}
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	for _, sentence := range []string{
		fmt.Sprintf("`totalCount` costs %d, `evidence` %s and a mutation %s", costTotalCount, thousands(costEvidence), thousands(costMutation)),
		fmt.Sprintf("at most %s or %d MiB of one customer, %s or %d MiB of all, none above %d KiB", thousands(persistedOwnEntries), persistedOfOwner>>20,
			thousands(persistedAllEntries), persistedOfAll>>20, longestPersisted>>10),
		string(codePersistedQueryNotFound), string(codeNotTrusted), messagePersistedQueryNotFound,
	} {
		if !strings.Contains(string(guide), sentence) {
			t.Errorf("the guide does not say %q", sentence)
		}
	}
	if introspectShare != 5 {
		t.Error("the guide says that introspection costs a fifth")
	}
}
