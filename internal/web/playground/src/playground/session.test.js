import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, isUnauthenticated, problemText } from './session.js';

// server pretends the API: it knows one access and one refresh token at a time.
function server(changes = {}) {
  const api = {
    access: 'access-1',
    refresh: 'refresh-1',
    superuser: false,
    customers: [],
    renewals: 0,
    requests: [],
    ...changes,
  };
  api.fetch = async (url, { headers, body }) => {
    const payload = JSON.parse(body);
    api.requests.push({ url, headers, payload });
    return api.answer(url, headers, payload);
  };
  api.answer ??= (url, headers, payload) => {
    if (url === '/api/v1/auth/token/') {
      if (payload.password !== 'secret') return json(401, { title: 'Unauthenticated', detail: 'Wrong password.' });
      return json(200, { access: api.access, refresh: api.refresh });
    }
    if (url === '/api/v1/auth/token/refresh/') {
      if (payload.refresh !== api.refresh) return json(401, { detail: 'Expired.' });
      api.renewals += 1;
      api.access = `access-${api.renewals + 1}`;
      return json(200, { access: api.access });
    }
    if (headers.authorization !== `Bearer ${api.access}`) {
      return json(200, { errors: [{ message: 'Sign in.', extensions: { code: 'UNAUTHENTICATED' } }] });
    }
    if (payload.query.includes('customers(')) return json(200, { data: { customers: page(api.customers, payload.variables.after) } });
    return json(200, { data: { viewer: { isSuperuser: api.superuser } } });
  };
  return api;
}

// page is two customers of a list.
function page(customers, after) {
  const from = Number(after ?? 0);
  const to = from + 2;
  return { nodes: customers.slice(from, to), pageInfo: { hasNextPage: to < customers.length, endCursor: String(to) } };
}

function json(status, body) {
  return new Response(JSON.stringify(body), { status });
}

function memory() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
    size: () => items.size,
  };
}

async function signedIn(api, storage = memory()) {
  const session = createSession({ fetch: api.fetch, storage });
  await session.signIn('a@b.test', 'secret');
  api.requests.length = 0;
  return session;
}

test('signing in keeps the tokens, and says who it is', async () => {
  const api = server();
  const session = await signedIn(api);
  assert.deepEqual(session.get(), {
    access: 'access-1', refresh: 'refresh-1', email: 'a@b.test', superuser: false, customer: '', customers: [], notice: '',
  });
  await session.graphql({ query: '{ x }' });
  assert.equal(api.requests[0].url, '/graphql');
  assert.equal(api.requests[0].headers.authorization, 'Bearer access-1');
});

test('a refused sign-in throws the sentence of the problem and changes nothing', async () => {
  const session = createSession({ fetch: server().fetch, storage: memory() });
  await assert.rejects(session.signIn('a@b.test', 'wrong'), { message: 'Wrong password.' });
  assert.equal(session.get().access, '');
});

test('an answer without a token is not a sign-in', async () => {
  const session = createSession({ fetch: async () => json(200, {}), storage: memory() });
  await assert.rejects(session.signIn('a@b.test', 'secret'), { message: /HTTP 200/ });
  assert.equal(session.get().access, '');
});

test('only a superuser sends the customer', async (t) => {
  for (const superuser of [true, false]) {
    await t.test(`superuser ${superuser}`, async () => {
      const api = server({ superuser });
      const session = await signedIn(api);
      session.setCustomer(' cust_1 ');
      await session.graphql({ query: '{ x }' });
      assert.equal(session.get().superuser, superuser);
      assert.equal(api.requests[0].headers['x-customer-id'], superuser ? 'cust_1' : undefined);
    });
  }
});

test('a superuser chooses among all customers, and has the first until then', async () => {
  const customers = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id: `cust_${id}`, name: id.toUpperCase(), slug: id }));
  const storage = memory();
  const api = server({ superuser: true, customers });
  const session = await signedIn(api, storage);
  assert.deepEqual(session.get().customers.map(({ name }) => name), ['A', 'B', 'C', 'D', 'E']);
  assert.equal(session.get().customer, 'cust_a');
  session.setCustomer('cust_d');
  const reloaded = createSession({ fetch: api.fetch, storage });
  await reloaded.identify();
  assert.equal(reloaded.get().customer, 'cust_d');
  await reloaded.graphql({ query: '{ x }' });
  assert.equal(api.requests.at(-1).headers['x-customer-id'], 'cust_d');
  reloaded.signOut();
  assert.deepEqual(reloaded.get().customers, []);
});

test('who is no superuser asks for no customers', async () => {
  const api = server({ customers: [{ id: 'cust_a', name: 'A' }] });
  const session = createSession({ fetch: api.fetch, storage: memory() });
  await session.signIn('a@b.test', 'secret');
  assert.equal(api.requests.filter(({ payload }) => payload.query?.includes('customers')).length, 0);
  assert.deepEqual(session.get().customers, []);
});

test('a viewer query that fails does not undo the sign-in', async () => {
  const api = server();
  const answer = api.answer;
  api.answer = (url, ...rest) => (url === '/graphql' ? Promise.reject(new Error('down')) : answer(url, ...rest));
  const session = await signedIn(api);
  assert.equal(session.get().access, 'access-1');
  assert.equal(session.get().superuser, false);
});

test('an expired access token is renewed once for all requests that meet it', async () => {
  const api = server();
  const session = await signedIn(api);
  api.access = 'rotated elsewhere';
  const answers = await Promise.all([1, 2, 3].map(() => session.graphql({ query: '{ x }' })));
  for (const { body } of answers) assert.ok(body.data, JSON.stringify(body));
  assert.equal(api.renewals, 1);
  assert.equal(session.get().access, 'access-2');
  assert.equal(session.get().refresh, 'refresh-1');
});

test('a refusal that comes after the renewal is retried without another one', async () => {
  const api = server();
  const session = await signedIn(api);
  api.access = 'rotated elsewhere';
  const answer = api.answer;
  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  api.answer = async (url, headers, payload) => {
    const refused = answer(url, headers, payload);
    if (payload.query === '{ slow }' && headers.authorization === 'Bearer access-1') await held;
    return refused;
  };
  const slow = session.graphql({ query: '{ slow }' });
  await session.graphql({ query: '{ quick }' });
  release();
  assert.ok((await slow).body.data);
  assert.equal(api.renewals, 1);
});

test('a plain 401 is renewed as well, and a rotated refresh token is kept', async () => {
  const api = server();
  api.answer = (url, headers, payload) => {
    if (url === '/api/v1/auth/token/') return json(200, { access: 'old', refresh: 'r1' });
    if (url === '/api/v1/auth/token/refresh/') return json(200, { access: 'new', refresh: `${payload.refresh}+` });
    return headers.authorization === 'Bearer new' ? json(200, { data: {} }) : json(401, { detail: 'Expired.' });
  };
  const session = await signedIn(api);
  assert.equal((await session.graphql({ query: '{ x }' })).status, 200);
  assert.equal(session.get().refresh, 'r1+');
});

test('a refused renewal ends the session and says so', async () => {
  const api = server();
  const storage = memory();
  const session = await signedIn(api, storage);
  api.access = 'gone';
  api.refresh = 'gone';
  const { body } = await session.graphql({ query: '{ x }' });
  assert.equal(body.errors[0].extensions.code, 'UNAUTHENTICATED');
  assert.equal(session.get().access, '');
  assert.match(session.get().notice, /Sign in again/);
  assert.equal(storage.size(), 0);
});

test('a renewal that the server could not handle keeps the session', async (t) => {
  for (const status of [429, 500, 503]) {
    await t.test(String(status), async () => {
      const api = server();
      const session = await signedIn(api);
      api.answer = (url) => (url === '/graphql' ? json(401, {}) : json(status, {}));
      assert.equal((await session.graphql({ query: '{ x }' })).status, 401);
      assert.equal(session.get().access, 'access-1');
    });
  }
});

test('signing out while a renewal runs stays signed out', async () => {
  const api = server();
  const session = await signedIn(api);
  const answer = api.answer;
  api.access = 'gone';
  api.answer = (url, ...rest) => {
    if (url === '/api/v1/auth/token/refresh/') session.signOut();
    return answer(url, ...rest);
  };
  await session.graphql({ query: '{ x }' });
  assert.equal(session.get().access, '');
});

test('headers typed by hand win, and a token among them is never renewed', async () => {
  const api = server();
  const session = await signedIn(api);
  const { body } = await session.graphql({ query: '{ x }' }, { Authorization: 'Bearer other', 'X-Request-Id': 'r' });
  assert.equal(body.errors[0].extensions.code, 'UNAUTHENTICATED');
  assert.equal(api.requests.length, 1);
  assert.equal(api.requests[0].headers.authorization, 'Bearer other');
  assert.equal(api.requests[0].headers['x-request-id'], 'r');
  assert.equal(session.get().access, 'access-1');
});

test('the session survives a reload, and ends by signing out', async () => {
  const api = server();
  const storage = memory();
  const first = await signedIn(api, storage);
  const second = createSession({ fetch: api.fetch, storage });
  assert.deepEqual(second.get(), first.get());
  second.signOut();
  assert.equal(createSession({ fetch: api.fetch, storage }).get().access, '');
});

test('broken or forbidden storage leaves a session in memory', async () => {
  const deny = () => {
    throw new Error('denied');
  };
  const session = await signedIn(server(), { getItem: () => '{not json', setItem: deny, removeItem: deny });
  assert.equal(session.get().access, 'access-1');
});

test('listeners hear changes until they leave', async () => {
  const session = await signedIn(server());
  let heard = 0;
  const leave = session.subscribe(() => {
    heard += 1;
  });
  session.setCustomer('cust_1');
  leave();
  session.setCustomer('cust_2');
  assert.equal(heard, 1);
});

test('an answer that is no JSON is shown, and a dead server is named', async () => {
  const page = createSession({ fetch: async () => new Response('<h1>Bad gateway</h1>', { status: 502 }), storage: memory() });
  const { status, body } = await page.graphql({ query: '{ x }' });
  assert.equal(status, 502);
  assert.match(body.errors[0].message, /502.*Bad gateway/);
  const dead = createSession({ fetch: () => Promise.reject(new TypeError('x')), storage: memory() });
  await assert.rejects(dead.graphql({ query: '{ x }' }), { message: 'The server cannot be reached.' });
});

test('isUnauthenticated', () => {
  assert.equal(isUnauthenticated({ status: 401, body: null }), true);
  assert.equal(isUnauthenticated({ status: 200, body: { errors: [{ extensions: { code: 'FORBIDDEN' } }] } }), false);
  assert.equal(isUnauthenticated({ status: 200, body: { errors: [null, { extensions: { code: 'UNAUTHENTICATED' } }] } }), true);
  assert.equal(isUnauthenticated({ status: 200, body: { data: {} } }), false);
});

test('problemText', () => {
  assert.equal(problemText({ title: 'T', detail: 'D.' }), 'D.');
  assert.equal(problemText({ title: 'T' }), 'T');
  assert.equal(
    problemText({ detail: 'Invalid.', errors: [{ path: 'email', message: 'must be an address' }, { message: 'no' }] }),
    'Invalid. email must be an address; no',
  );
  for (const body of [null, undefined, 'text', {}]) assert.equal(problemText(body), null);
});
