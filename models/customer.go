package models

import (
	"io"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Customer is one healthcare provider organisation: the tenant every business
// row belongs to.
type Customer struct {
	bun.BaseModel `bun:"table:customers,alias:cu"`

	ID        CustomerID `bun:"id,pk,type:uuid"`
	Slug      string     `bun:"slug"`
	Name      string     `bun:"name"`
	ToEmail   *string    `bun:"to_email"`
	CCEmail   *string    `bun:"cc_email"`
	AttachPDF bool       `bun:"attach_pdf"`
	TimeZone  string     `bun:"time_zone"`

	// WeeklyRunWeekday is 1 for Monday to 7 for Sunday, RunLocalTime HH:MM in the
	// customer's time zone. The next instants are computed from those; nil when
	// runs of that kind are off, or when they are still to be computed.
	WeeklyRunEnabled  bool       `bun:"weekly_run_enabled"`
	WeeklyRunWeekday  int        `bun:"weekly_run_weekday"`
	MonthlyRunEnabled bool       `bun:"monthly_run_enabled"`
	RunLocalTime      string     `bun:"run_local_time"`
	NextWeeklyRunAt   *time.Time `bun:"next_weekly_run_at"`
	NextMonthlyRunAt  *time.Time `bun:"next_monthly_run_at"`

	// By these alerts are suppressed, remembered and resolved: see AlertSettings.
	AlertCooldownMinutes int `bun:"alert_cooldown_minutes"`
	AlertNoiseThreshold  int `bun:"alert_noise_threshold"`
	AlertNoiseWindowDays int `bun:"alert_noise_window_days"`
	AlertMemoryDays      int `bun:"alert_memory_days"`
	AlertAutoResolveRuns int `bun:"alert_auto_resolve_runs"`

	Version   int64     `bun:"version"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// DefaultSchedule is that of new customers.
func DefaultSchedule() Schedule {
	return Schedule{WeeklyEnabled: true, Weekday: Monday, LocalTime: "02:00", TimeZone: "UTC"}
}

// CustomerFilter narrows a list of customers.
type CustomerFilter struct {
	Slug *string `query:"slug" column:"slug" op:"eq" doc:"Only the customer with this short name."`
	Name *string `query:"name" column:"name" op:"icontains" doc:"Only customers whose name contains this text, ignoring case."`
}

// CustomerOrderField is a column customers can be ordered by.
type CustomerOrderField string

// The orderings of customers.
const (
	CustomerOrderName      CustomerOrderField = "name"
	CustomerOrderSlug      CustomerOrderField = "slug"
	CustomerOrderCreatedAt CustomerOrderField = "created_at"
)

// Values lists the columns.
func (CustomerOrderField) Values() []string {
	return []string{string(CustomerOrderName), string(CustomerOrderSlug), string(CustomerOrderCreatedAt)}
}

// MarshalGQL writes the GraphQL enum value.
func (f CustomerOrderField) MarshalGQL(w io.Writer) { marshalEnum(w, f) }

// UnmarshalGQL reads the GraphQL enum value.
func (f *CustomerOrderField) UnmarshalGQL(v any) error { return unmarshalEnum(f, v) }

// CustomerOrder is one term of an ordering of customers.
type CustomerOrder = Order[CustomerOrderField]

// NewCustomer is the input that creates a customer.
type NewCustomer struct {
	Slug string
	Name string
}

var slugPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{1,62}$`)

// Validate lists what is wrong with the input.
func (in NewCustomer) Validate() error {
	var fields []FieldError
	if !slugPattern.MatchString(in.Slug) {
		fields = append(fields, FieldError{"slug", "invalid", "must be 2 to 63 lower-case letters, digits or hyphens, starting with a letter"})
	}
	if in.Name == "" || len([]rune(in.Name)) > 255 || strings.ContainsRune(in.Name, 0) {
		fields = append(fields, FieldError{"name", "invalid", "must have 1 to 255 characters, none of them NUL"})
	}
	return Invalid(fields...)
}

// User is a person who can sign in; a membership ties them to a customer.
type User struct {
	bun.BaseModel `bun:"table:users,alias:us"`

	ID           UserID     `bun:"id,pk,type:uuid"`
	Email        string     `bun:"email"`
	FirstName    string     `bun:"first_name"`
	LastName     string     `bun:"last_name"`
	PasswordHash string     `bun:"password_hash"`
	IsActive     bool       `bun:"is_active"`
	IsSuperuser  bool       `bun:"is_superuser"`
	LastLoginAt  *time.Time `bun:"last_login_at"`
	// TokenVersion is that of the tokens which are good: a new password, a
	// deactivation or a change of rank raises it.
	TokenVersion int       `bun:"token_version,nullzero,default:1"`
	Version      int64     `bun:"version"`
	CreatedAt    time.Time `bun:"created_at"`
	UpdatedAt    time.Time `bun:"updated_at"`
}

// Membership gives a user a role within one customer.
type Membership struct {
	bun.BaseModel `bun:"table:memberships,alias:me"`

	ID         MembershipID `bun:"id,pk,type:uuid"`
	CustomerID CustomerID   `bun:"customer_id,type:uuid"`
	UserID     UserID       `bun:"user_id,type:uuid"`
	Role       Role         `bun:"role"`
	// TokenVersion is that of the tokens which are good: a change of role raises it.
	TokenVersion int       `bun:"token_version,nullzero,default:1"`
	Version      int64     `bun:"version"`
	CreatedAt    time.Time `bun:"created_at"`
	UpdatedAt    time.Time `bun:"updated_at"`
}

// Account is everything sign-in needs to know about one user: the user, and
// the memberships that tell which customers they may act for, oldest first.
type Account struct {
	User        User
	Memberships []Membership
}

// NewUser is the input that creates a user with a role in one customer, or a
// superuser, who belongs to none.
type NewUser struct {
	Email string
	// PasswordHash is an argon2id hash; the plain password never reaches the store.
	PasswordHash string
	Role         Role
	Superuser    bool
}

// Validate lists what is wrong with the input.
func (in NewUser) Validate() error {
	var fields []FieldError
	if addr, err := mail.ParseAddress(in.Email); err != nil || addr.Address != in.Email || len(in.Email) > 254 {
		fields = append(fields, FieldError{"email", "invalid", "must be an e-mail address of at most 254 characters"})
	}
	if in.PasswordHash == "" {
		fields = append(fields, FieldError{"password", "required", "must be given"})
	}
	if !in.Superuser && !ValidEnum(in.Role) {
		fields = append(fields, FieldError{"role", "invalid", "must be one of owner, admin, analyst, viewer"})
	}
	return Invalid(fields...)
}
