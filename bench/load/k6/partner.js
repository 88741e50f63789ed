// A partner's program with an API key: fetches lists in every way there is, and
// asks again only for what changed. REST.

import { all, apart, falling, rest } from './api.js';
import { between, byClaims, day, early, pick } from './world.js';

const own = (r, customer) => all(r, 'results.#.customer', (id) => id === customer.id);

function firstPage(state) {
  const { customer } = state;
  const answer = rest('list', 'claims by number', customer.api_key, 'claims/?page_size=50', { right: {
    'the page is full': (r) => r.json('results.#') === 50,
    'no claim is missing': (r) => r.json('count') >= customer.claims,
    'rows are of the customer': (r) => own(r, customer),
  } });
  if (answer.status === 200) state.claim = pick(answer.json('results.#.id'));
}

function furtherPage({ customer }) {
  const page = between(2, Math.min(200, Math.floor(customer.claims / 50)));
  rest('list', 'claims by number, further', customer.api_key, `claims/?page_size=50&page=${page}`, { right: {
    'the page is full': (r) => r.json('results.#') === 50,
    'newest first': (r) => falling(r.json('results.#.decided_date')),
    'rows are of the customer': (r) => own(r, customer),
  } });
}

function filtered({ customer }) {
  const payer = early(customer.payers.slice(0, 20));
  const [start, end] = [day(customer, 60), day(customer, 1)];
  const query = `payer=${encodeURIComponent(payer)}&outcome=PAID&start_date=${start}&end_date=${end}`;
  rest('filter', 'claims of a payer', customer.api_key, `claims/?${query}`, { right: {
    'the filter holds': (r) => r.json('results').every((c) => c.payer === payer && c.outcome === 'PAID'
      && c.decided_date >= start && c.decided_date <= end),
    'the count is of the filter': (r) => r.json('count') >= r.json('results.#') && r.json('count') < customer.claims,
  } });
}

function byReason({ customer }) {
  const code = pick(['CO-16', 'CO-45', 'CO-50', 'CO-97', 'CO-29']);
  rest('filter', 'claims by denial reason', customer.api_key, `claims/?denial_reason_code=${code}&cursor=`, { right: {
    'the filter holds': (r) => all(r, 'results', (c) => c.denial_reason_code === code && c.outcome === 'DENIED'),
  } });
}

function feed(state) {
  const answer = rest('list', 'claims by cursor', state.customer.api_key, 'claims/?page_size=100&cursor=', { right: {
    'the page is full': (r) => r.json('results.#') === 100,
    'nothing is counted': (r) => r.json('count') === null,
  } });
  if (answer.status !== 200) return;
  state.next = answer.json('next');
  state.seen = answer.json('results.#.id');
}

function nextOfFeed(state) {
  rest('list', 'claims by cursor, next', state.customer.api_key, state.next || 'claims/?page_size=100&cursor=', { right: {
    'the page is full': (r) => r.json('results.#') === 100,
    'no row comes twice': (r) => !state.next || apart(r.json('results.#.id'), state.seen),
  } });
}

function summary({ customer }) {
  rest('summary', 'payer summary', customer.api_key, 'claims/payer_summary/?page_size=100', { right: {
    'counts add up': (r) => all(r, 'results', (p) => p.total_claims === p.paid_count + p.denied_count + p.other_count),
    'payers are of the customer': (r) => all(r, 'results.#.payer', (p) => customer.payers.includes(p)),
  } });
}

function claim({ customer, claim: id = pick(customer.claim_ids) }) {
  rest('detail', 'claim', customer.api_key, `claims/${id}/`, { right: {
    'it is that claim': (r) => r.json('id') === id && r.json('customer') === customer.id,
  } });
}

function upload(state) {
  const id = pick(state.customer.upload_ids);
  const answer = rest('detail', 'upload', state.customer.api_key, `uploads/${id}/`, { right: {
    'it is that upload': (r) => r.json('id') === id,
    'its counts add up': (r) => r.json('row_count') === r.json('accepted_row_count') + r.json('rejected_row_count'),
  } });
  state.upload = { id, etag: answer.headers.Etag };
}

function unchangedUpload({ customer, upload: known }) {
  rest('detail', 'upload, unchanged', customer.api_key, `uploads/${known.id}/`, {
    headers: { 'If-None-Match': known.etag }, wanted: 304,
    right: { 'nothing is sent again': (r) => !r.body },
  });
}

function events(state) {
  const answer = rest('list', 'active events', state.customer.api_key, 'drift-events/active/?ordering=-severity', { right: {
    'worst first': (r) => falling(r.json('results.#.severity')),
    'the count is right': (r) => r.json('count') >= r.json('results.#'),
    'rows are of the customer': (r) => r.json('results.#.customer').every((id) => id === state.customer.id),
  } });
  if (answer.status === 200) state.event = pick(answer.json('results.#.id'));
}

function event({ customer, event: id = pick(customer.event_ids) }) {
  rest('detail', 'event', customer.api_key, `drift-events/${id}/`, { right: {
    'it is that event': (r) => r.json('id') === id && r.json('customer') === customer.id,
  } });
}

export const partner = {
  weight: 37, think: 0.2,
  begin: () => ({ customer: byClaims() }),
  steps: () => [firstPage, furtherPage, filtered, byReason, feed, nextOfFeed, claim, upload, unchangedUpload, events, event, summary],
};
