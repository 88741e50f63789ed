// A pretended server for the browser check: just enough of both APIs, answered
// inside the browser's network layer, so that the pages can be looked at alone.
import { buildSchema, graphql } from 'graphql';

const schema = buildSchema(`
  """A calendar day."""
  scalar Date
  """An exact amount in USD."""
  scalar Decimal
  enum DriftType { DENIAL_RATE DECISION_TIME }
  enum SeverityLabel { CRITICAL HIGH MEDIUM LOW }
  enum Direction { ASC DESC }
  enum DriftEventOrderField { SEVERITY CREATED_AT PAYER }
  enum DriftTestOrderField { Q_VALUE P_VALUE PAYER }
  enum ClaimOrderField { DECIDED_DATE SUBMITTED_DATE PAYER OUTCOME }
  enum Outcome { PAID DENIED OTHER }
  scalar JSON
  input DriftEventOrder { field: DriftEventOrderField!, direction: Direction! }
  input DriftTestOrder { field: DriftTestOrderField!, direction: Direction! }
  input ClaimOrder { field: ClaimOrderField!, direction: Direction! }
  input ClaimFilter { outcome: Outcome }
  enum PayerSummaryOrderField { DENIAL_RATE TOTAL_CLAIMS PAYER }
  input PayerSummaryOrder { field: PayerSummaryOrderField!, direction: Direction! }
  input DetectDriftInput { asOf: Date, clientMutationId: String }
  type PageInfo { hasNextPage: Boolean!, hasPreviousPage: Boolean!, startCursor: String, endCursor: String }
  "Who is signed in."
  type Viewer { isSuperuser: Boolean! }
  "A change of one payer's behaviour."
  type DriftEvent {
    id: ID!, baselineSampleSize: Int!, currentSampleSize: Int!, testMethod: String!, effectCiLow: Float, effectCiHigh: Float
    rateEffect: Float, mixEffect: Float, evidence: DriftEvidence!
    claims(first: Int, orderBy: ClaimOrder): ClaimConnection!
    payer: String!, cptGroup: String!, driftType: DriftType!
    baselineValue: Float!, currentValue: Float!, deltaValue: Float!, qValue: Float
    "Size of the change, 0..1."
    severity: Float!
    severityLabel: SeverityLabel!, estimatedRevenueImpact: Decimal, reportRun: ReportRun!
  }
  type EvidenceReason { code: String!, message: String! }
  type EvidenceDifference { path: String!, stored: JSON, recomputed: JSON }
  type DriftEvidence { reproduced: Boolean!, reasons: [EvidenceReason!]!, differences: [EvidenceDifference!]!, stored: JSON! }
  type Customer { id: ID!, name: String! }
  type CustomerConnection { nodes: [Customer!]!, pageInfo: PageInfo! }
  type DriftEventConnection { totalCount: Int!, nodes: [DriftEvent!]! }
  type DriftTest {
    payer: String!, cptGroup: String!, driftType: DriftType!, baselineValue: Float!, currentValue: Float!
    pValue: Float, qValue: Float, minDetectableDelta: Float, practical: Boolean!, significant: Boolean!
  }
  type DriftTestConnection { nodes: [DriftTest!]! }
  type ReportRun {
    id: ID!, status: String!, asOf: Date!, testCount: Int!, driftEventCount: Int!
    tests(first: Int, orderBy: DriftTestOrder): DriftTestConnection!
    driftEvents(first: Int): DriftEventConnection!
  }
  type ReportRunConnection { nodes: [ReportRun!]! }
  type Claim {
    id: ID!, claimNumber: String, upload: Upload!, payer: String!, cpt: String!, cptGroup: String!, submittedDate: Date!, decidedDate: Date!
    outcome: Outcome!, billedAmount: Decimal, denialReasonCode: String
  }
  type Rejection { rowNumber: Int!, column: String!, code: String!, message: String! }
  type RejectionConnection { totalCount: Int!, nodes: [Rejection!]! }
  type Upload {
    filename: String!, status: String!, uploadedAt: String!, acceptedRowCount: Int!, rejectedRowCount: Int!
    rejections(first: Int): RejectionConnection!, claims(first: Int): ClaimConnection!
  }
  type PayerSummary {
    payer: String!, totalClaims: Int!, deniedCount: Int!, denialRate: Float!, avgAllowedAmount: Decimal
    driftEvents(first: Int, orderBy: DriftEventOrder): DriftEventConnection!
  }
  type PayerSummaryConnection { totalCount: Int!, nodes: [PayerSummary!]! }
  type UploadConnection { nodes: [Upload!]! }
  type ClaimConnection { totalCount: Int!, pageInfo: PageInfo!, nodes: [Claim!]! }
  scalar DateTime
  enum AlertMetric { SEVERITY DENIAL_RATE_DELTA }
  enum ThresholdType { GTE LTE }
  enum TrendDirection { DEGRADING IMPROVING }
  interface Node { id: ID! }
  input AlertEventFilter { acknowledged: Boolean, resolved: Boolean }
  input AlertScopeInput { trendDirection: TrendDirection }
  input PreviewAlertRuleInput { metric: AlertMetric, thresholdType: ThresholdType, thresholdValue: Float, scope: AlertScopeInput }
  type AlertInterpretation { urgencyLabel: String!, plainLanguage: String!, historicalContext: String!, actionSteps: [String!]! }
  type OperatorJudgment { verdict: String!, notes: String! }
  type AlertMemory { badge: String!, noise: Int!, confirmed: Int!, latest: OperatorJudgment }
  type AlertPayload {
    payer: String!, cptGroup: String!, driftType: DriftType!, baselineValue: Float!, currentValue: Float!
    baselineSampleSize: Int!, currentSampleSize: Int!, baselineStart: Date!, baselineEnd: Date!, currentStart: Date!, currentEnd: Date!
    estimatedRevenueImpact: Decimal, severity: Float!, ruleName: String!
  }
  type AlertRule { name: String!, severity: String! }
  type AlertEvent implements Node {
    id: ID!, status: String!, suppressionReason: String, triggeredAt: DateTime!, snoozedUntil: DateTime, payer: String!, payload: AlertPayload!
    interpretation: AlertInterpretation!, memory: AlertMemory!, driftEvent: DriftEvent!, alertRule: AlertRule!
  }
  type AlertEventConnection { totalCount: Int!, nodes: [AlertEvent!]! }
  type AlertRuleMatch { value: Float!, suppressionReason: String, driftEvent: DriftEvent! }
  type AlertRulePreview { runs: [ReportRun!]!, eventCount: Int!, matchCount: Int!, suppressedCount: Int!, matches: [AlertRuleMatch!]! }
  type UserError { path: [String!], code: String!, message: String! }
  type DetectDriftPayload { reportRun: ReportRun, userErrors: [UserError!]! }
  type Query {
    "Who is signed in."
    viewer: Viewer!
    "Drift of the latest successful run."
    activeDriftEvents(first: Int, orderBy: DriftEventOrder): DriftEventConnection!
    reportRuns(first: Int): ReportRunConnection!
    uploads(first: Int): UploadConnection!
    payerSummary(first: Int, orderBy: PayerSummaryOrder): PayerSummaryConnection!
    customers(first: Int, after: String): CustomerConnection!
    alertEvents(first: Int, filter: AlertEventFilter): AlertEventConnection!
    previewAlertRule(input: PreviewAlertRuleInput!): AlertRulePreview!
    node(id: ID!): Node
    claims(first: Int, after: String, filter: ClaimFilter, orderBy: ClaimOrder): ClaimConnection!
  }
  type Mutation { detectDrift(input: DetectDriftInput!): DetectDriftPayload! }
`);

const test = {
  payer: 'Aetna', cptGroup: 'SURGERY', driftType: 'DENIAL_RATE', baselineValue: 0.1, currentValue: 0.25,
  pValue: 0.0007, qValue: 0.004, minDetectableDelta: 0.06, practical: true, significant: true,
};
const run = {
  id: 'run_01jd6', status: 'SUCCESS', asOf: '2026-05-01', testCount: 1, driftEventCount: 1,
  tests: { nodes: [test] },
  driftEvents: () => events,
};
const events = {
  totalCount: 1,
  nodes: [{ ...test, deltaValue: 0.15, severity: 0.8, severityLabel: 'CRITICAL', estimatedRevenueImpact: '18450.00', reportRun: run, id: 'drift_01jd6', baselineSampleSize: 400, currentSampleSize: 120, testMethod: 'TWO_PROPORTION_Z',
    evidence: { reproduced: true, reasons: [], differences: [], stored: { weeks: [] } }, claims: () => claims }],
};
const claims = {
  totalCount: 1,
  pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: 'c1', endCursor: 'c1' },
  nodes: [{
    id: 'clm_01jd6', claimNumber: 'C-1', upload: () => upload, payer: 'Aetna', cpt: '27447', cptGroup: 'SURGERY', submittedDate: '2026-04-01',
    decidedDate: '2026-04-20', outcome: 'DENIED', billedAmount: '1840.00', denialReasonCode: '197',
  }],
};
const upload = {
  filename: 'may.csv', status: 'SUCCESS', uploadedAt: '2026-05-01T00:00:00Z', acceptedRowCount: 1, rejectedRowCount: 0,
  rejections: { totalCount: 0, nodes: [] }, claims: () => claims,
};
const alert = {
  __typename: 'AlertEvent', id: 'alert_01jz8k6v3pe9ktyh5wmcqa2x7d', status: 'SENT', suppressionReason: null, triggeredAt: '2026-05-02T08:00:00Z',
  snoozedUntil: null, payer: 'Aetna',
  payload: {
    payer: 'Aetna', cptGroup: 'SURGERY', driftType: 'DENIAL_RATE', baselineValue: 0.1, currentValue: 0.25, baselineSampleSize: 400,
    currentSampleSize: 120, baselineStart: '2026-01-16', baselineEnd: '2026-04-16', currentStart: '2026-04-16', currentEnd: '2026-05-01',
    estimatedRevenueImpact: '18450.00', severity: 0.8, ruleName: 'Denials rise',
  },
  interpretation: {
    urgencyLabel: 'Investigate today', plainLanguage: 'Aetna denied 25.0% of SURGERY claims, up 15.0 points from 10.0% before.',
    historicalContext: 'This is the first run that found it.', actionSteps: ['Open the evidence today.', 'Group the new denials.'],
  },
  memory: { badge: 'NONE', noise: 0, confirmed: 0, latest: null },
  driftEvent: () => events.nodes[0], alertRule: { name: 'Denials rise', severity: 'WARNING' },
};
const customers = {
  nodes: [{ id: 'cust_01jd5', name: 'Cedar Clinic' }, { id: 'cust_01jd6', name: 'Harbor Clinic' }],
  pageInfo: { hasNextPage: false, hasPreviousPage: false },
};
const rootValue = {
  viewer: { isSuperuser: true },
  customers,
  uploads: { nodes: [upload] },
  payerSummary: {
    totalCount: 1,
    nodes: [{ payer: 'Aetna', totalClaims: 120, deniedCount: 30, denialRate: 0.25, avgAllowedAmount: '412.50', driftEvents: () => events }],
  },
  activeDriftEvents: events,
  reportRuns: { nodes: [run] },
  claims,
  alertEvents: { totalCount: 1, nodes: [alert] },
  previewAlertRule: {
    runs: [run], eventCount: 1, matchCount: 1, suppressedCount: 0,
    matches: [{ value: 0.15, suppressionReason: null, driftEvent: () => events.nodes[0] }],
  },
  node: ({ id }) => (id === alert.id ? alert : null),
  detectDrift: { reportRun: run, userErrors: [] },
};

const openAPI = {
  openapi: '3.1.0',
  info: { title: 'Upstream', version: '1.0.0', description: 'Early warning for revenue teams.' },
  paths: {
    '/api/v1/drift-events/': {
      get: {
        operationId: 'list-drift-events', summary: 'List drift events', tags: ['Drift'], security: [{ bearer: [] }],
        parameters: [{ name: 'payer', in: 'query', description: 'Only events of this payer.', schema: { type: 'string' } }],
        responses: {
          200: {
            description: 'One page of events.',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/DriftEventPage' } } },
          },
        },
      },
    },
  },
  components: {
    schemas: {
      DriftEventPage: {
        type: 'object', required: ['count', 'results'],
        properties: {
          count: { type: ['integer', 'null'], examples: [1] },
          results: { type: 'array', items: { type: 'object', properties: { payer: { type: 'string' } } } },
        },
      },
    },
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
  },
};

const json = (status, body) => ({ status, contentType: 'application/json', body: JSON.stringify(body) });

async function answerGraphQL(route) {
  const request = route.request();
  if (request.headers().authorization !== 'Bearer fake-access') {
    const message = 'Sign in first.';
    return route.fulfill(json(401, { errors: [{ message, extensions: { code: 'UNAUTHENTICATED' } }] }));
  }
  const { query, variables, operationName } = request.postDataJSON();
  const result = await graphql({ schema, source: query, rootValue, variableValues: variables, operationName });
  const cost = { requested: 142, actual: 31, budget: 10000, remaining: 9858, sqlStatements: 3, dbMs: 4.25 };
  return route.fulfill(json(200, { ...result, extensions: { cost } }));
}

function answerToken(route) {
  const { email, password } = route.request().postDataJSON();
  if (email && password === 'right-password') {
    return route.fulfill(json(200, { access: 'fake-access', refresh: 'fake-refresh' }));
  }
  const detail = 'The e-mail address or the password is wrong.';
  return route.fulfill(json(401, { title: 'Unauthenticated', status: 401, code: 'UNAUTHENTICATED', detail }));
}

// answerLink takes the link "good" and passwords that are long enough.
function answerLink(route) {
  const body = route.request().postDataJSON();
  const errors = [];
  if (body.token !== 'good') {
    errors.push({ path: 'token', code: 'invalid', message: 'is unknown, was used or replaced, or has expired: ask for a new link' });
  }
  const [field] = ['new_password', 'password'].filter((name) => name in body);
  if (field && body[field].length < 12) errors.push({ path: field, code: 'too_short', message: 'must have at least 12 characters' });
  if (errors.length > 0) {
    return route.fulfill(json(422, { title: 'Invalid input', status: 422, code: 'VALIDATION', detail: 'The input is not valid.', errors }));
  }
  return route.fulfill({ status: 204 });
}

// answerInvitation takes the link "good", of an address without an account, and
// "member", of one that has an account.
function answerInvitation(route) {
  const body = route.request().postDataJSON();
  const joined = { customer: 'Cedar Clinic', email: 'ada@cedar.test', role: 'viewer', existing_account: body.token === 'member' };
  if (body.token === 'member') return route.fulfill(json(200, joined));
  if (body.token === 'good' && !('password' in body)) {
    const errors = [{ path: 'password', code: 'required', message: 'must be given: the address has no account yet' }];
    return route.fulfill(json(422, { title: 'Invalid input', status: 422, code: 'VALIDATION', detail: 'The input is not valid.', errors }));
  }
  return body.token === 'good' && body.password.length >= 12 ? route.fulfill(json(200, joined)) : answerLink(route);
}

function answerEvents(route) {
  const authorization = route.request().headers().authorization ?? 'none';
  return route.fulfill(json(200, { count: 1, results: [{ payer: 'Aetna', authorization }] }));
}

/** Answers the APIs' addresses for every page of the context. */
export async function pretend(context) {
  await context.route('**/graphql', answerGraphQL);
  await context.route('**/api/v1/auth/token/', answerToken);
  await context.route('**/api/v1/auth/password-reset/', (route) => route.fulfill(json(202, {})));
  await context.route('**/api/v1/auth/password-reset/confirm/', answerLink);
  await context.route('**/api/v1/auth/invitations/accept/', answerInvitation);
  await context.route('**/api/v1/drift-events/**', answerEvents);
  await context.route('**/api/openapi.json', (route) => route.fulfill(json(200, openAPI)));
}
