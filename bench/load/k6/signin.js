// Signing in, which GraphQL leaves to REST.

import { ask } from './api.js';
import { keepToken, password } from './world.js';

// signIn is a step: an analyst of the customer signs in.
export function signIn({ customer }) {
  const answer = ask('signin', 'sign in', {
    method: 'POST', url: '/api/v1/auth/token/', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: customer.users.analyst, password }),
    right: { 'there are two tokens': (r) => r.json('access').length > 100 && r.json('refresh').length > 100 },
  });
  if (answer.status === 200) keepToken(customer, answer.json('access'));
}
