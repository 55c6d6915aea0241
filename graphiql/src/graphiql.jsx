// The page at /graphql: says who is signed in, and starts GraphiQL with the examples.
import "./workers.js";
import { DOC_EXPLORER_PLUGIN } from "@graphiql/plugin-doc-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { createRoot } from "react-dom/client";
import { examplesPlugin } from "./examples-panel.jsx";
import { examples } from "./examples.js";
import { ask } from "./gateway.js";

// A cold gateway may still be reading projects from Raken; the page does not wait for that.
const PATIENCE_MS = 1500;

async function showUser() {
  const { data } = await ask({ query: "{ me { displayName email role } }" });
  if (!data?.me) return;
  const user = document.getElementById("user");
  user.textContent = data.me.displayName;
  user.title = data.me.email;
  document.getElementById("role").textContent = data.me.role.toLowerCase();
}

async function firstProjectId() {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const { data } = await ask({ query: "{ projects(first: 1) { nodes { id } } }" }, { signal });
  return data?.projects?.nodes[0]?.id;
}

function start(projectId = "") {
  const list = examples(projectId);
  createRoot(document.getElementById("graphiql")).render(
    <GraphiQL
      fetcher={ask}
      defaultTabs={list}
      plugins={[HISTORY_PLUGIN, examplesPlugin(list)]}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      shouldPersistHeaders={false}
    >
      <GraphiQL.Logo>{null}</GraphiQL.Logo>
    </GraphiQL>,
  );
}

// Neither is needed to work; what keeps them from the gateway, GraphiQL shows better.
showUser().catch(() => {});
firstProjectId().catch(() => undefined).then(start);
