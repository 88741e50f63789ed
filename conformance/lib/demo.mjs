import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';

const readySeconds = 180;
const stopSeconds = 40;

/**
 * Starts the demo on free ports with data of its own, and waits until it says
 * where it is. `env` is what lib/server.mjs and the clients read.
 */
export async function startDemo(program, dataDir) {
  const password = randomBytes(18).toString('base64url');
  const env = { ...process.env };
  for (const name of ['DATABASE_URL', 'REDIS_URL', 'UPSTREAM_MIGRATION_URL', 'UPSTREAM_SECRET_KEY', 'LOG_LEVEL']) delete env[name];
  Object.assign(env, {
    UPSTREAM_DATA_DIR: dataDir, UPSTREAM_DEMO_PASSWORD: password, UPSTREAM_THROTTLE: 'off',
    UPSTREAM_ADDR: '127.0.0.1:0', UPSTREAM_ADMIN_ADDR: '127.0.0.1:0', UPSTREAM_WEBHOOK_ALLOW: '127.0.0.1/32',
  });
  const child = spawn(program, ['demo', '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => { child.on('close', resolve); });
  const stop = () => end(child, ended);
  process.on('exit', () => child.kill('SIGKILL'));
  try {
    const { url, key } = await ready(child, ended);
    return { url, stop, env: { CONFORMANCE_URL: url, CONFORMANCE_KEY: key, CONFORMANCE_PASSWORD: password } };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads the document and the line that follows it. */
function ready(child, ended) {
  return new Promise((resolve, reject) => {
    let out = '';
    let log = '';
    const fail = (why) => reject(new Error(`the demo ${why}:\n${log}`));
    const late = setTimeout(fail, readySeconds * 1000, `was not ready within ${readySeconds} s`);
    ended.then(() => fail('ended before it was ready'));
    child.on('error', (error) => fail(`could not be started, ${error.message}`));
    child.stderr.on('data', (text) => { log += text; });
    child.stdout.on('data', (text) => {
      out += text;
      const url = /^ready (http:\/\/\S+)$/m.exec(out)?.[1];
      if (!url) return;
      clearTimeout(late);
      log = '';
      resolve({ url, key: JSON.parse(out.slice(0, out.indexOf('\n'))).api_key.key });
    });
  });
}

/** Lets the server drain, and its database stop, before it insists. */
async function end(child, ended) {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), stopSeconds * 1000);
  await ended;
  clearTimeout(late);
}
