// What was seeded, and how to choose from it.

const world = JSON.parse(open(__ENV.SEED));
const tokens = JSON.parse(open(__ENV.TOKENS));

export const password = world.password;

const total = world.customers.reduce((sum, c) => sum + c.claims, 0);

// byClaims chooses a customer as often as it has claims.
export function byClaims() {
  let at = Math.random() * total;
  for (const c of world.customers) {
    at -= c.claims;
    if (at < 0) return c;
  }
  return world.customers[0];
}

// anyCustomer chooses each as often as any other.
export const anyCustomer = () => pick(world.customers);

export const pick = (list) => list[Math.floor(Math.random() * list.length)];

// early chooses what stands at the front of a list more often.
export const early = (list) => list[Math.floor(Math.random() * Math.random() * list.length)];

export const between = (low, high) => low + Math.floor(Math.random() * (high - low + 1));

// day is so many days before the day of the seed.
export function day(customer, before) {
  const at = new Date(`${customer.today}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() - before);
  return at.toISOString().slice(0, 10);
}

// token is the one this virtual user was given last for a customer, or that of
// before the run.
export const token = (customer) => tokens[customer.slug];
export function keepToken(customer, value) {
  tokens[customer.slug] = value;
}
