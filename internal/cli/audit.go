package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"upstream/models"
	"upstream/store"
)

type auditCommand struct {
	Verify auditVerify `cmd:"" help:"Prove that no line of the audit log was changed, removed, added or moved."`
}

type auditVerify struct {
	Customer string `help:"Slug of the one customer whose chain to prove; all, and the platform's, otherwise." placeholder:"SLUG"`
	Against  string `help:"What an earlier run printed with --json: the chains must still hold the ends it names." placeholder:"FILE" type:"existingfile"`
}

// platform names the chain of lines without a customer.
const platform = "(platform)"

// errBroken is the failure of a verification.
var errBroken = errors.New("the audit log does not hold: what it says was changed after it was written")

// chainResult is the verification of one chain as the command line prints it.
type chainResult struct {
	// Customer is the slug; empty for the platform's chain.
	Customer string      `json:"customer"`
	Intact   bool        `json:"intact"`
	Lines    int64       `json:"lines"`
	Head     *chainEnd   `json:"head"`
	Broken   *brokenLink `json:"broken"`
}

type chainEnd struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

type brokenLink struct {
	Seq    int64                `json:"seq"`
	Event  *models.AuditEventID `json:"event"`
	Reason string               `json:"reason"`
}

// Run verifies the chains and fails when one is broken.
func (c auditVerify) Run(ctx context.Context, a *app) error {
	anchors, err := readAnchors(c.Against)
	if err != nil {
		return err
	}
	return a.openStore(ctx, commandConns, false, func(st *store.Store, _ *database) error {
		results, err := c.verify(ctx, st, anchors)
		if err != nil {
			return err
		}
		if err := a.print(results, func(w *tabwriter.Writer) { printChains(w, results) }); err != nil {
			return err
		}
		for _, r := range results {
			if !r.Intact {
				return errBroken
			}
		}
		return nil
	})
}

func (c auditVerify) verify(ctx context.Context, st *store.Store, anchors map[string]*models.AuditAnchor) ([]chainResult, error) {
	var customers []*models.Customer
	if c.Customer != "" {
		customer, err := st.CustomerBySlug(ctx, c.Customer)
		if err != nil {
			return nil, err
		}
		customers = append(customers, customer)
	} else {
		all, err := st.AllCustomers(ctx)
		if err != nil {
			return nil, err
		}
		customers = append([]*models.Customer{{}}, all...)
	}
	seen := map[string]bool{}
	results := make([]chainResult, 0, len(customers))
	for _, customer := range customers {
		report, err := st.VerifyAudit(ctx, customer.ID, anchors[customer.Slug])
		if err != nil {
			return nil, err
		}
		seen[customer.Slug] = true
		results = append(results, newChainResult(customer.Slug, report))
	}
	for slug := range anchors {
		if c.Customer == "" && !seen[slug] {
			results = append(results, newChainResult(slug, &models.AuditReport{
				Fault: &models.AuditFault{Seq: 1, Reason: "the customer and its chain are gone"},
			}))
		}
	}
	return results, nil
}

func newChainResult(slug string, report *models.AuditReport) chainResult {
	r := chainResult{Customer: slug, Intact: report.Fault == nil, Lines: report.Lines}
	if report.Head.Seq > 0 {
		r.Head = &chainEnd{Seq: report.Head.Seq, Hash: hex.EncodeToString(report.Head.Hash)}
	}
	if f := report.Fault; f != nil {
		r.Broken = &brokenLink{Seq: f.Seq, Event: f.Event, Reason: f.Reason}
	}
	return r
}

func printChains(w *tabwriter.Writer, results []chainResult) {
	_, _ = fmt.Fprintln(w, "CHAIN\tLINES\tRESULT")
	for _, r := range results {
		name, said := r.Customer, "intact"
		if name == "" {
			name = platform
		}
		switch {
		case r.Broken != nil:
			said = fmt.Sprintf("BROKEN at line %d: %s", r.Broken.Seq, r.Broken.Reason)
		case r.Head != nil:
			said += ", ends in " + r.Head.Hash
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\n", name, r.Lines, said)
	}
}

// readAnchors reads the ends of the chains, by slug, that an earlier
// verification printed; none when no file is named.
func readAnchors(name string) (map[string]*models.AuditAnchor, error) {
	if name == "" {
		return nil, nil
	}
	body, err := os.ReadFile(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	var earlier []chainResult
	if err := json.Unmarshal(body, &earlier); err != nil {
		return nil, usageError{fmt.Errorf("%s is not what `upstream audit verify --json` prints: %w", name, err)}
	}
	anchors := map[string]*models.AuditAnchor{}
	for _, r := range earlier {
		if r.Head == nil {
			continue
		}
		hash, err := hex.DecodeString(r.Head.Hash)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: the hash of %q is not hexadecimal", name, r.Customer)}
		}
		anchors[r.Customer] = &models.AuditAnchor{Seq: r.Head.Seq, Hash: hash}
	}
	return anchors, nil
}
