package demo

// group is a CPT group by position in groups.
type group uint8

const (
	groupEM group = iota
	groupTest
	groupImaging
	groupProcedure
	groupTreatment
	groupDME
	groupAnesthesia
	groupCount = iota
)

// cptGroup is one kind of service.
type cptGroup struct {
	// name is the RBCS category of its codes in upper case: the group that
	// claims get when the customer maps nothing.
	name string
	// share is its part of an untilted book, 0..1; the shares add up to 1.
	share float64
	// denial scales the payer's denial rate.
	denial float64
	// auth is how often an authorization is demanded, 0..1, before the payer's factor.
	auth  float64
	codes []code
}

// code is a procedure with its usual price.
type code struct {
	cpt string
	// share is its part of the group in percent; lateShare the part after a
	// change of case mix, equal to share where nothing changes.
	share, lateShare int
	// cents is what a payer of price level 1 allows.
	cents int64
}

// groups lists the seven groups with real CPT and HCPCS codes.
var groups = [groupCount]cptGroup{
	groupEM: {name: "E&M", share: .34, denial: .80, auth: .05, codes: []code{
		{"99203", 10, 8, 11_300},
		{"99204", 6, 3, 16_900},
		{"99212", 8, 22, 5_700},
		{"99213", 30, 45, 9_200},
		{"99214", 26, 12, 13_000},
		{"99215", 6, 1, 18_200},
		{"99232", 6, 4, 8_000},
		{"99283", 4, 3, 7_300},
		{"99284", 4, 2, 12_300},
	}},
	groupTest: {name: "TEST", share: .20, denial: .90, auth: .10, codes: []code{
		{"80053", 20, 20, 1_060},
		{"80061", 16, 16, 1_340},
		{"83036", 12, 12, 970},
		{"84443", 12, 12, 1_680},
		{"85025", 24, 24, 780},
		{"88305", 8, 8, 7_100},
		{"93000", 8, 8, 1_480},
	}},
	groupImaging: {name: "IMAGING", share: .14, denial: 1.15, auth: .55, codes: []code{
		{"71046", 22, 22, 3_300},
		{"73030", 12, 12, 3_100},
		{"70450", 10, 10, 11_200},
		{"74177", 10, 10, 31_000},
		{"72148", 8, 8, 20_500},
		{"73721", 8, 8, 21_500},
		{"76700", 10, 10, 11_800},
		{"77067", 12, 12, 13_200},
		{"93306", 8, 8, 19_800},
	}},
	groupProcedure: {name: "PROCEDURE", share: .13, denial: 1.10, auth: .60, codes: []code{
		{"20610", 24, 24, 6_500},
		{"43239", 14, 14, 37_000},
		{"45378", 10, 10, 33_500},
		{"45380", 12, 12, 43_000},
		{"45385", 10, 10, 49_000},
		{"64483", 10, 10, 24_500},
		{"66984", 10, 10, 54_500},
		{"29881", 6, 6, 56_000},
		{"47562", 4, 4, 68_000},
	}},
	groupTreatment: {name: "TREATMENT", share: .10, denial: 1.05, auth: .40, codes: []code{
		{"97110", 34, 34, 3_000},
		{"97112", 10, 10, 3_400},
		{"97140", 18, 18, 2_800},
		{"97530", 12, 12, 3_700},
		{"96365", 8, 8, 7_000},
		{"96372", 10, 10, 1_500},
		{"96413", 8, 8, 14_000},
	}},
	groupDME: {name: "DME", share: .05, denial: 1.50, auth: .60, codes: []code{
		{"E0601", 6, 6, 5_400},
		{"E1390", 18, 18, 13_500},
		{"A7030", 14, 14, 14_200},
		{"A4253", 24, 24, 1_700},
		{"E0143", 12, 12, 8_200},
		{"K0001", 14, 14, 4_900},
		{"L1833", 6, 6, 62_000},
		{"L3000", 6, 6, 28_000},
	}},
	groupAnesthesia: {name: "ANESTHESIA", share: .04, denial: .80, auth: .15, codes: []code{
		{"00142", 30, 30, 17_000},
		{"00731", 20, 20, 19_500},
		{"00812", 22, 22, 16_500},
		{"01967", 10, 10, 45_000},
		{"00790", 8, 8, 38_000},
		{"01402", 10, 10, 42_000},
	}},
}

// reason is why a claim was denied: a CARC code with its CAGC prefix, and what
// a biller would note beside it. Only reasons for want of authorization say so,
// because that is what tells an authorization failure from the rest.
type reason struct {
	code, text string
	// weight is how common the reason is within its list.
	weight float64
}

// generalReasons are denials that have nothing to do with authorization.
var generalReasons = [...]reason{
	{"CO-16", "Claim lacks information needed for adjudication", 28},
	{"CO-50", "Not deemed medically necessary by the payer", 20},
	{"CO-97", "Included in the payment for another service", 17},
	{"CO-18", "Exact duplicate of another claim", 9},
	{"CO-29", "Filing deadline has passed", 8},
	{"CO-22", "Another payer may be primary", 8},
	{"CO-109", "Not covered by this payer; send to the right one", 6},
	{"CO-11", "Diagnosis does not fit the procedure", 4},
}

// authReasons are denials for want of a valid authorization; the first is the
// one that a wave of them carries.
var authReasons = [...]reason{
	{"CO-197", "Prior authorization absent", 70},
	{"CO-198", "Prior authorization exceeded", 20},
	{"CO-15", "Authorization number missing or invalid", 10},
}

// Positions in the lists above that the generator treats specially.
const (
	reasonMedicalNecessity = 1
	authAbsent             = 0
	authNumberInvalid      = 2
	// authDenialShare is the part of denials of claims in need of an
	// authorization that blame the authorization.
	authDenialShare = .30
)
