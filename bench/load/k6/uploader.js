// The job that sends the day's claims at night: a file with some rows that
// cannot be taken, which it asks about once the file is read.

import http from 'k6/http';
import exec from 'k6/execution';
import { all, rest } from './api.js';
import { patience } from './journey.js';
import { anyCustomer, between, day, early, pick } from './world.js';

const rows = 500;
// Which rows are bad, and what is wrong with them.
const bad = { 100: 'payer', 400: 'decided_date' };

function file(customer) {
  const lines = ['claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,allowed_amount,paid_amount'];
  const sent = `${Date.now().toString(36)}-${exec.vu.idInTest}`;
  for (let i = 1; i <= rows; i += 1) {
    const cents = between(4000, 90000);
    lines.push([
      `N-${sent}-${i}`, bad[i] === 'payer' ? '' : early(customer.payers), pick(customer.codes), day(customer, between(8, 30)),
      bad[i] === 'decided_date' ? 'soon' : day(customer, between(1, 7)), i % 9 ? 'PAID' : 'DENIED',
      (cents / 100).toFixed(2), (cents / 160).toFixed(2), (cents / 170).toFixed(2),
    ].join(','));
  }
  return { name: `night-${sent}.csv`, text: `${lines.join('\n')}\n` };
}

function send(state) {
  const { name, text } = file(state.customer);
  const answer = rest('upload', 'send a file', state.customer.api_key, 'uploads/', {
    method: 'POST', body: { file: http.file(text, name, 'text/csv') }, headers: { Prefer: 'respond-async' }, wanted: 202,
    right: { 'it waits to be read': (r) => r.json('status') === 'processing' && r.json('filename') === name },
  });
  state.upload = answer.status === 202 ? answer.json('id') : null;
  state.until = Date.now() + patience * 1000;
}

// progress is asked for until the file is read.
function progress(state) {
  if (!state.upload) return false;
  let status;
  rest('detail', 'progress of a file', state.customer.api_key, `uploads/${state.upload}/`, { right: {
    'it is read in time': (r) => {
      status = r.json('status');
      return status !== 'processing' || Date.now() < state.until;
    },
    'what was read is stored': (r) => r.json('status') === 'processing'
      || (r.json('status') === 'partial' && r.json('accepted_row_count') === rows - 2 && r.json('rejected_row_count') === 2),
  } });
  return status === 'processing' && Date.now() < state.until;
}

function rejections({ customer, upload }) {
  if (!upload) return;
  rest('list', 'rejections', customer.api_key, `uploads/${upload}/rejections/`, { right: {
    'each bad row is told': (r) => r.json('count') === 2 && all(r, 'results', (x) => bad[x.row_number - 1] === x.column),
  } });
}

export const uploader = {
  weight: 2, think: 0.5,
  begin: () => ({ customer: anyCustomer() }),
  steps: () => [send, progress, rejections],
};
