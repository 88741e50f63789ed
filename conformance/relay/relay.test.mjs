// relay-runtime runs the sample app that relay-compiler has compiled, doing by
// hand what the hooks of react-relay do: the pages meet in the store's connection.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import relay from 'relay-runtime';

import { signIn, url } from '../lib/server.mjs';
import { filter, orderBy, pageSize, truth } from '../lib/walk.mjs';
import { claimList, claimListPage } from './build/ClaimList.js';
import { claimRow } from './build/ClaimRow.js';
import { detectDrift, driftEventRow, runList } from './build/DetectDrift.js';
import { uploadCard, uploadPage } from './build/UploadCard.js';

const {
  commitMutation, ConnectionHandler, createOperationDescriptor, Environment, fetchQuery, getPaginationMetadata,
  getPaginationVariables, getRequest, getSelector, Network, RecordSource, ROOT_ID, Store,
} = relay;

const token = await signIn();
const ids = await truth(token);

function newEnvironment() {
  return new Environment({
    network: Network.create(async ({ text }, variables) => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: text, variables }),
      });
      assert.equal(response.status, 200);
      const answer = await response.json();
      assert.equal(answer.errors, undefined);
      return answer;
    }),
    store: new Store(new RecordSource()),
  });
}

const complete = (fragment, ref, environment) => {
  const { data, isMissingData } = environment.lookup(getSelector(fragment, ref));
  assert.equal(isMissingData, false, 'everything the fragment names is in the store');
  return data;
};

/** Loads the list's first page, then others in one direction until there are none. */
async function gather(direction) {
  const environment = newEnvironment();
  const start = { filter, orderBy, ...(direction === 'forward' ? { first: pageSize } : { last: pageSize }) };
  // Retained, as what a component shows is, so that no page is collected.
  environment.retain(createOperationDescriptor(getRequest(claimListPage), start));
  const ref = await fetchQuery(environment, claimListPage, start).toPromise();
  const { connectionPathInFragmentData: path, paginationRequest, paginationMetadata } =
    getPaginationMetadata(claimList, 'gather');
  assert.deepEqual(path, ['claims']);
  for (let turns = 0; ; turns++) {
    assert.ok(turns <= ids.length, 'loading more does not end');
    const { claims } = complete(claimList, ref, environment);
    const { hasNextPage, endCursor, hasPreviousPage, startCursor } = claims.pageInfo;
    const more = direction === 'forward' ? hasNextPage : hasPreviousPage;
    if (!more) return { environment, claims };
    const cursor = direction === 'forward' ? endCursor : startCursor;
    const variables = getPaginationVariables(
      direction, pageSize, cursor, { filter, orderBy }, {}, paginationMetadata);
    await fetchQuery(environment, paginationRequest, variables).toPromise();
  }
}

for (const direction of ['forward', 'backward']) {
  test(`the list is gathered, ${direction}`, async () => {
    const { environment, claims } = await gather(direction);
    assert.deepEqual(claims.edges.map((edge) => edge.node.id), ids);
    assert.equal(claims.totalCount, ids.length);
    for (const { node } of claims.edges) {
      const row = complete(claimRow, node, environment);
      assert.equal(row.payer, filter.payer);
      assert.equal(row.outcome, filter.outcome);
      assert.ok(row.upload.filename);
    }
  });
}

test('an object is fetched anew by its identifier', async () => {
  const environment = newEnvironment();
  const { environment: other, claims } = await gather('forward');
  const upload = other.getStore().getSource().get(claims.edges[0].node.id).upload.__ref;
  const page = await fetchQuery(environment, uploadPage, { id: upload }).toPromise();
  const card = complete(uploadCard, page.node.upload, environment);
  assert.equal(card.claims.edges.length, 3);
  const refetch = uploadCard.metadata.refetch;
  const again = await fetchQuery(environment, refetch.operation.default ?? refetch.operation, { id: upload, count: 5 }).toPromise();
  assert.equal(complete(uploadCard, again.node, environment).claims.edges.length, 5);
});

test('a mutation adds its object to a list', async () => {
  const environment = newEnvironment();
  environment.retain(createOperationDescriptor(getRequest(runList), {}));
  const before = await fetchQuery(environment, runList, {}).toPromise();
  const connection = ConnectionHandler.getConnectionID(ROOT_ID, 'DetectDrift_reportRuns');
  const answer = await new Promise((resolve, reject) => commitMutation(environment, {
    mutation: detectDrift, onCompleted: resolve, onError: reject,
    variables: { input: { clientMutationId: 'relay' }, connections: [connection] },
  }));
  assert.deepEqual(answer.detectDrift.userErrors, []);
  assert.equal(answer.detectDrift.clientMutationId, 'relay');
  assert.equal(answer.detectDrift.reportRun.status, 'SUCCESS');
  const events = answer.detectDrift.reportRun.driftEvents.nodes;
  assert.ok(events.length > 0, 'the demo has findings');
  assert.ok(events.every((event) => complete(driftEventRow, event, environment).payer));
  const after = environment.lookup(createOperationDescriptor(getRequest(runList), {}).fragment).data;
  const runs = (list) => list.reportRuns.edges.map((edge) => edge.node.id);
  assert.deepEqual(runs(after), [answer.detectDrift.reportRun.id, ...runs(before)]);
});
