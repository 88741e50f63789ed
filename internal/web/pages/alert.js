// Shows the alert that the address names: /alerts/alert_…, which is where the
// messages about alerts lead. Who is not signed in signs in here; the session is
// that of the playground, and ends with the tab.
const STORAGE_KEY = 'upstream.session';
const id = location.pathname.split('/')[2];
const steps = [...document.querySelectorAll('[data-step]')];
const form = document.querySelector('form');
const problem = form.querySelector('.problem');

const QUERY = `query Alert($id: ID!) {
  node(id: $id) {
    ... on AlertEvent {
      status suppressionReason triggeredAt snoozedUntil
      payload {
        payer cptGroup driftType baselineValue currentValue baselineSampleSize currentSampleSize
        baselineStart baselineEnd currentStart currentEnd estimatedRevenueImpact severity ruleName
      }
      interpretation { urgencyLabel plainLanguage historicalContext actionSteps }
    }
  }
}`;

const DRIFT = {
  DENIAL_RATE: 'denial rate',
  APPROVAL_RATE: 'approval rate',
  AUTH_FAILURE_RATE: 'authorization failures',
  DECISION_TIME: 'time to decision',
  PROCESSING_DELAY: 'time to payment',
  PAYMENT_AMOUNT: 'allowed amount',
};

function session() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? '{}');
  } catch {
    return {};
  }
}

function show(name) {
  for (const step of steps) step.hidden = step.dataset.step !== name;
  const step = steps.find((candidate) => candidate.dataset.step === name);
  // Whoever hears the page rather than seeing it is told that it changed.
  (step.querySelector('input') ?? step.querySelector('h2')).focus();
}

function tell(text) {
  problem.textContent = text;
  problem.hidden = text === '';
}

async function post(path, body, headers = {}) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, application/problem+json', ...headers },
    body: JSON.stringify(body),
    credentials: 'omit',
  });
  return { status: response.status, said: await response.json().catch(() => ({})) };
}

// value writes a number in the unit of its drift type.
function value(type, number) {
  if (type === 'PAYMENT_AMOUNT') return `$${number.toFixed(2)}`;
  if (type === 'DECISION_TIME' || type === 'PROCESSING_DELAY') return `${Math.round(number * 10) / 10} days`;
  return `${(100 * number).toFixed(1)} %`;
}

// lastDay is the day before the end of a window, which windows do not include.
function lastDay(end) {
  const day = new Date(`${end}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() - 1);
  return day.toISOString().slice(0, 10);
}

function facts({ payload: p, triggeredAt, snoozedUntil }) {
  return [
    ['Payer', p.payer],
    ['Procedures', p.cptGroup === 'ALL' ? 'all' : p.cptGroup],
    ['Before', `${value(p.driftType, p.baselineValue)} of ${p.baselineSampleSize} claims, ${p.baselineStart} to ${lastDay(p.baselineEnd)}`],
    ['Now', `${value(p.driftType, p.currentValue)} of ${p.currentSampleSize} claims, ${p.currentStart} to ${lastDay(p.currentEnd)}`],
    ['Severity', p.severity.toFixed(2)],
    ['Estimated loss', p.estimatedRevenueImpact && `$${p.estimatedRevenueImpact}`],
    ['Rule', p.ruleName],
    ['Found', new Date(triggeredAt).toLocaleString()],
    ['Put off until', snoozedUntil && new Date(snoozedUntil).toLocaleString()],
  ].filter(([, text]) => text);
}

function status({ status: word, suppressionReason }) {
  return suppressionReason ? `${word.toLowerCase()}, nobody was told` : word.toLowerCase();
}

function put(texts) {
  for (const [name, text] of Object.entries(texts)) document.querySelector(`[data-show=${name}]`).textContent = text;
}

function fill(alert) {
  const { interpretation: words, payload } = alert;
  const headline = `${payload.payer}: ${DRIFT[payload.driftType] ?? payload.driftType}`;
  put({ headline, urgency: words.urgencyLabel, status: status(alert), meaning: words.plainLanguage, history: words.historicalContext });
  document.title = `Upstream: ${headline}`;
  document.querySelector('[data-list=steps]').replaceChildren(...words.actionSteps.map((text) => element('li', text)));
  document.querySelector('[data-facts]').replaceChildren(
    ...facts(alert).flatMap(([name, text]) => [element('dt', name), element('dd', text)]),
  );
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

async function load() {
  const { access, customer, superuser } = session();
  if (!id) return show('missing');
  if (!access) return show('sign-in');
  const headers = { Authorization: `Bearer ${access}` };
  if (superuser && customer) headers['X-Customer-Id'] = customer;
  const { said } = await post('/graphql', { query: QUERY, variables: { id } }, headers);
  const failure = said.errors?.[0];
  if (failure?.extensions?.code === 'UNAUTHENTICATED') {
    sessionStorage.removeItem(STORAGE_KEY);
    return show('sign-in');
  }
  if (failure || !said.data) {
    put({ problem: failure?.message ?? 'Something went wrong. Try again later.' });
    return show('problem');
  }
  if (!said.data.node) return show('missing');
  fill(said.data.node);
  return show('alert');
}

async function signIn(event) {
  event.preventDefault();
  const button = form.querySelector('button');
  if (button.disabled) return;
  const { email, password } = Object.fromEntries(new FormData(form));
  button.disabled = true;
  tell('');
  try {
    const { status: code, said } = await post('/api/v1/auth/token/', { email: email.trim(), password });
    if (code !== 200) {
      tell(said.detail ?? 'Something went wrong. Try again later.');
      return;
    }
    form.reset();
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ access: said.access, refresh: said.refresh, email: email.trim() }));
    await load();
  } catch {
    tell('The server cannot be reached. Try again.');
  } finally {
    button.disabled = false;
  }
}

form.addEventListener('submit', signIn);
for (const link of document.querySelectorAll('[data-sign-out]')) {
  link.addEventListener('click', (event) => {
    event.preventDefault();
    sessionStorage.removeItem(STORAGE_KEY);
    show('sign-in');
  });
}
load().catch(() => {
  put({ problem: 'The server cannot be reached. Try again.' });
  show('problem');
});
