// Lets the TypeScript SDK use the server over HTTP:  node typescript.mjs MODULES URL TOKEN MODE < what-is-wanted
// Whatever goes wrong is an exception, which ends the process with exit code 1.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, url, token, mode] = process.argv.slice(2);
const { Client, StreamableHTTPClientTransport } = createRequire(join(modules, "x"))("@modelcontextprotocol/client");
const wanted = JSON.parse(readFileSync(0, "utf8"));

const open = async (authorization) => {
  const client = new Client({ name: "interop", version: "1" }, { versionNegotiation: { mode } });
  const requestInit = { headers: { Authorization: authorization } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return client;
};

await assert.rejects(open("Bearer another"), "a wrong token is let in");

const client = await open(`Bearer ${token}`);
assert.equal(client.getNegotiatedProtocolVersion(), wanted.version);
assert.equal(client.getServerVersion().name, "rl-mcp");

const { tools } = await client.listTools();
assert.deepEqual(tools.map((tool) => tool.name).sort(), wanted.tools);

const [name, args, answer] = wanted.call;
const result = await client.callTool({ name, arguments: args });
assert.ok(!result.isError, JSON.stringify(result));
assert.deepEqual(JSON.parse(result.content[0].text), answer);

const refused = await client.callTool({ name, arguments: {} });
assert.ok(refused.isError && refused.content[0].text.includes("session_id"), JSON.stringify(refused));

await assert.rejects(client.callTool({ name: "get-training-sesion", arguments: {} }), /did you mean get-training-session/);
await client.close();
console.log(`${tools.length} tools listed`);
