package rest

import (
	"context"
	"net/http"

	"upstream/internal/auth"
	"upstream/models"
)

// recoveryStats is the representation of models.RecoveryStats.
type recoveryStats struct {
	ThisMonth  recoveredMoney     `json:"this_month" doc:"Since the first day of the month, where the customer is."`
	Last30Days recoveredMoney     `json:"last_30_days" doc:"In the last 30 days, with today."`
	AllTime    recoveredMoney     `json:"all_time" doc:"Ever, money without a day included."`
	Recent     []operatorJudgment `json:"recent" doc:"The last five judgments that name a day, newest first."`
}

// recoveredMoney is the representation of models.Recovered.
type recoveredMoney struct {
	Total string `json:"total" pattern:"^\\d+\\.\\d{2}$" doc:"USD." example:"1250.00"`
	Count int    `json:"count" minimum:"0" doc:"The number of judgments that it is the sum of." example:"3"`
}

func showRecovered(r models.Recovered) recoveredMoney {
	return recoveredMoney{Total: r.Total.StringFixed(2), Count: r.Count}
}

func (a *api) registerRecoveryStats() {
	register(a, alertOperation(http.MethodGet, "getRecoveryStats", "Sum up recovered money",
		"The money that came of alerts, by what operators recorded in their judgments.", "recovery-stats"),
		func(ctx context.Context, _ *noInput) (*struct{ Body recoveryStats }, error) {
			stats, err := a.store.RecoveryStats(ctx, auth.ViewerFrom(ctx))
			if err != nil {
				return nil, err
			}
			body := recoveryStats{
				ThisMonth: showRecovered(stats.ThisMonth), Last30Days: showRecovered(stats.Last30Days), AllTime: showRecovered(stats.AllTime),
				Recent: make([]operatorJudgment, len(stats.Recent)),
			}
			l := linksFor(ctx)
			for i, j := range stats.Recent {
				body.Recent[i] = showJudgment(l, j)
			}
			return &struct{ Body recoveryStats }{body}, nil
		})
}
