// The server under test, as run.mjs describes it to every check.

export const url = required('CONFORMANCE_URL');
export const key = required('CONFORMANCE_KEY');
export const email = 'analyst@harbor.test';
export const password = required('CONFORMANCE_PASSWORD');

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this through run.mjs`);
  return value;
}

/** Signs in as a person, the analyst unless said otherwise, and gives the access token. */
export async function signIn(as = email) {
  const response = await fetch(`${url}/api/v1/auth/token/`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email: as, password }),
  });
  if (!response.ok) throw new Error(`signing in answers ${response.status}: ${await response.text()}`);
  return (await response.json()).access;
}
