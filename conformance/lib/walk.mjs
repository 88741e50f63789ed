// What every GraphQL client is asked to do: walk a list to its end and back.
import assert from 'node:assert/strict';

import { url } from './server.mjs';

/** Rows asked for at a time. */
export const pageSize = 37;

/**
 * The list: a payer's claims by day of decision, so that many rows tie, and the
 * last page is not a full one.
 */
export const filter = { payer: 'Medicare Part B', outcome: 'OTHER' };
export const orderBy = [{ field: 'DECIDED_DATE', direction: 'DESC' }];

/** The identifiers of the list as the other API has them, in one request. */
export async function truth(token) {
  const query = new URLSearchParams({
    payer: filter.payer, outcome: filter.outcome, ordering: '-decided_date', page_size: '1000',
  });
  const response = await fetch(`${url}/api/v1/claims/?${query}`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(response.status, 200);
  const page = await response.json();
  assert.equal(page.next, null, 'the list fits one page of REST');
  const ids = page.results.map((claim) => claim.id);
  assert.ok(ids.length > 3 * pageSize && ids.length % pageSize !== 0, `the list has ${ids.length} rows, too few to tell`);
  return ids;
}

/**
 * Walks forwards to the end, then backwards to the start, and compares what was
 * seen with the truth: every row once, in order, and every page of `pageInfo`
 * true to what is there. `load(variables)` gives a connection.
 */
export async function walkThereAndBack(load, ids) {
  const there = await walk(load, ids.length, (info) =>
    info === undefined ? { first: pageSize } : info.hasNextPage && { first: pageSize, after: info.endCursor });
  assert.deepEqual(there.pages.flat(), ids, 'forwards: every row once, in order');
  assert.deepEqual(there.infos.map((info) => info.hasNextPage), there.infos.map((_, i) => i < there.infos.length - 1));
  assert.deepEqual(there.infos.map((info) => info.hasPreviousPage), there.infos.map((_, i) => i > 0));

  const last = there.infos.at(-1);
  const back = await walk(load, ids.length, (info) =>
    info === undefined ? { last: pageSize, before: last.startCursor } :
      info.hasPreviousPage && { last: pageSize, before: info.startCursor });
  assert.deepEqual(back.pages.toReversed().flat(), there.pages.slice(0, -1).flat(), 'backwards: the same rows');
  assert.deepEqual(back.infos.map((info) => info.hasPreviousPage), back.infos.map((_, i) => i < back.infos.length - 1));
  assert.ok(back.infos.every((info) => info.hasNextPage), 'backwards: rows follow every page');
}

async function walk(load, total, turn) {
  const pages = [];
  const infos = [];
  for (let variables = turn(); variables; variables = turn(infos.at(-1))) {
    assert.ok(infos.length <= total, 'the walk does not end');
    const { edges, pageInfo, totalCount } = await load(variables);
    assert.equal(totalCount, total);
    assert.equal(pageInfo.startCursor, edges[0].cursor);
    assert.equal(pageInfo.endCursor, edges.at(-1).cursor);
    pages.push(edges.map((edge) => edge.node.id));
    infos.push(pageInfo);
  }
  return { pages, infos };
}
