package models

import "io"

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
	PermissionViewReports         Permission = "view_reports"
	PermissionUploadClaims        Permission = "upload_claims"
	PermissionRunDetection        Permission = "run_detection"
	PermissionManageMappings      Permission = "manage_mappings"
	PermissionManageAlerts        Permission = "manage_alerts"
	PermissionManageWebhooks      Permission = "manage_webhooks"
	PermissionManageUsers         Permission = "manage_users"
	PermissionManageConfiguration Permission = "manage_configuration"
	PermissionViewAudit           Permission = "view_audit"
)

// Permissions lists every permission.
func Permissions() []Permission {
	return []Permission{
		PermissionViewReports, PermissionUploadClaims, PermissionRunDetection, PermissionManageMappings,
		PermissionManageAlerts, PermissionManageWebhooks, PermissionManageUsers, PermissionManageConfiguration,
		PermissionViewAudit,
	}
}

// RoleMay is the policy table: whether a role carries a permission. The order
// of roles nests, so each row names only the weakest role that has it.
func RoleMay(role Role, p Permission) bool {
	switch p {
	case PermissionViewReports:
		return role == RoleOwner || role == RoleAdmin || role == RoleAnalyst || role == RoleViewer
	case PermissionUploadClaims, PermissionRunDetection, PermissionManageMappings:
		return role == RoleOwner || role == RoleAdmin || role == RoleAnalyst
	case PermissionManageAlerts, PermissionManageWebhooks, PermissionManageUsers, PermissionManageConfiguration,
		PermissionViewAudit:
		return role == RoleOwner || role == RoleAdmin
	default:
		return false
	}
}
