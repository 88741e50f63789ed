// Requests that say of which kind they are, and whether their answer was right.

import http from 'k6/http';
import { check } from 'k6';
import { Rate } from 'k6/metrics';

export const base = __ENV.URL;

// An answer is an error when its status is another than expected, when GraphQL
// says so, or when there is none.
const errors = new Rate('errors');

// ask makes one request. `wanted` is the status that is right, `right` names
// what must hold of the answer besides. What does not hold is said once.
export function ask(kind, name, { method = 'GET', url, body = null, headers = {}, wanted = 200, right = {} }) {
  const answer = http.request(method, url.startsWith('http') ? url : base + url, body, {
    headers, tags: { kind, name }, responseCallback: http.expectedStatuses(wanted),
  });
  const failed = answer.status !== wanted;
  errors.add(failed, { kind });
  if (failed) {
    console.error(`${name}: ${answer.status} instead of ${wanted} ${answer.error} ${String(answer.body).slice(0, 400)}`);
    return answer;
  }
  for (const [what, holds] of Object.entries(right)) {
    if (!check(answer, { [`${name}: ${what}`]: holds }, { kind })) {
      console.error(`${name}: not so: ${what}`);
    }
  }
  return answer;
}

const bearer = (secret) => ({ Authorization: `Bearer ${secret}` });

// rest asks below /api/v1/.
export function rest(kind, name, secret, path, options = {}) {
  const url = path.startsWith('http') ? path : `/api/v1/${path}`;
  return ask(kind, name, { ...options, url, headers: { ...bearer(secret), ...options.headers } });
}

// graphql asks as a browser does. `fails` is the code of the error that is right.
export function graphql(kind, name, secret, query, variables, right = {}, fails = undefined) {
  return ask(kind, name, {
    method: 'POST', url: '/graphql', body: JSON.stringify({ query, variables }),
    headers: { ...bearer(secret), 'Content-Type': 'application/json', 'Accept-Encoding': 'gzip' },
    right: { 'errors are as they should be': (r) => r.json('errors.0.extensions.code') === fails, ...right },
  });
}

// all reports whether a list that a path of the answer gathers has something,
// and something holds of each.
export const all = (answer, path, holds) => {
  const list = answer.json(path);
  return Array.isArray(list) && list.length > 0 && list.every(holds);
};

export const falling = (list) => list.every((value, i) => i === 0 || value <= list[i - 1]);

// apart reports whether two lists have nothing in common.
export const apart = (one, other) => !one.some((value) => other.includes(value));
