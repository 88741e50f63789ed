// Compiles the sample app: relay-compiler reads its fragments against the
// committed schema, Babel turns the tags into imports of what that generates.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { fileURLToPath } from 'node:url';

import { transformFileSync } from '@babel/core';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const src = `${here}src`;
const artifacts = `${src}/__generated__`;
const out = `${here}build`;

rmSync(artifacts, { recursive: true, force: true });
rmSync(out, { recursive: true, force: true });
mkdirSync(artifacts);
mkdirSync(`${out}/__generated__`, { recursive: true });
execFileSync('node_modules/.bin/relay-compiler', ['relay.config.json'], {
  // Without a repository in sight it does not stage what it writes.
  cwd: root, env: { ...process.env, GIT_DIR: devNull }, stdio: ['ignore', 'inherit', 'inherit'],
});
for (const name of modules(artifacts)) write(`__generated__/${name}`, readFileSync(`${artifacts}/${name}`, 'utf8'));
for (const name of modules(src)) {
  const { code } = transformFileSync(`${src}/${name}`, {
    cwd: root, configFile: false, babelrc: false,
    plugins: [['relay', { artifactDirectory: artifacts, eagerEsModules: true }]],
  });
  write(name, code);
}

function modules(folder) {
  return readdirSync(folder).filter((file) => file.endsWith('.js'));
}

// Relay leaves the ends of file names to a bundler; Node wants them in full.
function write(name, code) {
  writeFileSync(`${out}/${name}`, code.replaceAll(/(from ['"]\.[^'"]*\.graphql)(?=['"])/g, '$1.js'));
}
