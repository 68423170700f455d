// What docs/clients.md promises of its code: node guide.mjs <address of the server>; the code stands beside it as client.mjs.
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { createServer } from "node:http";
import { batch, change, changes, everything, newId, send } from "./client.mjs";

const api = process.argv[2];
const registration = { email: `${newId()}@example.com`, password: "correct horse battery" };
const token = (await send(api, "POST", "/v1/auth/register", { body: registration, attempts: 1 })).body.token;

// Ids: of version 7, with the time in front, and taken.
const at = Date.parse("2026-11-22T09:30:00.123Z");
match(newId(at), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
equal(parseInt(newId(at).replaceAll("-", "").slice(0, 12), 16), at);
const ids = [3, 2, 1].map((minutes) => newId(Date.now() - minutes * 60_000));
deepEqual([...ids].sort(), ids);
const created = [];
for (const id of [ids[1], ids[0], ids[2]]) {
  created.push(await send(api, "POST", "/v1/tasks", { token, body: { id, title: `Made as ${id}` } }));
}
deepEqual(created.map((answer) => [answer.status, answer.body.id]), [ids[1], ids[0], ids[2]].map((id) => [201, id]));

// Pages, and the order of what was made offline.
const listed = [];
for await (const task of everything(api, token, "/v1/tasks", { limit: "1" })) listed.push(task.id);
deepEqual(listed, [...ids].reverse());

// Sending again.
const again = await send(api, "POST", "/v1/tasks", { token, body: { id: ids[0], title: `Made as ${ids[0]}` } });
equal(again.status, 200);
const other = send(api, "POST", "/v1/tasks", { token, body: { id: ids[0], title: "Another" } });
await rejects(other, { name: "Error", status: 409, code: "id_taken" });

// An answer that is lost, a server that is busy, then one that works.
const seen = [];
const stumbling = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  seen.push(body);
  if (seen.length === 1) return response.destroy();
  if (seen.length === 2) return response.writeHead(503, { "Retry-After": "1", "Content-Type": "text/html" }).end("<p>Busy</p>");
  const { method, headers, url } = request;
  const { authorization, "content-type": type } = headers;
  const answer = await fetch(api + url, { method, body, headers: { authorization, "content-type": type } });
  response.writeHead(answer.status, { "Content-Type": answer.headers.get("Content-Type") }).end(await answer.text());
});
await new Promise((resolve) => stumbling.listen(0, "127.0.0.1", resolve));
const through = `http://127.0.0.1:${stumbling.address().port}`;
const sent = await send(through, "POST", "/v1/tasks", { token, body: { id: newId(), title: "In the end" } });
stumbling.close();
deepEqual([sent.status, seen.length, new Set(seen).size], [201, 3, 1]);

// A change of what was read; a stale one is refused, and not sent again.
const path = `/v1/tasks/${ids[0]}`;
const changed = await change(api, token, path, again.body, { completed: true });
equal(changed.body.completed, true);
equal(changed.etag, `"${changed.body.version}"`);
await rejects(change(api, token, path, again.body, { completed: false }), { status: 412, code: "version_mismatch" });
await rejects(send(api, "POST", "/v1/tasks", { token, body: { title: 7 } }), ({ problem }) => problem.errors[0].field === "title");

// What a server may not have yet says so.
const { paths } = await (await fetch(`${api}/openapi.json`)).json();
if (paths["/v1/tasks"].get.parameters.some((parameter) => parameter.name === "changed_since")) {
  const { rows, newest } = await changes(api, token, "/v1/tasks", 0);
  deepEqual([rows.length, newest], [4, Math.max(...rows.map((row) => row.version))]);
  // A minute of overlap: the rows come again, and nothing is newer.
  deepEqual(await changes(api, token, "/v1/tasks", newest), { rows, newest });
  equal((await changes(api, token, "/v1/tasks", newest + 120_000_000)).rows.length, 0);
  console.log("changed_since");
}
if (paths["/v1/batch"]) {
  const operations = ids.map((id) => ({ method: "POST", path: "/v1/tasks", body: { id: newId(), title: `After ${id}` } }));
  const results = await batch(api, token, operations);
  deepEqual(results.map(({ status, body }) => [status, body.id]), operations.map(({ body }) => [201, body.id]));
  deepEqual((await batch(api, token, operations)).map(({ status }) => status), [200, 200, 200]);
  const failing = [...operations, { method: "PATCH", path: `/v1/tasks/${newId()}`, body: { completed: true } }];
  await rejects(batch(api, token, failing), ({ status, problem }) => status === 404 && ok("operation" in problem) === undefined);
  console.log("batch");
}
