package store

import "upstream/models"

// What an endpoint answered is a partner's text, for those to read who look after
// the endpoint. Who may only view webhooks sees status and outcome.

func answerOfDelivery(d *models.WebhookDelivery) **string { return &d.ResponseBody }

func answerOfAttempt(a *models.DeliveryAttempt) **string { return &a.ResponseBody }

// withoutAnswers takes the answers out of rows that somebody reads who may not
// manage webhooks.
func withoutAnswers[T any](v models.Viewer, rows []*T, answer func(*T) **string) {
	if v.Authorize(models.PermissionManageWebhooks) == nil {
		return
	}
	for _, row := range rows {
		*answer(row) = nil
	}
}

// pageWithoutAnswers is withoutAnswers for what a read of a list came to.
func pageWithoutAnswers[T any](v models.Viewer, page *models.Rows[*T], err error, answer func(*T) **string) (*models.Rows[*T], error) {
	if err == nil {
		withoutAnswers(v, page.Items, answer)
	}
	return page, err
}

// pagesWithoutAnswers is withoutAnswers for lists of many parents.
func pagesWithoutAnswers[K comparable, T any](v models.Viewer, pages map[K]*models.Rows[*T], err error, answer func(*T) **string) (map[K]*models.Rows[*T], error) {
	for _, page := range pages {
		withoutAnswers(v, page.Items, answer)
	}
	return pages, err
}
