// The load suite. `go run ./bench/load` says what the variables are:
//
//   PROFILE   mixed, rate, users or ci       URL      the server
//   SEED      the file that seeding left     TOKENS   an access token per customer
//   SUMMARY   where the figures go           DURATION how long
//   RATE      requests per second            USERS    how many at once
//   ARRIVAL   seconds within which people begin

import { walk, hurry } from './journey.js';
import { dashboard as sitting, newcomer } from './dashboard.js';
import { partner as fetching } from './partner.js';
import { developer as exploring } from './developer.js';
import { uploader as sending } from './uploader.js';
import { detector as detecting } from './detector.js';

const { PROFILE: profile, DURATION: duration = '60s' } = __ENV;
const users = Number(__ENV.USERS || 1);

// people is so many of one persona, who read between the steps.
const people = (vus, exec) => ({ executor: 'constant-vus', vus, duration, exec, gracefulStop: '10s' });

const scenarios = {
  // A working day: of twenty people at once most are at the dashboard.
  mixed: {
    dashboard: people(20, 'dashboard'), partner: people(8, 'partner'), developer: people(4, 'developer'),
    uploader: people(1, 'uploader'), detector: people(1, 'detector'),
  },
  // So many requests in each second, however long answers take.
  rate: {
    rate: {
      executor: 'constant-arrival-rate', rate: Number(__ENV.RATE || 100), timeUnit: '1s', duration, exec: 'one',
      preAllocatedVUs: 50, maxVUs: 300, gracefulStop: '10s',
    },
  },
  // So many users who wait for nothing but the answer.
  users: { users: { ...people(users, 'one'), gracefulStop: '5s' } },
  // Every persona, at a rate that leaves the machine some room.
  ci: {
    ci: { ...people(4, 'one') },
    newcomer: { ...people(1, 'newcomers') }, uploader: { ...people(1, 'uploader') }, detector: { ...people(1, 'detector') },
  },
};

// What nine or more of ten answers take at most, in milliseconds, by kind. Those
// of the last line are our own.
const limits = {
  list: 500, filter: 500, dashboard: 500, signin: 500, detail: 200,
  summary: 500, evidence: 500, schema: 500, explore: 500, mistake: 200, upload: 1000, detect: 1000,
};

function thresholds() {
  const all = { errors: ['rate<0.001'], checks: [profile === 'ci' ? 'rate==1' : 'rate>0.999'] };
  for (const [kind, limit] of Object.entries(limits)) {
    // One that always holds has the figures of the kind kept.
    all[`http_req_duration{kind:${kind}}`] = [profile === 'mixed' ? `p(95)<${limit}` : 'max>=0'];
  }
  if (profile === 'rate') all.http_req_duration = ['p(95)<50'];
  if (profile === 'rate') all.dropped_iterations = ['count<1'];
  return all;
}

export const options = {
  scenarios: scenarios[profile],
  thresholds: thresholds(),
  summaryTrendStats: ['count', 'avg', 'med', 'p(95)', 'p(99)', 'max'],
  userAgent: 'upstream-load',
};

const personas = [sitting, fetching, exploring, sending, detecting];

export const one = () => hurry(personas);
export const dashboard = () => walk(newcomer);
export const newcomers = () => walk({ ...newcomer, think: 0.1 });
export const partner = () => walk(fetching);
export const developer = () => walk(exploring);
export const uploader = () => walk(sending);
export const detector = () => walk(detecting);

export function handleSummary(data) {
  return { [__ENV.SUMMARY]: JSON.stringify(data) };
}
