// Audits the server at a URL as somebody who is signed in, and prints a line of JSON for each audit.
// Usage: TOKEN=... node audit.mjs URL
import { serverAudits } from "graphql-http";

const authorization = `Bearer ${process.env.TOKEN}`;
const signedIn = (url, options) =>
  fetch(url, { ...options, headers: { ...options?.headers, authorization } });

for (const audit of serverAudits({ url: process.argv[2], fetchFn: signedIn })) {
  const { status, reason } = await audit.fn();
  console.log(JSON.stringify({ id: audit.id, name: audit.name, status, reason }));
}
