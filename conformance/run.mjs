// Runs the checks: `node run.mjs` all of them, `node run.mjs NAME…` those named,
// `node run.mjs --list` names them, `node run.mjs --baseline` makes the present
// APIs what later ones are compared with. README.md says what each is for.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startDemo } from './lib/demo.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(here, 'node_modules/.bin', name);

/** What a tool may tell its maker, or ask for, is turned off. */
const quiet = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' };
const secondsPerCheck = 240;

const temp = mkdtempSync(join(tmpdir(), 'upstream-conformance-'));
chmodSync(temp, 0o755); // a database server under another account passes through
const at = (name) => join(temp, name);
let demo;

/** The checks in the order they run; `live` ones need the server. */
const checks = {
  'graphql-fresh': { about: 'schema.graphql is what `upstream schema` writes', run: freshSchema },
  'graphql-lint': {
    about: 'rules of @graphql-eslint for schemas and for Relay',
    run: () => run(bin('eslint'), ['--max-warnings', '0', '-c', 'conformance/eslint.config.js', 'schema.graphql'], { cwd: root }),
  },
  'graphql-breaking': {
    about: '@graphql-inspector finds no breaking change since the last release',
    run: async () => run(bin('graphql-inspector'), ['diff', await released('schema.graphql'), at('schema.graphql')]),
  },
  'relay-compile': { about: 'relay-compiler compiles the sample app', run: () => run('node', ['relay/build.mjs']) },
  'graphql-http': { live: true, about: 'the audit of graphql-http', run: () => tests('graphql/http.test.mjs') },
  apollo: { live: true, about: '@apollo/client pages to the end and back', run: () => tests('graphql/apollo.test.mjs') },
  urql: { live: true, about: 'urql pages to the end and back', run: () => tests('graphql/urql.test.mjs') },
  relay: {
    live: true, about: 'relay-runtime runs the compiled sample app',
    run: async () => {
      if (!existsSync(join(here, 'relay/build'))) await checks['relay-compile'].run();
      return tests('relay/relay.test.mjs');
    },
  },
  redocly: {
    live: true, about: 'rules of @redocly/cli for both OpenAPI documents',
    run: () => run(bin('redocly'), ['lint', '--config', 'redocly.yaml', at('openapi.json'), at('openapi-3.0.json')]),
  },
  spectral: {
    live: true, about: 'rules of @stoplight/spectral-cli and OWASP for both OpenAPI documents',
    run: () => run(bin('spectral'),
      ['lint', '--ruleset', 'spectral.yaml', '--fail-severity', 'hint', at('openapi.json'), at('openapi-3.0.json')]),
  },
  'rest-breaking': {
    live: true, about: 'oasdiff finds no breaking change since the last release',
    run: async () => {
      await run('go', ['vet', './breaking']);
      await run('go', ['test', './breaking']);
      return run('go', ['run', './breaking', await released('openapi.json'), at('openapi.json')]);
    },
  },
  'go-client': {
    live: true, about: "a client by oapi-codegen works a partner's day",
    run: async () => {
      mkdirSync(join(here, 'partner/client'), { recursive: true });
      await run('go', ['tool', 'oapi-codegen', '-config', 'partner/oapi-codegen.yaml',
        '-o', 'partner/client/client.gen.go', at('openapi-3.0.json')]);
      await run('go', ['vet', './partner', './partner/client']);
      return run('go', ['test', '-count=1', './partner']);
    },
  },
  'go-webhooks': {
    live: true, about: 'deliveries are signed as the reference library in Go verifies, with bodies that OpenAPI describes',
    run: async () => {
      await run('go', ['vet', './webhooks']);
      return run('go', ['test', '-count=1', './webhooks']);
    },
  },
  'js-webhooks': {
    live: true, about: 'deliveries are signed as the reference library in JavaScript verifies',
    run: () => tests('webhooks/webhooks.test.mjs'),
  },
  'typescript-client': {
    live: true, about: "a client by openapi-typescript and openapi-fetch works a partner's day",
    run: async () => {
      mkdirSync(join(here, 'rest/generated'), { recursive: true });
      await run(bin('openapi-typescript'), [at('openapi.json'), '-o', 'rest/generated/api.d.ts']);
      await run(bin('tsc'), ['--project', 'rest/tsconfig.json']);
      return tests('rest/generated/build/day.test.js');
    },
  },
};

/** Runs a program and gives its output; fails with that when it fails. */
function run(program, args, { cwd = here } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd, env: { ...process.env, ...quiet, ...demo?.env }, stdio: ['ignore', 'pipe', 'pipe'],
      timeout: secondsPerCheck * 1000,
    });
    let output = '';
    child.stdout.on('data', (text) => { output += text; });
    child.stderr.on('data', (text) => { output += text; });
    child.on('error', reject);
    child.on('close', (code, signal) => (code === 0 ? resolve(output) :
      reject(new Error(`${program} ${args.join(' ')}\nended with ${signal ?? code}:\n${output}`))));
  });
}

async function tests(file) {
  const output = await run('node', ['--test', '--test-timeout=60000', '--test-reporter=spec', file]);
  const passed = Number(/^ℹ pass (\d+)/m.exec(output)?.[1] ?? 0);
  if (passed === 0) throw new Error(`${file} ran no test:\n${output}`);
  return `${passed} tests`;
}

/** Only what goes to standard output. */
async function output(program, args) {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.on('close', resolve));
  return { code: child.exitCode, text: Buffer.concat(chunks).toString() };
}

async function freshSchema() {
  if (readFileSync(join(root, 'schema.graphql'), 'utf8') !== readFileSync(at('schema.graphql'), 'utf8')) {
    throw new Error('schema.graphql is stale: write it by `make schema/graphql` and commit it');
  }
}

/**
 * A file of the last release: of the last tag, where nobody can change it any
 * more; before the first one, and in a clone without tags, the one kept here.
 */
async function released(name) {
  const kept = `conformance/released/${name}`;
  const tag = await git('describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*');
  const tagged = tag && await git('show', `${tag.trim()}:${kept}`);
  if (!tagged) return join(root, kept);
  writeFileSync(at(`released-${name}`), tagged);
  return at(`released-${name}`);
}

/** What git answers; nothing when it cannot, as outside a repository. */
async function git(...args) {
  try {
    const child = spawn('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
    const chunks = [];
    for await (const chunk of child.stdout) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  } catch {
    return '';
  }
}

/** Builds the program and writes down its schema. */
async function build() {
  await run('go', ['build', '-o', at('upstream'), '.'], { cwd: root });
  const { code, text } = await output(at('upstream'), ['schema']);
  if (code !== 0) throw new Error('`upstream schema` failed');
  writeFileSync(at('schema.graphql'), text);
}

async function baseline() {
  await build();
  const { code, text } = await output(at('upstream'), ['openapi']);
  if (code !== 0) throw new Error('`upstream openapi` failed');
  mkdirSync(join(here, 'released'), { recursive: true });
  writeFileSync(join(here, 'released/schema.graphql'), readFileSync(at('schema.graphql')));
  // A line per value, so that a change can be read and packs well.
  writeFileSync(join(here, 'released/openapi.json'), `${JSON.stringify(JSON.parse(text), null, 1)}\n`);
}

/** The documents as clients get them. */
async function fetchDocuments() {
  for (const name of ['openapi.json', 'openapi-3.0.json']) {
    const response = await fetch(`${demo.url}/api/${name}`);
    if (!response.ok) throw new Error(`/api/${name} answers ${response.status}`);
    writeFileSync(at(name), await response.text());
  }
}

async function check(name) {
  const began = Date.now();
  let failure;
  let result = '';
  try {
    result = await checks[name].run() ?? '';
  } catch (error) {
    failure = error;
  }
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  const note = /^\d+ tests$/.test(result) ? `, ${result}` : '';
  console.log(`${failure ? 'FAILED' : 'ok    '} ${name.padEnd(18)} ${seconds.padStart(5)} s${note}`);
  if (failure) console.log(failure.message);
  return !failure;
}

async function main(names) {
  for (const name of names) {
    if (!checks[name]) throw new Error(`there is no check ${name}: see --list`);
  }
  await build();
  const live = names.some((name) => checks[name].live);
  if (live) {
    demo = await startDemo(at('upstream'), at('data'));
    await fetchDocuments();
  }
  let failed = 0;
  for (const name of names) failed += (await check(name)) ? 0 : 1;
  console.log(`${names.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function finish(code) {
  await demo?.stop();
  rmSync(temp, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}

for (const [signal, code] of [['SIGHUP', 129], ['SIGINT', 130], ['SIGTERM', 143]]) process.on(signal, () => finish(code));

const args = process.argv.slice(2);
try {
  if (args[0] === '--list') {
    for (const [name, { about }] of Object.entries(checks)) console.log(`${name.padEnd(18)} ${about}`);
    await finish(0);
  } else if (args[0] === '--baseline') {
    await baseline();
    await finish(0);
  } else {
    await finish(await main(args.length > 0 ? args : Object.keys(checks)));
  }
} catch (error) {
  console.error(error.message);
  await finish(1);
}
