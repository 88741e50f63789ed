package rest

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"upstream/internal/auth"
	"upstream/internal/throttle"
	"upstream/models"
)

// maxBatchBytes bounds the body of a batch.
const maxBatchBytes = 10 << 20

// newClaim is one row of a batch as the document shows it. What is accepted is
// for models/claimfile to say, as it is for a file.
type newClaim struct {
	Payer                 string  `json:"payer" doc:"The payer, before the customer's mapping." example:"Aetna"`
	CPT                   string  `json:"cpt" doc:"The procedure code." example:"99213"`
	SubmittedDate         string  `json:"submitted_date" doc:"YYYY-MM-DD, MM/DD/YYYY or YYYY/MM/DD." example:"2026-04-17"`
	DecidedDate           string  `json:"decided_date" doc:"YYYY-MM-DD, MM/DD/YYYY or YYYY/MM/DD." example:"2026-05-01"`
	Outcome               string  `json:"outcome" doc:"PAID, DENIED or OTHER, or a synonym; anything else is stored as OTHER." example:"PAID"`
	ClaimNumber           *string `json:"claim_number,omitempty" doc:"The provider's own number. With its line it is stored once." example:"A-10042"`
	LineNumber            any     `json:"line_number,omitempty" doc:"The line of the claim, a number or text; 1 when left out." example:"1"`
	BilledAmount          any     `json:"billed_amount,omitempty" doc:"What was charged, USD, text or a number." example:"\"210.00\""`
	AllowedAmount         any     `json:"allowed_amount,omitempty" doc:"What the contract permits, USD, text or a number." example:"\"150.00\""`
	PaidAmount            any     `json:"paid_amount,omitempty" doc:"What was remitted, USD, text or a number." example:"\"150.00\""`
	PaymentDate           *string `json:"payment_date,omitempty" example:"2026-05-08"`
	DenialReasonCode      *string `json:"denial_reason_code,omitempty" example:"CO-97"`
	DenialReasonText      *string `json:"denial_reason_text,omitempty" example:"Included in another service"`
	AuthorizationRequired any     `json:"authorization_required,omitempty" doc:"true or false, or text as in a file." example:"false"`
	AuthorizationObtained any     `json:"authorization_obtained,omitempty" doc:"true or false, or text as in a file." example:"false"`
	AuthorizationNumber   *string `json:"authorization_number,omitempty" example:"PA-7781"`
	ModifierCodes         any     `json:"modifier_codes,omitempty" doc:"An array of codes, or text as in a file." example:"[\"25\"]"`
	DiagnosisCodes        any     `json:"diagnosis_codes,omitempty" doc:"An array of codes, or text as in a file." example:"[\"J06.9\"]"`
	ProcedureCount        any     `json:"procedure_count,omitempty" doc:"A number or text; 1 when left out." example:"1"`
}

// batchResult is what became of one row.
type batchResult struct {
	Index   int             `json:"index" minimum:"0" doc:"Where the row stood in the batch, from 0." example:"0"`
	Claim   *models.ClaimID `json:"claim" doc:"The claim that was stored; null when the row was rejected."`
	Problem *rowProblem     `json:"problem" doc:"Why the row was rejected; null when it was stored."`
}

// rowProblem is a problem (RFC 9457) of one row.
type rowProblem struct {
	Type   string       `json:"type" format:"uri-reference" doc:"Names the kind of problem." example:"/errors/validation"`
	Title  string       `json:"title" doc:"The kind of problem in a few words." example:"Invalid input"`
	Status int          `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status it would have by itself." example:"422"`
	Detail string       `json:"detail" doc:"What is wrong, a sentence for people." example:"The input is not valid."`
	Code   errorCode    `json:"code" doc:"The kind of problem as a stable word."`
	Errors []fieldError `json:"errors" doc:"The field at fault, by its path in the batch."`
}

// batch is what became of a batch.
type batch struct {
	Upload  upload        `json:"upload" doc:"The upload that the claims came with."`
	Results []batchResult `json:"results" maxItems:"10000" doc:"What became of each row, in their order."`
}

func showBatch(l links, b *models.Batch) batch {
	out := batch{Upload: showUpload(l, b.Upload), Results: make([]batchResult, len(b.Rows))}
	for i, row := range b.Rows {
		out.Results[i] = batchResult{Index: i, Claim: row.Claim}
		if row.Error != nil {
			p := newProblem(models.AsError(models.Invalid(*row.Error)))
			out.Results[i].Problem = &rowProblem{
				Type: p.Type, Title: p.Title, Status: p.Status, Detail: p.Detail, Code: p.Code, Errors: p.Errors,
			}
		}
	}
	return out
}

func (a *api) registerBatches() {
	path := resourcePath("claims", "batch")
	register(a, operation{
		id: "createClaims", method: http.MethodPost, path: path, tag: tagClaims, status: http.StatusCreated,
		summary: "Store claims without a file",
		description: "Takes 1 to 10,000 claims in at most 10 MiB: a JSON array, or one JSON object on each line. Members are the columns of a " +
			"claims file, read by the same rules; they come as an upload whose rows are numbered from 1. Unless `mode=partial`, one bad " +
			"row refuses them all (422, every bad row with a path such as `[12].submitted_date`), and nothing is stored. With " +
			"`mode=partial` the good rows are stored, and `results` has a problem for each other. The same bytes a second time are a conflict " +
			"that names the first upload as `existing_id`.",
		permission: models.PermissionUploadClaims, throttle: []throttle.Class{throttle.BulkOperation},
		codes:    []models.Code{models.CodeConflict, models.CodePayloadTooLarge, codeUnsupportedMediaType, codeRequestTimeout},
		streamed: true, list: true, patient: true, params: []*huma.Param{modeParam()},
	}, a.createClaims)
	documented := a.huma.OpenAPI().Paths[path].Post
	row := a.schemas().Schema(reflect.TypeFor[newClaim](), true, "NewClaim")
	most, least := models.MaxBatchRows, 1
	documented.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		jsonType:   {Schema: &huma.Schema{Type: huma.TypeArray, Items: row, MinItems: &least, MaxItems: &most}},
		ndjsonType: {Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(maxBatchBytes), Description: "One JSON object on each line."}},
	}}
	documented.Extensions[bodyLimitExtension] = maxBatchBytes
}

func modeParam() *huma.Param {
	return &huma.Param{
		Name: "mode", In: "query", Description: "What one bad row means for the others.",
		Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{string(models.BatchAtomic), string(models.BatchPartial)}, Default: string(models.BatchAtomic)},
	}
}

func (a *api) createClaims(ctx context.Context, in *uploadInput) (*createdOutput[batch], error) {
	mode, err := batchMode(ctx)
	if err != nil {
		return nil, err
	}
	claims, err := a.receiveBatch(in.writer, in.request)
	if err != nil {
		return nil, err
	}
	claims.Mode = mode
	done, err := a.store.IngestBatch(ctx, auth.ViewerFrom(ctx), *claims)
	if err != nil {
		return nil, err
	}
	body := showBatch(linksFor(ctx), done)
	return &createdOutput[batch]{Location: body.Upload.Links.Self.Href, ETag: etag(done.Upload.Version), Body: body}, nil
}

// batchMode reads the only parameter.
func batchMode(ctx context.Context) (models.BatchMode, error) {
	q, err := callFrom(ctx).parsedQuery()
	if err != nil {
		return "", err
	}
	var fields []models.FieldError
	bad := func(path, code, message string) {
		fields = append(fields, models.FieldError{Path: path, Code: code, Message: message})
	}
	refuseUnknown(q, []string{"mode"}, "operation", bad)
	mode := models.BatchAtomic
	if text, ok := single(q, "mode", bad); ok {
		if err := parseEnum(text, reflect.ValueOf(&mode).Elem()); err != nil {
			bad("mode", "invalid", err.Error())
		}
	}
	return mode, models.Invalid(fields...)
}

// receiveBatch reads the body and cuts it into rows.
func (a *api) receiveBatch(w http.ResponseWriter, r *http.Request) (*models.NewBatch, error) {
	format, name := models.BatchJSON, "claims.json"
	switch media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media {
	case jsonType, "":
	case ndjsonType, "application/ndjson", "application/jsonl":
		format, name = models.BatchNDJSON, "claims.ndjson"
	default:
		return nil, models.NewError(codeUnsupportedMediaType, "Send the claims as application/json or application/x-ndjson.")
	}
	a.extendDeadlines(w)
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBatchBytes))
	if err != nil {
		return nil, batchFault(err)
	}
	rows, err := models.SplitBatch(content, format)
	if errors.Is(err, models.ErrBatchSyntax) {
		return nil, malformed("The body cannot be read as JSON in UTF-8.")
	}
	if err != nil {
		return nil, err
	}
	return &models.NewBatch{Filename: name, Content: content, Rows: rows}, nil
}

func batchFault(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return models.NewError(models.CodePayloadTooLarge, "The batch is larger than %d bytes: send several.", maxBatchBytes)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return models.NewError(codeRequestTimeout, "The body did not arrive in time.")
	default:
		return malformed("The body ends too early.")
	}
}
