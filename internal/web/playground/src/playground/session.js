// The session: who is signed in, and requests made in that name. No DOM and no
// React, so that it runs under `node --test`.
//
// Tokens live in sessionStorage: they survive a reload, and end with the tab.

const STORAGE_KEY = 'upstream.session';
const SIGNED_OUT = Object.freeze({
  access: '',
  refresh: '',
  email: '',
  superuser: false,
  customer: '',
  customers: [],
  notice: '',
});

const TOKEN_URL = '/api/v1/auth/token/';
const REFRESH_URL = '/api/v1/auth/token/refresh/';
const GRAPHQL_URL = '/graphql';

const CUSTOMERS = `query Customers($after: String) {
  customers(first: 100, after: $after) { nodes { id name } pageInfo { hasNextPage endCursor } }
}`;
// A menu of more would help nobody.
const MOST_CUSTOMERS = 1000;

/**
 * @param {{fetch: typeof fetch, storage: Storage}} env
 */
export function createSession({ fetch, storage }) {
  let state = load(storage);
  let renewal = null;
  const listeners = new Set();

  function set(changes) {
    state = Object.freeze({ ...state, ...changes });
    save(storage, state);
    listeners.forEach((listener) => listener());
  }

  function end(notice) {
    set({ ...SIGNED_OUT, notice });
  }

  async function signIn(email, password) {
    const { status, body } = await postJSON(fetch, TOKEN_URL, { email, password });
    if (status !== 200 || !body?.access) {
      throw new Error(problemText(body) ?? `Signing in failed (HTTP ${status}).`);
    }
    set({ ...SIGNED_OUT, access: body.access, refresh: body.refresh ?? '', email });
    await identify();
  }

  // identify asks whether the viewer is a superuser, who must name the customer
  // to act for. A failure only hides that field: it must not undo the sign-in.
  async function identify() {
    if (!state.access) return;
    try {
      const { body } = await graphql({ query: '{ viewer { isSuperuser } }' });
      if (!state.access) return;
      set({ superuser: body?.data?.viewer?.isSuperuser === true });
      if (state.superuser) await listCustomers();
    } catch {
      set({ superuser: false });
    }
  }

  // listCustomers pages through the customers to choose from, and chooses the
  // first when none was chosen before.
  async function listCustomers() {
    const customers = [];
    for (let after = null; customers.length < MOST_CUSTOMERS; ) {
      const { body } = await graphql({ query: CUSTOMERS, variables: { after } });
      const page = body?.data?.customers;
      if (!page || !state.access) return;
      customers.push(...page.nodes.map(({ id, name }) => ({ id, name })));
      if (!page.pageInfo.hasNextPage) break;
      after = page.pageInfo.endCursor;
    }
    set({ customers, customer: state.customer || (customers[0]?.id ?? '') });
  }

  // renew trades the refresh token for a new access token. Requests that fail
  // together share one renewal, because a server may rotate refresh tokens.
  function renew() {
    renewal ??= trade().finally(() => {
      renewal = null;
    });
    return renewal;
  }

  async function trade() {
    const used = state.refresh;
    const { status, body } = await postJSON(fetch, REFRESH_URL, { refresh: used });
    if (state.refresh !== used) return Boolean(state.access);
    if (status === 200 && body?.access) {
      set({ access: body.access, refresh: body.refresh ?? used });
      return true;
    }
    // Only a refusal ends the session: an overloaded server says nothing about it.
    if (status >= 400 && status < 500 && status !== 429) {
      end('Your session has ended. Sign in again.');
    }
    return false;
  }

  /**
   * Posts a GraphQL request. Headers given by the caller win over the session's.
   * @returns {Promise<{status: number, body: any, milliseconds: number}>}
   */
  async function graphql(payload, callerHeaders = {}) {
    const headers = () => ({ ...sessionHeaders(state), ...lowerCaseKeys(callerHeaders) });
    const ownToken = !('authorization' in lowerCaseKeys(callerHeaders));
    const sent = state.access;
    const first = await postJSON(fetch, GRAPHQL_URL, payload, headers());
    if (!isUnauthenticated(first) || !ownToken || !state.refresh) return first;
    // Another request may have renewed the token while this one was under way.
    const renewed = state.access !== sent || (await renew());
    return renewed ? postJSON(fetch, GRAPHQL_URL, payload, headers()) : first;
  }

  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    signIn,
    signOut: () => end(''),
    identify,
    setCustomer: (customer) => set({ customer: customer.trim() }),
    graphql,
  };
}

export function isUnauthenticated({ status, body }) {
  const errors = Array.isArray(body?.errors) ? body.errors : [];
  return status === 401 || errors.some((error) => error?.extensions?.code === 'UNAUTHENTICATED');
}

// problemText finds the sentence for people in an RFC 9457 problem, field errors
// included.
export function problemText(body) {
  if (!body || typeof body !== 'object') return null;
  const fields = (Array.isArray(body.errors) ? body.errors : [])
    .filter((field) => field?.message)
    .map((field) => (field.path ? `${field.path} ${field.message}` : field.message));
  const sentence = body.detail || body.title || null;
  return fields.length > 0 ? [sentence, fields.join('; ')].filter(Boolean).join(' ') : sentence;
}

function sessionHeaders({ access, customer, superuser }) {
  const headers = {};
  if (access) headers.authorization = `Bearer ${access}`;
  if (superuser && customer) headers['x-customer-id'] = customer;
  return headers;
}

function lowerCaseKeys(headers) {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}

async function postJSON(fetch, url, payload, headers = {}) {
  const started = performance.now();
  let response;
  try {
    response = await fetch(url, {
      method: 'POST',
      credentials: 'omit',
      headers: {
        accept: 'application/graphql-response+json, application/json, application/problem+json',
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(payload),
    });
  } catch {
    throw new Error('The server cannot be reached.');
  }
  const text = await response.text();
  return {
    status: response.status,
    body: parse(text) ?? unreadable(response.status, text),
    milliseconds: performance.now() - started,
  };
}

function unreadable(status, text) {
  const beginning = text.trim().slice(0, 200);
  return { errors: [{ message: `HTTP ${status}, not JSON: ${beginning || 'empty answer'}` }] };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function load(storage) {
  try {
    const stored = JSON.parse(storage.getItem(STORAGE_KEY) ?? '{}');
    return Object.freeze({ ...SIGNED_OUT, ...stored, notice: '' });
  } catch {
    return SIGNED_OUT;
  }
}

// Storage may be full or forbidden; the session then lives in memory only.
function save(storage, state) {
  try {
    if (state.access) storage.setItem(STORAGE_KEY, JSON.stringify(state));
    else storage.removeItem(STORAGE_KEY);
  } catch {
    // Nothing to do: the page works until it is reloaded.
  }
}
