// Walks through the pages in a headless Chromium, as a person would, and fails
// on a request to another host, a policy violation or an error in the console.
//
//   node browser/check.mjs --url http://127.0.0.1:8080 --email E --password P
//   node browser/check.mjs --url … --fake       the APIs are pretended
//
// Also: --chromium PATH (default /usr/bin/chromium), --shots FOLDER for pictures.
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { pretend } from './fake.mjs';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    email: { type: 'string', default: 'owner@harbor.test' },
    password: { type: 'string', default: 'right-password' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    shots: { type: 'string' },
    fake: { type: 'boolean', default: false },
  },
});
assert(options.url, '--url is needed');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

async function landing(page, shot) {
  await page.goto('/');
  await page.getByRole('heading', { name: 'Upstream' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'GraphQL playground' }).count(), 1);
  await shot('landing');
}

async function playground(page, shot) {
  await page.goto('/playground');
  await page.getByRole('heading', { name: 'Upstream GraphQL' }).waitFor();
  await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
  await shot('playground-signed-out');
  await signIn(page, 'not-the-password');
  await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
  await shot('playground-refused');
  await signIn(page, options.password);
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  if (options.fake || options.email.startsWith('root@')) await chooseCustomer(page);
  await runAllTabs(page, shot);
  await exploreDocs(page, shot);
  await openSettings(page, shot);
  await page.reload();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
}

async function signIn(page, password) {
  await page.getByLabel('E-mail').fill(options.email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

// A superuser chooses the customer to act for; the pretended viewer is one.
async function chooseCustomer(page) {
  const menu = page.getByLabel('Customer');
  const harbor = menu.locator('option', { hasText: 'Harbor' });
  await harbor.waitFor({ state: 'attached' });
  const id = await harbor.getAttribute('value');
  assert.match(id, /^cust_/);
  await menu.selectOption(id);
  const asked = page.waitForRequest((request) => request.url().endsWith('/graphql'));
  await page.getByRole('button', { name: 'Re-fetch GraphQL schema' }).click();
  assert.equal((await asked).headers()['x-customer-id'], id);
}

// operations are the names in the example documents, which the tabs are.
async function operations() {
  const folder = new URL('../../../../docs/graphql/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.graphql')).sort();
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')));
  return texts.map((text) => text.match(/^(?:query|mutation) (\w+)/m)[1]);
}

async function runAllTabs(page, shot) {
  for (const title of await operations()) {
    await page.getByRole('tab', { name: title }).click();
    const answered = page.waitForResponse((response) => response.url().endsWith('/graphql'));
    await page.getByRole('button', { name: /^Execute query/ }).click();
    const body = await (await answered).json();
    assert(body.data && !body.errors, `${title}: ${JSON.stringify(body.errors)}`);
    await page.locator('[data-figure=status]', { hasText: '200' }).waitFor();
    for (const figure of ['requested', 'actual', 'sqlStatements']) await page.locator(`[data-figure=${figure}] dd`, { hasText: /^[\d,]+$/ }).waitFor();
    await page.locator('.result-window', { hasText: '"data"' }).waitFor();
    await shot(`playground-${title}`);
  }
}

async function exploreDocs(page, shot) {
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  const docs = page.locator('.graphiql-doc-explorer');
  await docs.getByText('Query', { exact: true }).first().click();
  await docs.getByText('activeDriftEvents').first().click();
  await shot('playground-docs');
}

async function openSettings(page, shot) {
  await page.getByRole('button', { name: 'Open settings dialog' }).click();
  await page.getByRole('button', { name: 'Dark', exact: true }).click();
  await shot('playground-settings');
  await page.keyboard.press('Escape');
  await page.locator('.graphiql-dialog').waitFor({ state: 'detached' });
  await shot('playground-dark');
}

async function swagger(page, shot) {
  await page.goto('/api/docs');
  await page.locator('.opblock').first().waitFor();
  await shot('docs');
  if (!options.fake) return;
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  await page.locator('.auth-container input').fill('fake-access');
  await page.locator('.auth-btn-wrapper').getByRole('button', { name: 'Apply credentials' }).click();
  await shot('docs-authorize');
  await page.locator('.auth-btn-wrapper').getByRole('button', { name: 'Close' }).click();
  await page.locator('.opblock-summary-control').first().click();
  await page.getByRole('button', { name: 'Execute' }).click();
  await page.locator('.live-responses-table', { hasText: 'Bearer fake-access' }).waitFor();
  await shot('docs-tried');
}

async function redoc(page, shot) {
  await page.goto('/api/redoc');
  await page.locator('[data-section-id] h2').first().waitFor();
  await page.getByPlaceholder('Search...').fill('events');
  if (options.fake) await page.locator('[data-role="search:results"]').waitFor();
  await shot('redoc');
}

// reset asks for a link, follows it, and chooses a password.
async function reset(page, shot) {
  await page.goto('/reset-password');
  await page.getByRole('heading', { name: 'Reset your password' }).waitFor();
  await page.getByRole('button', { name: 'Send the link' }).click();
  await page.getByText('Fill this in.').waitFor();
  await page.getByLabel('E-mail').fill(options.email);
  await shot('reset-ask');
  if (!options.fake) return; // the mail cannot be read here
  await page.getByLabel('E-mail').press('Enter');
  await page.getByRole('heading', { name: 'Look into your mail' }).waitFor();
  await page.goto('/reset-password#token=stale');
  await choosePassword(page, 'staple of the bright heron', 'Set the password');
  await page.getByRole('alert').filter({ hasText: 'The link is unknown' }).waitFor();
  await page.goto('/reset-password#token=good');
  await page.waitForFunction(() => location.hash === ''); // the secret leaves the address
  await choosePassword(page, 'short', 'Set the password');
  await page.getByText('Must have at least 12 characters.').waitFor();
  assert.equal(await page.getByLabel('New password').getAttribute('aria-invalid'), 'true');
  await page.getByLabel('Show the password').check();
  assert.equal(await page.getByLabel('New password').getAttribute('type'), 'text');
  await shot('reset-refused');
  await choosePassword(page, 'staple of the bright heron', 'Set the password');
  await page.getByRole('heading', { name: 'Your password was changed' }).waitFor();
  await shot('reset-done');
}

async function invitation(page, shot) {
  await page.goto('/accept-invitation');
  await page.getByText('Open the link in the mail that invited you.').waitFor();
  if (!options.fake) return;
  const join = () => page.getByRole('button', { name: 'Join' }).click();
  await page.goto('/accept-invitation#token=stale');
  await join();
  await page.getByRole('alert').filter({ hasText: 'The link is unknown' }).waitFor();
  await page.goto('/accept-invitation#token=member');
  assert.equal(await page.getByLabel('First name').isVisible(), false);
  await join();
  await page.getByText('with the password you have,').waitFor();
  await page.goto('/accept-invitation#token=good');
  await join();
  await page.getByLabel('First name').fill('Ada');
  await page.getByLabel('Last name').fill('Lovelace');
  await shot('invitation');
  await choosePassword(page, 'short', 'Join');
  await page.getByText('Must have at least 12 characters.').waitFor();
  await choosePassword(page, 'staple of the bright heron', 'Join');
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  await page.getByText('You have joined Cedar Clinic as viewer.').waitFor();
  await page.getByText('with the password you have chosen,').waitFor();
  await shot('invitation-done');
}

// alert follows the link in a message about an alert. With the real server there
// is an alert to be found first.
async function alert(page, shot) {
  if (!options.fake) return;
  await page.goto('/alerts/alert_01jz8k6v3pe9ktyh5wmcqa2x7d');
  await page.getByRole('heading', { name: 'Sign in to read the alert' }).waitFor();
  await signIn(page, 'not-the-password');
  await page.getByRole('alert').filter({ hasText: 'wrong' }).waitFor();
  await signIn(page, options.password);
  await page.getByRole('heading', { name: 'Aetna: denial rate' }).waitFor();
  await page.getByText('up 15.0 points from 10.0% before').waitFor();
  await page.getByText('25.0 % of 120 claims, 2026-04-16 to 2026-04-30').waitFor();
  await shot('alert');
  await page.goto('/alerts/alert_01jz8k6v3pe9ktyh5wmcqa2x7e');
  await page.getByRole('heading', { name: 'No such alert' }).waitFor();
  await page.getByRole('link', { name: 'Sign in as somebody else' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
}

async function choosePassword(page, password, button) {
  await page.locator('input[autocomplete=new-password]').fill(password);
  await page.getByRole('button', { name: button }).click();
}

// watch collects what a page did that it should not do.
async function watch(context, faults) {
  await context.exposeBinding('reportViolation', (_source, violation) => faults.push(`policy: ${violation}`));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  context.on('request', (request) => {
    const address = request.url();
    if (/^https?:/.test(address) && !address.startsWith(options.url)) faults.push(`other host: ${address}`);
  });
  context.on('weberror', (error) => faults.push(`exception: ${error.error().message}`));
  context.on('console', (message) => {
    // Chromium itself logs what the walk is refused on purpose.
    const expected = /\/auth\/(token|password-reset\/confirm|invitations\/accept)\/$/.test(message.location().url);
    if (message.type() === 'error' && !expected) faults.push(`console: ${message.text()}`);
  });
}

async function walk(browser, name, steps) {
  const faults = [];
  const context = await browser.newContext({ baseURL: options.url, viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(15_000);
  await watch(context, faults);
  if (options.fake) await pretend(context);
  const page = await context.newPage();
  const shot = async (title) => {
    if (options.shots) await page.screenshot({ path: path.join(options.shots, `${title}.png`) });
  };
  try {
    await steps(page, shot);
  } catch (error) {
    faults.push(`walk: ${error.message}`);
    await shot(`${name}-failed`);
  }
  await context.close();
  return faults.map((fault) => `${name}: ${fault}`);
}

if (options.shots) await mkdir(options.shots, { recursive: true });
const browser = await chromium.launch({ executablePath: options.chromium, args: FLAGS });
const faults = [];
for (const [name, steps] of Object.entries({ landing, playground, swagger, redoc, reset, invitation, alert })) {
  faults.push(...(await walk(browser, name, steps)));
}
await browser.close();
console.log(faults.length === 0 ? 'all pages are fine' : faults.join('\n'));
process.exitCode = faults.length === 0 ? 0 : 1;
