// The Examples panel in GraphiQL's sidebar: a click opens one in a new tab, whatever became of the first tabs.
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";

/** GraphiQL's plugin that lists `list`. */
export function examplesPlugin(list) {
  return { title: "Examples", icon: Icon, content: () => <Panel list={list} /> };
}

function Panel({ list }) {
  const open = useOpen();
  return (
    <section className="examples" aria-label="Examples">
      <h2>Examples</h2>
      <ul>
        {list.map((example) => (
          <li key={example.title}>
            <button type="button" onClick={() => open(example)}>
              <strong>{example.title}</strong>
              <span>{explanation(example.query)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function useOpen() {
  const { addTab } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  return ({ query, variables = "" }) => {
    addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
  };
}

/** The comment that an example begins with. */
function explanation(query) {
  return query.match(/^(#.*\n)+/)[0].replace(/^# ?/gm, "").trim().replace(/\n/g, " ");
}

function Icon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" aria-hidden="true">
      <path d="M12 3 2.5 8 12 13l9.5-5L12 3Z" />
      <path d="m2.5 12 9.5 5 9.5-5M2.5 16l9.5 5 9.5-5" strokeLinecap="round" />
    </svg>
  );
}
