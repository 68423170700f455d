// A client as openapi-typescript makes it with its defaults: node openapi_typescript.js <address of the server>
import { equal, ok } from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./openapi_typescript/schema.js";

const api = createClient<paths>({ baseUrl: process.argv[2] });
const registration = { email: `${crypto.randomUUID()}@example.com`, password: "correct horse battery" };
const { data: signedIn } = await api.POST("/v1/auth/register", { body: registration });
ok(signedIn);
const headers = { Authorization: `Bearer ${signedIn.token}` };

const { data: task } = await api.POST("/v1/tasks", { headers, body: { title: "Water the plants" } });
ok(task);
const { data: page } = await api.GET("/v1/tasks", { headers, params: { query: { completed: false } } });
equal(page?.items[0]?.id, task.id);
const params = { path: { id: task.id }, header: { "If-Match": `"${task.version}"` } };
const { data: done } = await api.PATCH("/v1/tasks/{id}", { headers, params, body: { completed: true } });
equal(done?.completed, true);

const { error } = await api.POST("/v1/tasks", { headers, body: { title: "" } });
const code: components["schemas"]["ProblemCode"] | undefined = error?.code;
equal(code, "invalid");
equal(error?.errors?.[0]?.field, "title");
