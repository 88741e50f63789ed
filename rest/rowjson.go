package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"time"

	"upstream/models"
)

// Rows of the lists that are read most write their own JSON. encoding/json finds
// out about each field of each row anew, and takes identifiers, dates and
// instants by way of texts of their own, which it reads once more. What is
// written is the same, byte for byte (TestRowJSON).

// jsonAppender is a row that appends its own JSON.
type jsonAppender interface{ appendJSON(b []byte) []byte }

// bodyAppender is a body that may be able to append its own JSON.
type bodyAppender interface {
	appendBody(b []byte) (whole []byte, ok bool)
}

// appendBody appends a page whose rows append themselves.
func (p page[R]) appendBody(b []byte) ([]byte, bool) {
	if _, ok := any(new(R)).(jsonAppender); !ok || p.Results == nil {
		return b, false
	}
	b = appendOr(append(b, `{"count":`...), p.Count, appendInt)
	b = appendOr(append(b, `,"next":`...), p.Next, appendText)
	b = appendOr(append(b, `,"previous":`...), p.Previous, appendText)
	b = append(b, `,"results":[`...)
	for i := range p.Results {
		if i > 0 {
			b = append(b, ',')
		}
		b = any(&p.Results[i]).(jsonAppender).appendJSON(b) //nolint:forcetypeassert // as found above
	}
	return append(b, "]}\n"...), true
}

// writeBody writes what appends itself; false when v does not.
func writeBody(w io.Writer, v any) (bool, error) {
	body, ok := v.(bodyAppender)
	if !ok {
		return false, nil
	}
	var room []byte
	if buffer, ok := w.(*bytes.Buffer); ok {
		room = buffer.AvailableBuffer()
	}
	text, ok := body.appendBody(room)
	if !ok {
		return false, nil
	}
	_, err := w.Write(text)
	return true, err
}

// appendOr appends what a pointer points to, or null.
func appendOr[V any](b []byte, v *V, write func([]byte, V) []byte) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	return write(b, *v)
}

func appendInt[N int | int64](b []byte, n N) []byte { return strconv.AppendInt(b, int64(n), 10) }

// appendText appends a string. What is not plain ASCII is left to encoding/json.
func appendText[S ~string](b []byte, text S) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendAny(b, string(text))
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// appendAny appends what encoding/json writes.
func appendAny(b []byte, v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // of texts and numbers, which cannot fail
	}
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}

// appendFloat appends a number as encoding/json does, without an exponent where
// one is not needed.
func appendFloat(b []byte, f float64) []byte {
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		return appendAny(b, f)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

func appendDate(b []byte, d models.Date) []byte { return append(d.Append(append(b, '"')), '"') }

func appendInstant(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func appendTexts(b []byte, all []string) []byte {
	if all == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, text := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, text)
	}
	return append(b, ']')
}

// appendLink appends a member whose name comes with its punctuation.
func appendLink(b []byte, name string, l link) []byte {
	return append(appendText(append(append(b, name...), `{"href":`...), l.Href), '}')
}

// appendJSON implements jsonAppender.
func (c *claim) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"id":`...), c.ID.String())
	b = appendText(append(b, `,"customer":`...), c.Customer.String())
	b = appendText(append(b, `,"upload":`...), c.Upload.String())
	b = appendOr(append(b, `,"claim_number":`...), c.ClaimNumber, appendText)
	b = appendInt(append(b, `,"line_number":`...), c.LineNumber)
	b = appendText(append(b, `,"payer":`...), c.Payer)
	b = appendText(append(b, `,"cpt":`...), c.CPT)
	b = appendText(append(b, `,"cpt_group":`...), c.CPTGroup)
	b = appendDate(append(b, `,"submitted_date":`...), c.SubmittedDate)
	b = appendDate(append(b, `,"decided_date":`...), c.DecidedDate)
	b = appendInt(append(b, `,"days_to_decision":`...), c.DaysToDecision)
	b = appendText(append(b, `,"outcome":`...), c.Outcome)
	b = appendOr(append(b, `,"billed_amount":`...), c.BilledAmount, appendText)
	b = appendOr(append(b, `,"allowed_amount":`...), c.AllowedAmount, appendText)
	b = appendOr(append(b, `,"paid_amount":`...), c.PaidAmount, appendText)
	b = appendOr(append(b, `,"payment_variance":`...), c.PaymentVariance, appendText)
	b = appendOr(append(b, `,"denial_reason_code":`...), c.DenialReasonCode, appendText)
	b = appendOr(append(b, `,"denial_reason_text":`...), c.DenialReasonText, appendText)
	b = appendOr(append(b, `,"payment_date":`...), c.PaymentDate, appendDate)
	b = appendOr(append(b, `,"days_to_payment":`...), c.DaysToPayment, appendInt)
	b = strconv.AppendBool(append(b, `,"authorization_required":`...), c.AuthorizationRequired)
	b = strconv.AppendBool(append(b, `,"authorization_obtained":`...), c.AuthorizationObtained)
	b = appendOr(append(b, `,"authorization_number":`...), c.AuthorizationNumber, appendText)
	b = appendTexts(append(b, `,"modifier_codes":`...), c.ModifierCodes)
	b = appendTexts(append(b, `,"diagnosis_codes":`...), c.DiagnosisCodes)
	b = appendInt(append(b, `,"procedure_count":`...), c.ProcedureCount)
	b = appendOr(append(b, `,"data_quality_score":`...), c.DataQualityScore, appendFloat)
	b = appendText(append(b, `,"submitted_via":`...), c.SubmittedVia)
	b = appendOr(append(b, `,"source_row_number":`...), c.SourceRowNumber, appendInt)
	b = appendInstant(append(b, `,"processed_at":`...), c.ProcessedAt)
	b = appendLink(b, `,"_links":{"self":`, c.Links.Self)
	b = appendLink(b, `,"collection":`, c.Links.Collection)
	b = appendLink(b, `,"upload":`, c.Links.Upload)
	return append(b, "}}"...)
}
