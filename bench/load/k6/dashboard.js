// Somebody of a billing office: looks at the dashboard, at the gravest finding
// and what it rests on, and leafs through claims. GraphQL.

import { all, apart, falling, graphql } from './api.js';
import { signIn } from './signin.js';
import { byClaims, early, pick, token } from './world.js';

const overviewQuery = `query Overview {
  viewer { email customer { slug } }
  dashboard {
    totalClaims totalUploads activeDriftEvents lastReportDate
    denialRateTrend { month denialRate totalClaims deniedClaims }
    topDriftPayers { payer severity deltaValue driftEvent { id } }
  }
}`;

function overview({ customer }) {
  graphql('dashboard', 'dashboard', token(customer), overviewQuery, {}, {
    'it is the own customer': (r) => r.json('data.viewer.customer.slug') === customer.slug,
    'no claim is missing': (r) => r.json('data.dashboard.totalClaims') >= customer.claims,
    'months add up': (r) => all(r, 'data.dashboard.denialRateTrend', (m) => m.deniedClaims <= m.totalClaims
      && Math.abs(m.denialRate - m.deniedClaims / m.totalClaims) < 0.001),
  });
}

const findingsQuery = `query Findings {
  activeDriftEvents(first: 20, orderBy: { field: SEVERITY, direction: DESC }) {
    totalCount
    nodes { id payer cptGroup driftType baselineValue currentValue deltaValue qValue severity severityLabel estimatedRevenueImpact }
  }
}`;

function findings(state) {
  const { customer } = state;
  const answer = graphql('list', 'active events', token(customer), findingsQuery, {}, {
    'the page is full': (r) => r.json('data.activeDriftEvents.nodes.#') === Math.min(20, r.json('data.activeDriftEvents.totalCount')),
    'worst first': (r) => falling(r.json('data.activeDriftEvents.nodes.#.severity')),
    'of payers of the customer': (r) => r.json('data.activeDriftEvents.nodes.#.payer').every((p) => customer.payers.includes(p)),
  });
  if (answer.status === 200) state.event = answer.json('data.activeDriftEvents.nodes').concat([]).shift();
}

const evidenceQuery = `query Evidence($id: ID!) {
  node(id: $id) {
    ... on DriftEvent {
      id payer driftType baselineSampleSize currentSampleSize testMethod effectCiLow effectCiHigh
      evidence { reproduced reasons { code message } differences { path } stored }
      claims(first: 5) { nodes { payer decidedDate outcome } }
    }
  }
}`;

function evidence(state) {
  const id = state.event ? state.event.id : pick(state.customer.event_ids);
  graphql('evidence', 'event with evidence', token(state.customer), evidenceQuery, { id }, {
    'it is that event': (r) => r.json('data.node.id') === id,
    'it rests on something': (r) => r.json('data.node.evidence.stored') !== null && r.json('data.node.currentSampleSize') > 0,
    'claims are of its payer': (r) => r.json('data.node.claims.nodes.#.payer').every((p) => p === r.json('data.node.payer')),
  });
}

const claimsQuery = `query Claims($filter: ClaimFilter, $after: String) {
  claims(first: 50, after: $after, filter: $filter, orderBy: { field: DECIDED_DATE, direction: DESC }) {
    nodes { id payer cpt cptGroup submittedDate decidedDate outcome billedAmount allowedAmount denialReasonCode }
    pageInfo { hasNextPage endCursor }
  }
}`;

function claims(state) {
  const answer = graphql('list', 'claims', token(state.customer), claimsQuery, {}, {
    'the page is full': (r) => r.json('data.claims.nodes.#') === 50 && r.json('data.claims.pageInfo.hasNextPage'),
    'newest first': (r) => falling(r.json('data.claims.nodes.#.decidedDate')),
  });
  if (answer.status !== 200) return;
  state.after = answer.json('data.claims.pageInfo.endCursor');
  state.seen = answer.json('data.claims.nodes.#.id');
  state.last = answer.json('data.claims.nodes.49.decidedDate');
}

function nextClaims(state) {
  graphql('list', 'next claims', token(state.customer), claimsQuery, { after: state.after }, {
    'the page is full': (r) => r.json('data.claims.nodes.#') === 50,
    'no row comes twice': (r) => apart(r.json('data.claims.nodes.#.id'), state.seen || []),
    'it continues': (r) => !state.last || falling([state.last, ...r.json('data.claims.nodes.#.decidedDate')]),
  });
}

function denied({ customer }) {
  const payer = early(customer.payers.slice(0, 20));
  graphql('filter', 'denied claims of a payer', token(customer), claimsQuery, { filter: { outcome: 'DENIED', payer } }, {
    'the filter holds': (r) => all(r, 'data.claims.nodes', (c) => c.payer === payer && c.outcome === 'DENIED'),
    'newest first': (r) => falling(r.json('data.claims.nodes.#.decidedDate')),
  });
}

const summaryQuery = `query Summary {
  payerSummary(first: 10, orderBy: { field: DENIAL_RATE, direction: DESC }) {
    nodes { payer totalClaims paidCount deniedCount otherCount denialRate avgAllowedAmount }
  }
}`;

function summary({ customer }) {
  graphql('summary', 'payer summary', token(customer), summaryQuery, {}, {
    'counts add up': (r) => all(r, 'data.payerSummary.nodes', (p) => p.totalClaims === p.paidCount + p.deniedCount + p.otherCount),
    'worst first': (r) => falling(r.json('data.payerSummary.nodes.#.denialRate')),
  });
}

// A sitting begins with a sign-in once in a while: most are continued.
export const dashboard = {
  weight: 50, think: 2,
  begin: () => ({ customer: byClaims() }),
  steps: () => [
    ...(Math.random() < 0.1 ? [signIn] : []), overview, findings, ...(Math.random() < 0.25 ? [evidence] : []), claims, nextClaims, denied, summary,
  ],
};

// newcomer is one who signs in each time.
export const newcomer = { ...dashboard, steps: () => [signIn, overview, findings, evidence, claims, nextClaims, denied, summary] };
