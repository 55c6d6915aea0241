// How this page talks to the gateway: one function, in the shape that GraphiQL calls a fetcher.

const ACCEPT = "application/graphql-response+json, application/json";

/** Sends one operation and answers with its JSON; where the session has ended, the sign-in page takes over. */
export async function ask(operation, { headers = {}, signal } = {}) {
  const response = await fetch("/graphql", {
    method: "POST",
    credentials: "same-origin",
    headers: { accept: ACCEPT, "content-type": "application/json", ...headers },
    body: JSON.stringify(operation),
    signal,
  });
  // Who sends a token of their own wants to read what is wrong with it.
  if (response.status === 401 && !carriesToken(headers)) return signIn();
  return answer(response);
}

function carriesToken(headers) {
  return Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
}

function signIn() {
  location.assign("/login?next=/graphql");
  // Never settles: nothing is shown while the browser leaves.
  return new Promise(() => {});
}

async function answer(response) {
  const type = response.headers.get("content-type") ?? "nothing";
  if (/json/.test(type)) return response.json();
  throw new Error(`Expected JSON from the gateway, but got ${type} with status ${response.status}.`);
}
