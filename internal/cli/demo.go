package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"upstream/internal/config"
	"upstream/internal/demo"
	"upstream/models"
)

type demoCommand struct {
	Run      demoRun      `cmd:"" default:"withargs" help:"Load the demo once and serve it (the default)."`
	Generate demoGenerate `cmd:"" help:"Write Harbor's claims file, and what was planted in it beside it."`
}

type demoRun struct {
	config.Serve
	Password string `name:"demo-password" env:"UPSTREAM_DEMO_PASSWORD" help:"Password of all demo users; random and printed when unset." placeholder:"PASSWORD"`
}

// Help is what --help adds.
func (demoRun) Help() string {
	return "Prints the findings, then the line `ready http://HOST:PORT`, then addresses, logins, a key and sample calls. " +
		"With --json exactly two lines go to standard output: one JSON document (clinics with their findings, users " +
		"and their password, an API key), and the line `ready http://HOST:PORT`. " +
		"A second start reuses the data; one after an interruption completes it."
}

// Run loads what of the demo is not there yet, prints the findings and serves.
func (c demoRun) Run(ctx context.Context, a *app) error {
	return a.openServer(ctx, c.Serve, true, func(s *server) error {
		seeder, err := newSeeder(a, s.store, c.Password)
		if err != nil {
			return err
		}
		runs, err := seeder.seed(ctx)
		if err != nil {
			return err
		}
		key, err := seeder.apiKey(ctx)
		if err != nil {
			return err
		}
		if err := a.printDemo(runs, seeder.password, key); err != nil {
			return err
		}
		alert, err := seeder.anAlert(ctx)
		if err != nil {
			return err
		}
		return s.run(ctx, func(url string) {
			a.printTour(url, seeder.password, key)
			a.printAlert(url, alert)
		})
	})
}

// demoResult is what the demo prints for machines, on one line.
type demoResult struct {
	Clinics  []clinicResult `json:"clinics"`
	Users    []demoUser     `json:"users"`
	Password string         `json:"password"`
	APIKey   demoKey        `json:"api_key"`
}

// demoKey is a key of one clinic.
type demoKey struct {
	Customer string         `json:"customer"`
	Scopes   []models.Scope `json:"scopes"`
	Key      string         `json:"key"`
}

type clinicResult struct {
	Slug string    `json:"slug"`
	Run  runResult `json:"report_run"`
}

// demoUser is one login; a superuser has no customer and no role.
type demoUser struct {
	Email     string      `json:"email"`
	Customer  string      `json:"customer,omitempty"`
	Role      models.Role `json:"role,omitempty"`
	Superuser bool        `json:"superuser,omitempty"`
}

// printDemo prints the findings. For machines it is one line, so that a reader
// of lines knows where the document ends and the ready line begins.
func (a *app) printDemo(clinics []clinicResult, password string, key demoKey) error {
	if a.JSON {
		return json.NewEncoder(a.Out).Encode(demoResult{Clinics: clinics, Users: demoUsers(), Password: password, APIKey: key})
	}
	return a.print(nil, func(w *tabwriter.Writer) {
		for _, clinic := range clinics {
			printFindings(w, clinic.Run)
			_, _ = fmt.Fprintln(w)
		}
	})
}

func demoUsers() []demoUser {
	users := []demoUser{{Email: demo.SuperuserEmail, Superuser: true}}
	for _, clinic := range demo.Clinics(models.Date{}) {
		for _, u := range clinic.Users {
			users = append(users, demoUser{Email: u.Email, Customer: clinic.Customer.Slug, Role: u.Role})
		}
	}
	return users
}

// printTour tells where everything is and how to try it.
func (a *app) printTour(url, password string, key demoKey) {
	if a.JSON {
		return
	}
	login, _ := json.Marshal(map[string]string{"email": "analyst@harbor.test", "password": password}) // never fails
	_, _ = fmt.Fprintf(a.Out, `
GraphQL playground  %[1]s/playground
REST documentation  %[1]s/api/docs

Sign in as owner@harbor.test, admin@…, analyst@… or viewer@…, the same at cedar.test,
or as %[4]s, who names the customer. Password of all: %[2]s

TOKEN=$(curl -s %[1]s/api/v1/auth/token/ -H 'Content-Type: application/json' \
  -d %[3]s | sed 's/.*"access": *"\([^"]*\)".*/\1/')
curl -s -H "Authorization: Bearer $TOKEN" '%[1]s/api/v1/drift-events/active/?ordering=-severity&page_size=3'
curl -s -H "Authorization: Bearer $TOKEN" %[1]s/graphql -H 'Content-Type: application/json' \
  -d '{"query":"{ activeDriftEvents(first: 3) { nodes { payer cptGroup driftType deltaValue qValue } } }"}'

An API key of %[5]s, as a partner's program sends it; it is replaced at the next start:

curl -s -H 'Authorization: Bearer %[6]s' '%[1]s/api/v1/claims/?page_size=3'

`, url, password, shellQuote(string(login)), demo.SuperuserEmail, key.Customer, key.Key)
}

// printAlert leads to the page of an alert, as the message about it does.
func (a *app) printAlert(url, alert string) {
	if a.JSON || alert == "" {
		return
	}
	_, _ = fmt.Fprintf(a.Out, `An alert, for owner@harbor.test, which is what a message about it leads to:

%s/alerts/%s

`, url, alert)
}

// shellQuote makes one word of a text for any POSIX shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
