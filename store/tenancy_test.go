package store_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"upstream/internal/factory"
	"upstream/models"
)

// inhabited is a customer with at least one row in every table that knows
// customers: what is tried on empty tables shows nothing.
func inhabited(w *factory.World, slug string) (*factory.Tenant, *models.ReportRun) {
	w.Helper()
	t := w.Tenant(slug)
	return t, inhabit(w, t)
}

// inhabit gives a customer at least one row in every table that knows customers.
func inhabit(w *factory.World, t *factory.Tenant) *models.ReportRun {
	w.Helper()
	ctx, slug := context.Background(), t.Customer.Slug
	owner := t.User(models.RoleOwner)
	key := models.SignInKey(hashOf("a failed sign-in at " + slug))
	if !must(w.Store.StartSession(ctx, owner, key, models.NewSession{
		ID: models.SessionID{}.From(uuid.Must(uuid.NewV7())), UserID: owner.UserID, CustomerID: t.Customer.ID, TokenVersion: 1,
		Refresh: models.NewRefreshToken{Hash: hashOf("a token of " + slug), ExpiresAt: factory.Now().AddDate(0, 0, 1)},
	}))(w) {
		w.Fatal("no session was started")
	}
	if err := w.Store.RecordSignInFailure(ctx, owner, key); err != nil {
		w.Fatal(err)
	}
	upload := t.Drifting()
	t.Insert(t.RejectionRow(upload.ID, 9999), &models.CPTGroupMapping{
		CustomerID: t.Customer.ID, ID: models.CPTGroupMappingID{}.From(uuid.Must(uuid.NewV7())),
		CPTCode: "X1", CPTGroup: "SPECIAL", Version: 1, CreatedAt: factory.Now(), UpdatedAt: factory.Now(),
	})
	mapping := models.NewPayerMapping{RawName: "AETNA INC", NormalizedName: "Aetna"}
	must(w.Store.CreatePayerMapping(ctx, t.System(), mapping))(w)
	// Of an upload that has ended: those that have not are seen by the watchdog.
	err := asOwner(w, t, `INSERT INTO upload_chunks (customer_id, upload_id, number, content) VALUES ($1, $2, 0, 'x')`,
		t.Customer.ID.UUID().String(), upload.ID.UUID().String())
	if err != nil {
		w.Fatal(err)
	}
	reset := models.NewPasswordReset{UserID: owner.UserID, Token: []byte("a link of " + slug), Hash: hashOf("a link of " + slug)}
	if err := w.Store.RequestPasswordReset(ctx, owner, reset); err != nil {
		w.Fatal(err)
	}
	must(w.Store.CreateAPIKey(ctx, t.System(), models.NewAPIKey{Name: "partner", Scopes: []models.Scope{models.ScopeClaimsRead}}))(w)
	named := owner
	named.Once = models.NewOnce("a key of "+slug, "invite")
	must(w.Store.InviteMember(ctx, named, models.NewInvitation{Email: "invited@" + slug + ".test", Role: models.RoleViewer}))(w)
	channel := must(w.Store.CreateNotificationChannel(ctx, owner, models.NewNotificationChannel{
		Name: "Billing", Config: models.ChannelConfig{Recipients: []string{"billing@" + slug + ".test"}},
	}))(w)
	rule := models.NewAlertRule{Name: "Denials", ThresholdValue: new(0.1), RoutingChannels: []models.NotificationChannelID{channel.ID}}
	rule.Metric = new(models.MetricDenialRateDelta)
	must(w.Store.CreateAlertRule(ctx, owner, rule))(w)
	webhooked(w, t)
	run := must(w.Store.DetectDrift(ctx, t.System(), models.DetectInput{}))(w)
	if run.DriftEventCount == 0 {
		w.Fatal("no drift was found to test with")
	}
	alert := must(w.Store.AlertEvents(ctx, owner, models.AlertEventFilter{}, everyRow[models.AlertEventOrderField]()))(w).Items[0]
	// It has been sent: what is still to be sent is seen by who looks for that.
	notice, _, err := w.Store.BeginNotice(ctx, t.System(), alert.ID, "")
	if err == nil {
		err = w.Store.NoticeTried(ctx, t.System(), notice, 1, "")
	}
	if err != nil {
		w.Fatal(err)
	}
	must(w.Store.GiveFeedback(ctx, owner, models.AlertFeedback{AlertEventID: alert.ID, Verdict: models.VerdictReal}))(w)
	return run
}

// webhooked has an endpoint with a delivery that was made and replayed. What
// waits is seen by those who look after it.
func webhooked(w *factory.World, t *factory.Tenant) {
	w.Helper()
	ctx, v := context.Background(), t.System()
	id := endpointOf(t, models.EventAlertResolved).ID
	must(w.Store.TestWebhookEndpoint(ctx, v, id))(w)
	if err := deliverOnce(ctx, w.Store, v, id); err != nil {
		w.Fatal(err)
	}
	replay := must(w.Store.ReplayWebhooks(ctx, v, models.NewWebhookReplay{EndpointID: id, Since: factory.Now()}))(w)
	if err := w.Store.PerformReplay(ctx, v, replay.ID); err != nil {
		w.Fatal(err)
	}
	if err := deliverOnce(ctx, w.Store, v, id); err != nil {
		w.Fatal(err)
	}
	must(w.Store.RotateWebhookSecret(ctx, v, models.WebhookSecretRotation{ID: id}))(w)
}

func TestTenancy_AnotherCustomersRowsAreNotThere(t *testing.T) {
	t.Parallel()
	w := factory.New(t)
	cedar, _ := inhabited(w, "cedar")
	harbor, run := inhabited(w, "harbor")
	ctx, v, theirs, s := t.Context(), cedar.System(), harbor.System(), w.Store

	upload := must(s.Uploads(ctx, theirs, models.UploadFilter{}, everyRow[models.UploadOrderField]()))(t).Items[0].ID
	claim := must(s.Claims(ctx, theirs, models.ClaimFilter{}, everyRow[models.ClaimOrderField]()))(t).Items[0].ID
	colleague := harbor.User(models.RoleAnalyst)
	event := must(s.DriftEvents(ctx, theirs, models.DriftEventFilter{}, everyRow[models.DriftEventOrderField]()))(t).Items[0].ID
	invitation := must(s.Invitations(ctx, theirs, models.InvitationFilter{}, everyRow[models.InvitationOrderField]()))(t).Items[0].ID

	rule := must(s.AlertRules(ctx, theirs, models.AlertRuleFilter{}, everyRow[models.AlertRuleOrderField]()))(t).Items[0].ID
	channel := must(s.NotificationChannels(ctx, theirs, models.NotificationChannelFilter{}, everyRow[models.NotificationChannelOrderField]()))(t).Items[0].ID
	alert := must(s.AlertEvents(ctx, theirs, models.AlertEventFilter{}, everyRow[models.AlertEventOrderField]()))(t).Items[0].ID
	judgment := must(s.OperatorJudgments(ctx, theirs, models.OperatorJudgmentFilter{}, everyRow[models.OperatorJudgmentOrderField]()))(t).Items[0].ID
	change := models.AlertChange{ID: alert}

	harbor.Insert(harbor.EventRow(run.ID, "Harbor only"), harbor.ClaimRow(upload, func(c *models.Claim) { c.Payer = "Harbor only" }))
	mine, others := must(s.Dashboard(ctx, v))(t), must(s.Dashboard(ctx, theirs))(t)
	equal(t, "claims on either dashboard", []int64{800, 801}, []int64{mine.TotalClaims, others.TotalClaims})
	if *mine.LastReportRunID == *others.LastReportRunID {
		t.Error("both dashboards show one run")
	}
	payer := must(s.CreatePayerMapping(ctx, theirs, models.NewPayerMapping{RawName: "Cigna Corp", NormalizedName: "Cigna"}))(t).ID
	hook := must(s.WebhookEndpoints(ctx, theirs, models.WebhookEndpointFilter{}, everyRow[models.WebhookEndpointOrderField]()))(t).Items[0].ID
	delivery := must(s.WebhookDeliveries(ctx, theirs, models.WebhookDeliveryFilter{}, everyRow[models.WebhookDeliveryOrderField]()))(t).Items[0].ID
	replay := must(s.WebhookReplays(ctx, theirs, models.WebhookReplayFilter{}, everyRow[models.WebhookReplayOrderField]()))(t).Items[0].ID
	happened := must(s.WebhookEvents(ctx, theirs, models.WebhookEventFilter{}, everyRow[models.WebhookEventOrderField]()))(t).Items[0].ID
	cpt := must(s.CreateCPTGroupMapping(ctx, theirs, models.NewCPTGroupMapping{CPTCode: "X2", CPTGroup: "SPECIAL"}))(t).ID

	for name, call := range map[string]func() error{
		"PayerMapping": func() error { _, err := s.PayerMapping(ctx, v, payer); return err },
		"UpdatePayerMapping": func() error {
			_, err := s.UpdatePayerMapping(ctx, v, models.Update[models.PayerMappingID, models.PayerMappingPatch]{ID: payer})
			return err
		},
		"DeletePayerMapping": func() error {
			return s.DeletePayerMapping(ctx, v, models.Deletion[models.PayerMappingID]{ID: payer})
		},
		"CPTGroupMapping": func() error { _, err := s.CPTGroupMapping(ctx, v, cpt); return err },
		"UpdateCPTGroupMapping": func() error {
			_, err := s.UpdateCPTGroupMapping(ctx, v, models.Update[models.CPTGroupMappingID, models.CPTGroupMappingPatch]{ID: cpt})
			return err
		},
		"DeleteCPTGroupMapping": func() error {
			return s.DeleteCPTGroupMapping(ctx, v, models.Deletion[models.CPTGroupMappingID]{ID: cpt})
		},
		"AlertRule": func() error { _, err := s.AlertRule(ctx, v, rule); return err },
		"UpdateAlertRule": func() error {
			_, err := s.UpdateAlertRule(ctx, v, models.Update[models.AlertRuleID, models.AlertRulePatch]{ID: rule})
			return err
		},
		"DeleteAlertRule":     func() error { return s.DeleteAlertRule(ctx, v, models.Deletion[models.AlertRuleID]{ID: rule}) },
		"NotificationChannel": func() error { _, err := s.NotificationChannel(ctx, v, channel); return err },
		"UpdateNotificationChannel": func() error {
			_, err := s.UpdateNotificationChannel(ctx, v, models.Update[models.NotificationChannelID, models.NotificationChannelPatch]{ID: channel})
			return err
		},
		"DeleteNotificationChannel": func() error {
			return s.DeleteNotificationChannel(ctx, v, models.Deletion[models.NotificationChannelID]{ID: channel})
		},
		"TestNotificationChannel": func() error { _, err := s.TestNotificationChannel(ctx, v, channel); return err },
		"AlertEvent":              func() error { _, err := s.AlertEvent(ctx, v, alert); return err },
		"AcknowledgeAlert":        func() error { _, err := s.AcknowledgeAlert(ctx, v, change); return err },
		"ResolveAlert":            func() error { _, err := s.ResolveAlert(ctx, v, change); return err },
		"ReopenAlert":             func() error { _, err := s.ReopenAlert(ctx, v, change); return err },
		"UnsnoozeAlert":           func() error { _, err := s.UnsnoozeAlert(ctx, v, change); return err },
		"RetryAlert":              func() error { _, err := s.RetryAlert(ctx, v, change); return err },
		"AssignAlert":             func() error { _, err := s.AssignAlert(ctx, v, models.AlertAssignment{AlertChange: change}); return err },
		"SnoozeAlert": func() error {
			_, err := s.SnoozeAlert(ctx, v, models.AlertSnooze{AlertChange: change, Until: factory.Now().AddDate(0, 0, 1)})
			return err
		},
		"GiveFeedback": func() error {
			_, err := s.GiveFeedback(ctx, v, models.AlertFeedback{AlertEventID: alert, Verdict: models.VerdictNoise})
			return err
		},
		"OperatorJudgment": func() error { _, err := s.OperatorJudgment(ctx, v, judgment); return err },
		"AlertHistory": func() error {
			_, err := s.AlertHistory(ctx, v, alert, models.AlertHistoryFilter{}, everyRow[models.AlertHistoryOrderField]())
			return err
		},
		"AlertNotifications": func() error {
			_, err := s.AlertNotifications(ctx, v, alert, everyRow[models.AlertNotificationOrderField]())
			return err
		},
		"UpdateCustomer": func() error {
			_, err := s.UpdateCustomer(ctx, v, models.Update[models.CustomerID, models.CustomerPatch]{ID: harbor.Customer.ID})
			return err
		},
		"UpdateUpload": func() error {
			_, err := s.UpdateUpload(ctx, v, models.Update[models.UploadID, models.UploadPatch]{ID: upload})
			return err
		},
		"CancelUpload": func() error {
			_, err := s.CancelUpload(ctx, v, models.Cancellation{ID: upload})
			return err
		},
		"DeleteUpload": func() error { return s.DeleteUpload(ctx, v, models.Deletion[models.UploadID]{ID: upload}) },
		"Upload":       func() error { _, err := s.Upload(ctx, v, upload); return err },
		"Claim":        func() error { _, err := s.Claim(ctx, v, claim); return err },
		"Member":       func() error { _, err := s.Member(ctx, v, memberOf(t, harbor, colleague).ID); return err },
		"ChangeMemberRole": func() error {
			_, err := s.ChangeMemberRole(ctx, v, models.RoleChange{ID: memberOf(t, harbor, colleague).ID, Role: models.RoleViewer})
			return err
		},
		"RemoveMember": func() error {
			return s.RemoveMember(ctx, v, models.Removal{ID: memberOf(t, harbor, colleague).ID})
		},
		"WebhookEndpoint": func() error { _, err := s.WebhookEndpoint(ctx, v, hook); return err },
		"UpdateWebhookEndpoint": func() error {
			_, err := s.UpdateWebhookEndpoint(ctx, v, models.Update[models.WebhookEndpointID, models.WebhookEndpointPatch]{ID: hook})
			return err
		},
		"DeleteWebhookEndpoint": func() error {
			return s.DeleteWebhookEndpoint(ctx, v, models.Deletion[models.WebhookEndpointID]{ID: hook})
		},
		"RotateWebhookSecret": func() error {
			_, err := s.RotateWebhookSecret(ctx, v, models.WebhookSecretRotation{ID: hook})
			return err
		},
		"TestWebhookEndpoint": func() error { _, err := s.TestWebhookEndpoint(ctx, v, hook); return err },
		"CountReplay": func() error {
			_, err := s.CountReplay(ctx, v, models.NewWebhookReplay{EndpointID: hook, Since: factory.Now()})
			return err
		},
		"ReplayWebhooks": func() error {
			_, err := s.ReplayWebhooks(ctx, v, models.NewWebhookReplay{EndpointID: hook, Since: factory.Now()})
			return err
		},
		"WebhookReplay":   func() error { _, err := s.WebhookReplay(ctx, v, replay); return err },
		"WebhookEvent":    func() error { _, err := s.WebhookEvent(ctx, v, happened); return err },
		"WebhookDelivery": func() error { _, err := s.WebhookDelivery(ctx, v, delivery); return err },
		"RedeliverWebhook": func() error {
			_, err := s.RedeliverWebhook(ctx, v, models.Redelivery{ID: delivery})
			return err
		},
		"DeliveryAttempts": func() error {
			_, err := s.DeliveryAttempts(ctx, v, delivery, models.DeliveryAttemptFilter{}, everyRow[models.DeliveryAttemptOrderField]())
			return err
		},
		"Invitation":       func() error { _, err := s.Invitation(ctx, v, invitation); return err },
		"ResendInvitation": func() error { _, err := s.ResendInvitation(ctx, v, invitation, nil); return err },
		"RevokeInvitation": func() error { _, err := s.RevokeInvitation(ctx, v, invitation, nil); return err },
		"CustomerByID":     func() error { _, err := s.CustomerByID(ctx, v, harbor.Customer.ID); return err },
		"ReportRun":        func() error { _, err := s.ReportRun(ctx, v, run.ID); return err },
		"DriftEvent":       func() error { _, err := s.DriftEvent(ctx, v, event); return err },
		"Rejections": func() error {
			_, err := s.Rejections(ctx, v, upload, everyRow[models.RejectionOrderField]())
			return err
		},
		"DriftTests": func() error {
			_, err := s.DriftTests(ctx, v, run.ID, models.DriftTestFilter{}, everyRow[models.DriftTestOrderField]())
			return err
		},
	} {
		if err := call(); models.CodeOf(err) != models.CodeNotFound || err == nil {
			t.Errorf("%s of another customer: %v", name, err)
		}
	}
	for name, n := range map[string]int{
		"PayerMappingsByID":        len(must(s.PayerMappingsByID(ctx, v, []models.PayerMappingID{payer}))(t)),
		"CPTGroupMappingsByID":     len(must(s.CPTGroupMappingsByID(ctx, v, []models.CPTGroupMappingID{cpt}))(t)),
		"AlertRulesByID":           len(must(s.AlertRulesByID(ctx, v, []models.AlertRuleID{rule}))(t)),
		"NotificationChannelsByID": len(must(s.NotificationChannelsByID(ctx, v, []models.NotificationChannelID{channel}))(t)),
		"AlertEventsByID":          len(must(s.AlertEventsByID(ctx, v, []models.AlertEventID{alert}))(t)),
		"OperatorJudgmentsByID":    len(must(s.OperatorJudgmentsByID(ctx, v, []models.OperatorJudgmentID{judgment}))(t)),
		"AlertMemory":              len(must(s.AlertMemory(ctx, v, []models.AlertEventID{alert}))(t)),
		"AlertEventsOfRules": len(must(s.AlertEventsOfRules(ctx, v, []models.AlertRuleID{rule}, models.AlertEventFilter{},
			everyRow[models.AlertEventOrderField]()))(t)[rule].Items),
		"AlertEventsOfDriftEvents": len(must(s.AlertEventsOfDriftEvents(ctx, v, []models.DriftEventID{event}, models.AlertEventFilter{},
			everyRow[models.AlertEventOrderField]()))(t)[event].Items),
		"AlertHistoryOfAlerts": len(must(s.AlertHistoryOfAlerts(ctx, v, []models.AlertEventID{alert}, models.AlertHistoryFilter{},
			everyRow[models.AlertHistoryOrderField]()))(t)[alert].Items),
		"AlertNotificationsOfAlerts": len(must(s.AlertNotificationsOfAlerts(ctx, v, []models.AlertEventID{alert},
			everyRow[models.AlertNotificationOrderField]()))(t)[alert].Items),
		"JudgmentsOfAlerts": len(must(s.JudgmentsOfAlerts(ctx, v, []models.AlertEventID{alert}, models.OperatorJudgmentFilter{},
			everyRow[models.OperatorJudgmentOrderField]()))(t)[alert].Items),
		"UploadsByID":           len(must(s.UploadsByID(ctx, v, []models.UploadID{upload}))(t)),
		"WebhookEndpointsByID":  len(must(s.WebhookEndpointsByID(ctx, v, []models.WebhookEndpointID{hook}))(t)),
		"WebhookDeliveriesByID": len(must(s.WebhookDeliveriesByID(ctx, v, []models.WebhookDeliveryID{delivery}))(t)),
		"WebhookReplaysByID":    len(must(s.WebhookReplaysByID(ctx, v, []models.WebhookReplayID{replay}))(t)),
		"WebhookEventsByID":     len(must(s.WebhookEventsByID(ctx, v, []models.WebhookEventID{happened}))(t)),
		"WebhookDeliveriesOfEndpoints": len(must(s.WebhookDeliveriesOfEndpoints(ctx, v, []models.WebhookEndpointID{hook}, models.WebhookDeliveryFilter{},
			everyRow[models.WebhookDeliveryOrderField]()))(t)[hook].Items),
		"DeliveryAttemptsOfDeliveries": len(must(s.DeliveryAttemptsOfDeliveries(ctx, v, []models.WebhookDeliveryID{delivery}, models.DeliveryAttemptFilter{},
			everyRow[models.DeliveryAttemptOrderField]()))(t)[delivery].Items),
		"InvitationsByID": len(must(s.InvitationsByID(ctx, v, []models.InvitationID{invitation}))(t)),
		"ClaimsByID":      len(must(s.ClaimsByID(ctx, v, []models.ClaimID{claim}))(t)),
		"ReportRunsByID":  len(must(s.ReportRunsByID(ctx, v, []models.ReportRunID{run.ID}))(t)),
		"DriftEventsByID": len(must(s.DriftEventsByID(ctx, v, []models.DriftEventID{event}))(t)),
		"ClaimsOfUploads": len(must(s.ClaimsOfUploads(ctx, v, []models.UploadID{upload}, models.ClaimFilter{},
			everyRow[models.ClaimOrderField]()))(t)[upload].Items),
		"RejectionsOfUploads": len(must(s.RejectionsOfUploads(ctx, v, []models.UploadID{upload},
			everyRow[models.RejectionOrderField]()))(t)[upload].Items),
		"DriftEventsOfRuns": len(must(s.DriftEventsOfRuns(ctx, v, []models.ReportRunID{run.ID}, models.DriftEventFilter{},
			everyRow[models.DriftEventOrderField]()))(t)[run.ID].Items),
		"DriftTestsOfRuns": len(must(s.DriftTestsOfRuns(ctx, v, []models.ReportRunID{run.ID}, models.DriftTestFilter{},
			everyRow[models.DriftTestOrderField]()))(t)[run.ID].Items),
		"PayerSummaries": len(must(s.PayerSummaries(ctx, v, models.PayerSummaryFilter{Payer: new("harbor only")},
			everyRow[models.PayerSummaryOrderField]()))(t).Items),
		"ClaimStats": len(must(s.ClaimStats(ctx, v, models.ClaimStatsFilter{Payer: new("harbor only")},
			everyRow[models.ClaimStatsOrderField]()))(t).Items),
		"ClaimsOfPayers": len(must(s.ClaimsOfPayers(ctx, v, []string{"Harbor only"}, models.Period{First: factory.Today().AddDays(-90), Last: factory.Today()},
			models.ClaimFilter{}, everyRow[models.ClaimOrderField]()))(t)["Harbor only"].Items),
		"DriftEventsOfPayers": len(must(s.DriftEventsOfPayers(ctx, v, []string{"Harbor only"}, models.DriftEventFilter{},
			everyRow[models.DriftEventOrderField]()))(t)["Harbor only"].Items),
		"Claims of their upload": len(must(s.Claims(ctx, v, models.ClaimFilter{Upload: &upload},
			everyRow[models.ClaimOrderField]()))(t).Items),
		"DriftEvents of their run": len(must(s.DriftEvents(ctx, v, models.DriftEventFilter{ReportRun: &run.ID},
			everyRow[models.DriftEventOrderField]()))(t).Items),
	} {
		if n != 0 {
			t.Errorf("%s answers %d rows of another customer", name, n)
		}
	}
}

// The database handle is used where transactions begin and nowhere else, and a
// transaction is queried directly only for tables of no tenant: all the rest
// goes through helpers that add the customer.
func TestTenancy_NoQueryWithoutATenant(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	handle := []string{"store.go", "tx.go", "reading.go"}
	builders := []string{
		"tx.go", "account.go", "customer.go", "auditchain.go", "auditverify.go", "batch.go", "session.go", "lockout.go",
		"seal_sql.go", "apikeyuse.go", "passwordreset.go", "invitationlink.go", "schedule.go",
		"watchdog.go", "uploadwatch.go", "alertwatch.go", "webhookwatch.go", "exclusive.go",
	}
	files := 0
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			at := set.Position(selector.Pos())
			switch selector.Sel.Name {
			case "db", "DB", "RunInTx", "BeginTx", "NewDB":
				if !slices.Contains(handle, name) {
					t.Errorf("%s: the database handle is used outside %v", at, handle)
				}
			case "pool":
				if !slices.Contains(append(handle, "auditchain.go", "outbox.go", "observe.go"), name) {
					t.Errorf("%s: the pool is used outside %v", at, handle)
				}
			case "NewSelect", "NewInsert", "NewUpdate", "NewDelete", "NewMerge", "NewRaw":
				if !slices.Contains(builders, name) {
					t.Errorf("%s: a query without a tenant", at)
				}
			}
			return true
		})
	}
	if files < 20 {
		t.Errorf("only %d files were looked at", files)
	}
}
