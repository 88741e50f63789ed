// Runs the pages behind mailed links. A page is a row of steps of which one is
// shown: "token" when the address brings the secret of a link, else "ask". A
// step's form is sent as JSON, and a success leads to the step it names, which
// can tell what was answered. Fields that only some need are in a fieldset that
// opens once the server says that one of them is required.
const steps = [...document.querySelectorAll('[data-step]')];

// The secret leaves the address bar and the history at once.
let token = new URLSearchParams(location.hash.slice(1)).get('token');
if (location.hash) history.replaceState(null, '', location.pathname);

function show(name) {
  for (const step of steps) step.hidden = step.dataset.step !== name;
  const step = steps.find((candidate) => candidate.dataset.step === name);
  // Whoever hears the page rather than seeing it is told that it changed.
  (step.querySelector('input:not([type=checkbox]):enabled') ?? step.querySelector('h2')).focus();
}

function tell(element, text) {
  element.textContent = text;
  element.hidden = text === '';
}

// tellField says what is wrong with a field, or nothing; false without such a field.
function tellField(form, name, text) {
  const input = form.elements.namedItem(name);
  const wrong = document.getElementById(`${name}-wrong`);
  if (!input || !wrong) return false;
  tell(wrong, text);
  if (text) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
  const rules = document.getElementById(`${name}-rules`);
  const described = [text && wrong.id, rules?.id].filter(Boolean).join(' ');
  if (described) input.setAttribute('aria-describedby', described);
  else input.removeAttribute('aria-describedby');
  return true;
}

function clear(form) {
  tell(form.querySelector('.problem'), '');
  for (const input of form.querySelectorAll('input[name]')) tellField(form, input.name, '');
}

// sentence makes one of a rule: "must have …" is said about the field.
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

// reveal shows the fields that turn out to be needed; false when they are shown.
function reveal(form, problem) {
  const needed = (problem.errors ?? []).filter(({ code }) => code === 'required').map(({ path }) => path);
  const fields = [...form.querySelectorAll('fieldset:disabled')].find(({ dataset }) => needed.includes(dataset.when));
  if (!fields) return false;
  fields.disabled = false;
  fields.hidden = false;
  fields.querySelector('input').focus();
  return true;
}

// answer fills a step in with what the server said.
function answer(name, said) {
  const step = steps.find((candidate) => candidate.dataset.step === name);
  for (const place of step.querySelectorAll('[data-answer]')) place.textContent = said[place.dataset.answer] ?? '';
  for (const part of step.querySelectorAll('[data-if]')) part.hidden = !said[part.dataset.if];
  for (const part of step.querySelectorAll('[data-unless]')) part.hidden = Boolean(said[part.dataset.unless]);
}

function explain(form, problem) {
  const byField = new Map();
  const rest = [];
  for (const { path, message } of problem.errors ?? []) {
    if (path === 'token') rest.push(`The link ${message}.`);
    else byField.set(path, [...(byField.get(path) ?? []), sentence(message)]);
  }
  for (const [path, messages] of byField) {
    if (!tellField(form, path, messages.join(' '))) rest.push(...messages);
  }
  if (rest.length === 0 && byField.size === 0) rest.push(problem.detail ?? 'Something went wrong. Try again later.');
  tell(form.querySelector('.problem'), rest.join(' '));
  form.querySelector('[aria-invalid]')?.focus();
}

function required(form) {
  for (const input of form.querySelectorAll('input[required]:enabled')) {
    if (input.value === '') {
      tellField(form, input.name, 'Fill this in.');
      input.focus();
      return false;
    }
  }
  return true;
}

async function send(form) {
  const body = Object.fromEntries(new FormData(form));
  if (token && form.closest('[data-step=token]')) body.token = token;
  const response = await fetch(form.dataset.action, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, application/problem+json' },
    body: JSON.stringify(body),
    credentials: 'omit',
  });
  const said = await response.json().catch(() => ({}));
  return response.ok ? { said } : { problem: said };
}

async function submit(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector('button');
  clear(form);
  if (button.disabled || !required(form)) return;
  button.disabled = true;
  try {
    const { problem, said } = await send(form);
    if (problem) {
      if (!reveal(form, problem)) explain(form, problem);
    } else {
      form.reset();
      token = null;
      answer(form.dataset.next, said);
      show(form.dataset.next);
    }
  } catch {
    explain(form, { detail: 'The server cannot be reached. Try again.' });
  } finally {
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll('form')) form.addEventListener('submit', submit);
for (const box of document.querySelectorAll('[data-shows]')) {
  box.addEventListener('change', () => {
    document.getElementById(box.dataset.shows).type = box.checked ? 'text' : 'password';
  });
}
for (const link of document.querySelectorAll('[data-step-link]')) {
  link.addEventListener('click', (event) => {
    event.preventDefault();
    token = null;
    show(link.dataset.stepLink);
  });
}
// A second link opened in the same tab changes only what follows the number sign.
addEventListener('hashchange', () => location.reload());
show(token ? 'token' : 'ask');
