// A partner's day with a client typed by openapi-typescript: sign in, upload,
// wait, read, detect, page through the events, and run into what is refused.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import createClient, { type Middleware } from 'openapi-fetch';

import type { components, paths } from './generated/api.js';

type Upload = components['schemas']['Upload'];

const goodRows = 45;

const baseUrl = process.env['CONFORMANCE_URL'];
const password = process.env['CONFORMANCE_PASSWORD'];
assert.ok(baseUrl && password, 'CONFORMANCE_URL or CONFORMANCE_PASSWORD is not set: run this through run.mjs');

const api = createClient<paths>({ baseUrl });
const file = claims();
let upload: Upload;

/** A file that nobody has sent before, with one row that is refused. */
function claims(): string {
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  const rows = Array.from({ length: goodRows }, (_, i) =>
    `${randomUUID()},Script Mutual,99213,${day(60)},${day(40 - (i % 20))},DENIED,210.00,CO-97`);
  rows.push(`${randomUUID()},Script Mutual,99213,${day(60)},,PAID,210.00,`);
  return ['claim_number,payer,cpt,submitted_date,decided_date,outcome,billed_amount,denial_reason_code', ...rows, ''].join('\n');
}

function send(text: string) {
  return api.POST('/api/v1/uploads/', {
    // A file is typed as text; the form carries its bytes.
    body: { file: text },
    bodySerializer({ file }) {
      const form = new FormData();
      form.append('file', new Blob([file], { type: 'text/csv' }), 'script.csv');
      return form;
    },
  });
}

before(async () => {
  const { data } = await api.POST('/api/v1/auth/token/', { body: { email: 'analyst@harbor.test', password } });
  assert.ok(data);
  const bearer: Middleware = {
    onRequest({ request }) {
      request.headers.set('Authorization', `Bearer ${data.access}`);
      return request;
    },
  };
  api.use(bearer);
});

test('a file is received and worked on', async () => {
  const { data, response } = await send(file);
  assert.equal(response.status, 201);
  assert.ok(data);
  upload = data;
  for (let turns = 0; upload.status === 'processing'; turns++) {
    assert.ok(turns < 300, 'the upload is still processed');
    await setTimeout(100);
    const again = await api.GET('/api/v1/uploads/{id}/', { params: { path: { id: upload.id } } });
    assert.ok(again.data);
    upload = again.data;
  }
  assert.equal(upload.status, 'partial');
  assert.equal(upload.accepted_row_count, goodRows);
  const rejections = await api.GET('/api/v1/uploads/{id}/rejections/', { params: { path: { id: upload.id } } });
  assert.deepEqual(rejections.data?.results.map(({ row_number, column, code }) => [row_number, column, code]),
    [[goodRows + 2, 'decided_date', 'required']]);
});

test('its claims are read, page by number', async () => {
  const seen = new Set<string>();
  for (let page = 1, more = true; more; page++) {
    const { data } = await api.GET('/api/v1/claims/', {
      params: { query: { upload: upload.id, outcome: 'DENIED', ordering: ['-decided_date', 'payer'], page: String(page), page_size: 20 } },
      querySerializer: { array: { style: 'form', explode: false } },
    });
    assert.ok(data);
    assert.equal(data.count, goodRows);
    for (const claim of data.results) {
      assert.equal(claim.denial_reason_code, 'CO-97');
      seen.add(claim.id);
    }
    more = data.next !== null;
  }
  assert.equal(seen.size, goodRows);
});

test('the same file again is a conflict that names the first', async () => {
  const { error, response } = await send(file);
  assert.equal(response.status, 409);
  assert.equal(error?.code, 'CONFLICT');
  assert.equal(error?.existing_id, upload.id);
});

test('what is not valid is named', async () => {
  const empty = await send('payer,cpt\n');
  assert.equal(empty.response.status, 422);
  assert.equal(empty.error?.code, 'VALIDATION');
  assert.ok(empty.error.errors.length > 0 && empty.error.errors.every(({ path }) => path === 'file'));
  const page = await api.GET('/api/v1/uploads/', { params: { query: { page_size: 0, uploaded_after: 'yesterday' } } });
  assert.deepEqual(page.error?.errors.map(({ path }) => path).toSorted(), ['page_size', 'uploaded_after']);
});

async function eventsAt(run: string, cursor: string): Promise<components['schemas']['DriftEventPage']> {
  const { data } = await api.GET('/api/v1/reports/{id}/drift-events/', {
    params: { path: { id: run }, query: { cursor, page_size: 1 } },
  });
  assert.ok(data);
  return data;
}

test('drift is detected, and its events read by cursor', async () => {
  const { data: run, response } = await api.POST('/api/v1/drift/detect/', { body: { method: 'statistical', current_days: 30 } });
  assert.equal(response.status, 201);
  assert.ok(run && run.drift_event_count > 1);
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await eventsAt(run.id, cursor);
    assert.ok(seen.length <= run.drift_event_count, 'the pages do not end');
    seen.push(...page.results.map(({ id }) => id));
    cursor = page.next === null ? null : new URL(page.next).searchParams.get('cursor');
  }
  assert.equal(seen.length, run.drift_event_count);
  assert.equal(new Set(seen).size, seen.length);
});

test('whoever has not signed in is told so', async () => {
  const { error, response } = await createClient<paths>({ baseUrl }).GET('/api/v1/claims/');
  assert.equal(response.status, 401);
  assert.equal(error?.code, 'UNAUTHENTICATED');
});
