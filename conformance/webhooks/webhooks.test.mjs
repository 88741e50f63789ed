// Receives deliveries of the server under test and verifies them with the
// reference library of the Standard Webhooks specification.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { Webhook } from 'standardwebhooks';

import { signIn, url } from '../lib/server.mjs';

const arrived = [];
const waiting = [];
const receiver = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  response.writeHead(204).end();
  const delivery = { headers: request.headers, body: Buffer.concat(chunks).toString() };
  const next = waiting.shift();
  if (next) next(delivery); else arrived.push(delivery);
});
const next = () => (arrived.length > 0 ? arrived.shift() : new Promise((resolve) => { waiting.push(resolve); }));

let token;
let endpoint;

async function call(method, path, body) {
  const response = await fetch(`${url}/api/v1/${path}`, {
    method, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path} answers ${response.status}: ${text}`);
  return text && JSON.parse(text);
}

/** Has the endpoint tested and gives what arrived. */
async function tested() {
  const queued = await call('POST', `webhook-endpoints/${endpoint.id}/test/`);
  const delivery = await next();
  assert.equal(delivery.headers['webhook-id'], queued.id);
  return delivery;
}

const verify = (secret, { body, headers }) => new Webhook(secret).verify(body, headers);

before(async () => {
  token = await signIn('admin@harbor.test');
  await new Promise((resolve) => { receiver.listen(0, '127.0.0.1', resolve); });
  endpoint = await call('POST', 'webhook-endpoints/', {
    name: randomUUID(), url: `http://127.0.0.1:${receiver.address().port}/hook`, event_types: ['report.failed'],
  });
});

after(async () => {
  await call('DELETE', `webhook-endpoints/${endpoint.id}/`);
  receiver.close();
  receiver.closeAllConnections();
});

test('a delivery is signed with the secret of its endpoint', async () => {
  const delivery = await tested();
  const body = verify(endpoint.secret, delivery);
  assert.equal(body.type, 'webhook.test');
  assert.equal(body.id, delivery.headers['webhook-id']);
  assert.throws(() => verify(`whsec_${Buffer.alloc(32, 1).toString('base64')}`, delivery));
  assert.throws(() => verify(endpoint.secret, { ...delivery, body: delivery.body.replace('webhook.test', 'report.failed') }));
});

test('during a rotation either secret verifies, and after it the new one alone', async () => {
  const second = await call('POST', `webhook-endpoints/${endpoint.id}/rotate-secret/`, { overlap_hours: 24 });
  const both = await tested();
  assert.equal(both.headers['webhook-signature'].split(' ').length, 2);
  verify(endpoint.secret, both);
  verify(second.secret, both);
  const third = await call('POST', `webhook-endpoints/${endpoint.id}/rotate-secret/`, { overlap_hours: 0 });
  const one = await tested();
  assert.equal(one.headers['webhook-signature'].split(' ').length, 1);
  verify(third.secret, one);
  assert.throws(() => verify(endpoint.secret, one));
  assert.throws(() => verify(second.secret, one));
});
