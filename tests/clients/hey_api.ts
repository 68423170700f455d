// A client as @hey-api/openapi-ts makes it with its defaults: node hey_api.js <address of the server>
import { equal, ok } from "node:assert/strict";
import { accountsRegister, tasksChange, tasksCreate, tasksPage, type ProblemCode } from "./hey_api/index.js";
import { client } from "./hey_api/client.gen.js";

client.setConfig({ baseUrl: process.argv[2] });
const registration = { email: `${crypto.randomUUID()}@example.com`, password: "correct horse battery" };
const { data: signedIn } = await accountsRegister({ body: registration });
ok(signedIn);
client.setConfig({ auth: signedIn.token });

const { data: task } = await tasksCreate({ body: { title: "Water the plants" } });
ok(task);
const { data: page } = await tasksPage({ query: { completed: false } });
equal(page?.items[0]?.id, task.id);
const headers = { "If-Match": `"${task.version}"` };
const { data: done } = await tasksChange({ path: { id: task.id }, headers, body: { completed: true } });
equal(done?.completed, true);

const { error } = await tasksCreate({ body: { title: "" } });
const code: ProblemCode | undefined = error?.code;
equal(code, "invalid");
equal(error?.errors?.[0]?.field, "title");
