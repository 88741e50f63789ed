package models_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"upstream/models"
)

// The matrix of roles and permissions as the domain defines it.
func TestRoleMay(t *testing.T) {
	t.Parallel()
	matrix := map[models.Permission]string{
		models.PermissionViewCustomer:        "owner admin analyst viewer",
		models.PermissionViewClaims:          "owner admin analyst viewer",
		models.PermissionViewReports:         "owner admin analyst viewer",
		models.PermissionViewMappings:        "owner admin analyst viewer",
		models.PermissionViewAlerts:          "owner admin analyst viewer",
		models.PermissionViewWebhooks:        "owner admin",
		models.PermissionManageAPIKeys:       "owner admin",
		models.PermissionUploadClaims:        "owner admin analyst",
		models.PermissionDeleteUploads:       "owner admin",
		models.PermissionRunDetection:        "owner admin analyst",
		models.PermissionManageMappings:      "owner admin analyst",
		models.PermissionHandleAlerts:        "owner admin analyst",
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

// What a key needs for each permission; "-" where no key may, "any" where all may.
func TestScopesMay(t *testing.T) {
	t.Parallel()
	matrix := map[models.Permission]string{
		models.PermissionViewCustomer:        "any",
		models.PermissionViewClaims:          "claims:read",
		models.PermissionUploadClaims:        "claims:write",
		models.PermissionViewReports:         "drift:read",
		models.PermissionRunDetection:        "drift:run",
		models.PermissionViewMappings:        "mappings:read",
		models.PermissionManageMappings:      "mappings:write",
		models.PermissionViewAlerts:          "alerts:read",
		models.PermissionHandleAlerts:        "alerts:write",
		models.PermissionManageAlerts:        "alerts:write",
		models.PermissionViewWebhooks:        "webhooks:read",
		models.PermissionManageWebhooks:      "webhooks:write",
		models.PermissionManageConfiguration: "settings:write",
		models.PermissionViewAudit:           "audit:read",
		models.PermissionManageUsers:         "-",
		models.PermissionManageAPIKeys:       "-",
		models.PermissionDeleteUploads:       "-",
	}
	var all []models.Scope
	for _, scope := range models.Scope("").Values() {
		all = append(all, models.Scope(scope))
	}
	for _, p := range models.Permissions() {
		want, listed := matrix[p]
		if !listed {
			t.Errorf("%s is not in the matrix", p)
		}
		if got := models.ScopesMay(nil, p); got != (want == "any") {
			t.Errorf("a key without scopes: %s = %v", p, got)
		}
		if got := models.ScopesMay(all, p); got != (want != "-") {
			t.Errorf("a key with every scope: %s = %v", p, got)
		}
		for _, scope := range all {
			if got := models.ScopesMay([]models.Scope{scope}, p); got != (want == "any" || want == string(scope)) {
				t.Errorf("a key with %s: %s = %v", scope, p, got)
			}
		}
		if scope, ok := models.ScopeFor(p); ok != (want != "-") || (scope != "" && string(scope) != want) {
			t.Errorf("ScopeFor(%s) = %q, %v", p, scope, ok)
		}
	}
	for _, scope := range all {
		var out strings.Builder
		scope.MarshalGQL(&out)
		if want := strconv.Quote(strings.ToUpper(strings.ReplaceAll(string(scope), ":", "_"))); out.String() != want {
			t.Errorf("GraphQL shows %s as %s", scope, &out)
		}
		var back models.Scope
		if err := back.UnmarshalGQL(strings.ToUpper(strings.ReplaceAll(string(scope), ":", "_"))); err != nil || back != scope {
			t.Errorf("GraphQL reads %s as %q, %v", &out, back, err)
		}
	}
	if back := models.Scope(""); back.UnmarshalGQL("CLAIMS_EAT") == nil || back.UnmarshalGQL(1) == nil {
		t.Error("nonsense is a scope")
	}
	if models.ScopesMay(all, "rule_the_world") {
		t.Error("an unknown permission is granted to keys")
	}
}

func TestViewer_Authorize(t *testing.T) {
	t.Parallel()
	key := models.APIKeyID{}.From(uuid.New())
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
		"a job":                        {models.JobViewer(customer, "mail", ""), ""},
		"a key":                        {models.Viewer{KeyID: key, CustomerID: customer, Scopes: []models.Scope{models.ScopeClaimsWrite}}, ""},
		"a key with another scope":     {models.Viewer{KeyID: key, CustomerID: customer, Scopes: []models.Scope{models.ScopeClaimsRead}}, models.CodeForbidden},
		"a key that claims a role":     {models.Viewer{KeyID: key, CustomerID: customer, Role: models.RoleOwner}, models.CodeForbidden},
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

// What spans customers takes the same as what is within one, except that a
// superuser need name none.
func TestViewer_AuthorizeAcross(t *testing.T) {
	t.Parallel()
	user, customer := models.UserID{}.From(uuid.New()), models.CustomerID{}.From(uuid.New())
	for name, tt := range map[string]struct {
		viewer models.Viewer
		want   models.Code
	}{
		"nobody who claims to be a superuser": {models.Viewer{Superuser: true}, models.CodeUnauthenticated},
		"a superuser":                         {models.Viewer{UserID: user, Superuser: true}, ""},
		"a superuser within a customer":       {models.Viewer{UserID: user, Superuser: true, CustomerID: customer}, ""},
		"a viewer":                            {models.Viewer{UserID: user, CustomerID: customer, Role: models.RoleViewer}, models.CodeForbidden},
		"an admin":                            {models.Viewer{UserID: user, CustomerID: customer, Role: models.RoleAdmin}, ""},
		"an admin of nobody":                  {models.Viewer{UserID: user, Role: models.RoleAdmin}, models.CodeForbidden},
	} {
		err := tt.viewer.AuthorizeAcross(models.PermissionManageUsers)
		if (tt.want == "") != (err == nil) || err != nil && models.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestPermission_NeedsSentence(t *testing.T) {
	t.Parallel()
	for p, want := range map[models.Permission]string{
		models.PermissionManageUsers:  "Needs the permission `X`, which no API key has.",
		models.PermissionViewCustomer: "Needs the permission `X`, which every API key has.",
		models.PermissionRunDetection: "Needs the permission `X`; API keys the scope `drift:run`.",
	} {
		if got := p.NeedsSentence("X"); got != want {
			t.Errorf("%s: %s", p, got)
		}
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, addr := range []string{"192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9", "2001:db8:1:3::9", "fe80::1%eth0", "", "pipe"} {
		got[addr] = models.Network(addr)
	}
	want := map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::9": "2001:db8:1:2::/64", "2001:db8:1:3::9": "2001:db8:1:3::/64", "fe80::1%eth0": "fe80::/64", "": "", "pipe": "pipe",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
}
