package apitest

import (
	"fmt"
	"strings"
	"testing"

	"upstream/models"
)

// testViewer signs everybody in by REST and asks GraphQL who they are: the
// role, the customer and the permissions have to be those that REST acts by.
func (s *Server) testViewer(t *testing.T) {
	t.Parallel()
	const document = "{ viewer { userId email role isSuperuser permissions customer { id } } }"
	for _, p := range people() {
		if p.User == "" || p.reading != "" || p.absent {
			continue
		}
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			var g struct {
				Data struct {
					Viewer struct {
						Email, Role string
						IsSuperuser bool
						Permissions []string
						Customer    *struct{ ID string }
					}
				}
			}
			s.graphql(t, p.Asker, Operation{Document: document}).decode(t, &g)
			v := g.Data.Viewer
			_, role, member := strings.Cut(p.User, ".")
			if v.Email != s.expand(t, "{"+p.User+"}") || v.IsSuperuser == member || v.Role != strings.ToUpper(role) {
				t.Errorf("viewer is %+v", v)
			}
			own := restAnswer(t, "Customer", s.rest(t, p.Asker, Call{Path: "customers/me/"}))
			if v.Customer == nil || own.Rows[0]["id"] != v.Customer.ID {
				t.Errorf("GraphQL says %v, REST %v", v.Customer, own.Rows)
			}
			s.checkPermissions(t, p, v.Permissions)
		})
	}
}

// checkPermissions tries the permissions that REST has operations for: what
// GraphQL says is granted is not FORBIDDEN there, and what it leaves out is.
func (s *Server) checkPermissions(t tester, p person, granted []string) {
	t.Helper()
	may := fmt.Sprint(granted)
	for permission, call := range map[models.Permission]Call{
		models.PermissionViewClaims:   {Path: "claims/", Query: map[string][]string{"page_size": {"1"}}},
		models.PermissionRunDetection: {Method: "POST", Path: "drift/detect/", Body: map[string]any{"current_days": 0}},
		models.PermissionViewAudit:    {Path: "audit-events/", Query: map[string][]string{"page_size": {"1"}}},
		models.PermissionUploadClaims: {Method: "POST", Path: "uploads/"},
	} {
		a := restAnswer(t, "Claim", s.rest(t, p.Asker, call))
		if stated, forbidden := strings.Contains(may, strings.ToUpper(string(permission))), a.Code == models.CodeForbidden; stated == forbidden {
			t.Errorf("%s: GraphQL grants %s, REST answers %q", permission, may, a.Code)
		}
	}
}
