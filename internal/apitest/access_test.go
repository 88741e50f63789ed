package apitest

import (
	"maps"
	"strings"
	"testing"

	"upstream/models"
)

// person is somebody, and what both APIs must say to them.
type person struct {
	Asker

	reading, detecting, auditing models.Code
	fields                       []string
	// stranger reads, but nothing of Cedar's; absent acts for no customer there is.
	stranger, absent bool
}

// people are everybody who may come to the door.
func people() []person {
	header := []string{"X-Customer-Id required"}
	forged := "eyJhbGciOiJIUzI1NiIsImtpZCI6InRlc3QiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiJ1c2VyXzAxano4azZ2M3BlOWt0eWg1d21jcWEyeDdkIn0.AAAA"
	all := []person{
		{Asker: Asker{}, reading: models.CodeUnauthenticated, detecting: models.CodeUnauthenticated},
		{Asker: Asker{Token: "nonsense"}, reading: models.CodeUnauthenticated, detecting: models.CodeUnauthenticated},
		{Asker: Asker{Token: forged}, reading: models.CodeUnauthenticated, detecting: models.CodeUnauthenticated},
		{Asker: Asker{Customer: "{cedar}"}, reading: models.CodeUnauthenticated, detecting: models.CodeUnauthenticated},
		{Asker: Asker{User: "root"}, reading: models.CodeValidation, detecting: models.CodeValidation, fields: header},
		{Asker: Asker{User: "root", Customer: "{cedar}"}},
		{
			Asker: Asker{User: "root", Customer: "cust" + nowhere}, stranger: true, absent: true,
			detecting: models.CodeValidation, fields: []string{"customer invalid"},
		},
		{
			Asker: Asker{User: "root", Customer: "cust_nobody"}, reading: models.CodeValidation, detecting: models.CodeValidation,
			fields: []string{"X-Customer-Id invalid"},
		},
		{
			Asker: Asker{User: "root", Customer: "clm" + nowhere}, reading: models.CodeValidation, detecting: models.CodeValidation,
			fields: []string{"X-Customer-Id invalid"},
		},
		{Asker: Asker{User: "cedar.viewer", Customer: "{cedar}"}, detecting: models.CodeForbidden, auditing: models.CodeForbidden},
		{Asker: Asker{User: "cedar.owner", Customer: "{harbor}"}, reading: models.CodeForbidden, detecting: models.CodeForbidden},
	}
	for _, clinic := range []string{"cedar", "harbor"} {
		for _, role := range models.Role("").Values() {
			p := person{Asker: Asker{User: clinic + "." + role}, stranger: clinic != "cedar"}
			if models.Role(role) == models.RoleViewer {
				p.detecting = models.CodeForbidden
			}
			if models.Role(role) != models.RoleOwner && models.Role(role) != models.RoleAdmin {
				p.auditing = models.CodeForbidden
			}
			all = append(all, p)
		}
	}
	for i, p := range all {
		if p.reading != "" {
			all[i].auditing = p.reading // who may not read at all
		}
	}
	return all
}

// accessCases let everybody read every list and one object of each kind, and
// let those detect drift who may not.
func accessCases() []Case {
	var cases []Case
	for _, p := range people() {
		add := func(c Case, want models.Code) {
			c.Name, c.As = p.String()+": "+c.Name, p.Asker
			if c.Want = want; want != "" && (want == p.reading || want == p.detecting) {
				c.Fields = p.fields
			}
			cases = append(cases, c)
		}
		for _, l := range lists() {
			c := l.ask(question{})
			c.Name = l.name
			c.REST.Query.Set("page_size", "10")
			c.GraphQL.Variables["first"] = 10
			switch {
			case l.across && p.User == "root" && (p.reading == "" || p.Customer == ""):
				add(c, "")
			case l.auditing && p.stranger && p.auditing == "" && l.parent != "Query":
				add(c, models.CodeNotFound)
			case l.auditing:
				add(c, p.auditing)
			case !p.stranger:
				add(c, p.reading)
			case l.parent == "Query":
				add(c, "")
			case l.path == "claims/" || l.path == "drift-events/" || l.path == "alerts/":
				// A filter by another customer's object matches nothing, while
				// that object itself cannot be found.
			default:
				add(c, models.CodeNotFound)
			}
		}
		for _, n := range nouns() {
			want := p.reading
			if p.stranger {
				want = models.CodeNotFound
			}
			if n.auditing && p.auditing != "" {
				want = p.auditing
			}
			if n.across && p.User == "root" && (p.reading == "" || p.Customer == "") {
				want = ""
			}
			add(Case{Name: n.typ, REST: Call{Path: n.path + n.own + "/"}, GraphQL: node(n.typ, n.own)}, want)
		}
		own := p.reading
		if p.absent {
			own = models.CodeNotFound
		}
		add(ownCustomer(), own)
		if p.detecting != "" {
			add(detection("detect drift", nil), p.detecting)
		}
	}
	return append(cases, scopeCases()...)
}

// testAccess runs them.
func (s *Server) testAccess(t *testing.T) {
	t.Parallel()
	s.runAll(t, accessCases())
}

// trigger is the case that queues a run with these parameters, named as in REST.
func trigger(name string, parameters map[string]any) Case {
	c := detection(name, parameters)
	c.REST.Path = "reports/trigger/"
	c.GraphQL.Document = strings.NewReplacer("DetectDriftInput", "TriggerReportInput", "detectDrift", "triggerReport").Replace(c.GraphQL.Document)
	c.GraphQL.At = "triggerReport.reportRun"
	return c
}

// detection is the case that detects drift with these parameters, named as in
// REST.
func detection(name string, parameters map[string]any) Case {
	input := map[string]any{}
	for key, value := range parameters {
		f := definition("DetectDriftInput").Fields.ForName(camel(key))
		if text, ok := value.(string); ok && f != nil && shapeOf(f) == enum {
			value = strings.ToUpper(text)
		}
		input[camel(key)] = value
	}
	body := map[string]any{}
	maps.Copy(body, parameters)
	return Case{
		Name: name, As: Asker{User: "cedar.analyst"},
		REST: Call{Method: "POST", Path: "drift/detect/", Body: body},
		GraphQL: Operation{
			Document: "mutation($input: DetectDriftInput!) { detectDrift(input: $input) { userErrors { code message path reason existingId } " +
				"reportRun { " + whole("ReportRun") + " } } }",
			Variables: map[string]any{"input": input}, At: "detectDrift.reportRun", Type: "ReportRun",
		},
	}
}
