import { useRef, useState } from 'react';

export function Header({ session, state }) {
  return (
    <header className="bar">
      <a className="bar-brand" href="/">
        <img src="/favicon.svg" alt="" width="22" height="22" />
        <h1>Upstream GraphQL</h1>
      </a>
      <nav className="bar-nav" aria-label="Other pages">
        <a href="/api/docs">REST console</a>
        <a href="/api/redoc">REST reference</a>
      </nav>
      {state.access ? (
        <Account session={session} state={state} />
      ) : (
        <SignIn session={session} notice={state.notice} />
      )}
    </header>
  );
}

function SignIn({ session, notice }) {
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const email = useRef(null);

  async function submit(event) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setProblem('');
    try {
      await session.signIn(fields.get('email').trim(), fields.get('password'));
    } catch (error) {
      setProblem(error.message);
      setBusy(false);
      email.current?.focus();
    }
  }

  const message = problem || notice;
  return (
    <>
      <form className="bar-form" onSubmit={submit} aria-label="Sign in">
        <label>
          <span className="visually-hidden">E-mail</span>
          <input
            ref={email}
            name="email"
            type="email"
            placeholder="E-mail"
            autoComplete="username"
            required
            aria-invalid={problem !== ''}
          />
        </label>
        <label>
          <span className="visually-hidden">Password</span>
          <input
            name="password"
            type="password"
            placeholder="Password"
            autoComplete="current-password"
            required
            aria-invalid={problem !== ''}
          />
        </label>
        <button type="submit" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
      <p className="bar-message" role="alert">
        {message}
      </p>
    </>
  );
}

function Account({ session, state }) {
  return (
    <div className="bar-form">
      {state.superuser && <Customer session={session} state={state} />}
      <span className="bar-user">
        <span className="visually-hidden">Signed in as </span>
        <span title={state.email}>{state.email}</span>
        {state.superuser && <span className="bar-badge">superuser</span>}
      </span>
      <button type="button" onClick={session.signOut}>
        Sign out
      </button>
    </div>
  );
}

// A superuser belongs to no customer, so names the one to act for.
function Customer({ session, state }) {
  return (
    <label className="bar-customer">
      <span>Customer</span>
      <select name="customer" value={state.customer} onChange={(event) => session.setCustomer(event.target.value)}>
        {state.customers.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
