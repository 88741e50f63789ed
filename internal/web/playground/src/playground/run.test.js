import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parse } from 'graphql';
import { describeRun } from './cost.js';
import { withOwnOperation } from './operation.js';
import { defaultTabs, NEW_TAB } from './tabs.js';

const text = (run) => describeRun(run).map(({ label, value }) => `${label} ${value}`).join(', ');

test('a run without cost shows status and time', () => {
  assert.equal(text({ status: 200, body: { data: {} }, milliseconds: 12.4 }), 'HTTP 200, Time 12 ms');
  assert.equal(text({ status: 502, body: null, milliseconds: 0 }), 'HTTP 502, Time 0 ms');
});

test('a run shows every figure of its cost, zero included, and nothing else', () => {
  const cost = { requested: 1420, actual: 31, budget: 10000, remaining: 0, sqlStatements: 3, dbMs: 4.25, other: 1 };
  assert.equal(
    text({ status: 200, body: { data: {}, extensions: { cost } }, milliseconds: 1234 }),
    'HTTP 200, Time 1,234 ms, Cost requested 1,420, actual 31, budget 10,000, remaining 0, SQL statements 3, Database 4.3 ms',
  );
  assert.equal(
    text({ status: 200, body: { extensions: { cost: { actual: null, dbMs: 'x' } } }, milliseconds: 1 }),
    'HTTP 200, Time 1 ms',
  );
});

test('errors are counted', () => {
  assert.equal(text({ status: 200, body: { errors: [{}, {}] }, milliseconds: 1 }), 'HTTP 200, Time 1 ms, Errors 2');
});

test('a name from another tab is not sent', () => {
  const cases = [
    ['query A { x }', 'A', 'A'],
    ['query A { x }', 'B', 'A'],
    ['query A { x } query B { x }', 'B', 'B'],
    ['query A { x } query B { x }', 'C', undefined],
    ['{ x }', 'B', undefined],
    ['{ x }', null, null],
    ['query {', 'B', 'B'],
  ];
  for (const [query, operationName, want] of cases) {
    assert.equal(withOwnOperation({ query, operationName }).operationName, want, `${query} / ${operationName}`);
  }
});

const examples = new URL('../../../../../docs/graphql/', import.meta.url);

test('the tabs are the example documents, of one named operation each, that say what they are for', async () => {
  const files = (await readdir(examples)).filter((name) => name.endsWith('.graphql')).sort();
  const tabs = defaultTabs(await Promise.all(files.map((name) => readFile(new URL(name, examples), 'utf8'))));
  const names = tabs.map(({ query }, i) => {
    const { definitions } = parse(query);
    assert.equal(definitions.length, 1, files[i]);
    assert.match(query, /^# [A-Z]/, files[i]);
    for (const line of query.split('\n')) assert(line.length <= 72, `${files[i]}: ${line}`);
    return definitions[0].name.value;
  });
  assert.deepEqual(names.slice(0, 3), ['FindDrift', 'ReadItsEvidence', 'ClaimsBehindIt']);
  assert.equal(new Set(names).size, files.length);
  for (const line of NEW_TAB.trim().split('\n')) assert.match(line, /^#/);
});
