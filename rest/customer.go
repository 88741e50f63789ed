package rest

import (
	"context"
	"net/http"
	"time"

	"upstream/internal/auth"
	"upstream/models"
)

// customer is the representation of models.Customer.
type customer struct {
	ID        models.CustomerID `json:"id"`
	Slug      string            `json:"slug" doc:"The short name in commands and sign-ins." example:"cedar"`
	Name      string            `json:"name" doc:"The name people read." example:"Cedar Family Practice"`
	ToEmail   *string           `json:"to_email" doc:"Who receives reports and alerts." example:"billing@cedar.test"`
	CCEmail   *string           `json:"cc_email" doc:"Who receives a copy."`
	AttachPDF bool              `json:"attach_pdf" doc:"Whether reports come with a PDF."`
	TimeZone  string            `json:"time_zone" doc:"The IANA name of the customer's time zone." example:"America/Chicago"`

	WeeklyRunEnabled  bool           `json:"weekly_run_enabled" doc:"Whether a run is made by itself each week." example:"true"`
	WeeklyRunWeekday  models.Weekday `json:"weekly_run_weekday" doc:"The day of the weekly run."`
	MonthlyRunEnabled bool           `json:"monthly_run_enabled" doc:"Whether a run is made by itself on the first day of each month."`
	RunLocalTime      string         `json:"run_local_time" doc:"When on their day runs are made, HH:MM in the customer's time zone." example:"02:00"`
	NextWeeklyRunAt   *time.Time     `json:"next_weekly_run_at" doc:"When the next weekly run is due; null when there is none, or it is still to be planned."`
	NextMonthlyRunAt  *time.Time     `json:"next_monthly_run_at" doc:"When the next monthly run is due; null when there is none, or it is still to be planned."`

	AlertCooldownMinutes int `json:"alert_cooldown_minutes" minimum:"0" maximum:"10080" doc:"For how many minutes after a message the next alert about the same signal is suppressed; 0 for never." example:"240"`
	AlertNoiseThreshold  int `json:"alert_noise_threshold" minimum:"0" maximum:"100" doc:"How many alerts judged noise suppress the next about the same signal; 0 for never." example:"2"`
	AlertNoiseWindowDays int `json:"alert_noise_window_days" minimum:"1" maximum:"365" doc:"How many days a judgment of noise counts." example:"30"`
	AlertMemoryDays      int `json:"alert_memory_days" minimum:"1" maximum:"365" doc:"How many days judgments are shown beside later alerts about the same signal." example:"60"`
	AlertAutoResolveRuns int `json:"alert_auto_resolve_runs" minimum:"0" maximum:"52" doc:"How many runs in a row must miss a signal until its alerts are resolved; 0 for never." example:"2"`

	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	Links     customerLinks `json:"_links"`
}

type customerLinks struct {
	Self       link `json:"self"`
	Collection link `json:"collection"`
}

func showCustomer(l links, c *models.Customer) customer {
	return customer{
		ID: c.ID, Slug: c.Slug, Name: c.Name, ToEmail: c.ToEmail, CCEmail: c.CCEmail, AttachPDF: c.AttachPDF,
		TimeZone: c.TimeZone, WeeklyRunEnabled: c.WeeklyRunEnabled, WeeklyRunWeekday: c.RunWeekday(),
		MonthlyRunEnabled: c.MonthlyRunEnabled, RunLocalTime: c.RunLocalTime,
		NextWeeklyRunAt: utc(c.NextWeeklyRunAt), NextMonthlyRunAt: utc(c.NextMonthlyRunAt),
		AlertCooldownMinutes: c.AlertCooldownMinutes, AlertNoiseThreshold: c.AlertNoiseThreshold, AlertNoiseWindowDays: c.AlertNoiseWindowDays,
		AlertMemoryDays: c.AlertMemoryDays, AlertAutoResolveRuns: c.AlertAutoResolveRuns, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
		Links: customerLinks{Self: l.to("customers", c.ID.String()), Collection: l.to("customers")},
	}
}

// ownInput is the input of an operation that shows the viewer's own row.
type ownInput struct {
	IfNoneMatch string `header:"If-None-Match" doc:"Entity tags the client has; when one is current the answer is 304 without a body."`
}

func (a *api) registerCustomers() {
	registerList(a, operation{
		id: "listCustomers", method: http.MethodGet, path: resourcePath("customers"), tag: tagCustomers,
		summary: "List customers", description: "The customers you may act for, by name unless ordered otherwise: your own, or all " +
			"of them for a superuser. Search looks at the short and the full name.",
		permission: models.PermissionViewCustomer, acrossCustomers: true,
	}, func(ctx context.Context, v models.Viewer, _ *noInput, f models.CustomerFilter, l models.List[models.CustomerOrderField]) (*models.Rows[*models.Customer], error) {
		return a.store.Customers(ctx, v, f, l)
	}, showCustomer)
	registerDetail(a, operation{
		id: "getCustomer", method: http.MethodGet, path: resourcePath("customers", "{id}"), tag: tagCustomers,
		summary: "Show a customer", description: "One of the customers you may act for.",
		permission: models.PermissionViewCustomer, acrossCustomers: true,
	}, a.store.CustomerByID, showCustomer, func(c *models.Customer) int64 { return c.Version })
	register(a, operation{
		id: "getMyCustomer", method: http.MethodGet, path: resourcePath("customers", "me"), tag: tagCustomers,
		summary: "Show the own customer", description: "The organisation the token acts for.",
		permission: models.PermissionViewCustomer, codes: []models.Code{models.CodeNotFound}, notModified: true,
	}, func(ctx context.Context, in *ownInput) (*detailOutput[customer], error) {
		c, err := a.store.Customer(ctx, auth.ViewerFrom(ctx))
		if err != nil {
			return nil, err
		}
		return detail(in.IfNoneMatch, c.Version, func() customer { return showCustomer(linksFor(ctx), c) }), nil
	})
	a.registerCustomerChanges()
}

// settingsOperation changes a customer.
func settingsOperation(id, summary, description string, path ...string) operation {
	return operation{
		id: id, method: http.MethodPatch, path: resourcePath(append([]string{"customers"}, path...)...), tag: tagCustomers,
		summary: summary, description: description + " The next runs are planned anew when their schedule changes; a time that has " +
			"passed is not made up for.",
		permission: models.PermissionManageConfiguration, codes: []models.Code{models.CodeConflict},
	}
}

func (a *api) registerCustomerChanges() {
	revision := func(c *models.Customer) int64 { return c.Version }
	registerPatch(a, settingsOperation("updateCustomer", "Change a customer",
		"Changes the name and the settings of the customer you act for; any other one is 404.", "{id}"),
		a.store.UpdateCustomer, showCustomer, revision)
	registerOwnPatch(a, settingsOperation("updateMyCustomer", "Change the own customer",
		"Changes the name and the settings of the organisation the token acts for.", "me"),
		func(v models.Viewer) models.CustomerID { return v.CustomerID }, a.store.UpdateCustomer, showCustomer, revision)
}
