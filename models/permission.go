package models

import (
	"io"
	"slices"
	"strconv"
	"strings"
)

// Role is what a membership lets its user do within one customer.
type Role string

// The roles, most powerful first.
const (
	RoleOwner   Role = "owner"
	RoleAdmin   Role = "admin"
	RoleAnalyst Role = "analyst"
	RoleViewer  Role = "viewer"
)

// Values lists the roles.
func (Role) Values() []string {
	return []string{string(RoleOwner), string(RoleAdmin), string(RoleAnalyst), string(RoleViewer)}
}

// MarshalGQL writes the GraphQL enum value.
func (r Role) MarshalGQL(w io.Writer) { marshalEnum(w, r) }

// UnmarshalGQL reads the GraphQL enum value.
func (r *Role) UnmarshalGQL(v any) error { return unmarshalEnum(r, v) }

// Permission is one thing a viewer may do; store methods check exactly one.
type Permission string

// The permissions of the policy table.
const (
	PermissionViewCustomer        Permission = "view_customer"
	PermissionViewClaims          Permission = "view_claims"
	PermissionUploadClaims        Permission = "upload_claims"
	PermissionDeleteUploads       Permission = "delete_uploads"
	PermissionViewReports         Permission = "view_reports"
	PermissionRunDetection        Permission = "run_detection"
	PermissionViewMappings        Permission = "view_mappings"
	PermissionManageMappings      Permission = "manage_mappings"
	PermissionViewAlerts          Permission = "view_alerts"
	PermissionHandleAlerts        Permission = "handle_alerts"
	PermissionManageAlerts        Permission = "manage_alerts"
	PermissionViewWebhooks        Permission = "view_webhooks"
	PermissionManageWebhooks      Permission = "manage_webhooks"
	PermissionManageUsers         Permission = "manage_users"
	PermissionManageAPIKeys       Permission = "manage_api_keys"
	PermissionManageConfiguration Permission = "manage_configuration"
	PermissionViewAudit           Permission = "view_audit"
)

// Scope is one thing an API key may do.
type Scope string

// The scopes of API keys.
const (
	ScopeClaimsRead    Scope = "claims:read"
	ScopeClaimsWrite   Scope = "claims:write"
	ScopeDriftRead     Scope = "drift:read"
	ScopeDriftRun      Scope = "drift:run"
	ScopeMappingsRead  Scope = "mappings:read"
	ScopeMappingsWrite Scope = "mappings:write"
	ScopeAlertsRead    Scope = "alerts:read"
	ScopeAlertsWrite   Scope = "alerts:write"
	ScopeWebhooksRead  Scope = "webhooks:read"
	ScopeWebhooksWrite Scope = "webhooks:write"
	ScopeSettingsWrite Scope = "settings:write"
	ScopeAuditRead     Scope = "audit:read"
)

// Values lists the scopes.
func (Scope) Values() []string {
	var all []string
	for _, row := range policy() {
		if scope := string(row.scope); row.scope != anyScope && row.scope != noScope && !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	return all
}

// MarshalGQL writes the GraphQL enum value: CLAIMS_READ for claims:read.
func (s Scope) MarshalGQL(w io.Writer) {
	_, _ = io.WriteString(w, strconv.Quote(strings.ToUpper(strings.ReplaceAll(string(s), ":", "_"))))
}

// UnmarshalGQL reads the GraphQL enum value.
func (s *Scope) UnmarshalGQL(v any) error {
	if text, ok := v.(string); ok {
		v = strings.Replace(text, "_", ":", 1)
	}
	return unmarshalEnum(s, v)
}

// Instead of a scope: every key may, or none ever.
const (
	anyScope Scope = "*"
	noScope  Scope = ""
)

// policyRow is who has one permission.
type policyRow struct {
	permission Permission
	// weakest is the lowest role that has it: the roles nest.
	weakest Role
	// scope is what a key needs. No key manages members or keys: one that leaks
	// could make itself a way back in. No key deletes uploads, or one that leaks
	// could remove what it sent.
	scope Scope
}

// policy is the one table of who may do what.
func policy() []policyRow {
	return []policyRow{
		{PermissionViewCustomer, RoleViewer, anyScope},
		{PermissionViewClaims, RoleViewer, ScopeClaimsRead},
		{PermissionUploadClaims, RoleAnalyst, ScopeClaimsWrite},
		{PermissionDeleteUploads, RoleAdmin, noScope},
		{PermissionViewReports, RoleViewer, ScopeDriftRead},
		{PermissionRunDetection, RoleAnalyst, ScopeDriftRun},
		{PermissionViewMappings, RoleViewer, ScopeMappingsRead},
		{PermissionManageMappings, RoleAnalyst, ScopeMappingsWrite},
		{PermissionViewAlerts, RoleViewer, ScopeAlertsRead},
		{PermissionHandleAlerts, RoleAnalyst, ScopeAlertsWrite},
		{PermissionManageAlerts, RoleAdmin, ScopeAlertsWrite},
		{PermissionViewWebhooks, RoleAdmin, ScopeWebhooksRead},
		{PermissionManageWebhooks, RoleAdmin, ScopeWebhooksWrite},
		{PermissionManageUsers, RoleAdmin, noScope},
		{PermissionManageAPIKeys, RoleAdmin, noScope},
		{PermissionManageConfiguration, RoleAdmin, ScopeSettingsWrite},
		{PermissionViewAudit, RoleAdmin, ScopeAuditRead},
	}
}

// policyOf is the row of a permission; a zero row, which grants nothing, for
// an unknown one.
func policyOf(p Permission) policyRow {
	for _, row := range policy() {
		if row.permission == p {
			return row
		}
	}
	return policyRow{}
}

// Permissions lists every permission.
func Permissions() []Permission {
	var all []Permission
	for _, row := range policy() {
		all = append(all, row.permission)
	}
	return all
}

// Values lists the permissions.
func (Permission) Values() []string {
	var all []string
	for _, p := range Permissions() {
		all = append(all, string(p))
	}
	return all
}

// MarshalGQL writes the GraphQL enum value.
func (p Permission) MarshalGQL(w io.Writer) { marshalEnum(w, p) }

// UnmarshalGQL reads the GraphQL enum value.
func (p *Permission) UnmarshalGQL(v any) error { return unmarshalEnum(p, v) }

// RoleMay reports whether a role carries a permission.
func RoleMay(role Role, p Permission) bool {
	roles := role.Values()
	rank, weakest := slices.Index(roles, string(role)), slices.Index(roles, string(policyOf(p).weakest))
	return rank >= 0 && rank <= weakest
}

// ScopesMay reports whether a key with these scopes carries a permission.
func ScopesMay(scopes []Scope, p Permission) bool {
	switch needed := policyOf(p).scope; needed {
	case noScope:
		return false
	case anyScope:
		return true
	default:
		return slices.Contains(scopes, needed)
	}
}

// ScopeFor is what a key needs for a permission: a scope, "" when none is
// needed, and false when no key may.
func ScopeFor(p Permission) (scope Scope, ok bool) {
	switch needed := policyOf(p).scope; needed {
	case noScope:
		return "", false
	case anyScope:
		return "", true
	default:
		return needed, true
	}
}

// NeedsSentence tells a client what a permission asks of it; name is the permission
// as the client's API spells it.
func (p Permission) NeedsSentence(name string) string {
	switch scope, ok := ScopeFor(p); {
	case !ok:
		return "Needs the permission `" + name + "`, which no API key has."
	case scope == "":
		return "Needs the permission `" + name + "`, which every API key has."
	default:
		return "Needs the permission `" + name + "`; API keys the scope `" + string(scope) + "`."
	}
}
