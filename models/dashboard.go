package models

import "time"

// DashboardTrendDays is how far back the dashboard's trend reaches.
const DashboardTrendDays = 180

// DashboardTopEvents is how many of the gravest events the dashboard shows.
const DashboardTopEvents = 5

// Dashboard is a customer at one glance.
type Dashboard struct {
	// TotalClaims counts all claims of the customer.
	TotalClaims int64
	// TotalUploads counts the uploads of which at least a part was stored.
	TotalUploads int64
	// ActiveDriftEvents counts what the last report run found.
	ActiveDriftEvents int64
	// LastReportRunID is the newest successful run by the time it finished, and
	// LastReportDate that time; nil while there is none.
	LastReportRunID *ReportRunID
	LastReportDate  *time.Time
	// DenialRateTrend is by month of the decision, ascending, of the last
	// DashboardTrendDays days: its first month begins in the middle as a rule,
	// and months without claims are absent.
	DenialRateTrend []MonthlyDenialRate
	// TopDriftPayers are the gravest events of that run, at most
	// DashboardTopEvents; a payer may repeat.
	TopDriftPayers []*TopDriftPayer
}

// MonthlyDenialRate is the decisions of one month.
type MonthlyDenialRate struct {
	Month Month
	// DenialRate is the share of denied claims in all of them, 0..1.
	DenialRate   float64
	TotalClaims  int64 // at least 1
	DeniedClaims int64
}

// DenialPercent is DenialRate in percent, rounded to two decimals.
func (r *MonthlyDenialRate) DenialPercent() float64 { return percent(r.DeniedClaims, r.TotalClaims) }

// TopDriftPayer is one of the gravest events in short.
type TopDriftPayer struct {
	EventID DriftEventID
	Payer   string
	// Severity is 0..1.
	Severity float64
	// DeltaValue is current minus baseline: a fraction, days or USD by drift type.
	DeltaValue float64
}
