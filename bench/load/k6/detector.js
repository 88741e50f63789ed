// A partner's program that has drift looked for after its files are in, and
// waits for the result.

import { rest } from './api.js';
import { patience } from './journey.js';
import { anyCustomer } from './world.js';

function trigger(state) {
  const answer = rest('detect', 'trigger a run', state.customer.api_key, 'reports/trigger/', {
    method: 'POST', wanted: 202, right: { 'it will run': (r) => ['queued', 'running'].includes(r.json('status')) },
  });
  state.run = answer.status === 202 ? answer.json('id') : null;
  state.until = Date.now() + patience * 1000;
}

// outcome is asked for until there is one.
function outcome(state) {
  if (!state.run) return false;
  let status;
  rest('detail', 'run', state.customer.api_key, `reports/${state.run}/`, { right: {
    'it does not fail': (r) => {
      status = r.json('status');
      return status !== 'failed';
    },
    'it ends in time': () => status === 'success' || Date.now() < state.until,
    'it made tests': (r) => status !== 'success' || r.json('test_count') > 0,
  } });
  return ['queued', 'running'].includes(status) && Date.now() < state.until;
}

function events({ customer, run }) {
  if (!run) return;
  rest('list', 'events of a run', customer.api_key, `reports/${run}/drift-events/`, { right: {
    'rows are of the run': (r) => r.json('results.#.report_run').every((id) => id === run),
    'payers are of the customer': (r) => r.json('results.#.payer').every((p) => customer.payers.includes(p)),
  } });
}

export const detector = {
  weight: 0.5, think: 1,
  begin: () => ({ customer: anyCustomer() }),
  steps: () => [trigger, outcome, events],
};
