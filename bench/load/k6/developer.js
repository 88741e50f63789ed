// Somebody who gets to know the APIs: reads their descriptions, tries small
// queries, each another one, and makes mistakes.

import { ask, graphql, rest } from './api.js';
import { anyCustomer, between, pick, token } from './world.js';
import { signIn } from './signin.js';

const description = () => ask('schema', 'OpenAPI', { url: '/api/openapi.json', right: {
  'it is 3.1': (r) => r.json('openapi').startsWith('3.1'),
} });

const introspection = ({ customer }) => graphql('schema', 'introspection', token(customer),
  '{ __schema { queryType { name } types { kind name description fields { name type { kind name ofType { name } } } } } }', {}, {
    'it has claims': (r) => r.json('data.__schema.types.#.name').includes('Claim'),
  });

const fields = ['payer', 'cpt', 'cptGroup', 'submittedDate', 'decidedDate', 'paymentDate', 'outcome', 'billedAmount', 'allowedAmount',
  'paidAmount', 'denialReasonCode', 'daysToDecision', 'claimNumber', 'upload { filename status }'];

function varied({ customer }) {
  const first = between(1, 20);
  const chosen = fields.filter(() => Math.random() < 0.4);
  const query = `{ some: claims(first: ${first}, filter: { cpt: "${pick(customer.codes)}" }) { nodes { id ${chosen.join(' ')} } } me: viewer { email role } }`;
  graphql('explore', 'varied query', token(customer), query, {}, {
    'as many rows as asked for': (r) => r.json('data.some.nodes.#') === first,
    'it is them': (r) => r.json('data.me.email') === customer.users.analyst,
  });
}

const misspeltField = ({ customer }) => graphql('mistake', 'misspelt field', token(customer), '{ claims(first: 1) { nodes { payr } } }', {}, {
  'the right one is suggested': (r) => r.json('errors.0.message').includes('payer'),
}, 'VALIDATION');

const misspeltFilter = ({ customer }) => rest('mistake', 'misspelt filter', customer.api_key, 'claims/?payr=x', { wanted: 422, right: {
  'the right one is suggested': (r) => r.json('code') === 'VALIDATION' && r.json('errors.0.message').includes('payer'),
} });

export const developer = {
  weight: 10.5, think: 1,
  begin: () => ({ customer: anyCustomer() }),
  steps: () => [...(Math.random() < 0.1 ? [signIn] : []), description, introspection, varied, varied, misspeltField, varied, misspeltFilter, varied],
};
