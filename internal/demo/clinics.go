package demo

import (
	"io"
	"strings"
	"time"

	"upstream/models"
	"upstream/testdata/claims"
)

// The slugs and names of the demo's clinics.
const (
	CedarSlug  = "cedar"
	CedarName  = "Cedar Family Practice"
	HarborSlug = "harbor"
	HarborName = "Harbor Hospital Group"
)

// SuperuserEmail is the operator's account; it belongs to no clinic.
const SuperuserEmail = "root@upstream.test"

// The file names under which the clinics' claims are uploaded.
const (
	CedarFilename  = "rcm-2024-2026.csv"
	HarborFilename = "harbor-claims.csv"
)

// User is one account of a clinic.
type User struct {
	Email string
	Role  models.Role
}

// Clinic is one customer of the demo.
type Clinic struct {
	Customer models.NewCustomer
	// Users holds one account per role, most powerful first.
	Users []User
	// Filename is the name the clinic's claims are uploaded under.
	Filename string
	// Detect is how the clinic's first detection run is asked for.
	Detect models.DetectInput
	// PayerAliases are to be known as payer mappings before the file is read.
	PayerAliases []PayerAlias
	// Channel is where its alerts go, AlertRules what makes them. Both are to be
	// known before the first run.
	Channel    models.NewNotificationChannel
	AlertRules []models.NewAlertRule
}

// Clinics lists the demo's customers, the small one first. today is the current
// UTC day: the as-of of Harbor's run.
func Clinics(today models.Date) []Clinic {
	return []Clinic{
		{
			Customer: models.NewCustomer{Slug: CedarSlug, Name: CedarName},
			Users:    users(CedarSlug), Filename: CedarFilename, Detect: CedarDetect(),
			Channel: channel(CedarSlug), AlertRules: alertRules(),
		},
		{
			Customer: models.NewCustomer{Slug: HarborSlug, Name: HarborName},
			Users:    users(HarborSlug), Filename: HarborFilename,
			Detect: models.DetectInput{AsOf: &today}, PayerAliases: PayerAliases(),
			Channel: channel(HarborSlug), AlertRules: alertRules(),
		},
	}
}

// users makes one account per role at the clinic's own domain. The top-level
// domain .test is reserved: mail to it goes nowhere.
func users(slug string) []User {
	var list []User
	for _, role := range models.Role("").Values() {
		list = append(list, User{Email: role + "@" + slug + ".test", Role: models.Role(role)})
	}
	return list
}

// CedarCSV opens Cedar's claims file.
func CedarCSV() io.ReadSeeker { return strings.NewReader(claims.RCM) }

// CedarDetect is the run that suits Cedar: some 90 claims a month fill no
// 14-day window, so half a year is compared with the year before it.
func CedarDetect() models.DetectInput {
	asOf, runType := models.NewDate(2026, time.May, 1), models.RunCustom
	current, baseline := 180, 365
	return models.DetectInput{AsOf: &asOf, RunType: &runType, CurrentDays: &current, BaselineDays: &baseline}
}
