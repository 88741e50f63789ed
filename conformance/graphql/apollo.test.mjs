// @apollo/client walks a list through its normalised cache.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import { asapScheduler, filter as only, firstValueFrom, observeOn } from 'rxjs';

import { signIn, url } from '../lib/server.mjs';
import { filter, orderBy, pageSize, truth, walkThereAndBack } from '../lib/walk.mjs';

const query = gql`
  query Claims($filter: ClaimFilter, $orderBy: [ClaimOrder!], $first: Int, $after: String, $last: Int, $before: String) {
    claims(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { id payer decidedDate } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      totalCount
    }
  }
`;

const token = await signIn();
const ids = await truth(token);

function newClient() {
  return new ApolloClient({
    link: new HttpLink({ uri: `${url}/graphql`, headers: { Authorization: `Bearer ${token}` } }),
    cache: new InMemoryCache({
      typePolicies: { Query: { fields: { claims: relayStylePagination(['filter', 'orderBy']) } } },
    }),
  });
}

test('a claim is found again by its identifier', async () => {
  const client = newClient();
  await client.query({ query, variables: { filter, orderBy, first: 3 } });
  const cached = client.cache.extract();
  assert.equal(cached[`Claim:${ids[0]}`]?.payer, filter.payer);
});

test('each page, there and back', async () => {
  const client = newClient();
  await walkThereAndBack(async (variables) => {
    const { data } = await client.query({ query, variables: { filter, orderBy, ...variables }, fetchPolicy: 'no-cache' });
    return data.claims;
  }, ids);
});

test('fetchMore gathers the whole list in the cache, forwards', async () => {
  const seen = await gather({ first: pageSize }, (info) => info.hasNextPage && { first: pageSize, after: info.endCursor });
  assert.deepEqual(seen, ids);
});

test('fetchMore gathers the whole list in the cache, backwards', async () => {
  const seen = await gather({ last: pageSize }, (info) =>
    info.hasPreviousPage && { first: undefined, after: undefined, last: pageSize, before: info.startCursor });
  assert.deepEqual(seen, ids);
});

/** Watches the list, fetches more as long as `more` says, gives what is seen. */
async function gather(start, more) {
  const client = newClient();
  const list = client.watchQuery({ query, variables: { filter, orderBy, ...start } });
  const seen = (longerThan) => firstValueFrom(list.pipe(observeOn(asapScheduler),
    only(({ dataState, data }) => dataState === 'complete' && data.claims.edges.length > longerThan)));
  let { data } = await seen(0);
  for (let variables; (variables = more(data.claims.pageInfo));) {
    const shown = seen(data.claims.edges.length);
    await list.fetchMore({ variables });
    ({ data } = await shown);
  }
  return data.claims.edges.map((edge) => edge.node.id);
}
