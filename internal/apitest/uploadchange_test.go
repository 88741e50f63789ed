package apitest

import (
	"testing"

	"upstream/internal/factory"
	"upstream/models"
)

var upload = resource{typ: "Upload", path: "uploads/", table: "uploads"}

// seedUploads gives each of twins an upload with claims, one without, and
// Harbor one without.
func seedUploads(s *Server) {
	s.keyFor(models.ScopeClaimsWrite)
	full := s.Cedar.Ingest(shift(factory.Today())...)
	s.known("full", full.ID.String(), full.ID.UUID())
	for name, clinic := range map[string]*factory.Tenant{"waiting": s.Cedar, "reading": s.Cedar, "harbor.waiting": s.Harbor} {
		row := s.fixedUpload(clinic, name)
		row.Status, row.ErrorMessage, row.RowCount, row.RejectedRowCount, row.MissingFields = models.UploadProcessing, nil, nil, 0, 0
		clinic.Insert(row)
	}
	for name, clinic := range map[string]*factory.Tenant{"empty": s.Cedar, "spare": s.Cedar, "harbor.upload": s.Harbor} {
		row := s.fixedUpload(clinic, name)
		clinic.Insert(row, clinic.RejectionRow(row.ID, 2), clinic.RejectionRow(row.ID, 3))
	}
}

// fixedUpload is a failed upload whose identifier is the same on each twin.
func (s *Server) fixedUpload(clinic *factory.Tenant, name string) *models.Upload {
	id := models.UploadID{}
	if err := id.UnmarshalText([]byte(map[string]string{
		"empty": "upl_01jz8k6v3pe9ktyh5wmcqa2x01", "spare": "upl_01jz8k6v3pe9ktyh5wmcqa2x02", "harbor.upload": "upl_01jz8k6v3pe9ktyh5wmcqa2x03",
		"waiting": "upl_01jz8k6v3pe9ktyh5wmcqa2x04", "reading": "upl_01jz8k6v3pe9ktyh5wmcqa2x05", "harbor.waiting": "upl_01jz8k6v3pe9ktyh5wmcqa2x06",
	}[name])); err != nil {
		s.Fatal(err)
	}
	s.known(name, id.String(), id.UUID())
	return clinic.UploadRow(func(u *models.Upload) {
		u.ID, u.Filename, u.Status, u.ErrorMessage = id, name+".csv", models.UploadFailed, new("Nothing was kept.")
		u.RowCount, u.RejectedRowCount, u.MissingFields = new(int64(2)), 2, 2
	})
}

// uploadChanges succeed one after another.
func uploadChanges() []write {
	renamed := upload.changing("an analyst renames one", "cedar.analyst", "{full}", 1, object("filename", "June.csv"))
	with := func(w write, also string) write {
		w.changes = append(w.changes[:2:2], also, "uploads")
		return w
	}
	return []write{
		renamed,
		idle(upload.changing("to the same name", "cedar.analyst", "{full}", 2, object("filename", "June.csv"))),
		idle(upload.changing("to nothing else", "cedar.admin", "{full}", 0, object())),
		with(upload.deleting("an admin deletes one without claims", "cedar.admin", "{empty}", 1), "upload_rejections"),
		cancels("an analyst cancels one that waits", "cedar.analyst", "{waiting}", 1),
		cancels("an owner, at any version", "cedar.owner", "{reading}", 0),
		with(upload.deleting("an owner, at any version", "cedar.owner", "{spare}", 0), "upload_rejections"),
	}
}

// uploadRefusals leave everything as it is.
func uploadRefusals() []write {
	name := object("filename", "June.csv")
	byKey := refusing(upload.deleting("a key", "", "{empty}", 0), models.CodeForbidden)
	byKey.As = Asker{Key: "claims:write"}
	return []write{
		refusing(upload.changing("nobody", "", "{full}", 0, name), models.CodeUnauthenticated),
		refusing(upload.changing("a viewer", "cedar.viewer", "{full}", 0, name), models.CodeForbidden),
		refusing(upload.changing("no name", "cedar.analyst", "{full}", 0, object("filename", nil)), models.CodeValidation, "filename required"),
		refusing(upload.changing("a blank name", "cedar.analyst", "{full}", 0, object("filename", " ")), models.CodeValidation, "filename invalid"),
		inWords(refusing(upload.changing("the state", "cedar.analyst", "{full}", 0, object("status", "SUCCESS")), models.CodeValidation, "status read_only")),
		refusing(upload.changing("a version that was", "cedar.analyst", "{full}", 2, name), models.CodeStale),
		refusing(upload.changing("another customer's", "cedar.owner", "{harbor.upload}", 0, name), models.CodeNotFound),
		refusing(upload.changing("none", "cedar.owner", "upl"+nowhere, 0, name), models.CodeNotFound),
		refusing(upload.deleting("an analyst deletes", "cedar.analyst", "{empty}", 0), models.CodeForbidden),
		byKey,
		refusing(cancels("a viewer cancels", "cedar.viewer", "{waiting}", 0), models.CodeForbidden),
		refusing(cancels("one that has ended", "cedar.analyst", "{full}", 1), models.CodeConflict),
		refusing(cancels("a version that was not", "cedar.analyst", "{waiting}", 7), models.CodeStale),
		refusing(cancels("another customer's that waits", "cedar.owner", "{harbor.waiting}", 0), models.CodeNotFound),
		refusing(cancels("none to cancel", "cedar.owner", "upl"+nowhere, 0), models.CodeNotFound),
		refusing(upload.deleting("one with claims", "cedar.owner", "{full}", 1), models.CodeInUse),
		refusing(upload.deleting("a version that was not", "cedar.owner", "{empty}", 2), models.CodeStale),
		refusing(upload.deleting("one with claims, at a version that was not", "cedar.owner", "{full}", 2), models.CodeStale),
		refusing(upload.deleting("another customer's", "cedar.owner", "{harbor.upload}", 0), models.CodeNotFound),
		refusing(upload.deleting("none", "cedar.owner", "upl"+nowhere, 1), models.CodeNotFound),
	}
}

func TestUploadChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedUploads)
	for _, c := range uploadChanges() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}

func TestRefusedUploadChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, seedUploads)
	for _, c := range uploadRefusals() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}

// TestUploadStats counts what the database has; claims do not count twice.
func TestUploadStats(t *testing.T) {
	t.Parallel()
	s := NewServer(t)
	seedUploads(s)
	s.Cedar.Insert(
		s.Cedar.UploadRow(func(u *models.Upload) { u.Status, u.RowCount = models.UploadPartial, new(int64(3)) }),
		s.Cedar.UploadRow(func(u *models.Upload) { u.Status = models.UploadProcessing }),
	)
	a := s.run(t, Case{
		Name: "stats", As: Asker{User: "cedar.viewer"}, REST: Call{Path: "uploads/stats/"},
		GraphQL: Operation{Document: "{ uploadStats { " + selection("UploadStats") + " } }", At: "uploadStats", Type: "UploadStats"},
	})
	claims := query[float64](t, s.Cedar, `SELECT count(*) FROM claims`)
	same(t, "counts", []Row{{
		"total": 7.0, "success": 1.0, "failed": 2.0, "partial": 1.0, "processing": 3.0, "total_rows": claims + 7,
	}}, a.Rows)
}

// cancels is the case that cancels an upload, at any version when that is 0.
func cancels(name, user, id string, version int) write {
	w := write{changes: append(upload.written(), "webhook_events", "webhook_streams"), Case: Case{
		Name: name, As: Asker{User: user}, REST: Call{Method: "POST", Path: upload.path + id + "/cancel/"},
		GraphQL: upload.mutation("cancel", map[string]any{"id": id}),
	}}
	return w.at(version)
}
