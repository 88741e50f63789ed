// GraphQL over HTTP: the audit of its reference implementation, with neither an
// error nor a warning.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { serverAudits } from 'graphql-http';

import { signIn, url } from '../lib/server.mjs';

const token = await signIn();

// The audits ask as a person who has signed in: nobody else may introspect.
function fetchFn(address, init = {}) {
  const headers = new Headers(init.headers);
  headers.set('Authorization', `Bearer ${token}`);
  return fetch(address, { ...init, headers });
}

const audits = serverAudits({ url: `${url}/graphql`, fetchFn });
assert.ok(audits.length > 50, 'the audits are there');

for (const audit of audits) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    assert.equal(result.status, 'ok', `${result.status}: ${result.reason}`);
  });
}
