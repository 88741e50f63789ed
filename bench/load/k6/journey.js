// A journey is a list of steps, each of which makes one request. A step that
// answers true is taken again, after a while: what it waits for is not there yet.

import exec from 'k6/execution';
import { sleep } from 'k6';

// patience is how many seconds a step is taken again for.
export const patience = 90;

export class Journey {
  constructor(persona) {
    this.persona = persona;
    this.state = persona.begin();
    this.steps = persona.steps(this.state);
    this.at = 0;
  }

  get ended() {
    return this.at >= this.steps.length;
  }

  // step makes one request and answers whether it has to be made again.
  step() {
    const again = this.steps[this.at](this.state) === true;
    if (!again) this.at += 1;
    return again;
  }
}

// walk makes a whole journey as a person does, who reads between the steps. Not
// all begin at once, and nobody goes on once the time is over.
export function walk(persona) {
  if (exec.vu.iterationInScenario === 0) sleep(Math.random() * Number(__ENV.ARRIVAL || 0));
  const journey = new Journey(persona);
  while (!journey.ended && exec.scenario.progress < 1) {
    const again = journey.step();
    sleep(again ? 0.5 : persona.think * (0.5 + Math.random()));
  }
}

// The journey that this virtual user is on, and those it comes back to once
// what they wait for may be there.
let journey = null;
const waiting = [];

// hurry makes the next request of a journey, and begins another at its end: one
// of the personas, by their weights.
export function hurry(personas) {
  const due = waiting.length > 0 && waiting[0].due <= Date.now();
  const now = due ? waiting.shift() : journey || new Journey(weighted(personas));
  const again = now.step();
  if (!due) journey = null;
  if (again) {
    now.due = Date.now() + 500;
    waiting.push(now);
  } else if (!now.ended) {
    if (due) waiting.unshift(now); else journey = now;
  }
}

function weighted(personas) {
  let at = Math.random() * personas.reduce((sum, p) => sum + p.weight, 0);
  for (const persona of personas) {
    at -= persona.weight;
    if (at < 0) return persona;
  }
  return personas[0];
}
