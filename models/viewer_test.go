package models_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"upstream/models"
)

// The matrix of roles and permissions as the domain defines it.
func TestRoleMay(t *testing.T) {
	t.Parallel()
	matrix := map[models.Permission]string{
		models.PermissionViewReports:         "owner admin analyst viewer",
		models.PermissionUploadClaims:        "owner admin analyst",
		models.PermissionRunDetection:        "owner admin analyst",
		models.PermissionManageMappings:      "owner admin analyst",
		models.PermissionManageAlerts:        "owner admin",
		models.PermissionManageWebhooks:      "owner admin",
		models.PermissionManageUsers:         "owner admin",
		models.PermissionManageConfiguration: "owner admin",
		models.PermissionViewAudit:           "owner admin",
	}
	for _, p := range models.Permissions() {
		allowed, listed := matrix[p]
		if !listed {
			t.Errorf("%s is not in the matrix", p)
		}
		for _, role := range models.Role("").Values() {
			want := strings.Contains(" "+allowed+" ", " "+role+" ")
			if got := models.RoleMay(models.Role(role), p); got != want {
				t.Errorf("RoleMay(%s, %s) = %v, want %v", role, p, got, want)
			}
		}
		if models.RoleMay("", p) || models.RoleMay("stranger", p) {
			t.Errorf("somebody without a role may %s", p)
		}
	}
	if models.RoleMay(models.RoleOwner, "rule_the_world") {
		t.Error("an unknown permission is granted")
	}
}

func TestViewer_Authorize(t *testing.T) {
	t.Parallel()
	user, customer := models.UserID{}.From(uuid.New()), models.CustomerID{}.From(uuid.New())
	for name, tt := range map[string]struct {
		viewer models.Viewer
		want   models.Code
	}{
		"anonymous":                    {models.Viewer{}, models.CodeUnauthenticated},
		"anonymous with a customer":    {models.Viewer{CustomerID: customer, Role: models.RoleOwner}, models.CodeUnauthenticated},
		"no customer":                  {models.Viewer{UserID: user, Role: models.RoleOwner}, models.CodeForbidden},
		"superuser without a customer": {models.Viewer{UserID: user, Superuser: true}, models.CodeValidation},
		"superuser with a customer":    {models.Viewer{UserID: user, Superuser: true, CustomerID: customer}, ""},
		"viewer":                       {models.Viewer{UserID: user, CustomerID: customer, Role: models.RoleViewer}, models.CodeForbidden},
		"analyst":                      {models.Viewer{UserID: user, CustomerID: customer, Role: models.RoleAnalyst}, ""},
		"the program":                  {models.SystemViewer(customer), ""},
		"the program for nobody":       {models.SystemViewer(models.CustomerID{}), models.CodeForbidden},
	} {
		err := tt.viewer.Authorize(models.PermissionUploadClaims)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || models.CodeOf(err) != tt.want):
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	err := models.Viewer{UserID: user, CustomerID: customer, Role: models.RoleViewer}.Authorize(models.PermissionUploadClaims)
	if !strings.Contains(err.Error(), string(models.PermissionUploadClaims)) {
		t.Errorf("the missing permission is not named: %v", err)
	}
}
