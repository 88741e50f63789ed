// urql walks a list; persisted queries are left to its exchange for them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cacheExchange, Client, fetchExchange, gql } from 'urql';

import { signIn, url } from '../lib/server.mjs';
import { filter, orderBy, truth, walkThereAndBack } from '../lib/walk.mjs';

const query = gql`
  query Claims($filter: ClaimFilter, $orderBy: [ClaimOrder!], $first: Int, $after: String, $last: Int, $before: String) {
    claims(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { id decidedDate outcome } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      totalCount
    }
  }
`;

const token = await signIn();

for (const preferGetMethod of [false, 'force']) {
  test(`each page, there and back, by ${preferGetMethod ? 'GET' : 'POST'}`, async () => {
    const client = new Client({
      url: `${url}/graphql`, exchanges: [cacheExchange, fetchExchange], preferGetMethod,
      fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
    });
    await walkThereAndBack(async (variables) => {
      const { data, error } = await client.query(query, { filter, orderBy, ...variables });
      assert.equal(error, undefined);
      return data.claims;
    }, await truth(token));
  });
}

test('an error keeps its code', async () => {
  const client = new Client({ url: `${url}/graphql`, exchanges: [fetchExchange], preferGetMethod: false });
  const { data, error } = await client.query(query, { first: 1 });
  assert.equal(data?.claims, undefined);
  assert.equal(error?.graphQLErrors[0].extensions.code, 'UNAUTHENTICATED');
});
