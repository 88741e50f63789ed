package demo

// payer is the behaviour of one insurer. All names but the public programmes
// are invented.
type payer struct {
	name string
	// share is its part of all claims, 0..1; the shares add up to 1.
	share float64
	// denial is its denial rate before the group's factor.
	denial float64
	// phi is how much more its weekly denial counts vary than chance alone
	// would make them, where a week holds claims enough to tell.
	phi float64
	// fee is its price level: 1 pays what Medicare pays.
	fee float64
	// medianDays and sigma shape its log-normal decision time.
	medianDays, sigma float64
	// remitDays is the time from decision to payment.
	remitDays int
	// auth scales how often it demands an authorization.
	auth float64
	// tilt scales the weight of single groups in its book; 0 means 1.
	tilt [groupCount]float64
	// alias is another spelling seen in a few of its rows; empty for none.
	alias string
}

// The payers that shifts are planted on, by position in payers.
const (
	payerNorthgate = iota
	payerMedicare
	payerLarkfield
	payerMedicaid
	payerStonebridge
	payerPinecrest
)

// payers lists Harbor's insurers, largest first, skewed as real books are: the
// smallest ones do not reach the minimum volume in most groups.
var payers = [...]payer{
	{name: "Northgate Health Plan", share: .20, denial: .085, phi: 1.6, fee: 1.35, medianDays: 14, sigma: .40, remitDays: 1, auth: 1, tilt: [groupCount]float64{groupTest: 1.4}, alias: "NORTHGATE HP"},
	{name: "Medicare Part B", share: .14, denial: .060, phi: 1.5, fee: 1, medianDays: 15, sigma: .25, auth: .1, tilt: [groupCount]float64{groupImaging: 1.2, groupDME: 1.3}, alias: "MEDICARE B"},
	{name: "Larkfield Mutual", share: .13, denial: .140, phi: 1.5, fee: 1.28, medianDays: 19, sigma: .45, remitDays: 2, auth: 1.1},
	{name: "State Medicaid", share: .09, denial: .160, phi: 2.0, fee: .72, medianDays: 24, sigma: .40, remitDays: 2, auth: .8, tilt: [groupCount]float64{groupEM: 1.3, groupProcedure: .7}},
	{name: "Stonebridge Advantage", share: .08, denial: .130, phi: 1.8, fee: 1.02, medianDays: 16, sigma: .35, remitDays: 1, auth: 1.2, alias: "Stonebridge Adv. (MA)"},
	{name: "Pinecrest Care Network", share: .07, denial: .110, phi: 1.6, fee: 1.22, medianDays: 18, sigma: .40, remitDays: 1, auth: 1.4, tilt: [groupCount]float64{groupImaging: 2.2}},
	{name: "Cobalt Ridge Health", share: .06, denial: .100, phi: 1.7, fee: 1.30, medianDays: 13, sigma: .50, remitDays: 1, auth: 1},
	{name: "Fairhaven Employers Trust", share: .05, denial: .075, phi: 1.5, fee: 1.41, medianDays: 17, sigma: .35, remitDays: 2, auth: .9},
	{name: "Bluewater Assurance", share: .045, denial: .120, phi: 2.2, fee: 1.25, medianDays: 21, sigma: .45, remitDays: 2, auth: 1.1},
	{name: "Tri-County Health Cooperative", share: .04, denial: .070, phi: 1.6, fee: 1.12, medianDays: 11, sigma: .40, auth: .7},
	{name: "Riverbend Managed Medicaid", share: .035, denial: .170, phi: 2.0, fee: .74, medianDays: 22, sigma: .45, remitDays: 2, auth: 1.2, tilt: [groupCount]float64{groupEM: 1.2}},
	{name: "VA Community Care", share: .03, denial: .090, phi: 1.8, fee: 1, medianDays: 29, sigma: .30, remitDays: 2, auth: 1.5, tilt: [groupCount]float64{groupTreatment: 1.5}},
	{name: "Quarry Hill Workers Compensation", share: .02, denial: .180, phi: 2.1, fee: 1.18, medianDays: 32, sigma: .50, remitDays: 2, auth: 1.4, tilt: [groupCount]float64{groupTreatment: 2, groupProcedure: 1.5, groupTest: .4}},
	{name: "Atlas Peak Supplemental", share: .01, denial: .055, phi: 1.5, fee: 1.05, medianDays: 9, sigma: .40, remitDays: 1, auth: .2},
}

const (
	payerCount = len(payers)
	// aliasShare is the part of a payer's rows that carry its other spelling.
	aliasShare = .06
	// otherShare is the part of claims that end neither paid nor denied.
	otherShare = .015
	// minDenial and maxDenial bound the denial rate of a cell before any shift.
	minDenial, maxDenial = .05, .20
)

// cycleProfile is how a payer's week of decisions spreads over its seven days:
// most claims leave on the day of its weekly run, the rest straggle.
var cycleProfile = [7]float64{.34, .20, .14, .11, .09, .07, .05}

// PayerAlias is a spelling of a payer that claims files use now and then, and
// the name it stands for.
type PayerAlias struct {
	Raw        string `json:"raw_name"`
	Normalized string `json:"normalized_name"`
}

// PayerAliases lists the other spellings in Harbor's file. With them as payer
// mappings the file has 14 payers; without, each spelling is a payer of its own.
func PayerAliases() []PayerAlias {
	var list []PayerAlias
	for i := range payers {
		if payers[i].alias != "" {
			list = append(list, PayerAlias{Raw: payers[i].alias, Normalized: payers[i].name})
		}
	}
	return list
}
