package web

import "slices"

// problem is a kind of error that the APIs answer with, as its page explains it.
type problem struct {
	// Code is the stable word, and Slug the end of the page's address.
	Code, Slug string
	// Status is what REST answers with, Title the same as in the answer.
	Status int
	Title  string
	// Meaning says what happened, and Advice what to do.
	Meaning, Advice string
	// Detail and Fields are those of the example.
	Detail string
	Fields []problemField
}

// problemField is a field at fault in an example.
type problemField struct{ Path, Code, Message string }

// problemPrefix begins the address of every page about an error: what `type`
// of a problem document holds.
const problemPrefix = "/errors/"

// problems are all of them.
func problems() []problem {
	return slices.Concat(requestProblems(), changeProblems(), limitProblems(), serverProblems())
}

// requestProblems are those that another request would not have.
func requestProblems() []problem {
	return []problem{
		{
			Code: "VALIDATION", Slug: "validation", Status: 422, Title: "Invalid input",
			Meaning: "The request can be read, but breaks a rule: a field is missing, unknown or out of its range, or a query parameter has a name or a value that the operation does not take. Status 400 says that it cannot even be read: the query string or the body is malformed. Nothing was changed.",
			Advice:  "Look into errors: it lists every field at fault, with the broken rule as a stable word (code) and a sentence. Mend all of them and send the request again. Sending it unchanged fails again.",
			Detail:  "The input is not valid.",
			Fields:  []problemField{{"payr", "unknown", `is not a parameter of this list; did you mean "payer"?`}, {"page_size", "invalid", "must be a whole number from 1 to 1000"}},
		},
		{
			Code: "UNAUTHENTICATED", Slug: "unauthenticated", Status: 401, Title: "Not signed in",
			Meaning: "The operation needs to know who asks, and the request carries no credentials, or some that do not hold: the token has expired, its session was ended, or the API key is unknown, revoked or used from a network that it may not be used from.",
			Advice:  "Send Authorization: Bearer with an access token or an API key. An expired access token is renewed with the refresh token at POST /api/v1/auth/token/refresh/; failing that, sign in again.",
			Detail:  "Sign in first: send a bearer token.",
		},
		{
			Code: "FORBIDDEN", Slug: "forbidden", Status: 403, Title: "Not allowed",
			Meaning: "We know who you are, and your role, or the scopes of your API key, do not permit this. The detail names the permission or scope that is missing.",
			Advice:  "Ask an owner or administrator of your organisation for a role that has the permission, or make a key with the scope. Trying again does not help.",
			Detail:  "The role viewer lacks the permission upload_claims.",
		},
		{
			Code: "NOT_FOUND", Slug: "not-found", Status: 404, Title: "Not found",
			Meaning: "There is nothing at this address for you: no such path, no row with this identifier, or no page of this number. A row of another organisation answers the same, so that its existence does not show.",
			Advice:  "Check the path and the identifier. When paging, follow the links next and previous instead of counting; page=last is always there.",
			Detail:  "There is no such claim.",
		},
		{
			Code: "METHOD_NOT_ALLOWED", Slug: "method-not-allowed", Status: 405, Title: "Method not allowed",
			Meaning: "The path exists, but not for this method.",
			Advice:  "The header Allow lists the methods of the path; so does the answer to OPTIONS.",
			Detail:  "This path allows GET, HEAD, OPTIONS.",
		},
		{
			Code: "NOT_ACCEPTABLE", Slug: "not-acceptable", Status: 406, Title: "Not acceptable",
			Meaning: "The header Accept of the request rules out JSON, and this operation answers with nothing else.",
			Advice:  "Leave Accept out, or let it include application/json.",
			Detail:  "Answers are application/json; accept that.",
		},
		{
			Code: "REQUEST_TIMEOUT", Slug: "request-timeout", Status: 408, Title: "Request timeout",
			Meaning: "The body of the request did not arrive in time. Nothing was changed.",
			Advice:  "Send it again. If that fails too, look at the network between you and the server; split very large files.",
			Detail:  "The body did not arrive in time.",
		},
	}
}

// changeProblems are those of a change that what is stored does not admit.
func changeProblems() []problem {
	return []problem{
		{
			Code: "CONFLICT", Slug: "conflict", Status: 409, Title: "Conflict",
			Meaning: "The change contradicts what is stored: something of which there may be one is there already, or the row is in a state that does not admit the change. The field at fault is in errors (taken: another row has the value), and existing_id names that row where you may see it. Nothing was changed.",
			Advice:  "Read the row that existing_id names: often it is what you meant to make, such as the same file uploaded before. Otherwise choose another value.",
			Detail:  "The change conflicts with what is stored: file was uploaded before.",
			Fields:  []problemField{{"file", "taken", "was uploaded before"}},
		},
		{
			Code: "IN_USE", Slug: "in-use", Status: 409, Title: "Still in use",
			Meaning: "Other rows refer to the one that was to be deleted. Nothing was changed.",
			Advice:  "Remove what refers to it first, if you mean to, or leave it.",
			Detail:  "The upload still has claims, which keep it from being deleted.",
		},
		{
			Code: "STALE", Slug: "stale", Status: 412, Title: "Changed meanwhile",
			Meaning: "The row has another version than the one your change was decided on (If-Match in REST, expectedVersion in GraphQL): somebody changed it in between. Your change was not made.",
			Advice:  "Read the row again, look at what is different, decide anew, and send the change with the new version.",
			Detail:  "The row was changed meanwhile.",
		},
	}
}

// limitProblems are those of a request that is too much at once, or in a form
// that nobody reads.
func limitProblems() []problem {
	return []problem{
		{
			Code: "PAYLOAD_TOO_LARGE", Slug: "payload-too-large", Status: 413, Title: "Body too large",
			Meaning: "The body of the request is larger than this operation takes. The bound of each operation is in the OpenAPI document (x-max-body-bytes).",
			Advice:  "Send less at once: split a claims file by rows, each part with the header.",
			Detail:  "The body is larger than this operation accepts.",
		},
		{
			Code: "UNSUPPORTED_MEDIA_TYPE", Slug: "unsupported-media-type", Status: 415, Title: "Unsupported media type",
			Meaning: "The header Content-Type names a format that this operation does not read.",
			Advice:  "Send JSON as application/json, and claims files as multipart/form-data in the field file.",
			Detail:  "Send the body as application/json.",
		},
		{
			Code: "TOO_COMPLEX", Slug: "too-complex", Status: 422, Title: "Too complex",
			Meaning: "A GraphQL operation asks for more at once than one request may: it is nested too deeply, has too many aliases or fields, or its cost exceeds the bound.",
			Advice:  "Ask for smaller pages and fewer fields, or split the operation. extensions.cost tells what an operation costs.",
			Detail:  "The request asks for too much at once.",
		},
		{
			Code: "RATE_LIMITED", Slug: "rate-limited", Status: 429, Title: "Too many requests",
			Meaning: "You have used up one of your budgets of requests. The detail names it; the headers RateLimit and RateLimit-Policy tell what is left of each.",
			Advice:  "Wait for as many seconds as Retry-After says, then try again. Spread requests over time, page with large pages, and ask with If-None-Match for what you have already.",
			Detail:  "Too many requests: read_only is limited to 2000/h. Try again in 42 s.",
		},
	}
}

// serverProblems are those that trying again may solve.
func serverProblems() []problem {
	return []problem{
		{
			Code: "SERIALIZATION_CONFLICT", Slug: "serialization-conflict", Status: 409, Title: "Concurrent change",
			Meaning: "Another change to the same data was made at the same time, and both together could not be told from one after the other. We tried several times. Nothing was changed.",
			Advice:  "Send the same request again after as many seconds as Retry-After says.",
			Detail:  "Another change to the same data was made at the same time. Try again.",
		},
		{
			Code: "INTERNAL", Slug: "internal", Status: 500, Title: "Internal error",
			Meaning: "Something went wrong on our side. What, is in our log and not in the answer.",
			Advice:  "Try again once. If it happens again, contact support and quote request_id: every line of our log about the request carries it.",
			Detail:  "Something went wrong on our side. Quote the request id when you contact support.",
		},
		{
			Code: "UNAVAILABLE", Slug: "unavailable", Status: 503, Title: "Unavailable",
			Meaning: "The service, or something that it depends on, cannot do its work right now. errors names the parts that fail.",
			Advice:  "Try again after as many seconds as Retry-After says.",
			Detail:  "The service cannot do its work right now.",
			Fields:  []problemField{{"database", "unhealthy", "is not available"}},
		},
		{
			Code: "TIMEOUT", Slug: "timeout", Status: 504, Title: "Timeout",
			Meaning: "The work on the request took longer than it may, and was ended. A change that had begun was undone.",
			Advice:  "Ask for less: a smaller page, a shorter period, no total (count=none), or page by cursor. If a small request times out, the service is overloaded: try again later.",
			Detail:  "The request took longer than it may.",
		},
	}
}

// Example is the answer that the page shows.
func (p problem) Example() (string, error) { return exampleProblem(p) }
