package rest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
)

// The media types of exports.
const (
	csvType    = "text/csv"
	ndjsonType = "application/x-ndjson"
)

// exportFormats are what an export can be written as, the first unless the
// client says otherwise, by the word of the parameter.
func exportFormats() []string { return []string{"csv", "ndjson"} }

func exportType(format string) string {
	if format == "ndjson" {
		return ndjsonType
	}
	return csvType
}

// cell is one cell of CSV.
type cell struct {
	text string
	// foreign text came from a client, and may be a formula to a spreadsheet.
	foreign bool
}

// own is a cell that we have written: a number, a date, a word of ours.
func own(text string) cell { return cell{text: text} }

// foreign is a cell of somebody's own text.
func foreign(text string) cell { return cell{text: text, foreign: true} }

// String is the cell as it is written: behind an apostrophe where a spreadsheet
// would compute it.
func (c cell) String() string {
	if c.foreign && c.text != "" && strings.IndexByte("=+-@\t\r", c.text[0]) >= 0 {
		return "'" + c.text
	}
	return c.text
}

func optional(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// csvLines writes CSV as RFC 4180 has it. The standard library would change the
// line ends within cells.
type csvLines struct {
	w    io.Writer
	text []byte
}

// csvChunk is how much text is gathered before it is sent.
const csvChunk = 32 << 10

func (l *csvLines) write(cells []string) error {
	for i, text := range cells {
		if i > 0 {
			l.text = append(l.text, ',')
		}
		if !strings.ContainsAny(text, "\",\r\n") {
			l.text = append(l.text, text...)
			continue
		}
		l.text = append(l.text, '"')
		l.text = append(l.text, strings.ReplaceAll(text, `"`, `""`)...)
		l.text = append(l.text, '"')
	}
	l.text = append(l.text, "\r\n"...)
	if len(l.text) < csvChunk {
		return nil
	}
	return l.flush()
}

func (l *csvLines) flush() error {
	_, err := l.w.Write(l.text)
	l.text = l.text[:0]
	return err
}

// table is how rows are written as CSV.
type table[M any] struct {
	// name is that of the file, without its ending.
	name   string
	header []string
	cells  func(M) []cell
}

// exporting writes the rows of one export.
type exporting struct {
	w       http.ResponseWriter
	begin   func(http.Header)
	started bool
	// lines gathers CSV; nil for other formats. The first line is header.
	lines  *csvLines
	header []string
}

// start sends the headers, once: whatever goes wrong before is told as a problem.
func (e *exporting) start() error {
	if e.started {
		return nil
	}
	e.started = true
	e.begin(e.w.Header())
	e.w.WriteHeader(http.StatusOK)
	if e.lines == nil {
		return nil
	}
	return e.lines.write(e.header)
}

// finish sends what is left.
func (e *exporting) finish() error {
	if err := e.start(); err != nil {
		return err
	}
	if e.lines == nil {
		return nil
	}
	return e.lines.flush()
}

// exportFunc is the store's method behind an export.
type exportFunc[F, M any, O models.OrderField] func(context.Context, models.Viewer, F, models.List[O], func(M) error) error

// registerExport adds an operation that writes a whole list down, row by row.
func registerExport[F, M, R any, O models.OrderField](a *api, op operation, export exportFunc[F, M, O], t table[M], show func(links, M) R) {
	reader := newListReader[F, O](op)
	reader.known = slices.DeleteFunc(reader.known, func(name string) bool {
		return slices.Contains([]string{"page", "page_size", "cursor", "count"}, name)
	})
	reader.known = append(reader.known, "format")
	op.list, op.patient, op.throttle = true, true, []throttle.Class{throttle.BulkOperation}
	op.params = append(reader.filter.params(a.schemas()), listParams(reader.orders, op.unsearchable)...)
	op.params = slices.DeleteFunc(op.params, func(p *huma.Param) bool { return p.In == "query" && !slices.Contains(reader.known, p.Name) })
	op.params = append(op.params, formatParam())
	op.produces = []string{csvType, ndjsonType}
	register(a, op, func(ctx context.Context, _ *noInput) (*huma.StreamResponse, error) {
		q, err := callFrom(ctx).parsedQuery()
		if err != nil {
			return nil, err
		}
		format, err := exportFormat(q, accepted(ctx))
		if err != nil {
			return nil, err
		}
		filter, list, err := reader.read(q)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humachi.Unwrap(hc)
			a.extendDeadlines(w)
			out := &exporting{w: w, begin: a.exportHeaders(t.name, format)}
			write := jsonLines(w, func(row M) any { return show(linksFor(ctx), row) })
			if format == "csv" {
				out.lines, out.header = &csvLines{w: w}, t.header
				write = func(row M) error { return out.lines.write(written(t.cells(row))) }
			}
			a.stream(w, r, out, func() error {
				return export(ctx, auth.ViewerFrom(ctx), filter, list, func(row M) error {
					if err := out.start(); err != nil {
						return err
					}
					return write(row)
				})
			})
		}}, nil
	})
	a.documentExport(op)
}

// jsonLines writes each row as a line of JSON.
func jsonLines[M any](w io.Writer, show func(M) any) func(M) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(row M) error { return encoder.Encode(show(row)) }
}

func written(cells []cell) []string {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = c.String()
	}
	return texts
}

// stream runs an export. Once its answer has begun, cutting the connection is
// all that is left to say that it is not whole.
func (a *api) stream(w http.ResponseWriter, r *http.Request, out *exporting, run func() error) {
	if callFrom(r.Context()).head {
		_ = out.start() // there is nobody to send rows to
		return
	}
	err := run()
	if err == nil {
		err = out.finish()
	}
	switch {
	case err == nil:
	case !out.started:
		a.writeProblem(w, r, err)
	default:
		a.logInternal(r.Context(), models.AsError(err))
		panic(http.ErrAbortHandler)
	}
}

// exportHeaders says what the answer is and what to call it.
func (a *api) exportHeaders(name, format string) func(http.Header) {
	return func(h http.Header) {
		mediaType := exportType(format)
		if format == "csv" {
			mediaType += "; charset=utf-8; header=present"
		}
		h.Set("Content-Type", mediaType)
		h.Set("Content-Disposition", `attachment; filename="`+name+"-"+a.opts.Now().UTC().Format(models.DateLayout)+"."+format+`"`)
		h.Set("Cache-Control", "no-store")
		h.Add("Vary", "Accept")
	}
}

// exportFormat is what the client wants: by the parameter, else by what it
// accepts.
func exportFormat(q url.Values, accept string) (string, error) {
	var fault error
	text, given := single(q, "format", func(path, code, message string) { fault = models.InvalidField(path, code, "%s", message) })
	switch {
	case fault != nil:
		return "", fault
	case given && slices.Contains(exportFormats(), text):
		return text, nil
	case given:
		return "", models.InvalidField("format", "invalid", "must be csv or ndjson%s", didYouMean(text, exportFormats()))
	}
	format, best := "", 0.0
	for _, candidate := range exportFormats() {
		if q := preference(accept, exportType(candidate)); q > best {
			format, best = candidate, q
		}
	}
	if format == "" {
		return "", models.NewError(codeNotAcceptable, "Exports are text/csv or application/x-ndjson; accept one of them.")
	}
	return format, nil
}

func formatParam() *huma.Param {
	return &huma.Param{
		Name: "format", In: "query",
		Description: "What the rows are written as: CSV with a header line (RFC 4180), or one JSON object on each line. Without it the Accept header decides; csv when both are all right.",
		Schema:      &huma.Schema{Type: huma.TypeString, Enum: []any{"csv", "ndjson"}},
	}
}

// documentExport describes the answer, which the library cannot see.
func (a *api) documentExport(op operation) {
	content := map[string]*huma.MediaType{}
	for mediaType, example := range op.samples {
		content[mediaType] = &huma.MediaType{Schema: &huma.Schema{
			Type: huma.TypeString, MaxLength: new(maxExact), Examples: []any{example},
		}, Example: example}
	}
	success := a.huma.OpenAPI().Paths[op.path].Get.Responses[statusKey(http.StatusOK)]
	success.Content = content
	success.Description = "The rows, all of them or the connection is cut."
	if success.Headers == nil {
		success.Headers = map[string]*huma.Header{}
	}
	success.Headers["Content-Disposition"] = limitHeader("What to call the file.", `attachment; filename="claims-2026-05-01.csv"`)
}

func (a *api) registerExports() {
	registerExport(a, operation{
		id: "exportClaims", method: http.MethodGet, path: resourcePath("claims", "export"), tag: tagClaims,
		summary: "Export claims", description: "The customer's claims that match, all of them, with the filters, search and order of the list. " + exportSentence,
		permission: models.PermissionViewClaims, samples: map[string]any{
			csvType:    "id,upload,claim_number,...\r\nclm_01jz8k6v3pe9ktyh5wmcqa2x7d,upl_01jz8k6v3pe9ktyh5wmcqa2x7d,A-10042,...\r\n",
			ndjsonType: `{"id":"clm_01jz8k6v3pe9ktyh5wmcqa2x7d","payer":"Aetna"}` + "\n",
		},
	}, a.store.ExportClaims, claimTable(), showClaim)
	registerExport(a, operation{
		id: "exportDriftEvents", method: http.MethodGet, path: resourcePath("drift-events", "export"), tag: tagDrift,
		summary: "Export drift events", description: "The drift events that match, all of them, with the filters, search and order of the list. " + exportSentence,
		permission: models.PermissionViewReports, samples: map[string]any{
			csvType:    "payer,cpt_group,drift_type,...\r\nAetna,Imaging,DENIAL_RATE,...\r\n",
			ndjsonType: `{"id":"drift_01jz8k6v3pe9ktyh5wmcqa2x7d","payer":"Aetna"}` + "\n",
		},
	}, a.store.ExportDriftEvents, driftEventTable(), showDriftEvent)
}

const exportSentence = "Rows are sent as they are read, from one snapshot. Should that fail on the way, the connection is cut, and the answer " +
	"has no proper end. In CSV a text that a spreadsheet would take for a formula stands behind an apostrophe. JSON lines are rows as the list shows them. Exports are audited."

func claimTable() table[*models.Claim] {
	return table[*models.Claim]{
		name: "claims",
		header: []string{
			"id", "upload", "claim_number", "line_number", "payer", "cpt", "cpt_group", "submitted_date", "decided_date", "outcome",
			"billed_amount", "allowed_amount", "paid_amount", "denial_reason_code", "denial_reason_text", "payment_date",
			"authorization_required", "authorization_obtained", "authorization_number", "modifier_codes", "diagnosis_codes",
			"procedure_count", "data_quality_score", "submitted_via", "source_row_number", "processed_at",
		},
		cells: func(c *models.Claim) []cell {
			return []cell{
				own(c.ID.String()), own(c.UploadID.String()), foreign(optional(c.ClaimNumber)), own(strconv.Itoa(c.LineNumber)),
				foreign(c.Payer), foreign(c.CPT), foreign(c.CPTGroup), own(c.SubmittedDate.String()), own(c.DecidedDate.String()), own(string(c.Outcome)),
				own(optional(usd(c.BilledAmount))), own(optional(usd(c.AllowedAmount))), own(optional(usd(c.PaidAmount))),
				foreign(optional(c.DenialReasonCode)), foreign(optional(c.DenialReasonText)), own(dateText(c.PaymentDate)),
				own(strconv.FormatBool(c.AuthorizationRequired)), own(strconv.FormatBool(c.AuthorizationObtained)),
				foreign(optional(c.AuthorizationNumber)), foreign(strings.Join(c.ModifierCodes, "|")), foreign(strings.Join(c.DiagnosisCodes, "|")),
				own(strconv.Itoa(c.ProcedureCount)), own(number(c.DataQualityScore)), own(string(c.SubmittedVia)),
				own(whole(c.SourceRowNumber)), own(c.ProcessedAt.UTC().Format(time.RFC3339Nano)),
			}
		},
	}
}

func driftEventTable() table[*models.DriftEvent] {
	return table[*models.DriftEvent]{
		name: "drift-events",
		header: []string{
			"payer", "cpt_group", "drift_type", "baseline_value", "current_value", "delta_value", "severity", "confidence",
			"baseline_start", "baseline_end", "current_start", "current_end",
		},
		cells: func(e *models.DriftEvent) []cell {
			return []cell{
				foreign(e.Payer), foreign(e.CPTGroup), own(string(e.DriftType)),
				own(number(&e.BaselineValue)), own(number(&e.CurrentValue)), own(number(&e.DeltaValue)), own(number(&e.Severity)), own(number(&e.Confidence)),
				own(e.BaselineStart.String()), own(e.BaselineEnd.String()), own(e.CurrentStart.String()), own(e.CurrentEnd.String()),
			}
		},
	}
}

func dateText(d *models.Date) string {
	if d == nil {
		return ""
	}
	return d.String()
}

func number(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'g', -1, 64)
}

func whole(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
