import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import './playground.css';
import { createSession } from './session.js';
import { describeRun } from './cost.js';
import { withOwnOperation } from './operation.js';
import { defaultTabs, NEW_TAB } from './tabs.js';
import { Header } from './header.jsx';
// The build makes this module of the files in docs/graphql.
import documents from 'example-documents';

const INTROSPECTION = 'IntrospectionQuery';

const session = createSession({
  fetch: (...args) => window.fetch(...args),
  storage: window.sessionStorage,
});

function Playground() {
  const state = useSyncExternalStore(session.subscribe, session.get);
  const [run, setRun] = useState(null);
  const tabs = useMemo(() => defaultTabs(documents), []);
  useEffect(() => {
    void session.identify();
  }, []);

  const fetcher = useCallback(async (payload, options) => {
    const answer = await session.graphql(withOwnOperation(payload), options?.headers);
    if (payload.operationName !== INTROSPECTION) setRun(answer);
    return answer.body;
  }, []);

  return (
    <>
      <Header session={session} state={state} />
      <main className="playground">
        <GraphiQL
          fetcher={fetcher}
          // Null asks for no schema: strangers may not introspect.
          schema={state.access ? undefined : null}
          schemaDescription
          inputValueDeprecation
          introspectionQueryName={INTROSPECTION}
          defaultTabs={tabs}
          defaultQuery={NEW_TAB}
          defaultEditorToolsVisibility="variables"
          // A header typed by hand may be a secret: it is not written to disk.
          shouldPersistHeaders={false}
        >
          <GraphiQL.Logo>
            <span className="playground-hint">GraphiQL</span>
          </GraphiQL.Logo>
          <GraphiQL.Footer>
            <RunFigures run={run} />
          </GraphiQL.Footer>
        </GraphiQL>
      </main>
    </>
  );
}

function RunFigures({ run }) {
  if (!run) {
    return <p className="figures figures-empty">The time and cost of a run appear here.</p>;
  }
  return (
    <dl className="figures" aria-label="Last run" aria-live="polite">
      {describeRun(run).map(({ key, label, value }) => (
        <div key={key} data-figure={key}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

createRoot(document.getElementById('root')).render(<Playground />);
