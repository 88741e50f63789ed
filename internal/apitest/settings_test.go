package apitest

import (
	"testing"

	"upstream/models"
)

var customerSettings = resource{
	typ: "Customer", path: "customers/", table: "customers", enums: map[string]bool{"weekly_run_weekday": true},
}

// settingsChanges succeed one after another.
func settingsChanges() []write {
	c := customerSettings
	mine := c.changing("the own customer", "cedar.owner", "{cedar}", 7, object("name", " Cedar Family "))
	mine.REST.Path = "customers/me/"
	byKey := c.changing("a key", "", "{cedar}", 0, object("cc_email", "office@cedar.test"))
	byKey.As = Asker{Key: "settings:write"}
	byRoot := c.changing("a superuser", "root", "{cedar}", 0, object("attach_pdf", true))
	byRoot.As.Customer = "{cedar}"
	return []write{
		c.changing("whom to mail", "cedar.admin", "{cedar}", 1, object("to_email", "billing@cedar.test", "cc_email", "copy@cedar.test", "attach_pdf", false)),
		c.changing("nobody gets a copy", "cedar.admin", "{cedar}", 2, object("cc_email", nil)),
		idle(c.changing("what is so already", "cedar.admin", "{cedar}", 3, object("cc_email", nil, "attach_pdf", false, "weekly_run_weekday", "monday"))),
		idle(c.changing("nothing", "cedar.owner", "{cedar}", 0, object())),
		c.changing("when runs are made", "cedar.owner", "{cedar}", 3, object("weekly_run_weekday", "friday", "run_local_time", "05:30",
			"monthly_run_enabled", true, "time_zone", "America/Denver")),
		c.changing("the monthly run alone", "cedar.owner", "{cedar}", 4, object("monthly_run_enabled", false)),
		c.changing("no weekly run", "cedar.owner", "{cedar}", 0, object("weekly_run_enabled", false)),
		c.changing("weekly runs again", "cedar.owner", "{cedar}", 6, object("weekly_run_enabled", true)),
		mine, byKey, byRoot,
		c.changing("how alerts are kept quiet", "cedar.admin", "{cedar}", 0, object("alert_cooldown_minutes", 0, "alert_noise_threshold", 3,
			"alert_noise_window_days", 14, "alert_memory_days", 90, "alert_auto_resolve_runs", 0)),
	}
}

// settingsRefusals leave everything as it is.
func settingsRefusals() []write {
	c := customerSettings
	unnamed := refusing(c.changing("a superuser who names none", "root", "{cedar}", 0, object("name", "Cedar")), models.CodeValidation, "X-Customer-Id required")
	return []write{
		refusing(c.changing("nobody", "", "{cedar}", 0, object("name", "x")), models.CodeUnauthenticated),
		refusing(c.changing("an analyst", "cedar.analyst", "{cedar}", 0, object("name", "x")), models.CodeForbidden),
		refusing(c.changing("everything wrong", "cedar.owner", "{cedar}", 0, object("name", " ", "to_email", "nobody", "cc_email", "a@b@c",
			"time_zone", "Mars/Olympus", "run_local_time", "2 o'clock")), models.CodeValidation,
			"cc_email invalid", "name invalid", "run_local_time invalid", "time_zone invalid", "to_email invalid"),
		refusing(c.changing("everything null", "cedar.owner", "{cedar}", 0, object("name", nil, "attach_pdf", nil, "time_zone", nil, "weekly_run_enabled", nil,
			"weekly_run_weekday", nil, "monthly_run_enabled", nil, "run_local_time", nil)), models.CodeValidation, "attach_pdf required",
			"monthly_run_enabled required", "name required", "run_local_time required", "time_zone required", "weekly_run_enabled required", "weekly_run_weekday required"),
		refusing(c.changing("alert settings out of bounds", "cedar.owner", "{cedar}", 0, object("alert_cooldown_minutes", 10081, "alert_noise_threshold", -1,
			"alert_noise_window_days", 0, "alert_memory_days", 366, "alert_auto_resolve_runs", nil)), models.CodeValidation, "alert_auto_resolve_runs required",
			"alert_cooldown_minutes invalid", "alert_memory_days invalid", "alert_noise_threshold invalid", "alert_noise_window_days invalid"),
		inWords(refusing(c.changing("no day", "cedar.owner", "{cedar}", 0, object("weekly_run_weekday", "someday")), models.CodeValidation, "weekly_run_weekday invalid")),
		inWords(refusing(c.changing("when the next run is", "cedar.owner", "{cedar}", 0, object("next_weekly_run_at", nil)), models.CodeValidation, "next_weekly_run_at read_only")),
		inWords(refusing(c.changing("the short name", "cedar.owner", "{cedar}", 0, object("slug", "oak")), models.CodeValidation, "slug read_only")),
		inWords(refusing(c.changing("a text for a truth value", "cedar.owner", "{cedar}", 0, object("attach_pdf", "yes")), models.CodeValidation, "attach_pdf invalid")),
		refusing(c.changing("another customer's name", "cedar.owner", "{cedar}", 0, object("name", "Clinic harbor")), models.CodeConflict, "name taken"),
		refusing(c.changing("a version that was", "cedar.owner", "{cedar}", 9, object("name", "x")), models.CodeStale),
		refusing(c.changing("another customer", "cedar.owner", "{harbor}", 0, object("name", "x")), models.CodeNotFound),
		refusing(c.changing("no customer", "cedar.owner", "cust"+nowhere, 0, object("name", "x")), models.CodeNotFound),
		refusing(c.changing("something else", "cedar.owner", "{member.cedar.owner}", 0, object("name", "x")), models.CodeValidation, "id invalid"),
		unnamed,
	}
}

func TestSettingsChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, func(s *Server) { s.keyFor(models.ScopeSettingsWrite) })
	for _, c := range settingsChanges() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}

func TestRefusedSettingsChanges(t *testing.T) {
	t.Parallel()
	w := newTwins(t, func(*Server) {})
	for _, c := range settingsRefusals() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, w) })
	}
}
